"""From arguments to an exit code: settings, the command, and errors as one line each."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from commtui.cli import logs, parser
from commtui.cli.output import silence, warn
from commtui.config import Settings, load
from commtui.errors import (
    Ambiguous,
    CommError,
    ConfigError,
    DatabaseAway,
    NotFound,
    Refused,
    UsageError,
)

DONE, REFUSED, WRONG, AWAY, FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130
_CODES = (
    (DatabaseAway, AWAY),
    ((ConfigError, UsageError, NotFound, Ambiguous), WRONG),
)

_MODULES = {
    "import": "importing",
    "schema": "importing",
    "list": "listing",
    "counts": "listing",
    "show": "showing",
    "orphans": "orphaned",
    "send": "sending",
    "resend": "sending",
    "settle": "deciding",
    "complete": "deciding",
    "cancel": "deciding",
    "ignore": "deciding",
    "unignore": "deciding",
    "download": "downloading",
    "customer": "customers",
    "fallback": "holding",
    "template": "templates",
    "provider": "gating",
    "runs": "gating",
    "worker": "processes",
    "web": "processes",
    "up": "processes",
    "down": "processes",
    "check": "checking",
    "demo": "practice",
    "audit": "auditing",
    "db": "database",
    "console": "console",
}

_RUNNING = ("worker", "web", "up", "down", "demo")
"""What has nothing to do, or does not end, where nothing can be changed."""

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        chosen = parser.parse(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else WRONG
    chosen.started = time.monotonic()
    try:
        return _version() if chosen.version else _run(chosen)
    except BrokenPipeError:
        silence()
        return DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback reaches a terminal
        return _failed(error)


def _failed(error: BaseException) -> int:
    """Say what went wrong on one line; returns the exit code."""
    if isinstance(error, KeyboardInterrupt):
        warn("interrupted")
        return INTERRUPTED
    if not isinstance(error, CommError):
        return _fault(error)
    away = "the database does not answer: " if isinstance(error, DatabaseAway) else ""
    warn(f"{away}{error}")
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), REFUSED)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.config is None and (named := os.environ.get("COMMTUI_CONFIG")):
        chosen.config = Path(named)
    settings = load(chosen.config)
    if chosen.operator:
        settings = replace(settings, operator=chosen.operator)
    if chosen.read_only:
        settings = replace(settings, read_only=True)
    logs.hide(settings.secrets)
    name = chosen.command or "console"
    if settings.read_only and name in _RUNNING:
        raise Refused(f"{name} changes what is in the database, and this is read-only")
    module = import_module(f"commtui.cli.{_MODULES[name]}")
    command: Command = getattr(module, f"run_{name}")
    code = command(chosen, settings)
    sys.stdout.flush()
    return code


def _version() -> int:
    from importlib.metadata import version

    sys.stdout.write(f"commtui {version('commtui')}\n")
    return DONE


def _fault(error: BaseException) -> int:
    """A fault of our own: where it happened goes to a file, one line to the terminal."""
    path = logs.record_fault(error)
    place = f"; details are in {path}" if path else ""
    warn(f"a fault of commtui itself ({type(error).__name__}){place}")
    return FAULT
