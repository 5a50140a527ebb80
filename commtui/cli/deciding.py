"""`settle`, `complete`, `cancel`, `ignore` and `unignore`."""

from __future__ import annotations

import argparse

from commtui.cli.opening import NO_WORKER, desk
from commtui.cli.output import say
from commtui.config import Settings
from commtui.domain.views import Decision
from commtui.domain.vocabulary import Channel, Status
from commtui.services import identify


def run_settle(chosen: argparse.Namespace, settings: Settings) -> int:
    """Settle an unknown outcome."""
    with desk(settings) as opened:
        found = identify.entry(
            opened.database, chosen.id, lambda latest: latest.status is Status.UNKNOWN
        )
        new = opened.settle(found.id, Decision(chosen.decision), chosen.note)
    say(f"settled: sent again as entry {new}" if new else f"settled: {chosen.decision}")
    return 0


def run_complete(chosen: argparse.Namespace, settings: Settings) -> int:
    """Complete a manual task."""
    with desk(settings) as opened:
        found = identify.entry(
            opened.database,
            chosen.id,
            lambda latest: latest.channel is Channel.MANUAL and latest.status is Status.NOT_SENT,
        )
        opened.complete(found.id, chosen.note)
    say("completed")
    return 0


def run_cancel(chosen: argparse.Namespace, settings: Settings) -> int:
    """Have the provider asked to stop what it accepted."""
    with desk(settings) as opened:
        found = identify.entry(
            opened.database, chosen.id, lambda latest: latest.status is Status.SENT
        )
        opened.wishes.cancel(found.id, chosen.reason)
        idle = "" if opened.health().workers else NO_WORKER
    say(f"asked: a worker has the provider stop it, and commtui show says what came of it{idle}")
    return 0


def run_ignore(chosen: argparse.Namespace, settings: Settings) -> int:
    """Ignore lines."""
    with desk(settings) as opened:
        selections = identify.lines(opened.database, chosen.ids).selections
        changed = sum(opened.ignore(selection, chosen.reason) for selection in selections)
    say(f"{changed} ignored")
    return 0


def run_unignore(chosen: argparse.Namespace, settings: Settings) -> int:
    """Bring ignored lines back."""
    with desk(settings) as opened:
        selections = identify.lines(opened.database, chosen.ids).selections
        changed = sum(opened.unignore(selection, chosen.reason) for selection in selections)
    say(f"{changed} brought back")
    return 0
