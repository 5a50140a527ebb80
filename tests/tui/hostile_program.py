"""The console as a program that shows every screen with hostile words in every text field, then writes what it showed.

Arguments: the file to write to, and the numbers of the strings to show, together in each field. Shown are both tabs,
every panel, and the words of errors; `poisoned` notes every field that was made hostile.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from commtui.app import CommtuiApp, run_console
from commtui.domain.einvoice import Network, Reachability, Registration, Routing
from commtui.domain.lines import Line, Query, Selection
from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.views import (
    AccountWarning,
    CustomerField,
    DocumentInfo,
    Erasure,
    ErrandView,
    FallbackHold,
    Finding,
    Happening,
    Health,
    LineSummary,
    Orphan,
    ProviderPause,
)
from commtui.domain.vocabulary import Channel, DocumentRole, Layer, Source, Tab
from commtui.errors import DatabaseAway, Refused
from commtui.screens.auditing import AuditPanel, AuditRowPanel
from commtui.screens.choosing import DatesPanel, FilterPanel
from commtui.screens.correcting import CorrectPanel
from commtui.screens.customer import CustomerPanel
from commtui.screens.deciding import CompletePanel, IgnorePanel, SettlePanel
from commtui.screens.details import AttemptsPanel, EntryPanel, SummaryPanel
from commtui.screens.downloading import DownloadPanel
from commtui.screens.erasing import ErasePanel
from commtui.screens.filters import FILTER_TITLES
from commtui.screens.helping import PalettePanel, commands_of
from commtui.screens.holding import HealthPanel, HoldPanel, holds_panel
from commtui.screens.leaving import LeavePanel
from commtui.screens.orphaned import OrphanPanel, orphans_panel
from commtui.screens.preferring import PreferPanel
from commtui.screens.problem import AwayPanel, ProblemPanel
from commtui.screens.reasons import ReasonPanel
from commtui.screens.resending import ResendPanel
from commtui.screens.running import ProgressPanel, runs_panel
from commtui.screens.sending import SendPanel
from commtui.screens.waiting import WaitingPanel
from commtui.screens.wording import describe
from tests.tui.evil_desk import poisoned
from tests.tui.fake_audits import audit_row
from tests.tui.fake_desk import CUSTOMER, NOW, FakeDesk, make_line
from tests.tui.fake_wishes import HOLD
from tests.tui.hostile import HOSTILE

NUMBER = 30
AUDITED = audit_row(1, "bulk send", targets=(("customer", "K0"),), result=(("lines", "2"),))
ORPHAN = Orphan("o1", "sendgrid", "bounce", NOW, NOW, "m-1", "a@example.com", "payload")
ANSWERS = {
    "page", "last_page", "lines", "summary", "details", "attempts", "prepare", "progress", "results", "runs",
    "resend_offer", "customer", "health", "choices", "download", "emptiness",
}  # fmt: skip


class HostileDesk(FakeDesk):
    """Everything that may be filled is filled, and every text of it is hostile."""

    words = ""
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.fields: set[str] = set()
        self.history = (
            Happening(NOW, Source.POLL, "word", "code", "words", "author", layer=Layer.BUSINESS),
        )
        self.evidence = (DocumentInfo(DocumentRole.ATTACHMENT, "a.xml", "text/xml", 1, "cd" * 32),)
        self.plan_now = replace(
            self.plan_now, detours=(("way", 1),), skipping=(("no", 1),), failing=(("bad", 1),),
            warnings=(("warning", 2),),
        )  # fmt: skip
        self.run_health = Health(
            1,
            0,
            (ProviderPause("sendgrid", "paused", NOW, None, "anna"),),
            3,
            (HOLD, replace(HOLD, cause="ping returned")),
            (AccountWarning("chorus", "It expires.", "Renew it."),),
            barred="sending refused",
            findings=(Finding("silent", "no webhooks", "Set the address.", NOW),),
            orphans=2,
            stopped="not sending",
        )
        wishes = self.wishes
        wishes.optouts = (
            OptOut(
                Channel.EMAIL, Scope.ALL, OptSource.OPERATOR, NOW, "a@example.com", "note", "anna"
            ),
        )
        wishes.routing = Routing(Network.PEPPOL, "0208:1", "service", "engagement")
        wishes.routing_problem = "wrong"
        wishes.registration = Registration(Reachability.NOT_REGISTERED, NOW, "words")
        errand = ErrandView(
            "lift", "sendgrid", "a@example.com", "reason", "anna", NOW, "refused", "words", NOW
        )
        wishes.mark(
            CustomerField.EMAIL, failed_words="words", marked="marked", last_failed=NOW, marked_at=NOW,
            liftable=True, errands=(errand,), refused=wishes.optouts,
        )  # fmt: skip

    def hostile(self, value: Any) -> Any:
        return poisoned(value, self.words, self.fields)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ANSWERS:
            return found
        if self.trouble is not None:
            raise self.trouble

        def answer(*args: Any, **named: Any) -> Any:
            made = found(*args, **named)
            if isinstance(made, LineSummary):
                made = replace(made, others=tuple(self.overview[:3]))
            return self.hostile(made)

        return answer


class _Hostile:
    """The customer's page and the holds, with hostile answers."""

    def __init__(self, desk: HostileDesk, inner: Any) -> None:
        self._desk, self._inner = desk, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return lambda *args, **named: self._desk.hostile(found(*args, **named))


