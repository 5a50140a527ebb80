"""Accepted messages whose receipt never came, for the providers that can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.vocabulary import Status
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables import entry, poll

SILENT_AFTER = timedelta(hours=1)
AGAIN_AFTER = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(hours=72)
"""Some carriers give no receipts at all: `sent` is then the last word."""


def silent(database: Database, providers: Sequence[str], limit: int) -> list[tuple[str, str, str]]:
    """Entry, provider and message id of entries that were accepted an hour ago or more, and nothing since."""
    now = database.now()
    with database.read() as connection:
        rows = connection.execute(
            sa.select(entry.c.id, entry.c.provider, entry.c.provider_message_id)
            .outerjoin(poll, poll.c.entry_id == entry.c.id)
            .where(
                entry.c.status == Status.SENT.value,
                entry.c.id > id_at(now - GIVE_UP_AFTER),
                entry.c.id < id_at(now - SILENT_AFTER),
                entry.c.provider.in_(list(providers)),
                entry.c.provider_message_id != "",
                sa.or_(poll.c.asked_at.is_(None), poll.c.asked_at < now - AGAIN_AFTER),
            )
            .order_by(entry.c.id)
            .limit(limit)
        ).all()
    return [(row.id, row.provider, row.provider_message_id) for row in rows]


def asked(database: Database, entry_ids: Sequence[str]) -> None:
    """Note that these were asked about just now, and forget what is too old to be asked about again."""
    now = database.now()
    with database.write() as connection:
        for ids in batches(entry_ids):
            connection.execute(poll.delete().where(poll.c.entry_id.in_(ids)))
            connection.execute(
                poll.insert(), [{"entry_id": identifier, "asked_at": now} for identifier in ids]
            )
        connection.execute(poll.delete().where(poll.c.asked_at < now - 2 * GIVE_UP_AFTER))
