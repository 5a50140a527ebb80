"""The list of a tab: its query and order, its pages and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container

from commtui.domain.lines import Counts, Emptiness, Line, Page, PageKey, Query, Sort
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.errors import DatabaseAway
from commtui.screens.asking import Asking
from commtui.screens.filters import active_filters
from commtui.screens.link import Link
from commtui.screens.problem import ProblemPanel, describe
from commtui.widgets.chips import Chips
from commtui.widgets.filterline import FilterLine
from commtui.widgets.heading import Heading
from commtui.widgets.hints import Hints
from commtui.widgets.keymenu import CopyMenu, FilterMenu, LikeMenu, SortMenu
from commtui.widgets.look import Look, counted
from commtui.widgets.pages import Anchor, Wanted
from commtui.widgets.preview import Preview
from commtui.widgets.searchbox import SearchBox
from commtui.widgets.statusline import StatusLine
from commtui.widgets.table import LineTable

if TYPE_CHECKING:
    from commtui.services.desk import Desk

PAGE = 100
_SEARCHED_PAGES = 4
"""How many pages are loaded to find the cursor's line again after lines came above it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A newly loaded list."""

    pages: tuple[Page, ...]
    operator: str
    verified: bool
    cursor: str
    """Where the journal stood before the pages were read."""


def load_listing(desk: Desk, tab: Tab, query: Query, sort: Sort, anchor: Anchor, keep: str | None) -> Listing:
    """The list from an anchor on, with as many pages as it takes to find a line again."""
    cursor = desk.cursor()
    page = desk.page(tab, query, sort, limit=PAGE, after=anchor.after, offset=anchor.offset)
    pages = [page]
    while (
        keep
        and len(page.lines) == PAGE
        and len(pages) < _SEARCHED_PAGES
        and not any(line.id == keep for line in page.lines)
    ):
        page = desk.page(tab, query, sort, limit=PAGE, after=page.last)
        pages.append(page)
    return Listing(tuple(pages), desk.operator.name, desk.operator.verified, cursor)


def load_page(desk: Desk, tab: Tab, query: Query, sort: Sort, wanted: Wanted) -> Page:
    """One page that the table asked for."""
    if wanted.from_end:
        return desk.last_page(tab, query, sort, wanted.limit)
    return desk.page(
        tab,
        query,
        sort,
        limit=wanted.limit,
        after=wanted.after,
        before=wanted.before,
        offset=wanted.offset,
    )


