"""When a try that surely did not leave is made again: a pure function of the try, its failure and the time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

CAP_SECONDS = 3600.0
ASKED_CAP_SECONDS = 6 * 3600.0
"""A provider's own Retry-After is obeyed up to here."""
ASKED_SPREAD = 0.1
"""Part of a Retry-After that messages are spread over, so that they do not all come back at once."""
ASKED_SPREAD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that surely did not leave."""

    key: str
    """Whose try it was; equal inputs give equal times, different messages are spread."""
    retry_after: float | None = None
    """Seconds that the provider asked for."""
    expires_at: datetime | None = None
    """When the message is of no use any more."""


def next_try(
    tries: int, failure: Failure, now: datetime, *, first_seconds: float
) -> datetime | None:
    """When try `tries` + 1 is made; None when the message would have expired by then."""
    at = after(tries, failure, now, first_seconds=first_seconds)
    return at if failure.expires_at is None or at < failure.expires_at else None


def after(tries: int, failure: Failure, now: datetime, *, first_seconds: float) -> datetime:
    """When to try again whatever the time is: exponential with jitter and a cap, never before a Retry-After."""
    share = _share(failure.key, tries)
    asked = failure.retry_after
    if asked is None:
        ceiling = min(first_seconds * 2.0 ** min(max(tries, 1) - 1, 20), CAP_SECONDS)
        seconds = ceiling * (0.5 + share / 2)
    else:
        seconds = min(max(asked, 1.0), ASKED_CAP_SECONDS)
        seconds += min(seconds * ASKED_SPREAD, ASKED_SPREAD_SECONDS) * share
    return now + timedelta(seconds=seconds)


def _share(key: str, tries: int) -> float:
    """From 0 up to 1, by chance as far as anybody can tell."""
    digest = hashlib.sha256(f"{key}\x1f{tries}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
