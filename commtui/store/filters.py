"""The filters of a list as SQL conditions, over the lists themselves or over the counters' cube."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.lines import Query
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.store import search
from commtui.store.tables import customer, entry, subject


def live(
    connection: sa.Connection, tab: Tab, query: Query, *, walk: bool = False
) -> list[sa.ColumnElement[bool]]:
    """Conditions on `subject` or `entry` rows, chip included; `walk` for pages, see `search.condition`."""
    table = subject if tab is Tab.OVERVIEW else entry
    conditions = _shared(table, query)
    category = subject.c.type if tab is Tab.OVERVIEW else entry.c.category
    if query.categories:
        conditions.append(category.in_(sorted(query.categories)))
    if tab is Tab.OVERVIEW:
        conditions.append(subject.c.visible)
        conditions += _ignored(subject.c.ignored, query.ignored)
    else:
        conditions += _ignored(entry.c.ignored_at.is_not(None), query.ignored)
        if query.open_only and query.chip is Chip.FAILED:
            conditions.append(entry.c.settled_by.is_(None))
    conditions += time_range(tab, query.sent_from, query.sent_to)
    if query.customer is not None:
        wanted = sa.select(customer.c.id).where(customer.c.external_id == query.customer)
        known = connection.execute(wanted).scalar()
        conditions.append(table.c.customer_id == known if known else sa.false())
    if query.error_key is not None:
        conditions.append(table.c.error_key == query.error_key)
    found = search.condition(connection, tab, query.text, walk=walk)
    if found is not None:
        conditions.append(found)
    return conditions


def counted(cube: sa.Subquery, tab: Tab, query: Query) -> list[sa.ColumnElement[bool]]:
    """Conditions on the cube, for queries that `needs_lines` says it can answer; times apart."""
    conditions = [cube.c.scope == tab.value, *_shared(cube, query)]
    if query.categories:
        conditions.append(cube.c.category.in_(sorted(query.categories)))
    conditions += _ignored(cube.c.ignored, query.ignored)
    if query.open_only and query.chip is Chip.FAILED:
        conditions.append(~cube.c.settled)
    return conditions


def needs_lines(query: Query) -> bool:
    """Whether a query looks at more than the counters know."""
    return (
        bool(search.terms(query.text)) or query.customer is not None or query.error_key is not None
    )


def time_range(
    tab: Tab, start: datetime | None, end: datetime | None
) -> list[sa.ColumnElement[bool]]:
    """Sent between: ids are in order of time, so a range of time is a range of ids."""
    column = subject.c.sort_id if tab is Tab.OVERVIEW else entry.c.id
    conditions: list[sa.ColumnElement[bool]] = []
    if start is not None:
        conditions.append(column >= id_at(start))
    if end is not None:
        conditions.append(column < id_at(end))
    return conditions


def whole_months(
    start: datetime | None, end: datetime | None
) -> tuple[list[tuple[datetime | None, datetime | None]], int, int]:
    """A range of time as its edges, to be counted live, and the months between them (first, behind last)."""
    first = 0
    edges: list[tuple[datetime | None, datetime | None]] = []
    if start is not None:
        begin = _month_start(start)
        if begin != start:
            begin = _next_month(begin)
            edges.append((start, begin if end is None else min(begin, end)))
        first = begin.year * 100 + begin.month
    behind = 999_999
    if end is not None:
        close = _month_start(end)
        behind = close.year * 100 + close.month
        if close != end and (start is None or close >= start) and behind >= first:
            edges.append((close, end))
    return edges, first, behind


def _month_start(moment: datetime) -> datetime:
    at = moment.astimezone(UTC)
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def _next_month(start: datetime) -> datetime:
    return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)


def _shared(table: Any, query: Query) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if query.chip is not Chip.ALL:
        conditions.append(table.c.chip == query.chip.value)
    if query.channels:
        conditions.append(table.c.channel.in_(sorted(query.channels)))
    if query.statuses:
        conditions.append(table.c.status.in_(sorted(query.statuses)))
    if query.location_groups:
        conditions.append(table.c.location_group.in_(sorted(query.location_groups)))
    return conditions


def _ignored(flag: sa.ColumnElement[bool], wanted: Ignored) -> list[sa.ColumnElement[bool]]:
    return {Ignored.NO: [~flag], Ignored.ALSO: [], Ignored.ONLY: [flag]}[wanted]