class LoadingScreen(Asking[None]):
    """Shows one list and loads what it needs."""

    TAB: ClassVar[Tab]
    START: ClassVar[Query] = Query(chip=Chip.FAILED)
    AUTO_FOCUS = "LineTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    DEFAULT_CSS = """
    LoadingScreen { layout: vertical; }
    LoadingScreen #middle { height: 1fr; layout: vertical; }
    LoadingScreen.-wide #middle { layout: horizontal; }
    LoadingScreen #small { display: none; height: 1fr; content-align: center middle; }
    LoadingScreen.-small > * { display: none; }
    LoadingScreen.-small > #small { display: block; }
    """

    def __init__(self, link: Link, look: Look, notice: str = "") -> None:
        super().__init__(link, look)
        self.query_ = self.START
        self.order = Sort()
        self.counts: Counts | None = None
        self.names: dict[str, str] = {}
        """What ids and keys in filters mean, for the filter line."""
        self.journal: str | None = None
        self._notice = notice
        self._table = LineTable(look, self.is_marked)

    def is_marked(self, line: Line) -> bool:
        """Whether a line is marked; marks come with the layer above."""
        raise NotImplementedError

    # Frame

    def compose(self) -> ComposeResult:
        """Tabs, chips, search, filters, list, status, keys."""
        yield Heading(self.look, self.TAB)
        yield Chips(self.look, self.query_.chip)
        yield SearchBox()
        yield FilterLine(self.look)
        with Container(id="middle"):
            yield self._table
            yield Preview(self.look)
        yield StatusLine(self.look)
        yield Hints(self.look, self.all_bindings())
        for menu in (FilterMenu, LikeMenu, SortMenu, CopyMenu):
            yield menu(self.look)
        yield SmallNote(self.look, id="small")

    def all_bindings(self) -> list[Binding]:
        """Every key of this screen, in the order in which they are declared."""
        return [
            binding
            for kind in type(self).__mro__
            for binding in kind.__dict__.get("BINDINGS", ())
            if isinstance(binding, Binding) and issubclass(kind, LoadingScreen)
        ]

    def on_mount(self) -> None:
        """Paint the frame first, then connect."""
        self._table.say(("Connecting to the database…",))
        self.show_filters()
        if self._notice:
            self.status.notice(self._notice)
        self.call_after_refresh(self.load)

    def on_resize(self) -> None:
        """Below 60x15 there is only a sentence."""
        self.set_class(self.size.width < 60 or self.size.height < 15, "-small")

    @property
    def table(self) -> LineTable:
        """The list."""
        return self._table

    @property
    def status(self) -> StatusLine:
        """The status line."""
        return self.query_one(StatusLine)

    # Loading

    def load(self, *, keep: bool = False, follow: str | None = None) -> None:
        """Load the list anew: `keep` holds cursor and scroll, `follow` puts the cursor on a line if it is near the top."""
        table = self._table
        here = table.line
        keep = keep and here is not None
        anchor = table.window.anchor(min(table.top, table.cursor)) if keep else Anchor(0)
        wanted = here.id if keep and here else follow
        offset = table.cursor - table.top if keep else None
        generation = table.begin()
        self.ask(
            partial(_load, self.TAB, self.query_, self.order, anchor, here.id if keep and here else None),
            partial(self._loaded, generation, anchor, wanted, offset),
            group="list",
        )
        self.load_counts()

    def _loaded(
        self, generation: int, anchor: Anchor, keep: str | None, offset: int | None, listing: Listing
    ) -> None:
        if generation != self._table.window.generation:
            return
        self.came_back()
        if self.journal is None:
            self.journal = listing.cursor
        self.query_one(Heading).show_operator(listing.operator, verified=listing.verified)
        self._table.sort = self.order
        complete = len(listing.pages[-1].lines) < PAGE
        self._table.show(
            listing.pages,
            anchor.index,
            complete=complete,
            before=anchor.after,
            keep=keep,
            offset=offset,
        )
        self.status.show_news(0)
        if self.counts is not None and not complete:
            self._table.count(self.counts.of(self.query_.chip))
        if self._table.window.total == 0:
            self._table.say(("Nothing here.",))
            self.ask(
                lambda desk: desk.emptiness(self.TAB, self.query_), self._explain, group="emptiness"
            )

    def _explain(self, emptiness: Emptiness) -> None:
        self._table.say(empty_words(emptiness, self.query_, self.look))

    def load_counts(self) -> None:
        """The numbers beside the chips."""
        query = self.query_
        self.ask(
            lambda desk: desk.counts(self.TAB, query), self.show_counts, group="counts"
        )

    def show_counts(self, counts: Counts) -> None:
        """New numbers; the list's own length follows them only when it is loaded anew."""
        first = self.counts is None
        self.counts = counts
        self.query_one(Chips).show(self.query_.chip, counts)
        if first or self._table.window.loaded:
            self._table.count(max(counts.of(self.query_.chip), self._table.window.end))

    @on(LineTable.Needs)
    def _fetch(self, event: LineTable.Needs) -> None:
        wanted = event.wanted
        self.ask(
            lambda desk: load_page(desk, self.TAB, self.query_, self.order, wanted),
            partial(self._table.take, wanted),
            group="page",
            otherwise=partial(self._page_failed, wanted),
        )

    def _page_failed(self, wanted: Wanted, error: Exception) -> None:
        self._table.failed(wanted)
        self.failed(error)

    @on(LineTable.Moved)
    def _show_place(self) -> None:
        self.status.show_place(self._table.cursor, self._table.window.total)
        preview = self.query_one(Preview)
        if preview.has_class("-open"):
            preview.show(self._table.line)

    def show_filters(self) -> None:
        """The filter line, the search box and the chosen chip say what the query says."""
        self.query_one(FilterLine).show(active_filters(self.query_, self.look, self.names))
        search = self.query_one(SearchBox)
        if search.value != self.query_.text:
            search.put(self.query_.text)
        self.query_one(Chips).show(self.query_.chip, self.counts)

    # Trouble

    def came_back(self) -> None:
        """The database answered."""

    def went_away(self) -> None:
        """The database did not answer."""

    def failed(self, error: Exception) -> None:
        """Say what is wrong in a panel; a database that is away has its own way."""
        if isinstance(error, DatabaseAway):
            self.went_away()
        else:
            self.app.push_screen(ProblemPanel(self.link, self.look, describe(error)))


def _load(
    tab: Tab, query: Query, sort: Sort, anchor: Anchor, keep: str | None, desk: Desk
) -> Listing:
    return load_listing(desk, tab, query, sort, anchor, keep)
