"""What an answer's headers say of how many more calls are taken, in either spelling."""

from __future__ import annotations

import time

import pytest

from commtui.providers.http import Answer


def answer(**headers: str) -> Answer:
    """An answer with these headers."""
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def soon(seconds: float = 30.0) -> str:
    """A reset as epoch seconds."""
    return str(int(time.time() + seconds))


@pytest.mark.parametrize("prefix", ["x_ratelimit_", "x_rate_limit_"])
def test_a_quota_that_is_half_used_up_is_heeded(prefix: str) -> None:
    said = {f"{prefix}limit": "300", f"{prefix}remaining": "150", f"{prefix}reset": soon()}
    quota = answer(**said).quota()
    assert quota is not None
    assert quota.remaining == 150
    assert 25 < quota.seconds <= 30


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_ratelimit_limit": "300", "x_ratelimit_remaining": "151"},
        {"x_ratelimit_remaining": "3"},
        {"x_ratelimit_remaining": "-3", "x_ratelimit_reset": "soon"},
        {"x_ratelimit_remaining": "many", "x_ratelimit_reset": "99999999999"},
        {"x_ratelimit_remaining": "3", "x_ratelimit_reset": "12"},
        {"x_ratelimit_remaining": "3", "x_ratelimit_reset": "9" * 400},
    ],
    ids=["none", "plenty", "no reset", "negative", "words", "past", "endless"],
)
def test_what_says_nothing_useful_is_not_heeded(headers: dict[str, str]) -> None:
    assert answer(**headers).quota() is None


def test_a_429_in_pings_own_spelling_says_how_long() -> None:
    wait = answer(x_rate_limit_reset=soon(40)).retry_after()
    assert wait is not None
    assert 35 < wait <= 40
