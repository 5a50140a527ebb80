"""`db backup`, `db restore`, `db hold`, `db reconcile` and `db status`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from commtui.bootstrap import open_database, operator
from commtui.cli.output import say, say_json, warn
from commtui.config import Settings, mask_url
from commtui.domain.text import line
from commtui.services import backups
from commtui.services.holding import Reconciling
from commtui.services.records import instant

_MEANING = {
    "unknown": "queued messages become unknown: each is settled by its provider or by you",
    "released by hand only": "communications that would leave by themselves wait for somebody to send them",
    "bulk sends stopped": "bulk sends that were not through are stopped",
    "fallbacks held": "failures that another channel would follow are held: commtui fallback list",
}
_NEXT = (
    "people can send now; nothing leaves by itself until commtui db reconcile --done. Before that, compare with "
    "the source what it sent between the back-up and now: this database does not know it"
)


def _backup(chosen: argparse.Namespace, settings: Settings) -> int:
    database = open_database(settings)
    try:
        size = backups.backup(database, chosen.target)
    finally:
        database.close()
    say(f"{chosen.target}: {size} bytes; what is sent from now on is not in it")
    return 0


def _restore(chosen: argparse.Namespace, settings: Settings) -> int:
    old, halves = backups.restore(settings, operator(settings), chosen.source)
    if old is not None:
        say(f"the database that was there is {old} now")
    for name, number in halves.items():
        warn(f"{number} {name}")
    say(f"{mask_url(settings.database_url)} is restored and held: nothing is sent from it")
    say("next: commtui db reconcile, which says first what becomes of what waits in it")
    return 1 if halves else 0


def _hold(chosen: argparse.Namespace, settings: Settings) -> int:
    with _reconciling(settings) as work:
        work.hold(chosen.reason)
    say("held: nothing is sent until commtui db reconcile")
    return 0


def _reconcile(chosen: argparse.Namespace, settings: Settings) -> int:
    with _reconciling(settings) as work:
        if chosen.done:
            work.finish()
            say("messages leave by themselves again")
            return 0
        if chosen.moved:
            work.moved()
            say("it is the same database: what waits is sent as if nothing had happened")
            return 0
        if not chosen.yes:
            return _say_plan(work)
        _say_rows(work.reconcile())
        say(_NEXT)
    return 0


def _say_plan(work: Reconciling) -> int:
    state = work.state()
    say(f"{state.standing}{f': {line(state.reason, 300)}' if state.reason else ''}")
    _say_rows(work.waiting())
    say("dry run: nothing is changed; --yes does it")
    say(
        "--moved instead, if this is the same database in another place and no copy of it was used meanwhile"
    )
    return 0


def _say_rows(rows: dict[str, int]) -> None:
    for name, number in rows.items():
        say(f"{number:>8}  {_MEANING[name]}")


def _status(chosen: argparse.Namespace, settings: Settings) -> int:
    with _reconciling(settings) as work:
        state = work.state()
    if chosen.json:
        say_json(
            {"state": state.standing, "reason": state.reason, "since": instant(state.since)},
            indent=2,
        )
    else:
        say(f"{state.standing}{f': {line(state.reason, 300)}' if state.reason else ''}")
    return 0


@contextmanager
def _reconciling(settings: Settings) -> Iterator[Reconciling]:
    """The operator's part; its database is closed at the end."""
    database = open_database(settings)
    try:
        yield Reconciling(database, operator(settings))
    finally:
        database.close()


ACTIONS: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
    "backup": _backup,
    "restore": _restore,
    "hold": _hold,
    "reconcile": _reconcile,
    "status": _status,
}
