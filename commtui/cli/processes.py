"""`worker`, `web`, `up` and `down`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from commtui.bootstrap import open_database, operator
from commtui.cli import logs
from commtui.cli.output import say
from commtui.config import Settings
from commtui.services import processes


def run_worker(chosen: argparse.Namespace, settings: Settings) -> int:
    """Run a worker in the foreground."""
    _end_well_before_the_loop_runs()
    from commtui.worker import main

    logs.to_stderr()
    return _perhaps(chosen, settings, lambda: main(settings, until_idle=chosen.until_idle))


def run_web(chosen: argparse.Namespace, settings: Settings) -> int:
    """Run the web receiver in the foreground."""
    _end_well_before_the_loop_runs()
    from commtui.web import main

    logs.to_stderr()
    return _perhaps(chosen, settings, lambda: main(settings, chosen.host, chosen.port))


def _end_well_before_the_loop_runs() -> None:
    """SIGTERM and SIGHUP while a process is still starting have nothing to wait for."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: sys.exit(0))


def _perhaps(chosen: argparse.Namespace, settings: Settings, run: Callable[[], int]) -> int:
    """What a console starts runs once for each database and machine."""
    if not chosen.single:
        return run()
    with processes.only_one(settings, chosen.command) as ours:
        return run() if ours else 0


def run_up(chosen: argparse.Namespace, settings: Settings) -> int:
    """Run worker and web until stopped."""
    logs.to_stderr()
    return processes.up(settings, chosen.config)


def run_down(_chosen: argparse.Namespace, settings: Settings) -> int:
    """Stop every process of this database; 1 when some stay."""
    database = open_database(settings)
    try:
        asked, stay = processes.down(database, operator(settings))
    finally:
        database.close()
    say(f"{asked - stay} stopped" + (f", {stay} still running" if stay else ""))
    return 1 if stay else 0
