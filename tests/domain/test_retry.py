"""Waiting before another try: longer each time, never at once, never for ever."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.retry import ASKED_CAP_SECONDS, CAP_SECONDS, delay


@given(st.integers(1, 10_000), st.floats(0.001, 3600.0), st.integers())
def test_a_wait_is_between_half_and_all_of_its_ceiling(tries: int, first: float, seed: int) -> None:
    seconds = delay(tries, first, rng=random.Random(seed))
    ceiling = min(first * 2.0 ** min(tries - 1, 20), CAP_SECONDS)
    assert ceiling / 2 <= seconds <= ceiling


def test_the_first_try_again_comes_within_a_minute() -> None:
    assert delay(1, 15.0) <= 15.0
    assert delay(2, 15.0) <= 30.0
    assert delay(3, 15.0) <= 60.0


def test_a_wait_grows_to_an_hour_and_no_further() -> None:
    ceilings = [max(delay(n, 15.0, rng=random.Random(s)) for s in range(50)) for n in range(1, 12)]
    assert all(later > earlier for earlier, later in itertools.pairwise(ceilings[:8]))
    assert max(ceilings) <= CAP_SECONDS


def test_waits_of_many_messages_are_spread() -> None:
    rng = random.Random(1)
    assert len({delay(3, 15.0, rng=rng) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(-5.0, 1.0), (0.0, 1.0), (7.5, 7.5), (1e9, ASKED_CAP_SECONDS), (float("inf"), 6 * 3600.0)],
)
def test_a_provider_that_says_how_long_is_obeyed_up_to_six_hours(
    asked: float, waited: float
) -> None:
    assert delay(1, 15.0, asked) == delay(50, 15.0, asked) == waited
