"""`fallback list`, `fallback release` and `fallback decline`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import tzinfo

from commtui.cli.opening import NO_WORKER, desk
from commtui.cli.output import say, say_json, table
from commtui.config import Settings
from commtui.domain.views import FallbackHold
from commtui.services.records import instant

_WIDTHS = (28, 8, 20, 16)
_HEADING = ("Cause", "Held", "Would go by", "First failed", "Last failed")


def run_fallback(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print what is held above the cap, or decide about the messages of one cause."""
    with desk(settings) as opened:
        if chosen.action == "list":
            _print(opened.holds.list(), opened.zone, as_json=chosen.json)
            return 0
        cause = " ".join(chosen.cause)
        if chosen.action == "decline":
            say(f"{opened.holds.decline(cause)} left as they are: failed")
            return 0
        number = opened.holds.release(cause)
        idle = "" if opened.health().workers else NO_WORKER
    say(f"{number} released: they go by the other channel{idle}")
    return 0


def _print(held: Sequence[FallbackHold], zone: tzinfo | None, *, as_json: bool) -> None:
    if as_json:
        say_json([_record(item) for item in held], indent=2)
    elif held:
        table([_HEADING, *(_row(item, zone) for item in held)], _WIDTHS)
    else:
        say("no fallback is held")


def _record(item: FallbackHold) -> dict[str, object]:
    return {
        "cause": item.cause,
        "number": item.number,
        "channel": item.origin.value if item.origin else None,
        "targets": {channel.value: count for channel, count in item.targets},
        "first": instant(item.first),
        "last": instant(item.last),
    }


def _row(item: FallbackHold, zone: tzinfo | None) -> tuple[str, ...]:
    first, last = (at.astimezone(zone).strftime("%Y-%m-%d %H:%M") for at in (item.first, item.last))
    ways = " or ".join(channel.label for channel, _ in item.targets)
    return (item.cause, str(item.number), ways, first, last)
