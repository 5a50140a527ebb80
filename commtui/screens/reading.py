"""What the lists read from the desk, each in one call of a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commtui.domain.lines import Counts, Emptiness, Line, Page, PageKey, Query, Sort, SortKey
from commtui.domain.text import line as one_line
from commtui.domain.vocabulary import Chip, Tab
from commtui.errors import Refused
from commtui.widgets.look import counted, number
from commtui.widgets.pages import Anchor, Wanted

if TYPE_CHECKING:
    from commtui.services.desk import Desk

PAGE = 100
_SEARCHED_PAGES = 4
"""How many pages are loaded to find the cursor's line again after lines came above it."""
_JOURNAL_STEPS = 20
_SEEK_PAGE, _SEEK_PAGES = 500, 20


@dataclass(frozen=True, slots=True)
class View:
    """Which list is shown, and how."""

    tab: Tab
    query: Query
    sort: Sort


@dataclass(frozen=True, slots=True)
class Listing:
    """A newly loaded list."""

    pages: tuple[Page, ...]
    operator: str
    verified: bool
    journal: str
    """Where the journal stood before the pages were read."""

    @property
    def complete(self) -> bool:
        """Whether the list ends with these pages."""
        return len(self.pages[-1].lines) < PAGE


def read_listing(desk: Desk, view: View, anchor: Anchor, keep: str | None) -> Listing:
    """The list from an anchor on, with as many pages as it takes to find a line again."""
    journal = desk.cursor()
    page = desk.page(
        view.tab, view.query, view.sort, limit=PAGE, after=anchor.after, offset=anchor.offset
    )
    pages = [page]
    while (
        keep
        and len(page.lines) == PAGE
        and len(pages) < _SEARCHED_PAGES
        and not any(line.id == keep for line in page.lines)
    ):
        page = desk.page(view.tab, view.query, view.sort, limit=PAGE, after=page.last)
        pages.append(page)
    return Listing(tuple(pages), desk.operator.name, desk.operator.verified, journal)


def read_page(desk: Desk, view: View, wanted: Wanted) -> Page:
    """One page that the table asked for."""
    if wanted.from_end:
        return desk.last_page(view.tab, view.query, view.sort, wanted.limit)
    return desk.page(
        view.tab,
        view.query,
        view.sort,
        limit=wanted.limit,
        after=wanted.after,
        before=wanted.before,
        offset=wanted.offset,
    )


@dataclass(frozen=True, slots=True)
class News:
    """What the journal brought for a list."""

    journal: str
    lines: tuple[Line, ...] = ()
    """Present state of loaded lines that changed."""
    counts: Counts | None = None
    """None: nothing changed at all."""
    new: int = 0
    """Lines that a reload would bring in above those that are shown."""
    matching: int | None = None
    """How many lines the marked query matches now."""


def read_news(
    desk: Desk,
    view: View,
    journal: str,
    loaded: frozenset[str],
    top: PageKey | None,
    marked: Query | None,
) -> News:
    """What changed since the journal stood at `journal`."""
    changed: set[str] = set()
    for _ in range(_JOURNAL_STEPS):
        changes = desk.changes(journal)
        changed |= changes.subject_ids if view.tab is Tab.OVERVIEW else changes.entry_ids
        journal = changes.cursor
        if not changes.more:
            break
    if not changed:
        return News(journal)
    here = sorted(changed & loaded)
    return News(
        journal,
        desk.lines(view.tab, here) if here else (),
        desk.counts(view.tab, view.query),
        _read_new(desk, view, loaded, top),
        desk.matching(view.tab, marked) if marked else None,
    )


def _read_new(desk: Desk, view: View, loaded: frozenset[str], top: PageKey | None) -> int:
    if top is None or view.sort.key is not SortKey.TIME or not view.sort.descending:
        return 0
    page = desk.page(view.tab, view.query, view.sort, limit=PAGE, before=top)
    return sum(1 for line in page.lines if line.id not in loaded)


def read_range(
    desk: Desk, view: View, after: PageKey | None, offset: int, count: int, last: str
) -> tuple[str, ...]:
    """The ids of neighbouring lines from a place up to a certain line."""
    page = desk.page(view.tab, view.query, view.sort, limit=count, after=after, offset=offset)
    ids = tuple(line.id for line in page.lines)
    if last not in ids:
        raise Refused(
            "The list changed while the range was drawn: r loads it anew, then draw it again."
        )
    return ids[: ids.index(last) + 1]


def seek_failed(desk: Desk, view: View, edge: PageKey | None, direction: int) -> int | None:
    """How many lines beyond a key the next failed one is; None when none is near enough."""
    passed = 0
    for _ in range(_SEEK_PAGES):
        page = (
            desk.page(view.tab, view.query, view.sort, limit=_SEEK_PAGE, after=edge)
            if direction > 0
            else desk.page(view.tab, view.query, view.sort, limit=_SEEK_PAGE, before=edge)
        )
        for line in page.lines[::direction]:
            passed += 1
            if line.chip is Chip.FAILED:
                return passed
        edge = page.last if direction > 0 else page.first
        if len(page.lines) < _SEEK_PAGE:
            break
    return None


def empty_words(emptiness: Emptiness, query: Query) -> tuple[str, ...]:
    """Why a list is empty, and what to do."""
    if not emptiness.anything:
        return (
            "Nothing has been imported yet.",
            "",
            "commtui import FILE    takes in communications, one JSON line each",
            "commtui schema         says what such a line holds",
            *_collecting(emptiness),
        )
    words = ["Nothing to show here." if query.chip is Chip.ALL else _NOTHING[query.chip], ""]
    if emptiness.hidden:
        words.append("Filters hide lines (x clears all of them):")
        words += [
            f"  {one_line(filter_, 60)} hides {counted(count, 'line')}"
            for filter_, count in emptiness.hidden
        ]
    if emptiness.ignored:
        words.append(
            f"{counted(emptiness.ignored, 'ignored line')} not shown: f then i shows them."
        )
    words += _collecting(emptiness)
    if query.chip is not Chip.ALL:
        words.append("F8 shows all lines.")
    return tuple(words)


_NOTHING = {
    Chip.FAILED: "Nothing failed here.",
    Chip.NOT_SENT: "Nothing waits to be sent here.",
    Chip.COMPLETED: "Nothing is completed here.",
}


def _collecting(emptiness: Emptiness) -> tuple[str, ...]:
    if not emptiness.collecting:
        return ()
    return (
        f"{number(emptiness.collecting)} still collecting data: not shown until the source completes them.",
    )
