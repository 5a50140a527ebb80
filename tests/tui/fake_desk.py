"""A desk in memory, for what a real database cannot give: a frozen clock, a million lines, a database that goes away.

Give it lines; it filters, sorts and pages them as the real one does, and remembers what was asked of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    SortKey,
)
from commtui.domain.views import (
    Attempt,
    Changes,
    ContactView,
    CustomerField,
    CustomerView,
    Decision,
    DocumentInfo,
    Download,
    EntryDetails,
    ErrandView,
    Explanation,
    Happening,
    Health,
    LineSummary,
    Orphan,
    Plan,
    Progress,
    ResendOffer,
    RunResult,
    RunState,
)
from commtui.domain.vocabulary import (
    Author,
    Cause,
    Channel,
    Chip,
    DocumentRole,
    ErrorClass,
    Source,
    Status,
    Tab,
    chip_of,
)
from commtui.errors import DatabaseAway, NotFound, Refused
from commtui.screens.marks import matches
from tests.tui.fake_audits import FakeAudits
from tests.tui.fake_wishes import FakeErasing, FakeGates, FakeHolds, FakeWishes

NOW = datetime(2026, 1, 16, 10, 42, tzinfo=UTC)
_CUSTOMERS = (
    "Müller & Søn AG",
    "Boulangerie Petit",
    "ACME [/] GmbH",
    "Kovács Kft.",
    "Nordic Bikes",
)
_FAILURES = (
    (Status.BOUNCED, Channel.EMAIL, ErrorClass.PERMANENT, "550", "550 5.1.1 no such mailbox here"),
    (
        Status.UNDELIVERED,
        Channel.SMS,
        ErrorClass.TEMPORARY,
        "30003",
        "Unreachable destination handset",
    ),
    (
        Status.REJECTED,
        Channel.EMAIL,
        ErrorClass.TECHNICAL,
        "400",
        "The from address does not match",
    ),
    (Status.UNKNOWN, Channel.EMAIL, ErrorClass.UNKNOWN, "lost", "no answer was recorded"),
    (Status.BLOCKED, Channel.EMAIL, ErrorClass.POLICY, "blocked", "listed at a block list"),
)
_OTHERS = (
    (Status.DELIVERED, Channel.EMAIL),
    (Status.SENT, Channel.SMS),
    (Status.NOT_SENT, Channel.MANUAL),
    (Status.QUEUED, Channel.EMAIL),
    (Status.SKIPPED, Channel.EMAIL),
)
CUSTOMER = CustomerView(
    "K0",
    "Müller & Søn AG",
    "de",
    "CH",
    "Zürich",
    (
        ContactView(CustomerField.EMAIL, "office@example.org", "", "", None),
        ContactView(CustomerField.PHONE, "+41790000000", "", "", None),
        ContactView(CustomerField.ADDRESS, "Bahnhofstrasse 1\n8001 Zürich", "", "", None),
        ContactView(CustomerField.EINVOICE, "", "", "", None),
    ),
)


def make_line(number: int, *, failed: bool = True, tab: Tab = Tab.OVERVIEW, **own: object) -> Line:
    """Line `number` of a list, newest first: number 0 is the newest."""
    if failed:
        status, channel, error_class, code, words = _FAILURES[number % len(_FAILURES)]
    else:
        status, channel = _OTHERS[number % len(_OTHERS)]
        error_class, code, words = None, "", ""
    at = NOW - timedelta(hours=2, minutes=37 * number)
    place = number % len(_CUSTOMERS)
    made = Line(
        id=f"{'s' if tab is Tab.OVERVIEW else 'e'}{number:07}",
        subject_id=f"s{number:07}",
        communication_id=f"c{number:07}",
        entry_id=None
        if status is Status.NOT_SENT and channel is not Channel.MANUAL
        else f"e{number:07}",
        category=("invoice", "contract", "reminder")[number % 3],
        reference=f"{12345 + number}",
        title=f"Invoice {12345 + number}",
        customer_id=f"K{place}",
        customer_name=_CUSTOMERS[place],
        kind="invoice",
        channel=channel,
        provider={Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"}.get(channel, "manual"),
        recipient=f"office{number}@example.org" if channel is Channel.EMAIL else "+41790000000",
        status=status,
        chip=chip_of(status) or Chip.ALL,
        error_class=error_class,
        error_code=code,
        error_message=words,
        error_key=words,
        created_at=at,
        sent_at=at,
        updated_at=at,
        acted_at=at,
        ignored=False,
        attempts=1 + number % 3,
        sort_id=f"{5_000_000 - number:07}",
        note="manual action required" if channel is Channel.MANUAL else "",
        location_group=("Zürich", "Lyon")[number % 2],
    )
    return replace(made, **own)  # type: ignore[arg-type]


def with_status(line: Line, status: Status) -> Line:
    """The line after something happened to it."""
    return replace(
        line, status=status, chip=chip_of(status) or line.chip, error_message="", error_key=""
    )


@dataclass
class FakeDesk:
    """Lines per tab, and what operators did."""

    overview: list[Line] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    operator: Author = field(default_factory=lambda: Author("anna", True))
    away: bool = False
    broken: bool = False
    calls: list[tuple[str, object]] = field(default_factory=list)
    run_health: Health = field(default_factory=lambda: Health(1, 1, (), 0))
    customer_view: CustomerView = field(default_factory=lambda: CUSTOMER)
    collecting: int = 0
    journal: list[tuple[str, str]] = field(default_factory=list)
    """Subject and entry of every change."""
    pages: int = 0
    progress_now: Progress | None = None
    plan_now: Plan = field(default_factory=lambda: Plan("run1", 0, (), (), (), (), 0))
    """What every dry run says besides its numbers."""
    new_letter: bool = False
    history: tuple[Happening, ...] = ()
    """Facts besides the usual ones."""
    evidence: tuple[DocumentInfo, ...] = ()
    errands: tuple[ErrandView, ...] = ()
    orphaned: tuple[Orphan, ...] = ()
    refuse: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    """Closed while a test wants pages to be slow."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.gate.set()
        self.wishes = FakeWishes(self)
        self.erasing = FakeErasing(self)
        self.holds = FakeHolds(self)
        self.audits = FakeAudits(self)
        self.gates = FakeGates(self)

    # What happens outside

    def put(self, tab: Tab, *lines: Line) -> None:
        """Lines come, or get a new state, as if a worker had written them."""
        with self.lock:
            here = self._lines(tab)
            for line in lines:
                here[:] = [old for old in here if old.id != line.id] + [line]
                self.journal.append((line.subject_id, line.entry_id or ""))

    def _lines(self, tab: Tab) -> list[Line]:
        return self.overview if tab is Tab.OVERVIEW else self.log

    def _called(self, name: str, what: object = None) -> None:
        if self.away:
            raise DatabaseAway("the database does not answer")
        if self.broken:
            raise ZeroDivisionError("a fault of our own")
        self.calls.append((name, what))

    def called(self, name: str) -> list[object]:
        """What was given to the calls of one name."""
        return [what for called, what in self.calls if called == name]

    # Lists

    def _found(self, tab: Tab, query: Query, sort: Sort) -> list[Line]:
        found = [line for line in self._lines(tab) if matches(query, line)]
        found.sort(key=lambda line: self._key(line, sort), reverse=sort.descending)
        return found

    def _key(self, line: Line, sort: Sort) -> tuple[str, str]:
        value = {
            SortKey.TIME: line.sort_id,
            SortKey.REFERENCE: line.reference,
            SortKey.CUSTOMER: line.customer_name,
            SortKey.STATUS: line.status.value,
        }[sort.key]
        return value, line.sort_id

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
        """Lines following or preceding a key."""
        self._called("page", (tab, query, sort))
        self.gate.wait()
        with self.lock:
            self.pages += 1
            found = self._found(tab, query, sort)
        if before is not None:
            edge = (before.value, before.id)
            ahead = [
                line
                for line in found
                if (
                    self._key(line, sort) > edge
                    if sort.descending
                    else self._key(line, sort) < edge
                )
            ]
            return self._page(ahead[-limit:], sort)
        if after is not None:
            edge = (after.value, after.id)
            found = [
                line
                for line in found
                if (
                    self._key(line, sort) < edge
                    if sort.descending
                    else self._key(line, sort) > edge
                )
            ]
        return self._page(found[offset : offset + limit], sort)

    def _page(self, lines: list[Line], sort: Sort) -> Page:
        if not lines:
            return Page((), None, None)
        first, last = (PageKey(*self._key(line, sort)) for line in (lines[0], lines[-1]))
        return Page(tuple(lines), first, last)

    def last_page(self, tab: Tab, query: Query, sort: Sort, limit: int) -> Page:
        """The last lines."""
        self._called("last_page")
        return self._page(self._found(tab, query, sort)[-limit:], sort)

    def counts(self, tab: Tab, query: Query) -> Counts:
        """The numbers beside the chips."""
        self._called("counts")
        numbers = [
            sum(1 for line in self._lines(tab) if matches(query.with_chip(chip), line))
            for chip in Chip
        ]
        return Counts(*numbers)

    def lines(self, tab: Tab, ids: Sequence[str]) -> tuple[Line, ...]:
        """Present states."""
        self._called("lines")
        return tuple(line for line in self._lines(tab) if line.id in set(ids))

    def choices(self, tab: Tab, query: Query, field: str, text: str = "") -> tuple[Choice, ...]:
        """The values of a dropdown."""
        self._called("choices", field)
        names: dict[str, Callable[[Line], tuple[str, str]]] = {
            "channels": lambda line: (line.channel.value, line.channel.label),
            "categories": lambda line: (line.category, line.category),
            "statuses": lambda line: (line.status.value, line.status.value),
            "location_groups": lambda line: (line.location_group, line.location_group),
            "customer": lambda line: (line.customer_id, line.customer_name),
        }
        numbers: dict[tuple[str, str], int] = {}
        for line in self._found(tab, query, Sort()):
            value = names[field](line)
            numbers[value] = numbers.get(value, 0) + 1
        return tuple(
            Choice(value, label, count)
            for (value, label), count in sorted(numbers.items())
            if text.casefold() in label.casefold()
        )

    def emptiness(self, tab: Tab, query: Query) -> Emptiness:
        """Why a list is empty."""
        self._called("emptiness")
        everything = self._lines(tab)
        narrowed = len(query.narrowing()) > 0
        return Emptiness(
            hidden=(("search and filters", len(everything)),) if narrowed else (),
            ignored=sum(line.ignored for line in everything),
            collecting=self.collecting,
            anything=bool(everything),
        )

    def matching(self, tab: Tab, query: Query) -> int:
        """How many match."""
        self._called("matching")
        return len(self._found(tab, query, Sort()))

    # Details

    def _line(self, line_id: str) -> Line:
        for line in (*self.overview, *self.log):
            if line_id in (line.id, line.entry_id):
                return line
        raise NotFound(f"nothing has the id {line_id}")

    def _attempt(self, line: Line, number: int = 0) -> Attempt:
        return Attempt(
            line,
            Cause.INITIAL if number == 0 else Cause.RESEND,
            "anna",
            True,
            None,
            None,
            f"msg-{line.reference}",
            1,
            "",
        )

    def _explanation(self, line: Line) -> Explanation | None:
        if line.error_class is None:
            return None
        return Explanation(
            line.error_class,
            "The mailbox does not exist.",
            "Correct the address (F), then send again.",
        )

    def summary(self, subject_id: str) -> LineSummary:
        """The limited details."""
        self._called("summary", subject_id)
        line = self._line(subject_id)
        return LineSummary(line, self._explanation(line))

    def details(self, entry_id: str) -> EntryDetails:
        """The complete details."""
        self._called("details", entry_id)
        line = self._line(entry_id)
        at = line.acted_at
        return EntryDetails(
            self._attempt(line),
            self._explanation(line),
            (
                Happening(at, Source.WORKER, "queued", status=Status.QUEUED, author="anna"),
                Happening(at + timedelta(seconds=1), Source.WORKER, "sent", status=Status.SENT),
                Happening(
                    at + timedelta(seconds=9),
                    Source.EVENT,
                    "bounce",
                    line.error_code,
                    line.error_message,
                    status=line.status,
                ),
                *self.history,
            ),
            (),
            (),
            (
                DocumentInfo(
                    DocumentRole.ATTACHMENT, "invoice.pdf", "application/pdf", 48_211, "ab" * 32
                ),
            ),
            f"Your invoice {line.reference}",
            "Dear customer,\n\nplease find your invoice attached.",
            None,
            line.customer_name,
            self.evidence,
            self.errands,
        )

    def attempts(self, subject_id: str) -> tuple[Attempt, ...]:
        """All attempts."""
        self._called("attempts", subject_id)
        line = self._line(subject_id)
        return tuple(self._attempt(line, number) for number in range(line.attempts))

    def orphans(self, limit: int = 200) -> tuple[Orphan, ...]:
        """Feedback that fits no message."""
        self._called("orphans", limit)
        return self.orphaned[:limit]

    # Doing

    def _chosen(self, selection: Selection) -> list[Line]:
        if selection.query is None:
            return [line for line in self._lines(selection.tab) if line.id in selection.ids]
        return [
            line
            for line in self._found(selection.tab, selection.query, Sort())
            if line.id not in selection.excluded
            and (selection.up_to is None or line.sort_id <= selection.up_to)
        ]

    def prepare(self, selection: Selection, communications: Iterator[str] | None = None) -> Plan:
        """A dry run, of the selection or of exactly these communications."""
        self._called("prepare", selection)
        if communications is not None:
            exactly = tuple(communications)
            self._called("prepare exactly", exactly)
            return replace(self.plan_now, going=((Channel.EMAIL, len(exactly)),))
        chosen = self._chosen(selection)
        going: dict[Channel, int] = {}
        staying = 0
        for line in chosen:
            if line.status is Status.UNKNOWN or line.chip is Chip.COMPLETED:
                staying += 1
            else:
                going[line.channel] = going.get(line.channel, 0) + 1
        reasons = (("outcome unknown: it may have been sent", staying),) if staying else ()
        return replace(
            self.plan_now,
            lines=len(chosen),
            going=tuple(sorted(going.items())),
            staying=reasons,
            others=sum(x.others for x in chosen),
        )

    def confirm(self, run_id: str) -> None:
        """Let it go."""
        self._called("confirm", run_id)

    def discard(self, run_id: str) -> None:
        """Forget it."""
        self._called("discard", run_id)

    def progress(self, run_id: str) -> Progress:
        """How far it is."""
        self._called("progress", run_id)
        return self.progress_now or Progress(
            run_id,
            RunState.RUNNING,
            "anna",
            NOW,
            12,
            3,
            8,
            1,
            ((Status.DELIVERED, 5), (Status.SENT, 3)),
        )

    def results(self, run_id: str, limit: int = 500) -> tuple[RunResult, ...]:
        """What became of each."""
        self._called("results", run_id)
        return tuple(
            RunResult(
                line.reference, line.customer_name, line.channel, line.status, line.error_message
            )
            for line in self.overview[:12]
        )

    def runs(self, limit: int = 50) -> tuple[Progress, ...]:
        """The newest."""
        self._called("runs")
        return (self.progress("run1"),)

    def pause(self, run_id: str) -> None:
        """Hold."""
        self._called("pause", run_id)

    def resume(self, run_id: str) -> None:
        """Go on."""
        self._called("resume", run_id)

    def stop(self, run_id: str) -> None:
        """Leave the rest."""
        self._called("stop", run_id)

    def undo(self, run_id: str) -> None:
        """Take it back."""
        self._called("undo", run_id)

    def undo_last(self) -> Progress:
        """Take the newest back."""
        self._called("undo_last")
        return self.progress("run1")

    def resend_offer(self, entry_id: str) -> ResendOffer:
        """What a resend would do."""
        self._called("resend_offer", entry_id)
        line = self._line(entry_id)
        present = next(
            contact.value
            for contact in self.customer_view.contacts
            if contact.field is CustomerField.EMAIL
        )
        return ResendOffer(
            entry_id,
            line.channel,
            line.recipient,
            present,
            self.customer_view,
            (self._attempt(line),),
            self.refuse or None,
            ("failed before at this same address",),
            entry_id,
            self.new_letter,
        )

    def resend(self, entry_id: str, seen_entry: str) -> str:
        """Send it again."""
        self._called("resend", (entry_id, seen_entry))
        if self.refuse:
            raise Refused(self.refuse)
        return "e-new"

    def _set_ignored(self, selection: Selection, ignored: bool) -> int:
        chosen = self._chosen(selection)
        self.put(selection.tab, *(replace(line, ignored=ignored) for line in chosen))
        return len(chosen)

    def ignore(self, selection: Selection, reason: str) -> int:
        """Out of sight."""
        self._called("ignore", reason)
        return self._set_ignored(selection, True)

    def unignore(self, selection: Selection, reason: str = "") -> int:
        """Back again."""
        self._called("unignore", reason)
        return self._set_ignored(selection, False)

    def complete(self, entry_id: str, note: str) -> None:
        """A task is done."""
        self._called("complete", (entry_id, note))
        for tab in Tab:
            for line in [line for line in self._lines(tab) if line.entry_id == entry_id]:
                self.put(tab, with_status(line, Status.DONE))

    def settle(self, entry_id: str, decision: Decision, note: str) -> str | None:
        """An unknown outcome is decided."""
        self._called("settle", (entry_id, decision, note))
        return "e-new" if decision is Decision.AGAIN else None

    def customer(self, customer_id: str) -> CustomerView:
        """A customer."""
        self._called("customer", customer_id)
        return self.customer_view

    def correct(self, customer_id: str, field: CustomerField, value: str) -> CustomerView:
        """Correct a contact point."""
        self._called("correct", (customer_id, field, value))
        self.customer_view = replace(
            self.customer_view,
            contacts=tuple(
                replace(contact, correction=value, corrected_by="anna", corrected_at=NOW)
                if contact.field is field
                else contact
                for contact in self.customer_view.contacts
            ),
        )
        return self.customer_view

    # Files and liveness

    def download(
        self,
        selection: Selection,
        path: Path,
        progress: Callable[[int, int], None] | None = None,
    ) -> Download:
        """A ZIP; a path under `full` has no room."""
        self._called("download", selection)
        if "full" in path.parts:
            raise OSError(28, "No space left on device")
        chosen = self._chosen(selection)
        if progress:
            progress(len(chosen), len(chosen))
        return Download(str(path), len(chosen), 2 * len(chosen) + 1, 52_310)

    def default_download_path(self) -> Path:
        """Where it goes."""
        return Path("/home/anna/commtui-2026-01-16.zip")

    def cursor(self) -> str:
        """The end of the journal."""
        self._called("cursor")
        return str(len(self.journal))

    def changes(self, cursor: str) -> Changes:
        """What came since."""
        self._called("changes", cursor)
        with self.lock:
            new = self.journal[int(cursor) :]
            return Changes(
                str(len(self.journal)),
                frozenset(subject for subject, _ in new),
                frozenset(entry for _, entry in new if entry),
            )

    def health(self) -> Health:
        """Who works."""
        self._called("health")
        return self.run_health
