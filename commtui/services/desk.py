"""The desk: everything an operator can do, for the console and the command line alike.

Calls are synchronous and open their own transactions; the console makes them from thread workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from commtui.domain.lines import (
    Choice,
    Counts,
    Emptiness,
    Line,
    Page,
    PageKey,
    Query,
    Selection,
    Sort,
)
from commtui.domain.views import (
    Attempt,
    Changes,
    CustomerField,
    CustomerView,
    Decision,
    Download,
    EntryDetails,
    Health,
    LineSummary,
    Orphan,
    Plan,
    Progress,
    ResendOffer,
    RunResult,
)
from commtui.domain.vocabulary import Author, Tab
from commtui.services.accounts import warnings
from commtui.services.attention import Attention
from commtui.services.auditing import Auditing
from commtui.services.bulk import Bulk
from commtui.services.customers import Customers
from commtui.services.details import Details
from commtui.services.downloads import Downloads
from commtui.services.erasing import Erasing
from commtui.services.falling_back import Holds, held
from commtui.services.gatekeeping import Gatekeeping
from commtui.services.guarding import Guarding, barred_words
from commtui.services.lists import Lists
from commtui.services.resending import Resending
from commtui.services.wishing import Wishing
from commtui.store import (
    accounts,
    feed,
    findings,
    keeping,
    orphans,
    outbox,
    providers_state,
    workers,
)
from commtui.store.engine import Database


class Desk:
    """One operator's desk on one database."""

    def __init__(
        self,
        *,
        database: Database,
        zone: ZoneInfo | None,
        operator: Author,
        lists: Lists,
        details: Details,
        bulk: Bulk,
        resending: Resending,
        attention: Attention,
        customers: Customers,
        wishing: Wishing,
        holds: Holds,
        downloads: Downloads,
        guarding: Guarding,
        gates: Gatekeeping,
        erasing: Erasing,
        events_days: int,
    ) -> None:
        self.database = database
        self.zone = zone
        self.operator = operator
        self._lists = lists
        self._details = details
        self._bulk = bulk
        self._resending = resending
        self._attention = attention
        self._customers = customers
        self.wishes = wishing
        self.holds = holds
        self._downloads = downloads
        self._guarding = guarding
        self.audits = Auditing(database)
        self.gates = gates
        self.erasing = erasing
        self._events_days = events_days

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # lists

    def page(
        self,
        tab: Tab,
        query: Query,
        sort: Sort,
        *,
        limit: int,
        after: PageKey | None = None,
        before: PageKey | None = None,
        offset: int = 0,
    ) -> Page:
        """Lines following `after`, or preceding `before`, or from the start."""
        return self._lists.page(
            tab, query, sort, limit=limit, after=after, before=before, offset=offset
        )

    def last_page(self, tab: Tab, query: Query, sort: Sort, limit: int) -> Page:
        """The last lines of a list."""
        return self._lists.last_page(tab, query, sort, limit)

    def counts(self, tab: Tab, query: Query) -> Counts:
        """The numbers beside the chips, exact under the query's other filters."""
        return self._lists.counts(tab, query)

    def lines(self, tab: Tab, ids: Sequence[str]) -> tuple[Line, ...]:
        """The present state of these lines; missing ones are left out."""
        return self._lists.lines(tab, ids)

    def choices(self, tab: Tab, query: Query, field: str, text: str = "") -> tuple[Choice, ...]:
        """The values of a dropdown filter, with how many lines each would leave."""
        return self._lists.choices(tab, query, field, text)

    def emptiness(self, tab: Tab, query: Query) -> Emptiness:
        """Why a list shows nothing."""
        return self._lists.emptiness(tab, query)

    def matching(self, tab: Tab, query: Query) -> int:
        """How many lines match, chip included."""
        return self._lists.matching(tab, query)

    # details

    def summary(self, subject_id: str) -> LineSummary:
        """The overview's limited details. Raises NotFound."""
        return self._details.summary(subject_id)

    def details(self, entry_id: str) -> EntryDetails:
        """The log's complete details. Raises NotFound."""
        return self._details.details(entry_id)

    def attempts(self, subject_id: str) -> tuple[Attempt, ...]:
        """All attempts of a subject, newest first."""
        return self._details.attempts(subject_id)

    # bulk send

    def prepare(self, selection: Selection, communications: Iterator[str] | None = None) -> Plan:
        """Stage a bulk send and say what it would do."""
        return self._bulk.prepare(selection, communications)

    def confirm(self, run_id: str) -> None:
        """Freeze a staged bulk send and let the workers have it."""
        self._bulk.confirm(run_id)

    def discard(self, run_id: str) -> None:
        """Forget a staged bulk send."""
        self._bulk.discard(run_id)

    def progress(self, run_id: str) -> Progress:
        """How far a bulk run is."""
        return self._bulk.progress(run_id)

    def results(self, run_id: str, limit: int = 500) -> tuple[RunResult, ...]:
        """What became of each item of a bulk run."""
        return self._bulk.results(run_id, limit)

    def runs(self, limit: int = 50) -> tuple[Progress, ...]:
        """The newest bulk runs."""
        return self._bulk.runs(limit)

    def pause(self, run_id: str) -> None:
        """Expand a bulk run no further until it is resumed."""
        self._bulk.pause(run_id)

    def resume(self, run_id: str) -> None:
        """Go on with a paused bulk run."""
        self._bulk.resume(run_id)

    def stop(self, run_id: str) -> None:
        """Leave the rest of a bulk run untouched."""
        self._bulk.stop(run_id)

    def undo(self, run_id: str) -> None:
        """Take a bulk run back of which nothing is on its way. Raises Refused."""
        self._bulk.undo(run_id)

    def undo_last(self) -> Progress:
        """Take this operator's newest bulk run back. Raises Refused."""
        return self._bulk.undo_last()

    # single messages

    def resend_offer(self, entry_id: str) -> ResendOffer:
        """What a resend would do. Raises NotFound."""
        return self._resending.offer(entry_id)

    def resend(self, entry_id: str, seen_entry: str) -> str:
        """Send one entry's content again; returns the new entry's id. Raises Refused."""
        return self._resending.resend(entry_id, seen_entry)

    def ignore(self, selection: Selection, reason: str) -> int:
        """Take lines out of sight until something worse happens; returns how many."""
        return self._attention.ignore(selection, reason)

    def unignore(self, selection: Selection, reason: str = "") -> int:
        """Bring ignored lines back; returns how many."""
        return self._attention.unignore(selection, reason)

    def complete(self, entry_id: str, note: str) -> None:
        """Complete a manual task. Raises Refused."""
        self._attention.complete(entry_id, note)

    def settle(self, entry_id: str, decision: Decision, note: str) -> str | None:
        """Settle an unknown outcome; returns the new entry when it is sent again. Raises Refused."""
        return self._attention.settle(entry_id, decision, note)

    def customer(self, customer_id: str) -> CustomerView:
        """A customer by the source's id. Raises NotFound."""
        return self._customers.get(customer_id)

    def correct(self, customer_id: str, field: CustomerField, value: str) -> CustomerView:
        """Correct one contact point of a customer."""
        return self._customers.correct(customer_id, field, value)

    # files

    def download(
        self,
        selection: Selection,
        path: Path,
        progress: Callable[[int, int], None] | None = None,
    ) -> Download:
        """Write a ZIP of these lines' documents and content."""
        return self._downloads.download(selection, path, progress)

    def default_download_path(self) -> Path:
        """Where a download goes unless somebody says otherwise."""
        moment = datetime.now(self.zone).strftime("%Y-%m-%d-%H%M%S")
        return Path.home() / f"commtui-{moment}.zip"

    # liveness

    def orphans(self, limit: int = 200) -> tuple[Orphan, ...]:
        """The newest events about no message of ours, and calls that could not be read."""
        return tuple(orphans.orphans(self.database, limit))

    def cursor(self) -> str:
        """A cursor at the present end of the journal."""
        with self.database.read() as connection:
            return feed.cursor(connection)

    def changes(self, cursor: str) -> Changes:
        """What changed since a cursor."""
        with self.database.read() as connection:
            return feed.changes(connection, cursor)

    def health(self) -> Health:
        """Who works, what is paused, how much waits."""
        now = self.database.now()
        paused = self.gates.list()
        with self.database.read() as connection:
            living = workers.alive(connection, now)
            return Health(
                workers=sum(1 for process in living if process.kind == "worker"),
                web=sum(1 for process in living if process.kind == "web"),
                paused=paused,
                due=outbox.due_count(connection),
                held=held(connection),
                warnings=warnings(
                    accounts.findings(connection, now), providers_state.pauses(connection, now)
                ),
                barred=barred_words(self._guarding.look(connection)),
                findings=tuple(findings.standing(connection)),
                orphans=orphans.count(connection, self.database),
                providers=self.gates.providers,
                unknown=outbox.unknown_count(connection),
                stopped=keeping.stopped(connection),
                events_days=self._events_days,
            )
