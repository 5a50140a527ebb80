"""Small panels that want a word with a decision: ignore, complete a manual task, settle an unknown outcome."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from commtui.domain.lines import Line, Selection
from commtui.domain.views import Decision
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.boxes import LineBox
from commtui.widgets.look import Look, counted


class WordPanel(Panel[str]):
    """One line to write above the buttons; the answer says what was done."""

    QUESTION = ""
    HINTS = (("Tab", "buttons"),)

    def body(self) -> ComposeResult:
        """What it is about, and where to write."""
        yield Static(self.look.say(self.QUESTION), id="text")
        box = LineBox(id="words")
        yield box

    @property
    def words(self) -> str:
        """What was written."""
        return self.query_one("#words", Input).value.strip()

    @property
    def unsaved(self) -> bool:
        """Whether something was written."""
        return bool(self.words)


class IgnorePanel(WordPanel):
    """Ignore lines, or bring them back, with a reason."""

    HINTS = (("Enter", "do it"),)

    def __init__(
        self, link: Link, look: Look, selection: Selection, words: str, *, back: bool
    ) -> None:
        super().__init__(link, look, f"{'Bring back' if back else 'Ignore'} {words}")
        self._selection = selection
        self._back = back

    QUESTION = (
        "Reason (kept in the audit trail; a new attempt or a worse status comes back by itself):"
    )

    def buttons(self) -> tuple[Button, ...]:
        """Do it or not."""
        return (
            self.button("Bring back" if self._back else "Ignore", "do"),
            self.button("Cancel", "cancel"),
        )

    @on(Input.Submitted)
    def action_do(self) -> None:
        """Ignore, or bring back."""
        reason = self.words
        if not reason and not self._back:
            self.say_problem("Say why in a few words: somebody will ask.")
            return
        verb = "brought back" if self._back else "ignored"
        self.ask(
            lambda desk: (
                desk.unignore(self._selection, reason)
                if self._back
                else desk.ignore(self._selection, reason)
            ),
            lambda count: self.dismiss(f"{counted(count, 'line')} {verb}."),
            group="ignore",
        )


class CompletePanel(WordPanel):
    """Complete a manual task with a note."""

    QUESTION = "What was done:"
    HINTS = (("Enter", "complete"),)

    def __init__(self, link: Link, look: Look, line: Line) -> None:
        super().__init__(link, look, f"Complete the task: {line.category} {line.reference}")
        self._entry_id = line.entry_id or ""

    def buttons(self) -> tuple[Button, ...]:
        """Do it or not."""
        return self.button("Complete", "do"), self.button("Cancel", "cancel")

    @on(Input.Submitted)
    def action_do(self) -> None:
        """Complete it."""
        note = self.words
        if not note:
            self.say_problem("Write what was done: the log keeps it.")
            return
        self.ask(
            lambda desk: desk.complete(self._entry_id, note),
            lambda _: self.dismiss("The task is done."),
            group="complete",
        )


class SettlePanel(WordPanel):
    """Settle an entry whose outcome nobody recorded; nothing is decided by a key alone, nor without a note."""

    QUESTION = (
        "The request left, but no answer was recorded: it may have been sent. Look it up at the provider or ask the"
        " recipient, then decide.\nWhat you found out:"
    )
    HINTS = (("Tab Enter", "choose"),)

    def __init__(self, link: Link, look: Look, line: Line) -> None:
        super().__init__(link, look, f"Outcome unknown: {line.category} {line.reference}")
        self._entry_id = line.entry_id or ""

    def buttons(self) -> tuple[Button, ...]:
        """Cancel comes first."""
        cancel = self.button("Cancel", "cancel")
        cancel.id = "cancel"
        return (
            cancel,
            self.button("It was sent", "settle('sent')"),
            self.button("Send again", "settle('again')"),
            self.button("Give up", "settle('give-up')"),
        )

    def action_settle(self, decision: str) -> None:
        """Record the decision."""
        chosen, note = Decision(decision), self.words
        if not note:
            self.say_problem("Write what you found out: the log keeps it.")
            return
        self.ask(
            lambda desk: desk.settle(self._entry_id, chosen, note),
            lambda entry_id: self.dismiss(
                _SETTLED[chosen] + (" It is a new line of the log." if entry_id else "")
            ),
            group="settle",
        )


_SETTLED = {
    Decision.SENT: "Settled: it was sent.",
    Decision.AGAIN: "Settled: it is sent again.",
    Decision.GIVE_UP: "Settled: given up.",
}
