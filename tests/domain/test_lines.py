"""Queries and counts: what narrows a list, and which number stands beside which chip."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from commtui.domain.lines import Counts, Query, Selection, Sort, SortKey
from commtui.domain.vocabulary import Channel, Chip, Ignored, Status, Tab

MOMENT = datetime(2026, 1, 15, tzinfo=UTC)
NARROWING: dict[str, Any] = {
    "text": "12345",
    "channels": frozenset({Channel.EMAIL}),
    "categories": frozenset({"invoice"}),
    "statuses": frozenset({Status.BOUNCED}),
    "sent_from": MOMENT,
    "sent_to": MOMENT,
    "customer": "K-1",
    "location_groups": frozenset({"north"}),
    "error_key": "abc",
}


def test_an_empty_query_narrows_nothing_and_leaves_out_what_is_ignored() -> None:
    assert Query().narrowing() == ()
    assert (Query().chip, Query().ignored) == (Chip.ALL, Ignored.NO)


@pytest.mark.parametrize("name", NARROWING)
def test_each_filter_narrows_by_its_name(name: str) -> None:
    assert Query(**{name: NARROWING[name]}).narrowing() == (name,)


def test_all_filters_together_are_named_in_one_order() -> None:
    assert Query(**NARROWING).narrowing() == tuple(NARROWING)


def test_no_filter_is_forgotten() -> None:
    beside = {"chip", "ignored", "open_only"}
    assert {item.name for item in fields(Query)} == set(NARROWING) | beside


def test_chip_and_ignored_do_not_count_as_narrowing() -> None:
    assert Query(chip=Chip.FAILED, ignored=Ignored.ALSO, open_only=True).narrowing() == ()


@pytest.mark.parametrize("chip", Chip)
def test_another_chip_leaves_the_other_filters_alone(chip: Chip) -> None:
    query = Query(**NARROWING)
    assert query.with_chip(chip) == Query(chip=chip, **NARROWING)
    assert query.chip is Chip.ALL


def test_each_chip_has_its_own_number() -> None:
    counts = Counts(failed=1, not_sent=2, completed=3, all=6)
    assert [counts.of(chip) for chip in Chip] == [1, 2, 3, 6]


def test_lists_are_newest_first_and_a_selection_is_of_one_tab() -> None:
    assert Sort() == Sort(SortKey.TIME, descending=True)
    assert Selection(Tab.LOG) == Selection(Tab.LOG, ids=(), query=None)
