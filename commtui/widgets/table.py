"""The virtual table: paints only what is visible, of a list that is loaded page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from commtui.domain.lines import Line, Page, PageKey, Sort
from commtui.domain.vocabulary import STATUS_LOOKS, Chip
from commtui.widgets.columns import MARK_WIDTH, ColumnKey, cell, layout
from commtui.widgets.look import Look
from commtui.widgets.pages import Wanted, Window

_MOVES = (
    ("j,down", "move(1)", "Next line", "list.down"),
    ("k,up", "move(-1)", "Line before", "list.up"),
    ("pagedown", "page(1)", "Next page", "list.page_down"),
    ("pageup", "page(-1)", "Page before", "list.page_up"),
    ("ctrl+d", "half(1)", "Half a page down", "list.half_down"),
    ("ctrl+u", "half(-1)", "Half a page up", "list.half_up"),
    ("g,home", "first", "First line", "list.first"),
    ("G,end", "last", "Last line", "list.last"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A range of lines between the line where it began and the cursor."""

    origin: int
    sticky: bool
    line_id: str
    place: tuple[PageKey | None, int] | None
    """Where it began, as a key and an offset after it."""


class LineTable(ScrollView, can_focus=True):
    """The lines of a list, with marks, cursor and header; asks for pages with `Needs`."""

    BINDINGS = [
        Binding(keys, action, words, show=False, id=name) for keys, action, words, name in _MOVES
    ]
    COMPONENT_CLASSES = {
        "table--header",
        "table--cursor",
        "table--cursor-away",
        "table--marked",
        "table--dim",
        "table--failed",
        "table--waiting",
        "table--completed",
    }
    DEFAULT_CSS = """
    LineTable {
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        background: $background;
        .table--header { background: $panel; color: $foreground; text-style: bold; }
        .table--cursor { background: $primary 60%; color: $text; text-style: bold; }
        .table--cursor-away { background: $surface-lighten-2; color: $foreground; }
        .table--marked { color: $warning; text-style: bold; }
        .table--dim { color: $foreground 50%; }
        .table--failed { color: $text-error; }
        .table--waiting { color: $text-warning; }
        .table--completed { color: $text-success; }
    }
    LineTable:ansi {
        background: ansi_default;
        .table--header { background: ansi_default; color: ansi_default; text-style: bold underline; }
        .table--cursor { background: ansi_default; color: ansi_default; text-style: bold reverse; }
        .table--cursor-away { background: ansi_default; color: ansi_default; text-style: bold; }
        .table--marked { color: ansi_yellow; text-style: bold; }
        .table--dim { color: ansi_default; text-style: dim; }
        .table--failed { color: ansi_red; }
        .table--waiting { color: ansi_yellow; }
        .table--completed { color: ansi_green; }
    }
    LineTable.-plain { scrollbar-size-vertical: 0; }
    """

    class Needs(Message):
        """A page is needed."""

        def __init__(self, wanted: Wanted) -> None:
            super().__init__()
            self.wanted = wanted

    class Moved(Message):
        """The cursor is on another line, or its line changed; a plain move ends a range that is held."""

        def __init__(self, *, by_key: bool) -> None:
            super().__init__()
            self.by_key = by_key

    def __init__(
        self, look: Look, is_marked: Callable[[Line], bool], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.window = Window()
        self.sort = Sort()
        self.span: Span | None = None
        self._look = look
        self._is_marked = is_marked
        self._cursor = 0
        self._asked: Wanted | None = None
        self._reloading = False
        self._words: tuple[str, ...] = ()
        self.set_class(look.ascii, "-plain")

    # What is where

    @property
    def cursor(self) -> int:
        """The index of the cursor's line."""
        return self._cursor

    @property
    def line(self) -> Line | None:
        """The line under the cursor, once it is loaded."""
        return self.window.line(self._cursor)

    @property
    def rows(self) -> int:
        """How many lines fit below the header."""
        return max(1, self.size.height - 1)

    @property
    def top(self) -> int:
        """The index of the first visible line."""
        return round(self.scroll_y)

    @property
    def in_view(self) -> tuple[Line, ...]:
        """The loaded lines that are on the screen."""
        here = range(self.top, min(self.top + self.rows, self.window.total))
        return tuple(line for index in here if (line := self.window.line(index)))

    def span_indexes(self) -> range:
        """The indexes of the range that is being marked."""
        if self.span is None:
            return range(0)
        low, high = sorted((self.span.origin, self._cursor))
        return range(low, high + 1)

    def begin_span(self, *, sticky: bool) -> None:
        """Draw a range from the cursor's line on."""
        if self.line is not None:
            place = self.window.place_of(self._cursor)
            self.span = Span(self._cursor, sticky, self.line.id, place)
            self.refresh()

    # Taking in

    def begin(self) -> int:
        """Start over under a new query or order; what is shown stays until `show`."""
        self._asked = None
        self._reloading = True
        return self.window.begin()

    def show(
        self,
        pages: tuple[Page, ...],
        index: int,
        *,
        complete: bool,
        before: PageKey | None = None,
        keep: str | None = None,
        offset: int | None = None,
    ) -> None:
        """Show a newly loaded list; the cursor stays on line `keep`, `offset` rows below the top, if it is there."""
        self._reloading = False
        self.window.fill(pages, index, complete=complete, before=before)
        self.span = None
        found = self.window.index_of(keep) if keep else None
        if found is not None:
            self._cursor = found
            top = found - offset if offset is not None else self.top
        else:
            self._cursor = min(self._cursor, max(self.window.total - 1, 0)) if keep else 0
            top = self._cursor - offset if keep and offset is not None else 0
        self._resize(top)
        self.post_message(self.Moved(by_key=False))

    def say(self, words: tuple[str, ...]) -> None:
        """What to show in place of lines while there are none."""
        self._words = words
        self.refresh()

    def take(self, wanted: Wanted, page: Page) -> None:
        """Put in a page that `Needs` asked for."""
        if wanted.generation != self.window.generation:
            return
        self._asked = None
        shift = self.window.take(wanted, page)
        self._shift(shift)

    def failed(self, wanted: Wanted) -> None:
        """The page could not be loaded: it may be asked for again."""
        if self._asked == wanted:
            self._asked = None

    def count(self, total: int) -> None:
        """Say how many lines the list has."""
        self._shift(self.window.count(total))

    def update(self, line: Line) -> None:
        """Show a line's new state in its place."""
        index = self.window.replace(line)
        if index is not None:
            self.refresh_line(index + 1)
            if index == self._cursor:
                self.post_message(self.Moved(by_key=False))

    def _shift(self, shift: int) -> None:
        self._cursor = max(0, min(self._cursor + shift, self.window.total - 1))
        if self.span:
            self.span = replace(self.span, origin=self.span.origin + shift)
        self._resize(self.top + shift)
        self.post_message(self.Moved(by_key=False))

    def _resize(self, top: int) -> None:
        self.virtual_size = Size(self.size.width, self.window.total + 1)
        top = max(0, min(top, self.window.total - self.rows))
        self.scroll_to(y=self._scrolled_to_cursor(top), animate=False, force=True)
        self.refresh()
        self._ask()

    def _ask(self) -> None:
        if self._asked is None and not self._reloading:
            first = min(self.top, self._cursor)
            last = max(min(self.top + self.rows, self.window.total) - 1, self._cursor)
            if last - first > 2 * self.rows:
                first = last = self._cursor
            self._asked = self.window.want(first, last)
            if self._asked:
                self.post_message(self.Needs(self._asked))

    # Moving

    def go_to(self, index: int, *, by_key: bool = True) -> None:
        """Put the cursor on an index and scroll it into view."""
        index = max(0, min(index, self.window.total - 1))
        before, self._cursor = self._cursor, index
        top = self._scrolled_to_cursor(self.top)
        if self.span or not self.is_mounted:
            self.refresh()
        else:
            self.refresh_line(before + 1)
            self.refresh_line(index + 1)
        if top != self.top:
            self.scroll_to(y=top, animate=False, force=True)
        self._ask()
        self.post_message(self.Moved(by_key=by_key))

    def _scrolled_to_cursor(self, top: int) -> int:
        return max(0, min(max(top, self._cursor - self.rows + 1), self._cursor))

    def action_move(self, step: int) -> None:
        """Move the cursor by lines."""
        self.go_to(self._cursor + step)

    def action_page(self, direction: int) -> None:
        """Move the cursor and the view by a page."""
        self._scroll_by(direction * max(1, self.rows - 1))

    def action_half(self, direction: int) -> None:
        """Move the cursor and the view by half a page."""
        self._scroll_by(direction * max(1, self.rows // 2))

    def _scroll_by(self, step: int) -> None:
        top = max(0, min(self.top + step, self.window.total - self.rows))
        if top != self.top:
            self.scroll_to(y=top, animate=False, force=True)
        self.go_to(self._cursor + step)

    def action_first(self) -> None:
        """Move to the first line."""
        self.go_to(0)

    def action_last(self) -> None:
        """Move to the last line."""
        self.go_to(self.window.total - 1)

    # Painting

    def on_resize(self) -> None:
        """Fit the columns and keep the cursor in view."""
        self._resize(self.top)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.size.width
        base = self.rich_style
        if y == 0:
            return self._header(
                width, base + self.get_component_rich_style("table--header", partial=True)
            )
        index = self.top + y - 1
        if index >= self.window.total:
            return self._empty(y, width, base)
        line = self.window.line(index)
        at_cursor = index == self._cursor
        style = base
        if at_cursor:
            name = "table--cursor" if self.has_focus else "table--cursor-away"
            style = base + self.get_component_rich_style(name, partial=True)
        if line is None:
            return Strip(
                [Segment(set_cell_size("  " + self._look.plain("…"), width), style)], width
            )
        return Strip(self._row(line, width, style, index, at_cursor), width)

    def _row(
        self, line: Line, width: int, style: Style, index: int, at_cursor: bool
    ) -> list[Segment]:
        marked = index in self.span_indexes() or self._is_marked(line)
        part = self.get_component_rich_style
        if (line.ignored or line.settled_at) and not at_cursor:
            style += part("table--dim", partial=True)
            status_style = style
        elif at_cursor:
            status_style = style
        else:
            status_style = style + part(_STATUS_STYLE[_chip(line)], partial=True)
        sign = self._look.plain("●") if marked else " "
        mark_style = style if at_cursor else style + part("table--marked", partial=True)
        segments = [Segment(set_cell_size(sign, MARK_WIDTH), mark_style if marked else style)]
        for column, cells in layout(width):
            text = fit(cell(line, column.key, self._look, cells), cells, self._look)
            segments.append(
                Segment(text + " ", status_style if column.key is ColumnKey.STATUS else style)
            )
        return segments

    def _empty(self, y: int, width: int, style: Style) -> Strip:
        words = (
            self._words[y - 2] if self.window.total == 0 and 0 <= y - 2 < len(self._words) else ""
        )
        text = self._look.plain(f"  {words}") if words else ""
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def _header(self, width: int, style: Style) -> Strip:
        text = " " * MARK_WIDTH
        for column, cells in layout(width):
            title = column.title
            if column.sort is self.sort.key:
                title += self._look.plain("▼" if self.sort.descending else "▲")
            text += set_cell_size(title, cells) + " "
        return Strip([Segment(set_cell_size(text, width), style)], width)


_STATUS_STYLE = {
    Chip.FAILED: "table--failed",
    Chip.NOT_SENT: "table--waiting",
    Chip.COMPLETED: "table--completed",
}


def _chip(line: Line) -> Chip:
    """The colour goes by the line's own status; other communications have their own sign."""
    return STATUS_LOOKS[line.status].chip or line.chip


def fit(text: str, cells: int, look: Look) -> str:
    """Text in exactly so many cells, with a sign where it was cut."""
    if cell_len(text) <= cells:
        return set_cell_size(text, cells)
    return set_cell_size(text, cells - 1) + look.plain("…")
