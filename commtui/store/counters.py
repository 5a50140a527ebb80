"""Counts for the chips: deltas appended in the writer's own transaction, folded later, summed when read.

Exact, because a reader sums both tables in one statement, and no shared row is locked while sending.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from commtui.domain.ids import time_of
from commtui.domain.vocabulary import Channel, Chip, Status, Tab
from commtui.store.tables import counter, counter_delta

FOLD_BATCH = 5_000
_FOLD_LOCK = 7_062_027


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of what the chips can be filtered by."""

    month: int
    scope: str
    channel: str
    category: str
    location_group: str
    status: str
    chip: str
    ignored: bool
    settled: bool


def month_of(identifier: str) -> int:
    """The month, as 202601, in which a UUIDv7 was made."""
    moment = time_of(identifier)
    return moment.year * 100 + moment.month


def cell(
    scope: Tab,
    identifier: str,
    *,
    channel: Channel,
    category: str,
    location_group: str,
    status: Status,
    chip: Chip,
    ignored: bool,
    settled: bool = False,
) -> Cell:
    """The cell that a line of a list is counted in."""
    return Cell(
        month_of(identifier),
        scope.value,
        channel.value,
        category,
        location_group,
        status.value,
        chip.value,
        ignored,
        settled,
    )


class Tally:
    """Collects what one transaction changes, so that it appends each cell once."""

    def __init__(self) -> None:
        self._lines: Counter[Cell] = Counter()

    def move(self, old: Cell | None, new: Cell | None) -> None:
        """A line leaves one cell and enters another."""
        if old == new:
            return
        if old is not None:
            self._lines[old] -= 1
        if new is not None:
            self._lines[new] += 1

    def write(self, connection: sa.Connection) -> None:
        """Append the deltas."""
        rows = [{**_row(key), "lines": lines} for key, lines in self._lines.items() if lines]
        if rows:
            connection.execute(counter_delta.insert(), rows)
        self._lines.clear()


def fold(connection: sa.Connection) -> int:
    """Move up to FOLD_BATCH deltas into the folded table; returns how many."""
    if connection.dialect.name == "postgresql":
        locked = sa.text("SELECT pg_try_advisory_xact_lock(:key)")
        if not connection.execute(locked, {"key": _FOLD_LOCK}).scalar_one():
            return 0
    rows = connection.execute(
        sa.select(counter_delta).order_by(counter_delta.c.seq).limit(FOLD_BATCH)
    ).all()
    if not rows:
        return 0
    sums: Counter[Cell] = Counter()
    for row in rows:
        sums[_cell(row)] += row.lines
    for key, lines in sums.items():
        if not lines:
            continue
        where = [getattr(counter.c, name) == value for name, value in _row(key).items()]
        found = connection.execute(
            counter.update().where(*where).values(lines=counter.c.lines + lines)
        )
        if not found.rowcount:
            connection.execute(counter.insert().values(**_row(key), lines=lines))
    seqs = [row.seq for row in rows]
    for start in range(0, len(seqs), 500):
        connection.execute(
            counter_delta.delete().where(counter_delta.c.seq.in_(seqs[start : start + 500]))
        )
    return len(rows)


def pending(connection: sa.Connection) -> bool:
    """Whether there is anything to fold."""
    return connection.execute(sa.select(counter_delta.c.seq).limit(1)).first() is not None


def cube() -> sa.Subquery:
    """Folded and pending counts in one relation."""
    names = [column.name for column in counter.columns]
    return sa.union_all(
        sa.select(*(counter.c[name] for name in names)),
        sa.select(*(counter_delta.c[name] for name in names)),
    ).subquery("cube")


def _row(key: Cell) -> dict[str, object]:
    return {name: getattr(key, name) for name in Cell.__dataclass_fields__}


def _cell(row: sa.Row[*tuple[object, ...]]) -> Cell:
    return Cell(**{name: getattr(row, name) for name in Cell.__dataclass_fields__})
