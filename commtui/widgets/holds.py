"""Automatic fallbacks that are held for a person, in words: how many of what, and within which time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from commtui.domain.text import line
from commtui.domain.views import FallbackHold
from commtui.domain.vocabulary import STATUS_LOOKS, Channel, Status
from commtui.widgets.look import counted, number

_NOUNS = {
    Status.BOUNCED: "bounce",
    Status.DROPPED: "drop",
    Status.BLOCKED: "block",
    Status.FAILED: "failure",
    Status.UNDELIVERED: "undelivered message",
    Status.RETURNED: "return",
    Status.REJECTED: "rejection",
}
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def held_words(holds: Sequence[FallbackHold]) -> str:
    """The first hold for the status line, and how many other causes there are."""
    more = f" and {counted(len(holds) - 1, 'other cause')}" if len(holds) > 1 else ""
    return f"fallback held: {hold_words(holds[0])}{more}"


def hold_words(hold: FallbackHold) -> str:
    """One hold, such as 3,120 bounces in 10 minutes."""
    _, status = _parts(hold)
    words = counted(hold.number, _NOUNS.get(status, "failure") if status else "failure")
    return f"{words} in {span(hold.last - hold.first)}" if hold.number > 1 else words


def way_of(hold: FallbackHold) -> str:
    """What failed and the channel that would follow, such as "bounced email → post"; empty: not known."""
    _, status = _parts(hold)
    if hold.origin is None or not hold.targets:
        return ""
    failed = STATUS_LOOKS[status].label.removeprefix("Failed: ").lower() if status else "failed"
    several = len(hold.targets) > 1
    targets = " or ".join(
        channel_word(channel) + (f" ({number(count)})" if several else "")
        for channel, count in hold.targets
    )
    return f"{failed} {channel_word(hold.origin)} → {targets}"


def channel_word(channel: Channel) -> str:
    """A channel's name within a sentence."""
    return channel.label if channel is Channel.SMS else channel.label.lower()


def provider_of(hold: FallbackHold) -> str:
    """The provider at which they failed, safe for a terminal."""
    return _parts(hold)[0]


def span(time: timedelta) -> str:
    """A length of time in the largest unit that says it well enough."""
    if time < 90 * _MINUTE:
        return counted(max(1, round(time / _MINUTE)), "minute")
    if time < 36 * _HOUR:
        return counted(round(time / _HOUR), "hour")
    return counted(round(time / _DAY), "day")


def _parts(hold: FallbackHold) -> tuple[str, Status | None]:
    provider, _, word = hold.cause.rpartition(" ")
    known = Status(word) if word in {status.value for status in Status} else None
    return line(provider or hold.cause, 40), known
