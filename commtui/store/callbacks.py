"""Whether a provider calls back at all: its last call, what it was refused for, what it has not reported on."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.vocabulary import Status
from commtui.store.tables import entry, inbox, provider_state

SCANNED = 1_000
"""Accepted messages that are looked at, the newest first."""
OURS_WITHIN = timedelta(hours=1)


def last_call(connection: sa.Connection, provider: str) -> datetime | None:
    """When a provider last called with a signature that fits."""
    found: datetime | None = connection.execute(
        sa.select(inbox.c.received_at)
        .where(inbox.c.provider == provider)
        .order_by(inbox.c.received_at.desc())
        .limit(1)
    ).scalar()
    return found


def refused(connection: sa.Connection, provider: str, since: datetime | None) -> int:
    """How many calls were refused for their signature, if one was since then; otherwise 0."""
    row = connection.execute(
        sa.select(provider_state.c.bad_signatures, provider_state.c.bad_signature_at).where(
            provider_state.c.provider == provider
        )
    ).first()
    if row is None or row.bad_signature_at is None:
        return 0
    return int(row.bad_signatures) if since is None or row.bad_signature_at > since else 0


def unheard(connection: sa.Connection, provider: str, since: datetime, until: datetime) -> int:
    """How many of the newest messages a provider accepted in a span of time and has reported nothing on.

    A history that was imported was sent by somebody else: its rows are far younger than what they tell.
    """
    newest = (
        sa.select(entry.c.provider, entry.c.sent_at, entry.c.updated_at)
        .where(
            entry.c.status == Status.SENT.value,
            entry.c.id > id_at(since),
            entry.c.id <= id_at(until, low=False),
        )
        .order_by(entry.c.id.desc())
        .limit(SCANNED)
    )
    return sum(
        row.provider == provider
        and since < row.sent_at <= until
        and row.updated_at - row.sent_at < OURS_WITHIN
        for row in connection.execute(newest)
        if row.sent_at is not None
    )
