"""Marks and ranges, and what an action is done to: the marked lines, else the cursor's line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from textual import on
from textual.binding import Binding

from commtui.domain.lines import Line, Query, Selection
from commtui.domain.vocabulary import Chip
from commtui.screens.living import LiveScreen
from commtui.screens.marks import Marks, matches, read_matching
from commtui.screens.reading import read_range, seek_failed
from commtui.widgets.look import counted, number
from commtui.widgets.table import LineTable

RANGE_MOST = 10_000


class MarkingScreen(LiveScreen):
    """Marks outlive paging, filtering, sorting and refresh; their number is always on the status line."""

    BINDINGS = [
        Binding("space", "mark", "mark", key_display="Space", id="marks.toggle"),
        Binding("v", "range", "Range of marks", show=False, id="marks.range"),
        Binding(
            "shift+down", "stretch(1)", "Mark while going down", show=False, id="marks.stretch_down"
        ),
        Binding(
            "shift+up", "stretch(-1)", "Mark while going up", show=False, id="marks.stretch_up"
        ),
        Binding(
            "A", "mark_page", "Mark the page, again: all that match", show=False, id="marks.page"
        ),
        Binding("asterisk", "invert", "Invert marks", show=False, id="marks.invert"),
        Binding("m", "remark", "Mark the last set again", show=False, id="marks.again"),
        Binding("escape", "leave", "Leave range, marks, search", show=False, id="list.leave"),
        Binding("e", "next_failed(1)", "Next failed row", show=False, id="list.next_failed"),
        Binding("E", "next_failed(-1)", "Failed row before", show=False, id="list.failed_before"),
    ]

    marks = Marks()
    last_marks = Marks()

    def is_marked(self, line: Line) -> bool:
        """Whether a line is marked."""
        return line in self.marks

    @property
    def marked_query(self) -> Query | None:
        """The query whose lines are all marked, if there is one."""
        return self.marks.query

    def recount_marks(self, matching: int) -> None:
        """The marked query matches so many lines now."""
        if self.marks.query is not None:
            self.put_marks(replace(self.marks, matching=matching))

    def put_marks(self, marks: Marks) -> None:
        """Other marks."""
        self.marks = marks
        self.show_marks()
        self.table.refresh()

    def show_filters(self) -> None:
        """The filters, and whether the marks were made under others."""
        super().show_filters()
        self.show_marks()

    def show_marks(self) -> None:
        """Their number, with a range that is being drawn."""
        words = self.marks.words
        if self.marks.query is not None and self.marks.query != self.chosen:
            words = f"{number(self.marks.count)} marked under another filter"
        span = len(self.table.span_indexes()) if self.table.span else 0
        if span:
            words = " + ".join(filter(None, (words, f"range of {number(span)}")))
        self.status.show_marks(words)

    def clear_marks(self) -> None:
        """Take all marks away; `m` brings them back."""
        if self.marks.words:
            self.last_marks = self.marks
        self.put_marks(Marks())

    # One by one

    def action_mark(self) -> None:
        """Mark or unmark the cursor's line and move down; ends a range."""
        if self.table.span:
            self._end_span()
            return
        line = self.table.line
        if line is None:
            return
        if self.marks.query is not None and not matches(self.marks.query, line):
            self.status.notice("All that match another filter are marked; Esc clears them first.")
            return
        self.put_marks(self.marks.toggled(line))
        self.table.go_to(self.table.cursor + 1)

    # Ranges

    def action_range(self) -> None:
        """Begin a range at the cursor, or end it here."""
        if self.table.span:
            self._end_span()
        else:
            self._begin_span(sticky=True)

    def action_stretch(self, step: int) -> None:
        """Mark from here while the cursor moves with Shift."""
        if self.table.span is None:
            self._begin_span(sticky=False)
        self.table.go_to(self.table.cursor + step, by_key=False)

    def _begin_span(self, *, sticky: bool) -> None:
        if self.table.line is not None:
            self.table.begin_span(sticky=sticky)
            self.table.refresh()
            self.show_marks()

    @on(LineTable.Moved)
    def _moved(self, event: LineTable.Moved) -> None:
        span = self.table.span
        if span is None:
            return
        if event.by_key and not span.sticky:
            self._end_span()
        else:
            self.show_marks()

    def _end_span(self, then: Callable[[], None] | None = None) -> None:
        """Turn the range into marks; lines of it that are not loaded are read first."""
        table, span = self.table, self.table.span
        indexes = table.span_indexes()
        lines = [line for index in indexes if (line := table.window.line(index)) is not None]
        if span is None or len(lines) == len(indexes):
            self._mark_span([line.id for line in lines], then)
            return
        low, high = table.window.line(indexes[0]), table.window.line(indexes[-1])
        downwards = indexes[0] == span.origin
        place = span.place if downwards else table.window.place_of(indexes[0])
        last = high.id if downwards and high else span.line_id
        if place is None or (low is None and not downwards) or len(indexes) > RANGE_MOST:
            self.status.notice(
                f"A range holds at most {number(RANGE_MOST)} lines; A A marks all that match."
            )
            return
        view, (after, offset) = self.view, place
        self.ask(
            lambda desk: read_range(desk, view, after, offset, len(indexes), last),
            lambda ids: self._mark_span(ids, then),
            group="range",
        )

    def _mark_span(self, ids: Iterable[str], then: Callable[[], None] | None) -> None:
        self.table.span = None
        self.put_marks(self.marks.adding(ids))
        if then is not None:
            then()

    # Many at once

    def action_mark_page(self) -> None:
        """Mark what is on the screen; when that is marked already, everything that matches."""
        here = self.table.in_view
        if here and all(line in self.marks for line in here) and self.marks.query != self.chosen:
            self._mark_matching(frozenset())
        elif self.marks.query is None:
            self.put_marks(self.marks.adding(line.id for line in here))

    def action_invert(self) -> None:
        """Mark what is not marked among all that match, and the other way round."""
        if self.marks.query is not None:
            self.put_marks(Marks(ids=self.marks.excluded))
        else:
            self._mark_matching(self.marks.ids)

    def _mark_matching(self, but: frozenset[str]) -> None:
        view = self.view
        # at once, so that a key pressed before the exact answer means the same lines
        self.put_marks(Marks(query=view.query, excluded=but, matching=self.table.window.total))

        def refine(marks: Marks) -> None:
            if self.marks.query == view.query:
                self.put_marks(marks)

        self.ask(lambda desk: read_matching(desk, view, but), refine, group="matching")

    def action_remark(self) -> None:
        """Mark the set that was last acted on or cleared."""
        if self.last_marks.words:
            self.put_marks(self.last_marks)
        else:
            self.status.notice("No earlier marks.")

    def action_leave(self) -> None:
        """Leave one layer: range, marks, search."""
        if self.table.span:
            self.table.span = None
            self.put_marks(self.marks)
        elif self.marks.words:
            self.clear_marks()
        elif self.chosen.text:
            self.put_query(replace(self.chosen, text=""))

    # Acting on them

    def act(self, then: Callable[[Selection], object]) -> None:
        """Hand over the marked lines, or else the cursor's line."""
        if self.table.span:
            self._end_span(partial(self.act, then))
        elif self.marks.words:
            then(self.marks.selection(self.TAB))
        elif self.table.line is not None:
            then(Selection(self.TAB, ids=(self.table.line.id,)))
        else:
            self.status.notice("There is no line to act on.")

    def target_words(self, selection: Selection) -> str:
        """What an action is for, in words."""
        if self.marks.words:
            return f"{number(self.marks.count)} marked"
        return "this line" if len(selection.ids) == 1 else counted(len(selection.ids), "line")

    # Failed rows

    def action_next_failed(self, direction: int) -> None:
        """Go to the next failed line, across pages."""
        window, start = self.table.window, self.table.cursor
        edge = window.end if direction > 0 else window.start - 1
        for index in range(start + direction, edge, direction):
            line = window.line(index)
            if line is not None and line.chip is Chip.FAILED:
                self.table.go_to(index)
                return
        if window.at_end if direction > 0 else window.at_start:
            self.status.notice("No more failed lines.")
            return
        view, key = self.view, window.edge(direction)
        self.ask(
            lambda desk: seek_failed(desk, view, key, direction),
            partial(self._found_failed, edge, direction),
            group="seek",
        )

    def _found_failed(self, edge: int, direction: int, distance: int | None) -> None:
        if distance is None:
            self.status.notice("No failed line near; F5 shows them all.")
        else:
            self.table.go_to(edge + (distance - 1) * direction)
