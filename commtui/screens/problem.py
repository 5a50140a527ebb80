"""Our own errors as a panel: what happened, what it means, what to do. Never a traceback."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Static

from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.screens.wording import Problem
from commtui.widgets.look import Look


class ProblemPanel(Panel[None]):
    """Says what is wrong; any of its keys closes it."""

    BINDINGS = [Binding("escape", "cancel", "close", id="problem.close")]

    def __init__(self, link: Link, look: Look, problem: Problem) -> None:
        super().__init__(link, look, problem.title)
        self._problem = problem

    def body(self) -> ComposeResult:
        """Sentence and remedy."""
        yield Static(self.look.passage(self._problem.sentence, 2000))
        if self._problem.remedy:
            yield Static(self.look.say(f"\n{self._problem.remedy}"))

    def buttons(self) -> tuple[Button, ...]:
        """Only one way on."""
        return (self.button("Close", "cancel"),)


class AwayPanel(ProblemPanel):
    """The database is away; the list closes this panel when it is back."""
