"""The list of a tab: its query and order, its pages and counts."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import Static

from commtui.domain.lines import Counts, Emptiness, Line, Query, Sort
from commtui.domain.vocabulary import Chip, Tab
from commtui.errors import DatabaseAway
from commtui.screens.asking import Asking
from commtui.screens.filters import active_filters
from commtui.screens.link import Link
from commtui.screens.problem import ProblemPanel
from commtui.screens.reading import Listing, View, empty_words, read_listing, read_page
from commtui.screens.wording import describe
from commtui.widgets.chips import Chips
from commtui.widgets.filterline import FilterLine
from commtui.widgets.heading import Heading
from commtui.widgets.hints import Hints, key_name
from commtui.widgets.keymenu import CopyMenu, FilterMenu, LikeMenu, SortMenu
from commtui.widgets.look import Look
from commtui.widgets.pages import Anchor, Wanted
from commtui.widgets.preview import Preview
from commtui.widgets.searchbox import SearchBox
from commtui.widgets.statusline import StatusLine
from commtui.widgets.table import LineTable

SMALLEST = (60, 15)
HINTED = (
    "marks.toggle",
    "send.open",
    "resend.open",
    "line.details",
    "search.open",
    "filter.open",
    "help.open",
    "app.quit",
    "line.ignore",
    "line.download",
)
"""The keys on the bottom line, as far as they fit."""


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
    LoadingScreen.-narrow Preview {
        width: 100%; height: 8; border-left: none; border-top: solid $primary;
    }
    LoadingScreen.-menu Hints { display: none; }
    LoadingScreen #small { display: none; height: 1fr; content-align: center middle; }
    LoadingScreen.-small > * { display: none; }
    LoadingScreen.-small > #small { display: block; }
    """

    def __init__(self, link: Link, look: Look, notice: str = "") -> None:
        super().__init__(link, look)
        self.chosen = self.START
        """The query of the list."""
        self.order = Sort()
        self.counts: Counts | None = None
        self.names: dict[str, str] = {}
        """What ids and keys in filters mean, for the filter line."""
        self.journal: str | None = None
        self.table = LineTable(look, self.is_marked)
        self._notice = notice
        self._listed = False
        self._counted: Counts | None = None

    def is_marked(self, line: Line) -> bool:  # noqa: ARG002
        """Whether a line is marked; without marks none is."""
        return False

    @property
    def view(self) -> View:
        """Which list is shown, and how."""
        return View(self.TAB, self.chosen, self.order)

    @property
    def status(self) -> StatusLine:
        """The status line."""
        return self.query_one(StatusLine)

    # Frame

    def compose(self) -> ComposeResult:
        """Tabs, chips, search, filters, list, status, keys."""
        yield Heading(self.look, self.TAB, self.link.badges)
        yield Chips(self.look, self.chosen.chip)
        yield SearchBox()
        yield FilterLine(self.look)
        with Container(id="middle"):
            yield self.table
            yield Preview(self.look)
        yield StatusLine(self.look)
        yield Hints(
            self.look,
            [
                (binding.key_display or key_name(binding.key), binding.description)
                for wanted in HINTED
                for binding in self.all_bindings()
                if binding.id == wanted and binding.show
            ],
        )
        for menu in (FilterMenu, LikeMenu, SortMenu, CopyMenu):
            yield menu(self.look)
        yield Static(self.look.say("commtui needs at least 60 columns and 15 rows."), id="small")

    @classmethod
    def all_bindings(cls) -> list[Binding]:
        """Every key of this screen, in the order in which they are declared."""
        return [
            binding
            for kind in cls.__mro__
            for binding in kind.__dict__.get("BINDINGS", ())
            if isinstance(binding, Binding) and issubclass(kind, LoadingScreen)
        ]

    def on_mount(self) -> None:
        """Paint the frame first, then connect."""
        self.table.say(("Connecting to the database…",))
        self.show_filters()
        if self._notice:
            self.status.notice(self._notice, lasting=True)
        self.call_after_refresh(self.load)

    def on_resize(self) -> None:
        """Below the smallest size there is only a sentence."""
        self.set_class(self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1], "-small")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is done to lines that cannot be seen."""
        return False if self.has_class("-small") else super().check_action(action, parameters)

    # Loading

    def load(self, *, keep: bool = False, follow: str | None = None) -> None:
        """Load the list anew: `keep` holds cursor and scroll, `follow` is a line to put the cursor on if it is near."""
        table, view = self.table, self.view
        here = table.line if keep else None
        anchor = table.window.anchor(min(table.top, table.cursor)) if here else Anchor(0)
        offset = table.cursor - table.top if here else None
        generation = table.begin()
        self._listed, self._counted = False, None
        self.ask(
            lambda desk: read_listing(desk, view, anchor, here.id if here else None),
            partial(self._loaded, generation, anchor, here.id if here else follow, offset),
            group="list",
        )
        self._load_counts()

    def put_query(self, query: Query) -> None:
        """Show another query's list; the cursor stays on its line if that is near the top."""
        if query != self.chosen:
            here = self.table.line
            self.chosen = query
            self.show_filters()
            self.load(follow=here.id if here else None)

    def _loaded(
        self,
        generation: int,
        anchor: Anchor,
        keep: str | None,
        offset: int | None,
        listing: Listing,
    ) -> None:
        if generation != self.table.window.generation:
            return
        self.came_back()
        if self.journal is None:
            self.journal = listing.journal
        self.query_one(Heading).show_operator(listing.operator, verified=listing.verified)
        self.table.sort = self.order
        self.table.show(
            listing.pages,
            anchor.index,
            complete=listing.complete,
            before=anchor.after,
            keep=keep,
            offset=offset,
        )
        self._listed = True
        self._count_list()
        self.status.show_news(0)
        if self.table.window.total == 0:
            view = self.view
            self.ask(
                lambda desk: desk.emptiness(view.tab, view.query), self._explain, group="emptiness"
            )

    def _explain(self, emptiness: Emptiness) -> None:
        self.table.say(empty_words(emptiness, self.chosen))

    def _load_counts(self) -> None:
        view = self.view
        self.ask(lambda desk: desk.counts(view.tab, view.query), self._take_counts, group="counts")

    def _take_counts(self, counts: Counts) -> None:
        self._counted = counts
        self.show_counts(counts)
        self._count_list()

    def show_counts(self, counts: Counts) -> None:
        """New numbers beside the chips."""
        self.counts = counts
        self.query_one(Chips).show(self.chosen.chip, counts)

    def _count_list(self) -> None:
        """The list has as many lines as were counted when it was loaded, whatever is counted later."""
        if self._listed and self._counted is not None:
            self.table.count(self._counted.of(self.chosen.chip))
            self._counted = None

    @on(LineTable.Needs)
    def _fetch(self, event: LineTable.Needs) -> None:
        wanted, view = event.wanted, self.view
        self.ask(
            lambda desk: read_page(desk, view, wanted),
            partial(self.table.take, wanted),
            group="page",
            otherwise=partial(self._page_failed, wanted),
        )

    def _page_failed(self, wanted: Wanted, error: Exception) -> None:
        self.table.failed(wanted)
        self.failed(error)

    @on(LineTable.Moved)
    def _show_place(self) -> None:
        self.status.show_place(self.table.cursor, self.table.window.total)
        preview = self.query_one(Preview)
        if preview.has_class("-open"):
            preview.show(self.table.line)

    def show_filters(self) -> None:
        """The filter line, the search box and the chosen chip say what the query says."""
        self.query_one(FilterLine).show(active_filters(self.chosen, self.look, self.names))
        search = self.query_one(SearchBox)
        if search.value != self.chosen.text:
            search.put(self.chosen.text)
        self.query_one(Chips).show(self.chosen.chip, self.counts)

    # Trouble

    def came_back(self) -> None:
        """The database answered."""

    def went_away(self, error: Exception) -> None:
        """The database did not answer."""

    def say_refused(self, words: str) -> None:
        """Say it in the status line."""
        self.status.notice(words)

    def failed(self, error: Exception) -> None:
        """Say what is wrong in a panel; a database that is away has a way of its own."""
        if isinstance(error, DatabaseAway):
            self.went_away(error)
        else:
            if not self.table.window.loaded:
                self.table.say(("The list could not be read; r tries again.",))
            self.app.push_screen(ProblemPanel(self.link, self.look, describe(error)))
