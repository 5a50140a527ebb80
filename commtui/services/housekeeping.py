"""What keeps a database healthy while it works: recovery, counters, search index, retention, partitions."""

from __future__ import annotations

from datetime import date, timedelta

from commtui.config import Retention
from commtui.store import (
    bulk,
    counters,
    feed,
    keeping,
    matching,
    partitions,
    recovery,
    retention,
    schema,
    search,
)
from commtui.store.engine import Database

JOURNAL_KEPT = 2_000_000
"""Rows; more than any console or feed falls behind."""


class Housekeeping:
    """Small steps, each in a short transaction of its own."""

    def __init__(self, database: Database, settings: Retention | None = None) -> None:
        self._database = database
        self._matched_up_to = ""
        self._events_kept = timedelta(days=(settings or Retention()).events_days)

    def recover(self) -> int:
        """Entries whose worker died in the middle of a call become unknown; returns how many."""
        return recovery.recover(self._database)

    def catch_up(self) -> int:
        """Fold counters and index what can be searched; returns how many rows that was."""
        folded = 0
        with self._database.read() as connection:
            pending = counters.pending(connection)
        if pending:
            with self._database.write() as connection:
                folded = counters.fold(connection)
        return folded + search.index_pending(self._database)

    def match_events(self) -> int:
        """Attribute provider events that came before the entry they are about knew its message id.

        Page by page: thousands that fit nothing keep no later one from its turn.
        """
        matched, self._matched_up_to = matching.match_again(self._database, self._matched_up_to)
        return matched

    def expire(self) -> int:
        """Let raw webhook calls and provider events go when their time is over; returns how much went."""
        return retention.expire(self._database, self._events_kept).total

    def tidy(self) -> None:
        """Partitions ahead, dry runs nobody confirmed, old journal rows."""
        partitions.make(self._database)
        self._database.analyse(schema.index_names())
        for run_id in bulk.old_drafts(self._database):
            bulk.delete_draft(self._database, run_id)
        with self._database.write() as connection:
            feed.prune(connection, JOURNAL_KEPT, 2_000)


def findings(database: Database) -> list[str]:
    """What somebody should look at, in words."""
    found = [
        f"{number} rows of {table} lie in its DEFAULT partition: no worker had made their month in time; "
        "keep one running, and have the owner move them"
        for table, number in partitions.strays(database).items()
    ]
    with database.read() as connection:
        if stopped := keeping.stopped(connection):
            found.append(stopped)
    return found


def oldest_event(database: Database) -> date | None:
    """The day of the oldest provider event that is still there."""
    with database.read() as connection:
        return retention.oldest(connection)
