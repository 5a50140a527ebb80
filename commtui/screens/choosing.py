"""Panels to choose from: one value, several of a filter, or a span of days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Label

from commtui.domain.lines import Choice, Query
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.screens.reading import View
from commtui.widgets.boxes import LineBox
from commtui.widgets.choices import ChoiceBox, Item
from commtui.widgets.dates import day_after, parse_day, presets
from commtui.widgets.look import Look, number

_INSTANT = timedelta(microseconds=1)


class ChoicePanel(Panel[tuple[str, ...]]):
    """Choose by typing; the answer is the values, none of which was made up here."""

    HINTS = (("Enter", "take"),)

    def __init__(self, link: Link, look: Look, title: str, items: Iterable[Item]) -> None:
        super().__init__(link, look, title)
        self._items = tuple(items)

    def body(self) -> ComposeResult:
        """The list."""
        yield ChoiceBox(self.look, self._items)

    @on(ChoiceBox.Taken)
    def _taken(self, event: ChoiceBox.Taken) -> None:
        self.dismiss(event.values)


class FilterPanel(Panel[tuple[Choice, ...]]):
    """One dropdown filter with how many lines each value would leave; an empty answer removes the filter."""

    HINTS = (("Enter", "apply"), ("Space", "mark several"))
    BINDINGS = [Binding("ctrl+r", "remove", "remove this filter", id="dropdown.remove")]

    def __init__(
        self, link: Link, look: Look, title: str, view: View, field: str, chosen: frozenset[str]
    ) -> None:
        super().__init__(link, look, f"Filter by {title.lower()}")
        self._view = view
        self._field = field
        self._chosen = chosen
        self._choices: dict[str, Choice] = {}

    @property
    def _several(self) -> bool:
        return self._field != "customer"

    def body(self) -> ComposeResult:
        """The values; customers are too many to list, so typing looks them up."""
        yield ChoiceBox(
            self.look,
            several=self._several,
            chosen=self._chosen if self._several else (),
            narrowed_elsewhere=not self._several,
        )

    def on_mount(self) -> None:
        """Read the values with their numbers."""
        self._read("")

    @on(ChoiceBox.Narrowed)
    def _narrowed(self, event: ChoiceBox.Narrowed) -> None:
        self._read(event.text)

    def _read(self, text: str) -> None:
        self.ask(
            lambda desk: desk.choices(self._view.tab, self._view.query, self._field, text),
            lambda choices: self._show(choices, text),
            group="choices",
        )

    def _show(self, choices: tuple[Choice, ...], text: str) -> None:
        self._choices.update((choice.value, choice) for choice in choices)
        self.query_one(ChoiceBox).put(
            (Item(choice.value, choice.label, number(choice.count)) for choice in choices),
            text if self._field == "customer" else None,
        )

    @on(ChoiceBox.Taken)
    def _taken(self, event: ChoiceBox.Taken) -> None:
        self.dismiss(
            tuple(self._choices.get(value, Choice(value, value, 0)) for value in event.values)
        )

    def action_remove(self) -> None:
        """Take the filter away."""
        self.dismiss(())


class DatesPanel(Panel[tuple[datetime | None, datetime | None]]):
    """Sent between two days, in the operator's zone; the second one is included."""

    HINTS = (("Enter", "apply"), ("Tab", "to the days"))

    def __init__(self, link: Link, look: Look, query: Query) -> None:
        super().__init__(link, look, f"Sent between (days in {look.zone_name})")
        self._query = query

    def body(self) -> ComposeResult:
        """The usual spans, and two days to type."""
        yield ChoiceBox(
            self.look,
            [
                *(
                    Item(name, name.capitalize(), self._words(first, end))
                    for name, first, end in presets(self.look)
                ),
                Item("", "Any time", "no filter"),
            ],
            hint="type to narrow, or Tab to the days",
        )
        start, end = self._query.sent_from, self._query.sent_to
        yield Label(self.look.say("From (YYYY-MM-DD)"))
        yield self._day_box("from", start)
        yield Label(self.look.say("To, included (YYYY-MM-DD)"))
        yield self._day_box("to", None if end is None else end - _INSTANT)

    def _day_box(self, name: str, at: datetime | None) -> Input:
        return LineBox(f"{self.look.local(at):%Y-%m-%d}" if at else "", id=name)

    def _words(self, first: datetime, end: datetime) -> str:
        last = self.look.local(end - _INSTANT)
        start = self.look.local(first)
        return (
            f"{start:%Y-%m-%d}"
            if start.date() == last.date()
            else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"
        )

    @on(ChoiceBox.Taken)
    def _preset(self, event: ChoiceBox.Taken) -> None:
        for name, first, end in presets(self.look):
            if (name,) == event.values:
                self.dismiss((first, end))
                return
        if event.values:
            self.dismiss((None, None))
        else:
            self.say_problem("There is no such span; Tab goes to the days, written YYYY-MM-DD.")

    @on(Input.Submitted, "#from, #to")
    def _typed(self) -> None:
        try:
            first = parse_day(self.query_one("#from", Input).value, self.look)
            last = parse_day(self.query_one("#to", Input).value, self.look)
        except ValueError as error:
            self.say_problem(str(error))
            return
        if first and last and last < first:
            self.say_problem("The second day is before the first one.")
            return
        self.dismiss((first, None if last is None else day_after(last, self.look)))
