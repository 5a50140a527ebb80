"""When a try that surely did not leave is made again: a function of its number, without a clock."""

from __future__ import annotations

import random

CAP_SECONDS = 3600.0
ASKED_CAP_SECONDS = 6 * 3600.0
"""A provider's own Retry-After is obeyed up to here."""


def delay(
    tries: int,
    first_seconds: float,
    retry_after: float | None = None,
    *,
    rng: random.Random | None = None,
) -> float:
    """Seconds until the next try after `tries` of them: exponential, jittered, capped."""
    if retry_after is not None:
        return min(max(retry_after, 1.0), ASKED_CAP_SECONDS)
    ceiling = min(first_seconds * 2.0 ** min(tries - 1, 20), CAP_SECONDS)
    return ceiling * (rng or random.SystemRandom()).uniform(0.5, 1.0)
