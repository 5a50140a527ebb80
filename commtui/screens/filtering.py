"""Search, chips, dropdown filters and order: all of them only edit the query."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from textual import on
from textual.binding import Binding

from commtui.domain.lines import Choice, Sort, SortKey
from commtui.domain.vocabulary import STATUS_LOOKS, Channel, Chip, Ignored, Status, Tab
from commtui.screens.choosing import ChoicePanel, DatesPanel, FilterPanel
from commtui.screens.filters import FILTER_TITLES, cleared, without
from commtui.screens.marking import MarkingScreen
from commtui.widgets.chips import Chips
from commtui.widgets.choices import Item
from commtui.widgets.filterline import FilterLine
from commtui.widgets.keymenu import KeyMenu, LikeMenu
from commtui.widgets.searchbox import SearchBox

_IGNORED_ITEMS = (
    Item(Ignored.NO, "No", "ignored lines are hidden"),
    Item(Ignored.ALSO, "Also", "ignored lines among the others"),
    Item(Ignored.ONLY, "Only", "nothing but ignored lines"),
)


class FilteringScreen(MarkingScreen):
    """What the list shows, and in which order."""

    BINDINGS = [
        Binding("slash", "search", "search", id="search.open"),
        Binding("f", "menu('FilterMenu')", "filter", id="filter.open"),
        Binding("x", "clear_filters", "Clear all filters", show=False, id="filter.clear"),
        Binding("f5", "chip('failed')", "Chip Failed", show=False, id="chip.failed"),
        Binding("f6", "chip('not-sent')", "Chip Not sent", show=False, id="chip.not_sent"),
        Binding("f7", "chip('completed')", "Chip Completed", show=False, id="chip.completed"),
        Binding("f8", "chip('all')", "Chip All", show=False, id="chip.all"),
        Binding("comma", "menu('LikeMenu')", "Only rows like this one", show=False, id="like.open"),
        Binding("o", "menu('SortMenu')", "Sort by column", show=False, id="sort.open"),
    ]

    def action_menu(self, name: str) -> None:
        """Wait for the second key of a chord."""
        if name == LikeMenu.__name__ and self.table.line is None:
            self.status.notice("There is no line to compare with.")
            return
        for menu in self.query(KeyMenu):
            if type(menu).__name__ == name:
                menu.open()

    # Search

    def action_search(self) -> None:
        """Go to the search box."""
        self.query_one(SearchBox).focus()

    @on(SearchBox.Searched)
    def _search(self, event: SearchBox.Searched) -> None:
        self.put_query(replace(self.chosen, text=event.text.strip()))

    @on(SearchBox.Left)
    def _back_to_list(self) -> None:
        self.table.focus()

    # Chips and filters

    def action_chip(self, chip: str) -> None:
        """Choose a chip; Failed opens on what is not dealt with."""
        query = self.chosen.with_chip(Chip(chip))
        if query.chip is Chip.FAILED and self.TAB is Tab.LOG:
            query = replace(query, open_only=True)
        self.put_query(query)

    @on(Chips.Chosen)
    def _chip_chosen(self, event: Chips.Chosen) -> None:
        self.action_chip(event.chip)

    @on(FilterLine.Removed)
    def _filter_removed(self, event: FilterLine.Removed) -> None:
        self.put_query(without(self.chosen, event.field))

    def action_clear_filters(self) -> None:
        """Only the chip stays."""
        self.put_query(cleared(self.chosen))

    def action_filter_by(self, field: str) -> None:
        """Open one dropdown filter."""
        present = getattr(self.chosen, field)
        chosen = (
            frozenset(str(value) for value in present)
            if isinstance(present, frozenset)
            else frozenset()
        )
        self.app.push_screen(
            FilterPanel(self.link, self.look, FILTER_TITLES[field], self.view, field, chosen),
            lambda choices: self.filter_to(field, choices),
        )

    def filter_to(self, field: str, choices: tuple[Choice, ...] | None) -> None:
        """Set one filter to these values; none of them removes it, None leaves it."""
        if choices is None:
            return
        self.names.update((choice.value, choice.label) for choice in choices)
        values = [choice.value for choice in choices]
        match field:
            case "customer":
                query = replace(self.chosen, customer=values[0] if values else None)
            case "channels":
                query = replace(self.chosen, channels=frozenset(Channel(value) for value in values))
            case "statuses":
                query = replace(self.chosen, statuses=frozenset(Status(value) for value in values))
            case "categories":
                query = replace(self.chosen, categories=frozenset(values))
            case _:
                query = replace(self.chosen, location_groups=frozenset(values))
        self.put_query(query)

    def action_filter_dates(self) -> None:
        """Choose the days between which it was sent."""
        self.app.push_screen(DatesPanel(self.link, self.look, self.chosen), self._dates_chosen)

    def _dates_chosen(self, dates: tuple[datetime | None, datetime | None] | None) -> None:
        if dates is not None:
            self.put_query(replace(self.chosen, sent_from=dates[0], sent_to=dates[1]))

    def action_filter_ignored(self) -> None:
        """Choose whether ignored lines are shown."""
        self.app.push_screen(
            ChoicePanel(self.link, self.look, "Show ignored", _IGNORED_ITEMS), self._ignored_chosen
        )

    def _ignored_chosen(self, values: tuple[str, ...] | None) -> None:
        if values:
            self.put_query(replace(self.chosen, ignored=Ignored(values[0])))

    # Rows like this one

    def action_like(self, field: str) -> None:
        """Only rows with the same value as the cursor's line."""
        here = self.table.line
        if here is None:
            return
        match field:
            case "error_key":
                if not here.error_key:
                    self.status.notice("This line has no error.")
                    return
                self.names[here.error_key] = here.error_message or here.error_code
                self.put_query(replace(self.chosen, error_key=here.error_key))
            case "customer":
                self.filter_to(field, (Choice(here.customer_id, here.customer_name, 0),))
            case "categories":
                self.filter_to(field, (Choice(here.category, here.category, 0),))
            case "channels":
                self.filter_to(field, (Choice(here.channel, here.channel.label, 0),))
            case _:
                self.filter_to(field, (Choice(here.status, STATUS_LOOKS[here.status].label, 0),))

    # Order

    def action_sort_by(self, key: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        wanted = SortKey(key)
        if self.order.key is wanted:
            self.order = replace(self.order, descending=not self.order.descending)
        else:
            self.order = Sort(wanted, descending=wanted is SortKey.TIME)
        here = self.table.line
        self.load(follow=here.id if here else None)
        self.status.notice(
            f"Sorted by {key}, {'descending' if self.order.descending else 'ascending'}."
        )
