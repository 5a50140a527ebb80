"""Asked before quitting only when something that was typed would be lost."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Button, Static

from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.look import Look


class LeavePanel(Panel[bool]):
    """True: quit and lose it."""

    def __init__(self, link: Link, look: Look) -> None:
        super().__init__(link, look, "Quit?")

    def body(self) -> ComposeResult:
        """What would be lost."""
        yield Static(self.look.say("What you typed is not saved."))

    def buttons(self) -> tuple[Button, ...]:
        """Staying is the default."""
        return self.button("Stay", "cancel"), self.button("Quit without saving", "discard")

    def action_discard(self) -> None:
        """Quit."""
        self.dismiss(True)
