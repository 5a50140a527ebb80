"""Ignoring lines of the overview: the shown communications' latest attempts, before any the communication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from commtui.store import sends
from commtui.store.engine import Database
from commtui.store.ledger import Ledger
from commtui.store.overview import batches, states
from commtui.store.tables import communication, entry


def subjects_of(connection: sa.Connection, entry_ids: Sequence[str]) -> list[str]:
    """The subjects of entries."""
    return [
        identifier
        for ids in batches(entry_ids)
        for identifier in connection.execute(
            sa.select(entry.c.subject_id).where(entry.c.id.in_(ids)).distinct()
        ).scalars()
    ]


def ignore_entries(
    database: Database, connection: sa.Connection, entry_ids: Sequence[str], *, ignored: bool
) -> int:
    """Ignore these attempts, or bring them back; returns how many changed."""
    ledger = Ledger(database, connection, database.now())
    ledger.lock(subjects_of(connection, entry_ids))
    changed = ledger.set_ignored(entry_ids, ignored)
    ledger.close()
    return changed


def ignore_lines(
    database: Database, connection: sa.Connection, subject_ids: Sequence[str], *, ignored: bool
) -> int:
    """Ignore what these overview lines show, or bring it back; returns how many lines changed."""
    now = database.now()
    ledger = Ledger(database, connection, now)
    ledger.lock(subject_ids)
    shown = set(sends.shown_communications(connection, subject_ids))
    changed = 0
    for subject_id, communications in states(connection, subject_ids).items():
        for state in communications:
            if state.id not in shown:
                continue
            latest = [lane.latest_entry_id for lane in state.speaking if lane.latest_entry_id]
            number = (
                ledger.set_ignored(latest, ignored)
                if latest
                else _mark(connection, state.id, now if ignored else None)
            )
            ledger.touch([subject_id])
            changed += number > 0
    ledger.close()
    return changed


def _mark(connection: sa.Connection, communication_id: str, at: datetime | None) -> int:
    other = communication.c.ignored_at.is_(None) if at else communication.c.ignored_at.is_not(None)
    return connection.execute(
        communication.update()
        .where(communication.c.id == communication_id, other)
        .values(ignored_at=at)
    ).rowcount