def filled() -> HostileDesk:
    lines: dict[Tab, list[Line]] = {
        tab: [
            make_line(
                number, tab=tab, failed=number % 3 != 1, reason="email: no address → post", kind="invoice",
                note="note", provider="sendgrid", error_message="550 no", error_code="550",
            )
            for number in range(NUMBER)
        ]
        for tab in Tab
    }  # fmt: skip
    lines[Tab.OVERVIEW][1] = replace(lines[Tab.OVERVIEW][1], others=2, channel=Channel.EINVOICE)
    lines[Tab.LOG][1] = replace(lines[Tab.LOG][1], channel=Channel.EINVOICE, settled_at=NOW)
    made = HostileDesk(overview=lines[Tab.OVERVIEW], log=lines[Tab.LOG])
    inner = made.wishes, made.holds
    made.wishes, made.holds = _Hostile(made, inner[0]), _Hostile(made, inner[1])  # type: ignore[assignment]
    made.audits = _Hostile(made, made.audits)  # type: ignore[assignment]
    return made


class Shown(CommtuiApp):
    """Remembers which screens were shown."""

    def __init__(self, desk: HostileDesk) -> None:
        super().__init__(lambda: desk, clock=lambda: NOW, mode="live")  # type: ignore[arg-type, return-value]
        self.screens: set[str] = set()
        self.desk = desk

    def push_screen(self, screen: Any, *args: Any, **named: Any) -> Any:
        self.screens.add(type(screen).__name__)
        return super().push_screen(screen, *args, **named)

    @property
    def tab(self) -> Any:
        return self.screen_stack[0]

    def panels(self) -> Iterator[Screen[Any]]:
        """Every panel, on hostile lines and words."""
        link, look, desk = self._link, self._look, self.desk
        words, hostile = desk.words, desk.hostile
        line, einvoice = hostile(desk.overview[0]), hostile(desk.overview[1])
        attempt, sent = hostile(desk.log[0]), hostile(desk.log[1])
        hold: FallbackHold = hostile(HOLD)
        selection = Selection(Tab.OVERVIEW, (line.id,))
        yield SummaryPanel(link, look, line)
        yield SummaryPanel(link, look, einvoice)
        yield AttemptsPanel(link, look, line)
        yield EntryPanel(link, look, attempt)
        yield EntryPanel(link, look, sent)
        yield ResendPanel(link, look, attempt.id, words)
        yield SendPanel(link, look, selection, words)
        yield ProgressPanel(link, look, "run1")
        yield runs_panel(link, look, desk.runs())
        yield IgnorePanel(link, look, selection, words, back=False)
        yield CompletePanel(link, look, line)
        yield SettlePanel(link, look, line)
        yield CorrectPanel(link, look, CUSTOMER.id, CustomerField.EMAIL)
        yield CustomerPanel(link, look, CUSTOMER.id, words)
        yield ReasonPanel(link, look, words, words, "Do", lambda _desk, _reason: None, words)
        yield PreferPanel(link, look, CUSTOMER.id, {words: (Channel.EMAIL,), "": (Channel.SMS,)})
        yield HealthPanel(link, look)
        yield HoldPanel(link, look, hold, release=True)
        yield holds_panel(link, look, (hold, hold), release=False)
        yield AuditPanel(link, look)
        yield AuditRowPanel(link, look, hostile(AUDITED))
        yield orphans_panel(link, look, (hostile(ORPHAN),))
        yield OrphanPanel(link, look, hostile(ORPHAN))
        yield ErasePanel(link, look, hostile(Erasure("K0", (("contact points", 3),), 1, 0, 2)))
        for field in ("customer", "categories", "location_groups"):
            yield FilterPanel(link, look, FILTER_TITLES[field], self.tab.view, field, frozenset())
        yield DatesPanel(link, look, self.tab.chosen)
        yield DownloadPanel(link, look, selection, words, lambda _text: None)
        yield PalettePanel(link, look, commands_of(self.tab.all_bindings()), self.tab.view)
        for error in (Refused(words), OSError(5, words), ValueError(words)):
            yield ProblemPanel(link, look, describe(error))
        yield AwayPanel(link, look, describe(DatabaseAway(words)))
        yield WaitingPanel(link, look, 3)
        yield LeavePanel(link, look)

    async def settle(self, pilot: Pilot[None]) -> None:
        """Until no question to the desk is open and everything is painted."""
        await pilot.pause()
        await self.workers.wait_for_complete()
        await pilot.pause()

    async def play(self, pilot: Pilot[None], words: str) -> None:
        """Every screen with these words."""
        desk = self.desk
        desk.words = words
        desk.operator = replace(desk.operator, name=words + "anna")
        for tab in (Tab.LOG, Tab.OVERVIEW):
            await self.switch_mode(tab)
            await pilot.pause()
            self.tab.names = {"K0": words}
            self.tab.put_query(Query(text=words, customer="K0", error_key=words))
            await self.settle(pilot)
            self.tab.put_query(Query())
            self.tab.load()
            await self.settle(pilot)
            self.tab.action_preview()
            self.tab.status.notice(words)
            self.tab.status.alarm(words)
            self.tab._show_health(desk.health())
            await self.settle(pilot)
            self.tab.action_preview()
        for panel in self.panels():
            self.push_screen(panel)
            await self.settle(pilot)
            if isinstance(panel, DownloadPanel):
                panel.action_write()
            elif hasattr(panel, "say_problem"):
                panel.say_problem(words)
            await self.settle(pilot)
            self.pop_screen()
        await self.settle(pilot)
        self.tab.status.alarm("")


def text_fields(*views: type) -> set[str]:
    """The text fields of these dataclasses."""
    return {
        f"{view.__name__}.{item.name}"
        for view in views
        for item in dataclasses.fields(view)
        if item.type in ("str", str)
    }


def main(target: Path, numbers: list[int]) -> int:
    desk = filled()
    app = Shown(desk)

    async def play(pilot: Pilot[None]) -> None:
        await app.play(pilot, "".join(HOSTILE[number] for number in numbers))
        shown = {"screens": sorted(app.screens), "fields": sorted(desk.fields)}
        target.write_text(json.dumps(shown), encoding="utf-8")
        app.exit()

    run = app.run
    app.run = lambda **named: run(auto_pilot=play, **named)  # type: ignore[assignment, method-assign]
    return run_console(app)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]]))
