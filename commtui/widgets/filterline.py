"""The filter line: every active filter in words, each of them removable."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from commtui.widgets.look import Look


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """One active filter: the field it is about, and its words, safe for a terminal."""

    field: str
    words: str


class FilterLine(Widget, can_focus=True):
    """What narrows the list; with the focus here, arrows choose a filter and x or Delete removes it."""

    BINDINGS = [
        Binding("left", "step(-1)", "Filter before", show=False, id="filters.left"),
        Binding("right", "step(1)", "Next filter", show=False, id="filters.right"),
        Binding(
            "x,delete,backspace", "remove", "Remove this filter", show=False, id="filters.remove"
        ),
    ]
    COMPONENT_CLASSES = {"filters--chosen", "filters--hint", "filters--active"}
    DEFAULT_CSS = """
    FilterLine { height: 1; padding: 0 1;
        .filters--chosen { background: $primary; color: $text; text-style: bold; }
        .filters--hint { text-style: dim; }
        .filters--active { color: $text-accent; text-style: bold; }
    }
    FilterLine:ansi { background: ansi_default; color: ansi_default;
        .filters--chosen { background: ansi_default; color: ansi_default; text-style: bold reverse; }
        .filters--active { color: ansi_default; text-style: bold; }
    }
    """

    class Removed(Message):
        """A filter is to go."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._filters: tuple[ActiveFilter, ...] = ()
        self._place = 0

    def show(self, filters: tuple[ActiveFilter, ...]) -> None:
        """The active filters."""
        self._filters = filters
        self._place = max(0, min(self._place, len(filters) - 1))
        self.refresh()

    def action_step(self, step: int) -> None:
        """Choose a neighbour."""
        if self._filters:
            self._place = (self._place + step) % len(self._filters)
            self.refresh()

    def action_remove(self) -> None:
        """Remove the chosen filter."""
        if self._filters:
            self.post_message(self.Removed(self._filters[self._place].field))

    def on_focus(self) -> None:
        """Show which filter is chosen."""
        self.refresh()

    def on_blur(self) -> None:
        """Show no choice."""
        self.refresh()

    def render(self) -> RenderResult:
        """The filters in words."""
        hint = self.get_component_rich_style("filters--hint", partial=True)
        active = self.get_component_rich_style("filters--active", partial=True)
        chosen = self.get_component_rich_style("filters--chosen", partial=True)
        text = Text(no_wrap=True, overflow="ellipsis")
        if not self._filters:
            return text.append("No filters", hint).append("   f filter  o sort", hint)
        text.append("Filters: ", hint)
        for place, filter_ in enumerate(self._filters):
            if place:
                text.append(self._look.plain(" · "), hint)
            here = self.has_focus and place == self._place
            text.append(filter_.words, chosen if here else active)
        return text.append("   x clears", hint)
