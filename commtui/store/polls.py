"""Accepted messages that their provider is asked about, each when its provider's own schedule says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from commtui.providers.base import Document, Watch, Watched
from commtui.store import requests, steps
from commtui.store.engine import Database
from commtui.store.evidences import keep_evidence
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.tables import entry
from commtui.store.tables_delivery import poll

ASK_FAILED_AGAIN = timedelta(minutes=10)
"""After a provider could not be asked."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message to ask about now."""

    provider: str
    watch: Watch
    at: datetime
    """When it is due once more if nothing is learnt."""


def take(database: Database, provider: str, limit: int) -> list[Due]:
    """What to ask a provider about now, the longest overdue first; no other worker asks about it meanwhile.

    What is not learnt from an answer is due once more after a while.
    """
    now = database.now()
    due = (
        sa.select(poll.c.entry_id)
        .join(entry, entry.c.id == poll.c.entry_id)
        .where(poll.c.due_at <= now, poll.c.provider == provider, entry.c.provider_message_id != "")
        .order_by(poll.c.due_at)
        .limit(limit)
    )
    with database.read() as connection:
        if connection.execute(due.limit(1)).first() is None:
            return []
    again = now + ASK_FAILED_AGAIN
    with database.write() as connection:
        ids = list(connection.execute(due.with_for_update(skip_locked=True, of=poll)).scalars())
        connection.execute(
            poll.update().where(poll.c.entry_id.in_(ids), poll.c.due_at <= now).values(due_at=again)
        )
        rows = connection.execute(
            sa.select(poll, entry.c.provider_message_id)
            .join(entry, entry.c.id == poll.c.entry_id)
            .where(poll.c.entry_id.in_(ids))
            .order_by(poll.c.accepted_at)
        ).all()
        reached, _ = steps.reached(connection, ids)
    return [
        Due(
            row.provider,
            Watch(
                row.entry_id,
                row.provider_message_id,
                row.accepted_at,
                row.times,
                reached.get(row.entry_id, {}),
                row.hinted,
            ),
            row.due_at,
        )
        for row in rows
    ]


def learnt(database: Database, asked: Due, found: Watched) -> None:
    """Keep what an answer left behind, and when to ask again; a hint that came meanwhile still holds."""
    now = database.now()
    entry_id = asked.watch.entry_id
    unchanged = (poll.c.entry_id == entry_id) & (poll.c.due_at == asked.at)
    with database.write() as connection:
        for step, reference in found.reached.items():
            steps.put(connection, entry_id, step, reference, now)
        keep_evidence(connection, entry_id, found.evidence, now)
        if found.again_after is None:
            connection.execute(poll.delete().where(unchanged))
            return
        connection.execute(
            poll.update()
            .where(unchanged)
            .values(
                due_at=now + timedelta(seconds=found.again_after),
                times=poll.c.times + 1,
                hinted=False,
            )
        )


def hint(
    connection: sa.Connection, provider: str, entry_ids: Collection[str], now: datetime
) -> None:
    """A webhook said that there is news: ask at once, or as soon as the acceptance is recorded."""
    made = insert(connection, poll)
    for ids in batches(sorted(set(entry_ids))):
        connection.execute(
            made.on_conflict_do_update(
                index_elements=["entry_id"],
                set_={"due_at": made.excluded.due_at, "hinted": True},
            ),
            [
                {
                    "entry_id": entry_id,
                    "provider": provider,
                    "accepted_at": now,
                    "due_at": now,
                    "hinted": True,
                }
                for entry_id in ids
            ],
        )


def sent_documents(database: Database, entry_id: str) -> tuple[Document, ...]:
    """The documents that an entry was sent with."""
    found = requests.load(database, [entry_id]).get(entry_id)
    return found.documents if found else ()
