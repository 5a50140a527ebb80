"""How many: chip counts, dropdown values, and why a list is empty. Exact, from counters where they can answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from commtui.domain.lines import Choice, Counts, Query
from commtui.domain.text import fold
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.store import filters
from commtui.store.counters import cube
from commtui.store.tables import communication, customer, entry, subject

CUSTOMERS = 50
"""Customers offered at a time; typing narrows."""
_SAMPLE = 500


def counts(connection: sa.Connection, tab: Tab, query: Query) -> Counts:
    """The numbers beside the chips, under the query's other filters."""
    found = grouped(connection, tab, query.with_chip(Chip.ALL), "chip")
    failed, not_sent, completed = (
        found.get(chip.value, 0) for chip in (Chip.FAILED, Chip.NOT_SENT, Chip.COMPLETED)
    )
    everything = failed + not_sent + completed
    if query.open_only:
        failed = total(connection, tab, query.with_chip(Chip.FAILED))
    return Counts(failed, not_sent, completed, everything)


def total(connection: sa.Connection, tab: Tab, query: Query) -> int:
    """How many lines match, chip included."""
    return sum(grouped(connection, tab, query, "chip").values())


def grouped(connection: sa.Connection, tab: Tab, query: Query, field: str) -> Mapping[str, int]:
    """Lines per value of chip, channel, category, status or location_group."""
    if filters.needs_lines(query):
        return _live(connection, tab, query, field)
    edges, first, behind = filters.whole_months(query.sent_from, query.sent_to)
    relation = cube()
    statement = (
        sa.select(relation.c[field], sa.func.sum(relation.c.lines))
        .where(
            *filters.counted(relation, tab, query),
            relation.c.month >= first,
            relation.c.month < behind,
        )
        .group_by(relation.c[field])
    )
    sums: Counter[str] = Counter({key: int(lines) for key, lines in connection.execute(statement)})
    for start, end in edges:
        sums.update(_live(connection, tab, replace(query, sent_from=start, sent_to=end), field))
    return {key: lines for key, lines in sums.items() if lines}


def _live(connection: sa.Connection, tab: Tab, query: Query, field: str) -> Mapping[str, int]:
    table = subject if tab is Tab.OVERVIEW else entry
    name = "type" if tab is Tab.OVERVIEW and field == "category" else field
    column = table.c[name]
    statement = (
        sa.select(column, sa.func.count())
        .where(*filters.live(connection, tab, query))
        .group_by(column)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


_FIELDS = {
    "channels": "channel",
    "categories": "category",
    "statuses": "status",
    "location_groups": "location_group",
}


def choices(
    connection: sa.Connection, tab: Tab, query: Query, field: str, text: str
) -> list[Choice]:
    """The values a dropdown offers, with the lines each would leave under the other filters."""
    if field == "customer":
        return _customers(connection, tab, replace(query, customer=None), text)
    wider = _without(query, (field,))
    found = grouped(connection, tab, wider, _FIELDS[field])
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [Choice(value, value, lines) for value, lines in ordered if value or field != "channels"]


def _customers(connection: sa.Connection, tab: Tab, query: Query, text: str) -> list[Choice]:
    table = subject if tab is Tab.OVERVIEW else entry
    conditions = filters.live(connection, tab, query)
    if wanted := fold(text):
        contains = customer.c.name_folded.contains(wanted, autoescape=True)
        known = sa.or_(contains, customer.c.external_id == text.strip())
        named = sa.select(customer.c.id).where(known).order_by(customer.c.name_folded)
        candidates = list(connection.execute(named.limit(_SAMPLE)).scalars())
    else:
        order = subject.c.sort_id if tab is Tab.OVERVIEW else entry.c.id
        newest = (
            sa.select(table.c.customer_id)
            .where(*conditions)
            .order_by(order.desc())
            .limit(_SAMPLE)
            .subquery()
        )
        candidates = list(connection.execute(sa.select(newest.c.customer_id).distinct()).scalars())
    statement = (
        sa.select(customer.c.external_id, customer.c.name, sa.func.count().label("lines"))
        .join(table, table.c.customer_id == customer.c.id)
        .where(table.c.customer_id.in_(candidates), *conditions)
        .group_by(customer.c.external_id, customer.c.name)
        .order_by(sa.desc("lines"), customer.c.external_id)
        .limit(CUSTOMERS)
    )
    return [Choice(row[0], row[1], row[2]) for row in connection.execute(statement)]


def without_each(connection: sa.Connection, tab: Tab, query: Query) -> list[tuple[str, int]]:
    """For each narrowing field, how many lines would appear without it."""
    names: list[tuple[str, ...]] = [
        ("sent_from", "sent_to") if name in ("sent_from", "sent_to") else (name,)
        for name in query.narrowing()
    ]
    found = []
    for group in dict.fromkeys(names):
        found.append((group[0], total(connection, tab, _without(query, group))))
    if query.chip is not Chip.ALL:
        found.append(("chip", total(connection, tab, query.with_chip(Chip.ALL))))
    return found


def _without(query: Query, fields: Sequence[str]) -> Query:
    """The query with some fields as if they had never been set."""
    empty: dict[str, Any] = {name: getattr(Query(), name) for name in fields}
    return replace(query, **empty)


def ignored(connection: sa.Connection, tab: Tab, query: Query) -> int:
    """How many lines would appear if ignored ones were shown."""
    if query.ignored is not Ignored.NO:
        return 0
    return total(connection, tab, replace(query, ignored=Ignored.ONLY))


def collecting(connection: sa.Connection) -> int:
    """Communications whose data is still being collected."""
    statement = sa.select(sa.func.count()).where(communication.c.collecting)
    return connection.execute(statement).scalar_one()


def anything(connection: sa.Connection) -> bool:
    """Whether there is any communication."""
    return connection.execute(sa.select(communication.c.id).limit(1)).first() is not None


def recounted(connection: sa.Connection, tab: Tab) -> Mapping[tuple[str, str, bool], int]:
    """Lines per status, chip and ignored, counted from the lists themselves: the check of the counters."""
    table: Any = subject if tab is Tab.OVERVIEW else entry
    hidden: Any = subject.c.ignored if tab is Tab.OVERVIEW else entry.c.ignored_at.is_not(None)
    statement = sa.select(table.c.status, table.c.chip, hidden, sa.func.count()).group_by(
        table.c.status, table.c.chip, hidden
    )
    if tab is Tab.OVERVIEW:
        statement = statement.where(subject.c.visible)
    return {(row[0], row[1], bool(row[2])): row[3] for row in connection.execute(statement)}
