"""A change that has to say why: one question, one line for the reason, and nothing happens without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from commtui.screens.deciding import WordPanel
from commtui.screens.link import Link
from commtui.widgets.boxes import LineBox
from commtui.widgets.look import Look

if TYPE_CHECKING:
    from commtui.services.desk import Desk


class ReasonPanel(WordPanel):
    """Asks for a reason, then does it; the answer says what was done."""

    HINTS = (("Enter", "do it"),)

    def __init__(
        self,
        link: Link,
        look: Look,
        title: str,
        question: str,
        verb: str,
        act: Callable[[Desk, str], object],
        done: str,
    ) -> None:
        super().__init__(link, look, title)
        self._question = question
        self._verb = verb
        self._act = act
        self._done = done
        self._doing = False

    def body(self) -> ComposeResult:
        """What it is about, and where to write why."""
        yield Static(self.look.passage(self._question, 2000), id="text")
        box = LineBox(id="words", placeholder="reason")
        yield box

    def buttons(self) -> tuple[Button, ...]:
        """Do it or not."""
        return self.button(self._verb, "do"), self.button("Cancel", "cancel")

    @on(Input.Submitted)
    def action_do(self) -> None:
        """Do it, once."""
        reason = self.words
        if not reason:
            self.say_problem("Say why in a few words: the audit trail keeps it.")
        elif not self._doing:
            self._doing = True
            self.ask(
                lambda desk: self._act(desk, reason),
                lambda _: self.dismiss(self._done),
                group="reason",
                otherwise=self._not_done,
            )

    def _not_done(self, error: Exception) -> None:
        self._doing = False
        self.failed(error)
