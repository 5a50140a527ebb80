"""Filters in words, and how one of them is taken out of a query."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from commtui.domain.lines import Query
from commtui.domain.text import line
from commtui.domain.vocabulary import STATUS_LOOKS, Chip, Ignored, Status, Tab
from commtui.widgets.filterline import ActiveFilter
from commtui.widgets.look import Look

FILTER_TITLES = {
    "channels": "Type",
    "categories": "Category",
    "customer": "Customer",
    "statuses": "Status",
    "location_groups": "Location group",
}
_INSTANT = timedelta(microseconds=1)
_FIELDS = {"dates": ("sent_from", "sent_to"), "ignored": ("ignored",)}


def active_filters(query: Query, look: Look, names: Mapping[str, str]) -> tuple[ActiveFilter, ...]:
    """Every active filter but the chip; `names` says what ids and keys mean."""

    def name(value: str) -> str:
        return line(names.get(value, value), 40)

    found = (
        ("text", f'"{line(query.text, 40)}"' if query.text else ""),
        ("channels", _either("Type", (channel.label for channel in sorted(query.channels)))),
        ("categories", _either("Category", (line(one, 30) for one in sorted(query.categories)))),
        ("dates", _dates(query, look)),
        ("customer", f"Customer: {name(query.customer)}" if query.customer else ""),
        ("statuses", _either("Status", _statuses(query.statuses))),
        (
            "location_groups",
            _either("Location", (line(one, 30) for one in sorted(query.location_groups))),
        ),
        ("error_key", f"Same error: {name(query.error_key)}" if query.error_key else ""),
        ("ignored", _IGNORED_WORDS[query.ignored]),
        ("open_only", "is:open" if query.open_only and query.chip is Chip.FAILED else ""),
    )
    return tuple(ActiveFilter(field, words) for field, words in found if words)


_IGNORED_WORDS = {
    Ignored.NO: "",
    Ignored.ALSO: "Show ignored: also",
    Ignored.ONLY: "Show ignored: only",
}


def _either(title: str, words: Iterable[str]) -> str:
    listed = ", ".join(words)
    return f"{title}: {listed}" if listed else ""


def _statuses(statuses: frozenset[Status]) -> tuple[str, ...]:
    return tuple(STATUS_LOOKS[status].label for status in sorted(statuses))


def _dates(query: Query, look: Look) -> str:
    if query.sent_from is None and query.sent_to is None:
        return ""
    first = f"{look.local(query.sent_from):%Y-%m-%d}" if query.sent_from else ""
    last = f"{look.local(query.sent_to - _INSTANT):%Y-%m-%d}" if query.sent_to else ""
    if first and last:
        return f"Sent: {first}" if first == last else f"Sent: {first} to {last}"
    return f"Sent: from {first}" if first else f"Sent: until {last}"


def without(query: Query, field: str) -> Query:
    """The query without one of its filters."""
    empty = Query()
    names = _FIELDS.get(field, (field,))
    return replace(query, **{name: getattr(empty, name) for name in names})


def cleared(query: Query) -> Query:
    """The query with nothing but its chip."""
    return Query(chip=query.chip)


def command_line(tab: Tab, query: Query) -> tuple[str, bool]:
    """The command that lists this view, and whether it says everything: other filters have no words yet."""
    words = ["commtui", "list", tab.value]
    if query.text:
        words.append(query.text)
    if query.chip is not Chip.ALL:
        words += ["--chip", query.chip.value]
    said = Query(text=query.text, chip=query.chip)
    return shlex.join(words), said == query
