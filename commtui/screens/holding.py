"""Provider health: who works, what is paused, our accounts, and fallbacks that are held until a person decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Input, Static

from commtui.domain.text import line as one_line
from commtui.domain.views import FallbackHold, Health, Orphan
from commtui.screens.choosing import ChoicePanel
from commtui.screens.gating import ask_gate, pausable, pauses_text, releasable
from commtui.screens.guarding import changes
from commtui.screens.link import Link
from commtui.screens.orphaned import NO_ORPHANS, OrphanPanel, orphan_words, orphans_panel
from commtui.screens.panel import QuestionPanel, ReadingPanel
from commtui.screens.sending import TYPED_ABOVE
from commtui.widgets.boxes import LineBox
from commtui.widgets.choices import Item
from commtui.widgets.holds import hold_words, provider_of, way_of
from commtui.widgets.look import Look, counted, number
from commtui.widgets.timeline import fields, section

if TYPE_CHECKING:
    from commtui.services.desk import Desk

NOTHING_HELD = "No fallback is held."


class HoldPanel(QuestionPanel[str]):
    """Decide about one cause: let its fallbacks go, or leave the messages failed. Cancel is the default."""

    def __init__(self, link: Link, look: Look, hold: FallbackHold, *, release: bool) -> None:
        verb = "Release" if release else "Leave as failed"
        super().__init__(link, look, f"{verb}: {hold_words(hold)} at {provider_of(hold)}")
        self._hold = hold
        self._release = release
        self._doing = False

    def body(self) -> ComposeResult:
        """What follows, and where a large number is typed."""
        yield Static(_hold_text(self._hold, self._release, self.look), id="text")
        typed = LineBox(
            type="integer", id="typed", placeholder=f"type {self._hold.number} to release"
        )
        typed.display = self._typing
        yield typed

    @property
    def _typing(self) -> bool:
        return self._release and self._hold.number > TYPED_ABOVE

    def buttons(self) -> tuple[Button, ...]:
        """Cancel comes first."""
        cancel = self.button("Cancel", "cancel")
        cancel.id = "cancel"
        count = number(self._hold.number)
        return cancel, self.button(f"{'Release' if self._release else 'Leave'} {count}", "do")

    @on(Input.Submitted)
    def action_do(self) -> None:
        """Decide, once; a large number has to be typed first."""
        typed = self.query_one("#typed", Input)
        if self._typing and typed.value.strip() != str(self._hold.number):
            typed.focus()
            self.say_problem(f"That many messages: type {self._hold.number} and press Enter.")
        elif not self._doing:
            self._doing = True
            self.ask(self._decide, self._decided, group="hold", otherwise=self._not_done)

    def _decide(self, desk: Desk) -> int:
        cause = self._hold.cause
        return desk.holds.release(cause) if self._release else desk.holds.decline(cause)

    def _decided(self, count: int) -> None:
        what = "released: a worker sends them on" if self._release else "left as failed"
        self.dismiss(f"{counted(count, 'fallback')} {what}.")

    def _not_done(self, error: Exception) -> None:
        self._doing = False
        self.failed(error)


class HealthPanel(ReadingPanel[None]):
    """The processes, the pauses, our accounts and the held fallbacks, with both ways on for the latter."""

    BINDINGS = [
        Binding("s", "decide(True)", "release fallback", id="hold.release"),
        Binding("x", "decide(False)", "leave as failed", id="hold.decline"),
        Binding("o", "orphans", "orphans", id="orphans.open"),
        Binding("p", "gate(False)", "pause", id="gate.pause"),
        Binding("u", "gate(True)", "unpause", id="gate.release"),
    ]

    def __init__(self, link: Link, look: Look) -> None:
        super().__init__(link, look, "Provider health")
        self._health: Health | None = None
        self._holds: tuple[FallbackHold, ...] | None = None
        self._note = ""

    def on_mount(self) -> None:
        """Read it."""
        self._read()

    def _read(self) -> None:
        self.ask(lambda desk: (desk.health(), desk.holds.list()), self._show, group="health")

    def _show(self, answer: tuple[Health, tuple[FallbackHold, ...]]) -> None:
        self._health, self._holds = answer
        self.show(health_text(self._health, self._holds, self._note, self.look))

    def action_gate(self, release: bool) -> None:
        """Pause a provider, or release one; asks which and why."""
        if self._health is None:
            return
        providers = releasable(self._health) if release else pausable(self._health)
        if providers:
            ask_gate(self, providers, self._decided, release=release)
        else:
            self.say_problem("No provider is paused." if release else "There is none to pause.")

    def action_orphans(self) -> None:
        """Feedback that fits no message of ours."""
        self.ask(lambda desk: desk.orphans(), self._list_orphans, group="orphans")

    def _list_orphans(self, orphans: tuple[Orphan, ...]) -> None:
        if not orphans:
            self.say_problem(NO_ORPHANS)
            return
        self.say_problem("")
        self.app.push_screen(
            orphans_panel(self.link, self.look, orphans),
            lambda chosen: self._show_orphan(orphans, chosen),
        )

    def _show_orphan(self, orphans: tuple[Orphan, ...], chosen: tuple[str, ...] | None) -> None:
        for orphan in orphans:
            if chosen and orphan.id == chosen[0]:
                self.app.push_screen(
                    OrphanPanel(self.link, self.look, orphan),
                    lambda _: self._list_orphans(orphans),
                )

    @changes
    def action_decide(self, release: bool) -> None:
        """Release what is held for a cause, or leave it failed; asks first."""
        if self._holds is None:
            return
        if not self._holds:
            self.say_problem(NOTHING_HELD)
        elif len(self._holds) == 1:
            self._confirm(self._holds[0], release=release)
        else:
            self.app.push_screen(
                holds_panel(self.link, self.look, self._holds, release=release),
                self._taker(release=release),
            )

    def _taker(self, *, release: bool) -> Callable[[tuple[str, ...] | None], None]:
        def taken(causes: tuple[str, ...] | None) -> None:
            for hold in self._holds or ():
                if causes and hold.cause == causes[0]:
                    self._confirm(hold, release=release)

        return taken

    def _confirm(self, hold: FallbackHold, *, release: bool) -> None:
        self.app.push_screen(HoldPanel(self.link, self.look, hold, release=release), self._decided)

    def _decided(self, words: str | None) -> None:
        if words:
            self._note = words
            self.say_problem("")
            self._read()


def holds_panel(
    link: Link, look: Look, holds: tuple[FallbackHold, ...], *, release: bool
) -> ChoicePanel:
    """Which cause, when fallbacks are held for several."""
    items = [Item(hold.cause, _choice_words(hold, look), number(hold.number)) for hold in holds]
    return ChoicePanel(link, look, "Release which" if release else "Leave which as failed", items)


def _choice_words(hold: FallbackHold, look: Look) -> str:
    way = way_of(hold)
    words = f"{provider_of(hold)}: {hold_words(hold)}"
    return look.plain(f"{words}, {way}") if way else words


def health_text(health: Health, holds: tuple[FallbackHold, ...], note: str, look: Look) -> Text:
    """The processes, pauses, accounts and holds in words."""
    text = Text()
    if note:
        text.append(f"{note}\n\n", "bold")
    text.append(
        fields(
            [
                ("Workers", number(health.workers) if health.workers else "none: nothing is sent"),
                ("Web", "runs" if health.web else "does not run: no feedback is received"),
                ("Due", counted(health.due, "message")),
                ("Unknown", counted(health.unknown, "outcome") if health.unknown else "none"),
            ]
        )
    )
    if health.barred:
        text.append(f"{one_line(health.barred, 300)}\n", "bold")
        text.append(
            "Nothing is sent until the record is guarded again: commtui db verify says all of it.\n"
        )
    if health.findings:
        text.append("\n").append(section("Feedback"))
    for item in health.findings:
        text.append(f"{one_line(item.sentence, 200)}\n", "bold")
        text.append(f"  since {look.full(item.since)}\n")
        text.append("  What to do  ", "bold").append(f"{one_line(item.advice, 400)}\n")
    text.append("\n").append(section("Paused providers"))
    text.append(pauses_text(health.paused, look))
    text.append(section("Our accounts"))
    for warning in health.warnings:
        text.append(f"{one_line(warning.provider, 20)}: ", "bold")
        text.append(f"{one_line(warning.sentence, 300)}\n")
        text.append("What to do  ", "bold").append(f"{one_line(warning.advice, 600)}\n")
    if not health.warnings:
        text.append("nothing is known to be wrong\n")
    if health.orphans:
        text.append(section("Orphans"))
        text.append(f"{orphan_words(health.orphans)} no message of ours: o lists them\n")
    text.append(section("Held fallbacks"))
    for hold in holds:
        text.append(f"{provider_of(hold)}: {hold_words(hold)}", "bold")
        text.append("\n").append(_way_row(hold, look, "  "))
        text.append(f"  first {look.full(hold.first)}, last {look.full(hold.last)}\n")
    if holds:
        text.append(
            "\nThey would go another way that is paid by the message, and are too many to go\n"
        )
        text.append("by themselves. s releases them, x leaves them as failed.")
    else:
        text.append(NOTHING_HELD)
    return text


def _way_row(hold: FallbackHold, look: Look, indent: str = "") -> Text:
    """The channel that failed and the one that would follow, on a row of its own."""
    way = way_of(hold)
    return look.say(f"{indent}{way}\n") if way else Text()


def _hold_text(hold: FallbackHold, release: bool, look: Look) -> Text:
    text = _way_row(hold, look)
    text.append(f"first {look.full(hold.first)}, last {look.full(hold.last)}\n\n")
    if release:
        return text.append(
            "Each of them goes on by that channel as a new entry, and is paid by the message. "
            "Look first whether the cause is one fault of ours or of the provider."
        )
    return text.append(
        "They stay failed, and nothing follows by itself. Each can still be sent or corrected by hand."
    )
