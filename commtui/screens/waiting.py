"""What waited for an address that works now: offered, then sent by the usual dry run and its confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Button, Static

from commtui.domain.lines import Selection
from commtui.domain.vocabulary import Tab
from commtui.screens.asking import Asking
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.screens.running import ProgressPanel
from commtui.screens.sending import SendPanel
from commtui.widgets.look import Look, counted


class WaitingPanel(Panel[bool]):
    """Offers what waited; True goes on to the dry run, which asks again."""

    HINTS = (("Tab Enter", "choose"),)

    def __init__(self, link: Link, look: Look, count: int) -> None:
        super().__init__(link, look, "The address is corrected")
        self._count = count

    def body(self) -> ComposeResult:
        """How many, and that nothing leaves yet."""
        words = f"{counted(self._count, 'message')} failed at, or waited for, this address."
        yield Static(self.look.say(f"{words} Send {'it' if self._count == 1 else 'them'} now?"))
        yield Static(
            self.look.say("The dry run comes first; nothing leaves before it is confirmed.")
        )

    def buttons(self) -> tuple[Button, ...]:
        """On to the dry run, or not."""
        return self.button("Dry run", "go"), self.button("Not now", "cancel")

    def action_go(self) -> None:
        """On to the dry run."""
        self.dismiss(True)


def offer_waiting(
    screen: Asking[Any], communications: tuple[str, ...], then: Callable[[], object]
) -> None:
    """Offer to send these; `then` follows when the operator is back, whatever they chose."""

    def chosen(go: bool | None) -> None:
        if go:
            send_waiting(screen, communications, then)
        else:
            then()

    panel = WaitingPanel(screen.link, screen.look, len(communications))
    screen.app.push_screen(panel, chosen)


def send_waiting(
    screen: Asking[Any], communications: tuple[str, ...], then: Callable[[], object]
) -> None:
    """The dry run of exactly these, and the run's progress once it is confirmed."""

    def confirmed(run_id: str | None) -> None:
        if run_id is None:
            then()
        else:
            screen.app.push_screen(ProgressPanel(screen.link, screen.look, run_id), seen)

    def seen(_: None) -> None:
        then()

    selection = Selection(Tab.OVERVIEW, ids=communications)
    words = f"what waited for an address, {counted(len(communications), 'message')}"
    panel = SendPanel(screen.link, screen.look, selection, words, communications)
    screen.app.push_screen(panel, confirmed)
