"""One line of keys to choose from, in place of the key hints: the second half of a chord such as f then t."""

from __future__ import annotations

from textual import events
from textual.app import RenderResult
from textual.binding import Binding
from textual.widget import Widget

from commtui.domain.text import line
from commtui.widgets.look import Look


class KeyMenu(Widget, can_focus=True):
    """Waits for one key; any other key closes it. Actions run on the screen."""

    TITLE = ""
    DEFAULT_CSS = """
    KeyMenu { height: 1; background: $primary 40%; color: $text; display: none; }
    KeyMenu.-open { display: block; }
    KeyMenu:ansi { background: ansi_default; color: ansi_default; text-style: reverse; }
    """

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._back: Widget | None = None

    def open(self) -> None:
        """Take the keys until one is chosen."""
        focused = self.screen.focused
        if not isinstance(focused, KeyMenu):
            self._back = focused
        self.add_class("-open")
        self.screen.add_class("-menu")
        # at once: a focus that comes later could land on a menu that fast keys have closed again
        self.screen.set_focus(self)

    def close(self) -> None:
        """Give the keys back."""
        self._hide()
        if self.screen.focused is self:
            self.screen.set_focus(self._back)

    def on_focus(self) -> None:
        """A closed menu keeps no keys, however it came by them."""
        if not self.has_class("-open"):
            self.close()

    def on_blur(self) -> None:
        """Something else took the keys."""
        self._hide()

    def _hide(self) -> None:
        self.remove_class("-open")
        self.screen.remove_class("-menu")

    async def on_key(self, event: events.Key) -> None:
        """Close at once; a key that is not on the menu does nothing else."""
        event.stop()
        event.prevent_default()
        chosen = [
            binding
            for binding in self._bindings.key_to_bindings.get(event.key, [])
            if event.key != "escape"
        ]
        self.close()
        for binding in chosen:
            await self.screen.run_action(binding.action)

    def render(self) -> RenderResult:
        """The keys and what they choose."""
        keys = "  ".join(
            f"{binding.key_display or binding.key} {binding.description}"
            for binding in type(self).BINDINGS
            if isinstance(binding, Binding) and binding.description
        )
        return self._look.say(line(f" {self.TITLE}  {keys}  Esc"), "bold")


class FilterMenu(KeyMenu):
    """f: which filter."""

    TITLE = "Filter by"
    BINDINGS = [
        Binding("t", "filter_by('channels')", "type", id="filter.type"),
        Binding("k", "filter_by('categories')", "category", id="filter.category"),
        Binding("d", "filter_dates", "dates", id="filter.dates"),
        Binding("u", "filter_by('customer')", "customer", id="filter.customer"),
        Binding("s", "filter_by('statuses')", "status", id="filter.status"),
        Binding("l", "filter_by('location_groups')", "location", id="filter.location"),
        Binding("i", "filter_ignored", "ignored", id="filter.ignored"),
    ]


class LikeMenu(KeyMenu):
    """`,`: only rows like this one, by which column."""

    TITLE = "Rows like this one: same"
    BINDINGS = [
        Binding("e", "like('error_key')", "error cause", id="like.error"),
        Binding("u", "like('customer')", "customer", id="like.customer"),
        Binding("k", "like('categories')", "category", id="like.category"),
        Binding("t", "like('channels')", "type", id="like.type"),
        Binding("s", "like('statuses')", "status", id="like.status"),
    ]


class SortMenu(KeyMenu):
    """o: which column to sort by; the same one again turns the order round."""

    TITLE = "Sort by"
    BINDINGS = [
        Binding("t", "sort_by('time')", "time", id="sort.time"),
        Binding("r", "sort_by('reference')", "reference", id="sort.reference"),
        Binding("u", "sort_by('customer')", "customer", id="sort.customer"),
        Binding("s", "sort_by('status')", "status", id="sort.status"),
    ]


class CopyMenu(KeyMenu):
    """y: what to copy."""

    TITLE = "Copy"
    BINDINGS = [
        Binding("y", "copy('row')", "row", id="copy.row"),
        Binding("e", "copy('error')", "error", id="copy.error"),
        Binding("i", "copy('id')", "id", id="copy.id"),
        Binding("r", "copy('recipient')", "recipient", id="copy.recipient"),
        Binding("v", "copy('view')", "command line of this view", id="copy.view"),
    ]
