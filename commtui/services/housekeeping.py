"""What keeps a database healthy while it works: recovery, counters, search index, retention, partitions."""

from __future__ import annotations

from commtui.store import bulk, counters, feed, inbox, matching, recovery, schema, search
from commtui.store.engine import Database

JOURNAL_KEPT = 2_000_000
"""Rows; more than any console or feed falls behind."""


class Housekeeping:
    """Small steps, each in a short transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._matched_up_to = ""

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

    def tidy(self) -> None:
        """Retention, partitions ahead, dry runs nobody confirmed."""
        schema.make_partitions(self._database)
        self._database.analyse(schema.index_names())
        inbox.expire(self._database)
        for run_id in bulk.old_drafts(self._database):
            bulk.delete_draft(self._database, run_id)
        with self._database.write() as connection:
            feed.prune(connection, JOURNAL_KEPT, 2_000)
