"""UUIDv7 from a given instant, so that order by id is order by time."""

from __future__ import annotations

import secrets
import threading
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DRIFT = 10_000 << 12
"""Ten seconds: many ids of one instant run ahead of it; anything older is imported history."""


class IdMaker:
    """Makes ids that never go backwards within one process, even within one millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def make(self, at: datetime) -> str:
        """A new id for an instant, in canonical text form (RFC 9562 section 5.7)."""
        stamp = _milliseconds(at) << 12
        with self._lock:
            if stamp > self._last:
                self._last = stamp | secrets.randbelow(1024)
            elif self._last - stamp < _DRIFT:
                self._last += 1 + secrets.randbelow(4)
            else:
                return _compose(stamp | secrets.randbelow(4096))
            return _compose(self._last)


def id_at(at: datetime, *, low: bool = True) -> str:
    """The lowest (or highest) possible id of an instant: a bound for ranges of time."""
    stamp = _milliseconds(at)
    tail = 0 if low else (1 << 62) - 1
    sub = 0 if low else 0xFFF
    return str(uuid.UUID(int=(stamp << 80) | (7 << 76) | (sub << 64) | (2 << 62) | tail))


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _compose(stamp: int) -> str:
    milliseconds, sub = stamp >> 12, stamp & 0xFFF
    return str(
        uuid.UUID(
            int=(milliseconds << 80) | (7 << 76) | (sub << 64) | (2 << 62) | secrets.randbits(62)
        )
    )


def time_of(identifier: str) -> datetime:
    """The instant, to the millisecond, for which a UUIDv7 was made."""
    return _EPOCH + timedelta(milliseconds=int(identifier[:8] + identifier[9:13], 16))
