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
