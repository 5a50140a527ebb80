"""The list as it is painted: header, rows, marks and cursor; only what is visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from commtui.domain.lines import Line, PageKey, Sort
from commtui.domain.vocabulary import STATUS_LOOKS, Chip
from commtui.widgets.columns import MARK_WIDTH, ColumnKey, cell, layout
from commtui.widgets.look import Look
from commtui.widgets.pages import Window


@dataclass(frozen=True, slots=True)
class Span:
    """A range of lines between the line where it began and the cursor."""

    origin: int
    sticky: bool
    line_id: str
    place: tuple[PageKey | None, int] | None
    """Where it began, as a key and an offset after it."""


class PaintedLines(ScrollView):
    """A list of lines on the screen."""

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
    PaintedLines {
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        background: $background;
        .table--header { background: $panel; color: $foreground; text-style: bold; }
        .table--cursor { background: $primary 60%; color: $text; text-style: bold; }
        .table--cursor-away { background: $surface-lighten-2; color: $foreground; }
        .table--marked { color: $warning; text-style: bold; }
        .table--dim { text-style: dim; }
        .table--failed { color: $text-error; }
        .table--waiting { color: $text-warning; }
        .table--completed { color: $text-success; }
    }
    PaintedLines:ansi {
        background: ansi_default;
        .table--header { background: ansi_default; color: ansi_default; text-style: bold underline; }
        .table--cursor { background: ansi_default; color: ansi_default; text-style: bold reverse; }
        .table--cursor-away { background: ansi_default; color: ansi_default; text-style: bold; }
        .table--marked { color: ansi_yellow; text-style: bold; }
        .table--dim { text-style: dim; }
        .table--failed { color: ansi_red; }
        .table--waiting { color: ansi_yellow; }
        .table--completed { color: ansi_green; }
    }
    PaintedLines.-plain { scrollbar-size-vertical: 0; }
    """

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
        self._words: tuple[str, ...] = ()
        self._reference_cells = 0
        self._base = Style()
        self.set_class(look.ascii, "-plain")

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

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows of the screen; what they have in common is worked out once."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, base = self.size.width, self._base
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
        for column, cells in layout(width, self._reference_cells):
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
        for column, cells in layout(width, self._reference_cells):
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
