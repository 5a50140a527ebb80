"""Dealing with what needs attention other than by sending: ignore, complete a task, settle the unknown."""

from __future__ import annotations

from collections.abc import Callable

from commtui.domain.fold import GIVEN_UP_RANK, RANKS, Fact
from commtui.domain.lines import Selection
from commtui.domain.views import Decision
from commtui.domain.vocabulary import (
    STATUS_LOOKS,
    Author,
    Channel,
    ErrorClass,
    Source,
    Status,
    Tab,
)
from commtui.errors import Refused, UsageError
from commtui.services.auditing import filter_words
from commtui.services.explaining import GIVEN_UP
from commtui.services.lists import matching_ids
from commtui.services.resending import Resending
from commtui.store import audits, details, ignoring
from commtui.store.details import StoredEntry
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.overview import batches

BATCH = 100
"""Lines per transaction: well below 200 ms on either engine."""


class Attention:
    """Decisions of one operator."""

    def __init__(self, database: Database, author: Author, resending: Resending) -> None:
        self._database = database
        self._author = author
        self._resending = resending

    def ignore(self, selection: Selection, reason: str) -> int:
        """Take lines out of sight until something newer or worse happens; returns how many.

        Raises UsageError without a reason.
        """
        if not reason.strip():
            raise UsageError("ignoring needs a reason: somebody will ask")
        return self._set(selection, reason, ignored=True)

    def unignore(self, selection: Selection, reason: str = "") -> int:
        """Bring ignored lines back; returns how many."""
        return self._set(selection, reason, ignored=False)

    def _set(self, selection: Selection, reason: str, *, ignored: bool) -> int:
        """The ids are read to the end first: a rollback journal lets nobody write while somebody reads."""
        work = ignoring.ignore_lines if selection.tab is Tab.OVERVIEW else ignoring.ignore_entries
        words = "\n".join(filter(None, (reason.strip(), filter_words(selection))))
        total = 0
        for ids in batches(list(matching_ids(self._database, selection)), BATCH):
            with self._database.write() as connection:
                changed = work(self._database, connection, ids, ignored=ignored)
                total += changed
                if changed:
                    audits.write(
                        connection,
                        self._database,
                        self._author,
                        "ignore" if ignored else "unignore",
                        ids,
                        {"lines": changed},
                        words,
                    )
        return total

    def complete(self, entry_id: str, note: str) -> None:
        """Complete a manual task. Raises NotFound, Refused, and UsageError without a note."""
        if not note.strip():
            raise UsageError("completing a task needs a note that says what was done")

        def fact(entry: StoredEntry) -> Fact:
            if entry.channel is not Channel.MANUAL:
                raise Refused(f"only manual tasks are completed; this is {entry.channel.label}")
            if entry.status is not Status.NOT_SENT:
                raise Refused(f"this task is over already: {STATUS_LOOKS[entry.status].label}")
            return Fact(Status.DONE, self._database.now())

        self._decide(entry_id, "complete", note, fact)

    def settle(self, entry_id: str, decision: Decision, note: str) -> str | None:
        """Settle an unknown outcome; returns the new entry when it is sent again. Raises NotFound, Refused."""
        if decision is Decision.AGAIN:
            return self._again(entry_id, note)

        def fact(entry: StoredEntry) -> Fact:
            _refuse_known(entry)
            now = self._database.now()
            if decision is Decision.SENT:
                rank = max(RANKS[Status.SENT], entry.rank + 1)
                return Fact(Status.SENT, now, rank=rank)
            rank = max(GIVEN_UP_RANK, entry.rank + 1)
            return Fact(Status.FAILED, now, ErrorClass.UNKNOWN, GIVEN_UP, rank)

        self._decide(entry_id, f"settle: {decision.value}", note, fact)
        return None

    def _again(self, entry_id: str, note: str) -> str:
        with self._database.read() as connection:
            _refuse_known(details.stored_entry(connection, entry_id))
        return self._resending.resend(entry_id, entry_id, note.strip(), settling=True)

    def _decide(
        self, entry_id: str, action: str, note: str, fact: Callable[[StoredEntry], Fact]
    ) -> None:
        """Write an operator's fact about an entry as it is once its subject is locked."""
        with self._database.write() as connection:
            ledger = Ledger(self._database, connection, self._database.now())
            ledger.lock([details.stored_entry(connection, entry_id).subject_id])
            entry = details.stored_entry(connection, entry_id)
            change = Change(
                entry_id,
                fact(entry),
                Source.OPERATOR,
                word=action,
                author=self._author,
                note=note.strip(),
            )
            ledger.apply([change])
            ledger.close()
            audits.write(
                connection, self._database, self._author, action, [entry_id], {}, note.strip()
            )


def _refuse_known(entry: StoredEntry) -> None:
    if entry.status is not Status.UNKNOWN:
        raise Refused(
            f"only an unknown outcome is settled; this one is known: {STATUS_LOOKS[entry.status].label}"
        )
