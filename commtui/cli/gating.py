"""`provider list`, `provider pause` and `provider release`; `runs` and what can be done with a bulk send."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, tzinfo

from commtui.cli.opening import desk
from commtui.cli.output import say, say_json, table
from commtui.config import Settings
from commtui.domain.views import Progress, ProviderPause
from commtui.services.records import instant

_WIDTHS = (12, 16, 16, 16)
_HEADING = ("Provider", "Since", "Until", "By", "Why")
_RUN_WIDTHS = (36, 16, 8, 8, 8)
_RUN_HEADING = ("Bulk send", "Confirmed", "State", "Messages", "Open", "By")


def run_provider(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print what is paused, or pause or release one provider."""
    with desk(settings) as opened:
        if chosen.action == "list":
            _print(opened.gates.list(), opened.zone, as_json=chosen.json)
        elif chosen.action == "pause":
            opened.gates.pause(chosen.name, chosen.reason)
            say(f"{chosen.name} is paused: nothing more is sent by it until it is released")
        else:
            opened.gates.release(chosen.name, chosen.reason)
            say(f"{chosen.name} is released: what waits is sent")
    return 0


def run_runs(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print the newest bulk sends, or pause, resume, stop or undo one."""
    with desk(settings) as opened:
        if chosen.action == "list":
            _print_runs(opened.runs(), opened.zone, as_json=chosen.json)
            return 0
        act = {
            "pause": opened.pause,
            "resume": opened.resume,
            "stop": opened.stop,
            "undo": opened.undo,
        }[chosen.action]
        act(chosen.id)
        progress = opened.progress(chosen.id)
    say(f"{progress.state.value}: {progress.expanded} on their way, {_left(progress)} not")
    return 0


def _left(progress: Progress) -> int:
    return progress.waiting + progress.withdrawn


def _print(paused: Sequence[ProviderPause], zone: tzinfo | None, *, as_json: bool) -> None:
    if as_json:
        say_json([_record(item) for item in paused], indent=2)
    elif paused:
        table([_HEADING, *(_row(item, zone) for item in paused)], _WIDTHS)
    else:
        say("no provider is paused")


def _record(item: ProviderPause) -> dict[str, object]:
    return {
        "provider": item.provider,
        "reason": item.reason,
        "since": instant(item.since) if item.since else None,
        "until": instant(item.until) if item.until else None,
        "by": item.by,
    }


def _row(item: ProviderPause, zone: tzinfo | None) -> tuple[str, ...]:
    until = _moment(item.until, zone) if item.until else "released"
    return (item.provider, _moment(item.since, zone), until, item.by or "itself", item.reason)


def _print_runs(runs: Sequence[Progress], zone: tzinfo | None, *, as_json: bool) -> None:
    if as_json:
        say_json([_run_record(run) for run in runs], indent=2)
    elif runs:
        table([_RUN_HEADING, *(_run_row(run, zone) for run in runs)], _RUN_WIDTHS)
    else:
        say("no bulk send yet")


def _run_record(run: Progress) -> dict[str, object]:
    return {
        "id": run.run_id,
        "state": run.state.value,
        "operator": run.operator,
        "confirmed": instant(run.confirmed_at),
        "messages": run.total,
        "waiting": run.waiting,
        "withdrawn": run.withdrawn,
        "skipped": run.skipped,
        "open": run.open,
    }


def _run_row(run: Progress, zone: tzinfo | None) -> tuple[str, ...]:
    confirmed = _moment(run.confirmed_at, zone)
    state = run.state.value
    return (run.run_id, confirmed, state, str(run.total), str(run.open), run.operator)


def _moment(at: datetime | None, zone: tzinfo | None) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else ""
