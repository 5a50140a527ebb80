"""Days as operators type them, and the usual spans, in the operator's zone."""

from __future__ import annotations

from datetime import datetime, timedelta

from commtui.widgets.look import Look


def presets(look: Look) -> tuple[tuple[str, datetime, datetime], ...]:
    """Name, first instant and the instant after, of the spans that are asked for most."""
    today = look.today()
    tomorrow = _midnight(look, today + timedelta(days=1))
    month = today.replace(day=1)
    next_month = _midnight(look, (month + timedelta(days=32)).replace(day=1))
    last_month = _midnight(look, (month - timedelta(days=1)).replace(day=1))
    return (
        ("today", today, tomorrow),
        ("7 days", _midnight(look, today - timedelta(days=6)), tomorrow),
        ("30 days", _midnight(look, today - timedelta(days=29)), tomorrow),
        ("this month", _midnight(look, month), next_month),
        ("last month", last_month, _midnight(look, month)),
    )


def parse_day(text: str, look: Look) -> datetime | None:
    """The start of a day written YYYY-MM-DD in the operator's zone; None when nothing is written.

    Raises ValueError, with words for the operator, when it is not a day.
    """
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007  the zone is added below
    except ValueError:
        raise ValueError("A day is written YYYY-MM-DD, such as 2026-01-16.") from None
    return _midnight(look, day)


def day_after(start: datetime, look: Look) -> datetime:
    """The start of the next day."""
    return _midnight(look, start.replace(tzinfo=None) + timedelta(days=1))


def _midnight(look: Look, day: datetime) -> datetime:
    """The start of a day, at whatever offset the zone has then."""
    bare = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return bare.replace(tzinfo=look.zone) if look.zone else bare.astimezone()
