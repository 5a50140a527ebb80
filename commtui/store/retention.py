"""Retention: raw webhook calls and provider events leave after so many days, and no entry changes by it.

On PostgreSQL whole days are dropped with their partition; what lies in the DEFAULT partition, and everything on
SQLite, is deleted in batches whose size follows from how long the last one took.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from commtui.domain.ids import id_at
from commtui.errors import DatabaseAway
from commtui.store.engine import Database
from commtui.store.tables import inbox, provider_event

FIRST, SMALLEST, LARGEST = 50, 5, 200
"""Rows per transaction."""
SLOW_SECONDS, QUICK_SECONDS = 0.05, 0.015
"""A transaction slower than the first makes the next one small, quicker than the second larger; 0.2 is allowed."""
LOCK_MILLISECONDS = 500
"""How long dropping a partition waits for readers; it is tried again with the next round."""
_DAY = re.compile(r"provider_event_(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one round let go."""

    events: int = 0
    calls: int = 0
    partitions: int = 0

    @property
    def total(self) -> int:
        """Rows and partitions together."""
        return self.events + self.calls + self.partitions


def next_size(size: int, seconds: float) -> int:
    """How many rows the next transaction takes, after one of `size` rows took `seconds`."""
    if seconds > SLOW_SECONDS:
        return max(SMALLEST, size // 4)
    return min(LARGEST, size * 2) if seconds < QUICK_SECONDS else size


def expire(database: Database, kept: timedelta, batches: int = 20) -> Dropped:
    """One round: every old partition, then at most so many batches of each table.

    A call that nobody could read yet is not old: it waits as long as it has to.
    """
    now = database.now()
    cut = now - kept
    partitions = 0 if database.sqlite else _drop_days(database, cut.date())
    old_calls = sa.select(inbox.c.id).where(
        inbox.c.id < id_at(cut), inbox.c.received_at < cut, inbox.c.state != "new"
    )
    calls = _delete(database, inbox, (inbox.c.id,), old_calls, batches)
    key = (provider_event.c.day, provider_event.c.hash)
    events = 0
    for old in _old_events(now.date(), cut):
        events += _delete(database, provider_event, key, old, batches)
    return Dropped(events, calls, partitions)


def oldest(connection: sa.Connection) -> date | None:
    """The day of the oldest provider event."""
    found: date | None = connection.execute(sa.select(sa.func.min(provider_event.c.day))).scalar()
    return found


def _old_events(today: date, cut: datetime) -> Iterator[sa.Select[Any]]:
    columns = sa.select(provider_event.c.day, provider_event.c.hash)
    yield columns.where(provider_event.c.day < cut.date())
    # a provider whose clock is ahead would otherwise be kept until that day has come and gone
    yield columns.where(provider_event.c.day > today, provider_event.c.received_at < cut)


def _delete(
    database: Database,
    table: sa.Table,
    key: Sequence[sa.ColumnElement[Any]],
    old: sa.Select[Any],
    batches: int,
) -> int:
    total, size = 0, FIRST
    for _ in range(batches):
        with database.read() as connection:
            if connection.execute(old.limit(1)).first() is None:
                break
        # the commit counts: it is what brings the pages to the disk
        started = time.monotonic()
        with database.write() as connection:
            some = old.limit(size)
            if not database.sqlite:
                some = some.with_for_update(skip_locked=True)
            found = connection.execute(table.delete().where(sa.tuple_(*key).in_(some))).rowcount
        total += found
        if not found:
            break
        size = next_size(size, time.monotonic() - started)
    return total


def _drop_days(database: Database, first: date) -> int:
    """Drop the partitions of the days before `first`; one that is being read stays until the next round."""
    dropped = 0
    for name, day in day_partitions(database):
        if day >= first:
            continue
        try:
            with database.write() as connection:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        except DatabaseAway:
            return dropped
        except exc.ProgrammingError:
            # not the owner: their rows are deleted instead
            return dropped
        dropped += 1
    return dropped


def day_partitions(database: Database) -> list[tuple[str, date]]:
    """Name and day of the partitions of provider events, oldest first; on PostgreSQL."""
    with database.read() as connection:
        names = connection.execute(
            sa.text(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
                "WHERE i.inhparent = 'provider_event'::regclass ORDER BY c.relname"
            )
        ).scalars()
        found = [(name, _DAY.fullmatch(name)) for name in names]
    return [(name, date(*(int(part) for part in match.groups()))) for name, match in found if match]
