"""The two lists as an operator asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commtui.domain.lines import (
    Choice,
    Counts,
    Emptiness,
    Line,
    Page,
    PageKey,
    Query,
    Selection,
    Sort,
)
from commtui.domain.vocabulary import STATUS_LOOKS, Channel, Chip, Status, Tab
from commtui.store import lists, tallies
from commtui.store.engine import Database

_FIELD_WORDS = {
    "text": "search",
    "channels": "type",
    "categories": "category",
    "statuses": "status",
    "sent_from": "sent between",
    "sent_to": "sent between",
    "customer": "customer",
    "location_groups": "location group",
    "error_key": "same cause",
}


class Lists:
    """Reads pages, counts and dropdown values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        tab: Tab,
        query: Query,
        sort: Sort,
        *,
        limit: int,
        after: PageKey | None = None,
        before: PageKey | None = None,
        offset: int = 0,
    ) -> Page:
        """Lines following `after`, or preceding `before`, or from the start."""
        with self._database.read() as connection:
            return lists.page(
                connection,
                tab,
                query,
                sort,
                limit=limit,
                after=after,
                before=before,
                offset=offset,
            )

    def last_page(self, tab: Tab, query: Query, sort: Sort, limit: int) -> Page:
        """The last lines of a list."""
        with self._database.read() as connection:
            return lists.page(connection, tab, query, sort, limit=limit, backwards=True)

    def counts(self, tab: Tab, query: Query) -> Counts:
        """The numbers beside the chips."""
        with self._database.read() as connection:
            return tallies.counts(connection, tab, query)

    def lines(self, tab: Tab, ids: Sequence[str]) -> tuple[Line, ...]:
        """The present state of these lines."""
        with self._database.read() as connection:
            return tuple(lists.by_ids(connection, tab, ids))

    def choices(self, tab: Tab, query: Query, field: str, text: str = "") -> tuple[Choice, ...]:
        """The values of a dropdown filter."""
        with self._database.read() as connection:
            found = tallies.choices(connection, tab, query, field, text)
        return tuple(Choice(item.value, _label(field, item), item.count) for item in found)

    def emptiness(self, tab: Tab, query: Query) -> Emptiness:
        """Why a list shows nothing."""
        with self._database.read() as connection:
            hidden = [
                (_words(name, query), lines)
                for name, lines in tallies.without_each(connection, tab, query)
                if lines
            ]
            return Emptiness(
                hidden=tuple(hidden),
                ignored=tallies.ignored(connection, tab, query),
                collecting=tallies.collecting(connection),
                anything=tallies.anything(connection),
            )

    def matching(self, tab: Tab, query: Query) -> int:
        """How many lines match, chip included."""
        with self._database.read() as connection:
            return tallies.total(connection, tab, query)


def matching_ids(database: Database, selection: Selection) -> Iterator[str]:
    """The ids of a selection's lines, in one snapshot of the database."""
    with database.read() as connection:
        yield from lists.ids(connection, selection)


def _label(field: str, choice: Choice) -> str:
    if field == "channels":
        return Channel(choice.value).label
    if field == "statuses":
        return STATUS_LOOKS[Status(choice.value)].label
    if field == "customer":
        return choice.label or choice.value
    return choice.value or "(none)"


def _words(name: str, query: Query) -> str:
    if name == "chip":
        return f"chip {Chip(query.chip).label}"
    return _FIELD_WORDS[name]
