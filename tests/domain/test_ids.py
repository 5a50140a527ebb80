"""Ids: order by id is order by time, and a range of time is a range of ids."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.ids import IdMaker, id_at, time_of

MOMENT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
moments = st.integers(0, 4 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def to_the_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@given(moments)
def test_an_id_is_a_uuid_of_version_7_that_names_its_instant(at: datetime) -> None:
    made = IdMaker().make(at)
    assert str(uuid.UUID(made)) == made
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)
    assert time_of(made) == to_the_millisecond(at)


@given(moments)
def test_the_bounds_of_an_instant_hold_every_id_of_it(at: datetime) -> None:
    low, high = id_at(at), id_at(at, low=False)
    assert low <= IdMaker().make(at) <= high
    assert time_of(low) == time_of(high) == to_the_millisecond(at)
    assert high < id_at(at + timedelta(milliseconds=1))


@given(st.lists(moments, min_size=2, max_size=20))
def test_ids_of_different_times_sort_as_the_times_do(times: list[datetime]) -> None:
    by_time = sorted({to_the_millisecond(at) for at in times})
    ids = [IdMaker().make(at) for at in by_time]
    assert ids == sorted(ids)


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 4_500)), max_size=100))
def test_ids_do_not_go_backwards_although_the_clock_may_by_seconds(
    steps: list[tuple[int, int]],
) -> None:
    maker, at, ids = IdMaker(), MOMENT, []
    for ahead, back in steps:
        at += timedelta(milliseconds=ahead)
        ids.append(maker.make(at - timedelta(milliseconds=back)))
    assert ids == sorted(set(ids))


def test_thousands_of_ids_of_one_instant_differ_and_stay_in_order() -> None:
    maker = IdMaker()
    ids = [maker.make(MOMENT) for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert time_of(ids[-1]) - MOMENT < timedelta(seconds=10)


def test_history_gets_ids_of_its_own_day_and_the_present_goes_on_from_where_it_was() -> None:
    maker = IdMaker()
    before = maker.make(MOMENT)
    old = [maker.make(MOMENT - timedelta(days=400)) for _ in range(50)]
    after = maker.make(MOMENT)
    assert {time_of(item) for item in old} == {MOMENT - timedelta(days=400)}
    assert len(set(old)) == 50
    assert max(old) < before < after


def test_threads_never_get_the_same_id() -> None:
    maker = IdMaker()
    made: list[list[str]] = [[] for _ in range(4)]

    def fill(own: list[str]) -> None:
        own.extend(maker.make(MOMENT) for _ in range(500))

    threads = [threading.Thread(target=fill, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({item for own in made for item in own}) == 2_000
    assert all(own == sorted(own) for own in made)


def test_a_month_has_the_ids_from_its_first_instant_to_the_next_months() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    inside = IdMaker().make(end - timedelta(milliseconds=1))
    assert id_at(start) <= inside < id_at(end)
    assert id_at(end) <= IdMaker().make(end)
