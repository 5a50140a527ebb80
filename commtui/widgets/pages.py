"""The part of a long list that is loaded: neighbouring pages, found again by their keys.

Indexes are estimates until an end of the list has been seen; `take` says by how much they were wrong,
so that cursor and scroll can move with the lines they belong to.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from commtui.domain.lines import Line, Page, PageKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that is needed; `index` is where its first line is expected."""

    generation: int
    index: int
    limit: int
    after: PageKey | None = None
    before: PageKey | None = None
    offset: int = 0
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where to load a list again so that the same lines come into view: a key before them and an offset."""

    index: int
    after: PageKey | None = None
    offset: int = 0


class Window:
    """Neighbouring pages of one list under one query and order."""

    def __init__(self, size: int = 100, keep: int = 20) -> None:
        self.size = size
        self.keep = keep
        self.generation = 0
        self.total = 0
        self.start = 0
        self.at_start = False
        self.at_end = False
        self.loaded = False
        self.top: PageKey | None = None
        """The key of the list's first line, as of when it was loaded."""
        self._pages: deque[Page] = deque()
        self._lines: list[Line] = []
        self._places: dict[str, int] = {}
        self._past_end = False
        self._before: PageKey | None = None
        """The key before the first loaded line, where it is known."""

    @property
    def end(self) -> int:
        """The index after the last loaded line."""
        return self.start + len(self._lines)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Everything that is loaded, in list order."""
        return tuple(self._lines)

    def line(self, index: int) -> Line | None:
        """The line at an index, or None while it is not loaded."""
        place = index - self.start
        return self._lines[place] if 0 <= place < len(self._lines) else None

    def index_of(self, line_id: str) -> int | None:
        """Where a line is, if it is loaded."""
        place = self._places.get(line_id)
        return None if place is None else self.start + place

    def begin(self) -> int:
        """A new generation: answers to older requests are void."""
        self.generation += 1
        return self.generation

    def fill(
        self,
        pages: tuple[Page, ...],
        index: int,
        *,
        complete: bool,
        before: PageKey | None = None,
        total: int = 0,
    ) -> None:
        """Replace everything by these neighbouring pages, the first line of which has that index.

        `total` is how many lines the list is known to have.
        """
        self._pages = deque(page for page in pages if page.lines)
        self.loaded, self.start, self.at_start, self.at_end = True, index, index == 0, complete
        self._past_end = False
        self._before = before
        self._rebuild()
        if self.at_start:
            self.top = self._pages[0].first if self._pages else None
        self.total = self.end if complete else max(total, self.end)

    def count(self, total: int) -> int:
        """Say how many lines the list has; gives the shift this means for what is loaded."""
        if self.at_end and self.at_start:
            return 0
        if self.at_end:
            shift = max(total, len(self._lines)) - self.end
            self.start += shift
            self.total = self.end
            return shift
        self.total = max(total, self.end)
        return 0

    def replace(self, line: Line) -> int | None:
        """Put a line's new state in its place; gives its index, if it is loaded."""
        place = self._places.get(line.id)
        if place is None:
            return None
        self._lines[place] = line
        for number, page in enumerate(self._pages):
            if place < len(page.lines):
                lines = (*page.lines[:place], line, *page.lines[place + 1 :])
                self._pages[number] = replace(page, lines=lines)
                break
            place -= len(page.lines)
        return self.index_of(line.id)

    def want(self, first: int, last: int) -> Wanted | None:
        """The next page to ask for so that these lines and some around them are loaded."""
        margin = self.size // 2
        if not self.loaded or (self.at_start and self.at_end):
            return None
        if self._past_end or not self._pages:
            return self._ask(max(0, self.total - self.size), from_end=True)
        return self._want_far(first, last, margin) or self._want_next(first, last, margin)

    def _want_far(self, first: int, last: int, margin: int) -> Wanted | None:
        if first > self.end + self.size and not self.at_end:
            if first >= self.total - self.size:
                return self._ask(self.total - self.size, from_end=True)
            index = first - margin
            return self._ask(index, after=self._pages[-1].last, offset=index - self.end)
        if last < self.start - self.size and not self.at_start:
            index = 0 if first < self.size else first - margin
            return self._ask(index, offset=index)
        return None

    def _want_next(self, first: int, last: int, margin: int) -> Wanted | None:
        if last + margin >= self.end and not self.at_end:
            return self._ask(self.end, after=self._pages[-1].last)
        if first - margin < self.start and not self.at_start:
            return self._ask(self.start - self.size, before=self._pages[0].first)
        return None

    def _ask(
        self,
        index: int,
        *,
        after: PageKey | None = None,
        before: PageKey | None = None,
        offset: int = 0,
        from_end: bool = False,
    ) -> Wanted:
        return Wanted(self.generation, index, self.size, after, before, offset, from_end)

    def take(self, wanted: Wanted, page: Page) -> int:
        """Put a page that was asked for in its place; gives the shift of all indexes it revealed."""
        if wanted.generation != self.generation:
            return 0
        short = len(page.lines) < wanted.limit
        if wanted.from_end:
            return self._take_end(page, short)
        if wanted.before is not None:
            return self._take_before(wanted, page, short)
        if wanted.offset == 0 and wanted.after is not None:
            return self._take_after(wanted, page, short)
        if not page.lines and wanted.index:
            self._past_end = True
            self.total = min(self.total, wanted.index)
            return 0
        self.fill((page,), wanted.index, complete=short, total=self.total)
        return 0

    def _take_end(self, page: Page, short: bool) -> int:
        index = 0 if short else max(0, self.total - len(page.lines))
        self.fill((page,), index, complete=True, total=self.total)
        self.at_start = short
        return 0

    def _take_after(self, wanted: Wanted, page: Page, short: bool) -> int:
        if not self._pages or self._pages[-1].last != wanted.after:
            return 0
        self.at_end = short
        if page.lines:
            self._pages.append(page)
        while len(self._pages) > self.keep:
            gone = self._pages.popleft()
            self.start += len(gone.lines)
            self._before = gone.last
            self.at_start = False
        self._rebuild()
        self.total = self.end if short else max(self.total, self.end)
        return 0

    def _take_before(self, wanted: Wanted, page: Page, short: bool) -> int:
        if not self._pages or self._pages[0].first != wanted.before:
            return 0
        if page.lines:
            self._pages.appendleft(page)
        while len(self._pages) > self.keep:
            self._pages.pop()
            self.at_end = False
        self.start -= len(page.lines)
        self._before = None
        self._rebuild()
        shift = 0
        if short:
            self.at_start, shift = True, -self.start
            self.top = self._pages[0].first
        elif self.start <= 0:
            # More lines may precede than were counted: leave room for them.
            shift = self.size - self.start
        self.start += shift
        self.total += shift
        return shift

    def _rebuild(self) -> None:
        self._lines = [line for page in self._pages for line in page.lines]
        self._places = {line.id: place for place, line in enumerate(self._lines)}

    def anchor(self, index: int) -> Anchor:
        """Where to load again so that the line at an index is among the first lines."""
        start, before = self.start, self._before
        for page in self._pages:
            if index < start + len(page.lines):
                return Anchor(start, before, 0 if before else start)
            start, before = start + len(page.lines), page.last
        return Anchor(0)

    def place_of(self, index: int) -> tuple[PageKey | None, int] | None:
        """A line's place as a key and an offset after it, which lines that come later cannot move."""
        start, before = self.start, self._before
        for page in self._pages:
            if index < start + len(page.lines):
                known = before is not None or (start == 0 and self.at_start)
                return (before, index - start) if known else None
            start, before = start + len(page.lines), page.last
        return None

    def edge(self, direction: int) -> PageKey | None:
        """The key of the last loaded line, or of the first one."""
        if not self._pages:
            return None
        return self._pages[-1].last if direction > 0 else self._pages[0].first
