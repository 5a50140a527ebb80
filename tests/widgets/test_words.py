"""Columns, times and dates in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from commtui.domain.vocabulary import STATUS_LOOKS, Status
from commtui.widgets.columns import MARK_WIDTH, ColumnKey, layout, remarks, status_words
from commtui.widgets.dates import day_after, parse_day, presets
from commtui.widgets.hints import key_name
from commtui.widgets.look import Look, counted, number
from commtui.widgets.painting import fit
from tests.tui.fake_desk import NOW, make_line

ZURICH = Look(ZoneInfo("Europe/Zurich"), clock=lambda: NOW)
PLAIN = replace(ZURICH, ascii=True)


@pytest.mark.parametrize("width", range(59, 240, 7))
def test_columns_fill_the_width_exactly(width: int) -> None:
    columns = layout(width)
    assert all(cells > 0 for _, cells in columns)
    if width >= 79:
        assert MARK_WIDTH + sum(cells + 1 for _, cells in columns) == width


def test_80_columns_keep_what_operators_go_by() -> None:
    keys = [column.key for column, _ in layout(79)]
    assert keys == [
        ColumnKey.TIME,
        ColumnKey.STATUS,
        ColumnKey.CHANNEL,
        ColumnKey.REFERENCE,
        ColumnKey.CUSTOMER,
        ColumnKey.ERROR,
    ]
    assert ColumnKey.LOCATION in [column.key for column, _ in layout(140)]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COLLECTING])
@pytest.mark.parametrize("look", [ZURICH, PLAIN], ids=["glyphs", "ascii"])
def test_every_status_has_a_sign_and_a_word_that_fits(status: Status, look: Look) -> None:
    shown = status_words(make_line(0, status=status), look, 17)
    sign, word = shown.split(" ", 1)
    looks = STATUS_LOOKS[status]
    assert sign == (looks.ascii if look.ascii else looks.glyph)
    assert word.lower() in looks.label.lower()
    assert len(shown) <= 17
    if look.ascii:
        assert shown.isascii()


def test_remarks_say_what_a_status_alone_does_not() -> None:
    line = make_line(
        0,
        status=Status.BOUNCED,
        others=2,
        ignored=True,
        settled_at=NOW,
        delivered_twice=True,
        after_delivery=True,
        error_message="550 no",
    )
    assert remarks(line, ZURICH) == (
        "+2 ✗ · ignored · fixed by 16 Jan · delivered twice · bounced after delivery · 550 no"
    )
    assert remarks(line, PLAIN).isascii()
    assert (
        remarks(make_line(2, error_message="", note="waiting for release"), ZURICH)
        == "waiting for release"
    )


def test_times_are_in_the_operators_zone_and_fit_their_column() -> None:
    assert ZURICH.short(NOW) == "11:42"
    assert ZURICH.short(NOW - timedelta(days=1)) == "15 Jan"
    assert ZURICH.short(NOW - timedelta(days=400)) == "2024-12"
    assert ZURICH.moment(NOW) == "16 Jan 11:42"
    assert ZURICH.moment(NOW - timedelta(days=400)) == "12 Dec 2024"
    assert ZURICH.full(NOW) == "2026-01-16 11:42:00"
    assert ZURICH.zone_name == "Europe/Zurich"
    assert Look(clock=lambda: NOW).zone_name


def test_days_are_read_in_the_operators_zone_over_a_change_of_clocks() -> None:
    look = replace(ZURICH, clock=lambda: datetime(2026, 3, 30, 8, 0, tzinfo=UTC))
    start = parse_day("2026-03-29", look)
    assert start is not None
    end = day_after(start, look)
    assert start.isoformat() == "2026-03-29T00:00:00+01:00"
    assert end.isoformat() == "2026-03-30T00:00:00+02:00"
    assert parse_day("  ", look) is None
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        parse_day("29.03.2026", look)


def test_presets_are_whole_days() -> None:
    spans = {name: (f"{first:%Y-%m-%d}", f"{end:%Y-%m-%d}") for name, first, end in presets(ZURICH)}
    assert spans == {
        "today": ("2026-01-16", "2026-01-17"),
        "7 days": ("2026-01-10", "2026-01-17"),
        "30 days": ("2025-12-18", "2026-01-17"),
        "this month": ("2026-01-01", "2026-02-01"),
        "last month": ("2025-12-01", "2026-01-01"),
    }


@pytest.mark.parametrize("text", ["日本語テキスト", "Zoë", "x" * 40, "", "👨‍👩‍👧 family"])
def test_text_fits_its_cells_whatever_its_width(text: str) -> None:
    for cells in (1, 5, 12):
        assert cell_len(fit(text, cells, ZURICH)) == cells


def test_small_words() -> None:
    assert number(1_284) == "1,284"
    assert counted(1, "line") == "1 line"
    assert counted(2, "line") == "2 lines"
    assert key_name("question_mark,f1") == "? F1"
    assert key_name("shift+down") == "shift+↓"
