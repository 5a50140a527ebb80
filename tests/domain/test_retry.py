"""Waiting before another try: longer each time, never at once, never for ever, and never past the message's use."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.retry import (
    ASKED_CAP_SECONDS,
    ASKED_SPREAD_SECONDS,
    CAP_SECONDS,
    Failure,
    next_try,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def wait(
    tries: int, failure: Failure | None = None, first: float = 15.0, now: datetime = NOW
) -> float:
    """Seconds until the next try."""
    at = next_try(tries, failure or Failure("m-1"), now, first_seconds=first)
    assert at is not None
    return (at - now).total_seconds()


@given(st.integers(1, 10_000), st.floats(0.001, 3600.0), st.text())
def test_a_wait_is_between_half_and_all_of_its_ceiling(tries: int, first: float, key: str) -> None:
    ceiling = min(first * 2.0 ** min(tries - 1, 20), CAP_SECONDS)
    microsecond = 1e-6
    assert ceiling / 2 - microsecond <= wait(tries, Failure(key), first) <= ceiling + microsecond


def test_a_wait_grows_to_an_hour_and_no_further() -> None:
    longest = [max(wait(tries, Failure(str(n))) for n in range(50)) for tries in range(1, 30)]
    assert all(later > earlier for earlier, later in itertools.pairwise(longest[:8]))
    assert CAP_SECONDS / 2 < max(longest) <= CAP_SECONDS


def test_waits_of_many_messages_are_spread_and_the_same_question_has_the_same_answer() -> None:
    waits = [wait(3, Failure(str(number))) for number in range(100)]
    assert len(set(waits)) == 100
    assert max(waits) - min(waits) > 20
    assert waits == [wait(3, Failure(str(number))) for number in range(100)]
    assert wait(3) != wait(4)


@given(st.floats(-1e9, 1e12), st.integers(1, 50), st.text())
def test_a_provider_that_says_how_long_is_obeyed_up_to_six_hours(
    asked: float, tries: int, key: str
) -> None:
    seconds = wait(tries, Failure(key, retry_after=asked))
    least = min(max(asked, 1.0), ASKED_CAP_SECONDS)
    assert least - 1e-6 <= seconds <= least + min(least / 10, ASKED_SPREAD_SECONDS) + 1e-6


@pytest.mark.parametrize(
    ("left", "tried"), [(100.0, True), (15.0, True), (7.4, False), (0.0, False), (-5.0, False)]
)
def test_nothing_is_tried_when_the_message_has_expired_by_then(left: float, tried: bool) -> None:
    failure = Failure("m-1", expires_at=NOW + timedelta(seconds=left))
    assert (next_try(1, failure, NOW, first_seconds=15.0) is not None) == tried


def test_a_retry_after_beyond_the_messages_end_is_not_waited_for() -> None:
    ends = NOW + timedelta(seconds=60)
    assert next_try(1, Failure("m", 60.0, ends), NOW, first_seconds=1.0) is None
    assert next_try(1, Failure("m", 30.0, ends), NOW, first_seconds=1.0) is not None


def test_nothing_waits_longer_than_an_hour_by_itself_or_six_when_asked() -> None:
    assert CAP_SECONDS == 60 * 60
    assert ASKED_CAP_SECONDS == 6 * 60 * 60
    assert ASKED_SPREAD_SECONDS == 60
    assert wait(1, Failure("m", retry_after=1e9)) <= ASKED_CAP_SECONDS + ASKED_SPREAD_SECONDS


def test_a_try_that_would_be_made_at_the_moment_of_expiry_is_not_made() -> None:
    at = next_try(1, Failure("m"), NOW, first_seconds=15.0)
    assert at is not None
    assert next_try(1, Failure("m", expires_at=at), NOW, first_seconds=15.0) is None
    just_after = at + timedelta(microseconds=1)
    assert next_try(1, Failure("m", expires_at=just_after), NOW, first_seconds=15.0) == at


def test_waits_double_with_each_try_and_use_all_of_their_range() -> None:
    for tries, ceiling in ((0, 10.0), (1, 10.0), (2, 20.0), (3, 40.0), (5, 160.0)):
        waits = [wait(tries, Failure(str(number)), 10.0) for number in range(400)]
        assert ceiling / 2 <= min(waits) < ceiling * 0.51
        assert ceiling * 0.99 < max(waits) <= ceiling


def test_even_the_smallest_first_wait_grows_no_further_after_twenty_doublings() -> None:
    late = [wait(tries, Failure("m"), 1e-6) for tries in (21, 22, 500)]
    assert all(2**20 * 0.5e-6 <= seconds <= 2**20 * 1e-6 for seconds in late)


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(10.0, 10, 11), (0.0, 1, 1.1), (900, 900, 960)]
)
def test_messages_that_were_asked_to_wait_come_back_spread_over_a_tenth_of_it(
    asked: float, least: float, most: float
) -> None:
    waits = [wait(1, Failure(str(number), retry_after=asked)) for number in range(400)]
    spread = most - least
    assert least <= min(waits) < least + spread * 0.02
    assert most - spread * 0.02 < max(waits) <= most
