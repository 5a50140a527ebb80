"""`list` and `counts`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import chain

from commtui.cli.opening import desk, query
from commtui.cli.output import say, say_csv, say_json, table
from commtui.config import Settings
from commtui.domain.lines import Line, Query, Sort
from commtui.domain.vocabulary import STATUS_LOOKS, Chip, Tab
from commtui.services.desk import Desk
from commtui.services.records import flat, record

PAGE = 500
_WIDTHS = (16, 20, 9, 12, 14, 24, 28)
_HEADING = (
    "Time",
    "Status",
    "Type",
    "Category",
    "Reference",
    "Customer",
    "Recipient",
    "Id, reason",
)


def run_list(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print lines, newest first."""
    with desk(settings) as opened:
        lines = _lines(opened, Tab(chosen.tab), query(chosen), chosen.limit)
        if chosen.json:
            for line in lines:
                say_json(record(line))
        elif chosen.csv:
            say_csv(_cells(lines))
        else:
            print_lines(lines, opened.zone)
    return 0


def print_lines(lines: Iterable[Line], zone: tzinfo | None) -> None:
    """Lines in columns, under their headings."""
    table(chain([_HEADING], (_row(line, zone) for line in lines)), _WIDTHS)


def _lines(opened: Desk, tab: Tab, wanted: Query, limit: int | None) -> Iterator[Line]:
    left = limit
    after = None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = opened.page(tab, wanted, Sort(), limit=size, after=after)
        yield from page.lines
        if page.last is None:
            return
        after = page.last
        left = None if left is None else left - size


def _cells(lines: Iterator[Line]) -> Iterator[Iterable[str]]:
    for number, line in enumerate(lines):
        cells = flat(record(line))
        if not number:
            yield cells.keys()
        yield cells.values()


def _row(line: Line, zone: tzinfo | None) -> tuple[str, ...]:
    look = STATUS_LOOKS[line.status]
    others = f" +{line.others} failed" if line.others else ""
    told = line.error_message or line.error_code or line.note
    return (
        line.acted_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        look.label + others,
        line.channel.label,
        line.category,
        line.reference,
        line.customer_name,
        line.recipient,
        f"{line.entry_id or line.id}  {told}",
    )


def run_counts(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print the numbers beside the chips."""
    with desk(settings) as opened:
        counts = opened.counts(Tab(chosen.tab), query(chosen))
    if chosen.json:
        say_json({chip.value.replace("-", "_"): counts.of(chip) for chip in Chip})
    else:
        for chip in Chip:
            say(f"{chip.label:<10}{counts.of(chip):>9}")
    return 0
