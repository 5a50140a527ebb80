"""Reading what providers send: untrusted, of any type, and never a reason to raise."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

WORDS_LIMIT = 2000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_NOT_IN_CODES = re.compile(r"[^a-z0-9]+")
_CLOCK_SLACK = timedelta(days=1)


def text(value: object, limit: int = WORDS_LIMIT) -> str:
    """A text or number as text that every database can hold; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _NOT_STORABLE.sub("\ufffd", str(value)[:limit])


def code(value: object) -> str:
    """A provider's words as a code: lower case, underscores."""
    return _NOT_IN_CODES.sub("_", text(value, 200).lower()).strip("_")[:60]


def entry_id(value: object) -> str | None:
    """Our own id as a provider brought it back; None when it cannot be ours."""
    found = text(value, 100).lower()
    return found if _UUID.fullmatch(found) else None


def moment(value: object, otherwise: datetime) -> datetime:
    """An instant from Unix seconds; `otherwise` when it is unreadable or absurdly late."""
    try:
        seconds = float(text(value, 40))
        at = datetime.fromtimestamp(seconds, UTC) if math.isfinite(seconds) else otherwise
    except (ValueError, OverflowError, OSError):
        return otherwise
    return at if at < otherwise + _CLOCK_SLACK else otherwise


def mail_date(value: object) -> datetime | None:
    """An instant from an RFC 2822 date; None when it is missing or unreadable."""
    try:
        at = parsedate_to_datetime(text(value, 100))
    except (ValueError, TypeError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def without(words: str, secrets: Iterable[str]) -> str:
    """Words with every secret masked: an error page may echo the request."""
    for secret in secrets:
        if secret:
            words = words.replace(secret, "••••")
    return words
