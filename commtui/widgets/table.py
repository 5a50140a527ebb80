"""The virtual table: a list that is loaded page by page while the cursor moves through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message

from commtui.domain.lines import Line, Page, PageKey
from commtui.widgets.columns import widest_reference
from commtui.widgets.look import Look
from commtui.widgets.pages import Wanted
from commtui.widgets.painting import PaintedLines, Span

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


class LineTable(PaintedLines, can_focus=True):
    """The lines of a list, with marks, cursor and header; asks for pages with `Needs`."""

    BINDINGS = [
        Binding(keys, action, words, show=False, id=name) for keys, action, words, name in _MOVES
    ]

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
        super().__init__(look, is_marked, id=id)
        self._asked: Wanted | None = None
        self._reloading = False

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
        self._reference_cells = 0
        self.window.fill(pages, index, complete=complete, before=before)
        self.span = None
        found = self.window.index_of(keep) if keep else None
        if found is not None:
            self._cursor = found
        elif offset is None:
            self._cursor = 0
        self._cursor = max(0, min(self._cursor, self.window.total - 1))
        top = 0 if offset is None else self._cursor - offset
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
        self._reference_cells = max(self._reference_cells, widest_reference(self.window.lines))
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

    def on_resize(self) -> None:
        """Fit the columns and keep the cursor in view."""
        self._resize(self.top)
