"""The preview pane: what is known about the cursor's line, without a panel over the list."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from commtui.domain.lines import Line
from commtui.widgets.look import Look
from commtui.widgets.timeline import fields, headline


class Preview(VerticalScroll, can_focus=False):
    """Beside the list where the terminal is wide, else beneath it."""

    DEFAULT_CSS = """
    Preview { display: none; width: 44; height: 100%; padding: 0 1; background: $surface; border-left: solid $primary; }
    Preview.-open { display: block; }
    Preview:ansi { background: ansi_default; color: ansi_default; }
    """

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static()

    def show(self, here: Line | None) -> None:
        """Show a line."""
        look = self._look
        if here is None:
            self.query_one(Static).update(Text())
            return
        pairs = [
            ("Reference", f"{here.category} {here.reference}"),
            ("Title", here.title),
            ("Customer", f"{here.customer_name} ({here.customer_id})"),
            ("Recipient", here.recipient),
            ("Type", f"{here.channel.label} {here.provider}"),
            ("Kind", here.kind),
            ("Time", look.full(here.acted_at)),
            ("Attempts", str(here.attempts)),
            ("Error", f"{here.error_code} {here.error_message}".strip()),
            ("Note", here.note),
        ]
        self.query_one(Static).update(headline(here, look).append("\n").append(fields(pairs)))
