"""Our own errors as a panel: what happened, what it means, what to do. Never a traceback."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Static

from commtui.domain.text import line, safe
from commtui.errors import Ambiguous, ConfigError, DatabaseAway, NotFound, Refused, UsageError
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.look import Look


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in words."""

    title: str
    sentence: str
    remedy: str


_TITLES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        DatabaseAway,
        "Database away",
        "The console reconnects by itself. Nothing that was confirmed is lost.",
    ),
    (Refused, "Not done", ""),
    (
        NotFound,
        "Not there",
        "It may have been removed from the list meanwhile; r loads the list anew.",
    ),
    (Ambiguous, "Not clear", ""),
    (UsageError, "That cannot be done", ""),
    (ConfigError, "A setting is wrong", "Correct it and start commtui again."),
)


def describe(error: Exception) -> Problem:
    """An error as an operator should read it."""
    for kind, title, remedy in _TITLES:
        if isinstance(error, kind):
            return Problem(title, str(error), remedy)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Problem(
                "Disk full",
                "There is no room left where this had to be written.",
                "Free some space, or choose another folder, and try again.",
            )
        return Problem("File trouble", error.strerror or "The file cannot be used.", "")
    return Problem(
        "Something went wrong inside commtui",
        f"{type(error).__name__}: {error}",
        "Nothing was sent twice by it. The log file says more; r loads the list anew.",
    )


class ProblemPanel(Panel[None]):
    """Says what is wrong; any of its keys closes it."""

    BINDINGS = [Binding("enter,escape", "cancel", "Close", id="problem.close")]

    def __init__(self, link: Link, look: Look, problem: Problem) -> None:
        super().__init__(link, look, line(problem.title, 60))
        self._problem = problem

    def body(self) -> ComposeResult:
        """Sentence and remedy."""
        yield Static(self.look.passage(safe(self._problem.sentence, 2000)))
        if self._problem.remedy:
            yield Static(self.look.say(f"\n{self._problem.remedy}"))

    def buttons(self) -> tuple[Button, ...]:
        """Only one way on."""
        return (self.button("Close", "cancel"),)


class AwayPanel(ProblemPanel):
    """The database is away; the list closes this panel when it is back."""
