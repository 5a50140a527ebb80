"""Bulk send: the dry run that asks, with Cancel as its default."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Input, Static

from commtui.domain.lines import Selection
from commtui.domain.text import line as one_line
from commtui.domain.views import Health, Plan
from commtui.screens.link import Link
from commtui.screens.panel import QuestionPanel
from commtui.widgets.boxes import LineBox
from commtui.widgets.hints import Hints
from commtui.widgets.look import Look, counted, number

if TYPE_CHECKING:
    from commtui.services.desk import Desk

TYPED_ABOVE = 50
"""More messages than this have to be typed as a number before they go."""


class SendPanel(QuestionPanel[str]):
    """How many will go on which channel, how many will not and why; the answer is the confirmed run."""

    BINDINGS = [
        Binding("s", "send", "send", id="send.confirm"),
        Binding("o", "others", "with other communications", show=False, id="send.others"),
    ]

    def __init__(
        self,
        link: Link,
        look: Look,
        selection: Selection,
        words: str,
        communications: tuple[str, ...] = (),
    ) -> None:
        super().__init__(link, look, f"Send {words}: dry run")
        self._selection = selection
        self._communications = communications
        """Exactly these instead of what the selected lines show."""
        self._plan: Plan | None = None
        self._abandoned = False
        self._confirming = False

    def body(self) -> ComposeResult:
        """What would happen, and where the number is typed."""
        yield Static(self.look.say("Counting… nothing is sent yet."), id="text")
        typed = LineBox(type="integer", id="typed")
        typed.display = False
        yield typed

    def buttons(self) -> tuple[Button, ...]:
        """Cancel comes first."""
        cancel = self.button("Cancel", "cancel")
        cancel.id = "cancel"
        send = self.button("Send", "send", disabled=True)
        send.id = "send"
        return cancel, send

    def hinted(self) -> list[tuple[str, str]]:
        """The keys, `s` with what it does here."""
        verb = _verb(self._plan) if self._plan else "send"
        return [(key, verb if words == "send" else words) for key, words in super().hinted()]

    def on_mount(self) -> None:
        """Make the dry run."""
        self._prepare(self._selection)

    def _prepare(self, selection: Selection) -> None:
        former, self._plan = self._plan, None
        self.ask(lambda desk: self._read(desk, selection, former), self._show, group="plan")

    def _read(self, desk: Desk, selection: Selection, former: Plan | None) -> tuple[Plan, Health]:
        if former is not None:
            desk.discard(former.run_id)
        exactly = iter(self._communications) if self._communications else None
        plan = desk.prepare(selection, exactly)
        if self._abandoned:
            desk.discard(plan.run_id)
        return plan, desk.health()

    def _show(self, answer: tuple[Plan, Health]) -> None:
        plan, health = answer
        self._plan = plan
        self.query_one("#text", Static).update(plan_text(plan, health, self._selection, self.look))
        send = self.query_one("#send", Button)
        count = _decided(plan)
        send.disabled = count == 0
        send.label = self.look.say(f"{_verb(plan).capitalize()} {number(count)}")
        self.query_one(Hints).set_hints(self.hinted())
        typed = self.query_one("#typed", Input)
        typed.display = count > TYPED_ABOVE
        typed.placeholder = f"type {count} to {_verb(plan)}"

    def action_others(self) -> None:
        """Take in the subjects' other communications that need attention, or leave them out again."""
        if self._plan is not None and (self._plan.others or self._selection.include_others):
            self._selection = replace(
                self._selection, include_others=not self._selection.include_others
            )
            self._prepare(self._selection)

    @on(Input.Submitted, "#typed")
    def action_send(self) -> None:
        """Confirm; a large number has to be typed first."""
        plan = self._plan
        count = _decided(plan) if plan else 0
        if plan is None or count == 0 or self._confirming:
            return
        typed = self.query_one("#typed", Input)
        if count > TYPED_ABOVE and typed.value.strip() != str(count):
            typed.focus()
            self.say_problem(
                f"That many messages: type {count} and press Enter to {_verb(plan)} them."
            )
            return
        self._confirming = True
        self.ask(
            lambda desk: desk.confirm(plan.run_id),
            lambda _: self.dismiss(plan.run_id),
            group="confirm",
            otherwise=self._not_confirmed,
        )

    def _not_confirmed(self, error: Exception) -> None:
        self._confirming = False
        self.failed(error)

    def action_cancel(self) -> None:
        """Send nothing."""
        if self._confirming:
            return
        self._abandoned = True
        plan = self._plan
        if plan is None:
            self.dismiss(None)
        else:
            self.ask(
                lambda desk: desk.discard(plan.run_id),
                lambda _: self.dismiss(None),
                group="discard",
                otherwise=lambda _: self.dismiss(None),
            )


def _decided(plan: Plan) -> int:
    """How many messages leave; where none does, how many are skipped for good."""
    return plan.total or sum(count for _, count in plan.skipping)


def _verb(plan: Plan) -> str:
    """What confirming does: where nothing leaves, marketing is written down as skipped."""
    return "skip" if plan.skipping and not plan.total else "send"


def plan_text(plan: Plan, health: Health, selection: Selection, look: Look) -> Text:
    """A dry run in words."""
    text = Text()
    if plan.total:
        text.append(f"{counted(plan.total, 'message')} will go", "bold")
        text.append(f", from {counted(plan.lines, 'line')}:\n" if plan.lines else ":\n")
    else:
        text.append("Nothing of this will be sent.\n", "bold")
        if plan.skipping:
            text.append(
                "Skip only writes down that it was skipped, and why; then it waits no more.\n"
            )
    for channel, count in plan.going:
        text.append(f"  {number(count):>7}  {channel.label}\n")
    for title, reasons in (
        ("Of these go another way than the wanted one:", plan.detours),
        ("Marketing that will be skipped:", plan.skipping),
        ("Will stay:", plan.staying),
        ("Will go, but our own check will stop it:", plan.failing),
        ("Look at this first:", plan.warnings),
    ):
        if reasons:
            text.append(f"{title}\n", "bold")
            for reason, count in reasons:
                text.append(f"  {number(count):>7}  {one_line(reason, 120)}\n")
    if plan.others or selection.include_others:
        sign = "x" if selection.include_others else " "
        others = counted(plan.others, "other communication")
        text.append(f"[{sign}] o: also {others} of these subjects that need attention\n")
    if plan.total and not health.workers:
        text.append(
            "No worker is running: they will wait until one does (commtui worker).\n", "bold"
        )
    text.rstrip()
    return Text(look.plain(text.plain), spans=text.spans) if look.ascii else text
