"""The search box: reports its text once typing pauses; Enter keeps it, Esc clears it, both go back to the list."""

from __future__ import annotations

from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from commtui.widgets.boxes import LineBox

PAUSE_SECONDS = 0.2


class SearchBox(LineBox):
    """One line for what to look for."""

    BINDINGS = [
        Binding("escape", "clear_search", "Clear the search", show=False, id="search.clear"),
        Binding("down", "keep_search", "Back to the list", show=False, id="search.down"),
    ]
    DEFAULT_CSS = """
    SearchBox, SearchBox:focus { height: 1; border: none; padding: 0 1; background: $surface; }
    SearchBox:focus { background: $primary 30%; }
    SearchBox:ansi, SearchBox:ansi:focus { background: ansi_default; color: ansi_default; }
    SearchBox:ansi:focus { text-style: underline; }
    """

    class Searched(Message):
        """The text to look for is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The operator goes back to the list."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="/ search: reference, customer, recipient, message id, error", id=id
        )
        self._pause: Timer | None = None
        self._reported = ""

    def put(self, text: str) -> None:
        """Show a text that was set elsewhere."""
        self.value = text
        self._reported = self.value

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        if self.value != self._reported:
            self._pause = self.set_timer(PAUSE_SECONDS, self._report)

    def _report(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        if self.value != self._reported:
            self._reported = self.value
            self.post_message(self.Searched(self.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep_search()

    def action_keep_search(self) -> None:
        """Look now and go back to the list."""
        self._report()
        self.post_message(self.Left())

    def action_clear_search(self) -> None:
        """Look for nothing and go back to the list."""
        self.value = ""
        self.action_keep_search()
