"""The console; it paints before the database is opened, and sees to it that somebody sends."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from commtui.cli import logs
from commtui.config import Settings
from commtui.errors import UsageError

if TYPE_CHECKING:
    from commtui.services.desk import Desk

log = logging.getLogger(__name__)


def run_console(chosen: argparse.Namespace, settings: Settings) -> int:
    """Open the console on these settings."""
    return open_console(settings, chosen.config, start=True)


def has_terminal() -> bool:
    """Whether there is a screen and a keyboard."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def open_console(settings: Settings, config: Path | None = None, *, start: bool) -> int:
    """Run the console; `start` starts a worker and a web receiver if this database has none."""
    if not has_terminal():
        raise UsageError("the console needs a terminal; commtui --help lists the commands")
    from commtui.app import CommtuiApp, run_console

    logs.to_file("console")

    def connect() -> Desk:
        from commtui.bootstrap import open_desk

        opened = open_desk(settings)
        if start and not settings.read_only and (words := _start(opened, settings, config)):
            app.call_from_thread(app.tell, words)
        return opened

    app = CommtuiApp(
        connect,
        zone=settings.zone,
        ascii=settings.ui.ascii,
        mode=settings.shown_mode,
        read_only=settings.read_only,
    )
    return run_console(app)


def _start(opened: Desk, settings: Settings, config: Path | None) -> str:
    """Start what no living process of this database does; returns what to tell about it."""
    from commtui.services import processes

    try:
        started = processes.start_missing(opened.database, settings, config)
    except OSError as error:
        log.warning("no worker could be started: %s", error)
        return f"no worker could be started ({error.strerror}): commtui up"
    if not started:
        return ""
    return f"{' and '.join(started)} started in the background; commtui down stops them"
