"""The columns of both lists: what they say, how wide they are, from which width on they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from commtui.domain.lines import Line, SortKey
from commtui.domain.text import line as one_line
from commtui.domain.vocabulary import STATUS_LOOKS, Status
from commtui.widgets.look import Look


class ColumnKey(StrEnum):
    """The columns by name."""

    TIME = "time"
    STATUS = "status"
    CHANNEL = "channel"
    REFERENCE = "reference"
    CUSTOMER = "customer"
    RECIPIENT = "recipient"
    ATTEMPTS = "attempts"
    KIND = "kind"
    LOCATION = "location"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `share` is its part of the width that is left over."""

    key: ColumnKey
    title: str
    width: int
    share: int = 0
    from_width: int = 0
    """The width of the list from which it is shown."""
    sort: SortKey | None = None


COLUMNS = (
    Column(ColumnKey.TIME, "Time", 7, sort=SortKey.TIME),
    Column(ColumnKey.STATUS, "Status", 17, sort=SortKey.STATUS),
    Column(ColumnKey.CHANNEL, "Type", 9),
    Column(ColumnKey.REFERENCE, "Reference", 10, sort=SortKey.REFERENCE),
    Column(ColumnKey.CUSTOMER, "Customer", 14, 3, sort=SortKey.CUSTOMER),
    Column(ColumnKey.RECIPIENT, "Recipient", 16, 2, from_width=110),
    Column(ColumnKey.ATTEMPTS, "Tries", 5, from_width=110),
    Column(ColumnKey.KIND, "Kind", 9, from_width=110),
    Column(ColumnKey.LOCATION, "Location", 8, from_width=132),
    Column(ColumnKey.ERROR, "Error / note", 10, 4),
)
MARK_WIDTH = 2
_WIDEST_REFERENCE = 16


def widest_reference(lines: Iterable[Line]) -> int:
    """The cells that references need, within reason: operators go by them, so they are not cut."""
    return min(max((len(line.reference) for line in lines), default=0), _WIDEST_REFERENCE)


@lru_cache(maxsize=64)
def layout(width: int, reference_cells: int = 0) -> tuple[tuple[Column, int], ...]:
    """The columns that fit a list of this width, with the cells each of them gets."""
    shown = [
        replace(column, width=max(column.width, reference_cells))
        if column.key is ColumnKey.REFERENCE
        else column
        for column in COLUMNS
        if column.from_width <= width
    ]
    left = width - MARK_WIDTH - sum(column.width + 1 for column in shown)
    shares = sum(column.share for column in shown)
    widths = [column.width + max(left, 0) * column.share // shares for column in shown]
    widths[-1] += width - MARK_WIDTH - sum(cells + 1 for cells in widths)
    return tuple(zip(shown, (max(cells, 1) for cells in widths), strict=True))


def status_words(line: Line, look: Look, width: int) -> str:
    """Sign and word of a line's status; the word alone where both parts of it do not fit."""
    words = STATUS_LOOKS[line.status].label
    if len(words) + 2 > width:
        words = words.removeprefix("Failed: ").capitalize()
    return f"{look.glyph(line.status)} {words}"


def remarks(line: Line, look: Look) -> str:
    """The last column: what else is to know, the error or why it waits."""
    parts = (
        f"+{line.others} ✗" if line.others else "",
        "ignored" if line.ignored else "",
        f"fixed by {look.day(line.settled_at)}" if line.settled_at else "",
        "delivered twice" if line.delivered_twice else "",
        f"{_last_word(line.status)} after delivery" if line.after_delivery else "",
    )
    ours = look.plain(" · ".join(part for part in parts if part))
    theirs = one_line(line.error_message or line.note, 300)
    return look.plain(" · ").join(part for part in (ours, theirs) if part)


def _last_word(status: Status) -> str:
    return STATUS_LOOKS[status].label.rpartition(": ")[2].lower()


_CELLS: dict[ColumnKey, Callable[[Line, Look, int], str]] = {
    ColumnKey.TIME: lambda line, look, _: look.short(line.acted_at),
    ColumnKey.STATUS: status_words,
    ColumnKey.CHANNEL: lambda line, _look, _width: line.channel.label,
    ColumnKey.REFERENCE: lambda line, _look, _width: one_line(line.reference, 80),
    ColumnKey.CUSTOMER: lambda line, _look, _width: one_line(
        line.customer_name or line.customer_id, 80
    ),
    ColumnKey.RECIPIENT: lambda line, _look, _width: one_line(line.recipient, 120),
    ColumnKey.ATTEMPTS: lambda line, _look, _width: f"{line.attempts:>4}",
    ColumnKey.KIND: lambda line, _look, _width: one_line(line.kind, 40),
    ColumnKey.LOCATION: lambda line, _look, _width: one_line(line.location_group, 40),
    ColumnKey.ERROR: lambda line, look, _width: remarks(line, look),
}


def cell(line: Line, key: ColumnKey, look: Look, width: int) -> str:
    """What a line says in one column, safe for a terminal."""
    return _CELLS[key](line, look, width)
