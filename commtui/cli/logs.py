"""Logging: to standard error where a process runs in the foreground, to a file where a screen is in the way."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from pathlib import Path

import platformdirs

from commtui.domain.text import safe

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Lines(logging.Formatter):
    """What others sent cannot steer the terminal that a log is read on."""

    def format(self, record: logging.LogRecord) -> str:
        """A record with control characters made visible."""
        return safe(super().format(record))


def folder() -> Path:
    """The folder of the log files, made if it is missing."""
    path = Path(platformdirs.user_log_dir("commtui", appauthor=False))
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def to_stderr() -> None:
    """Log to standard error, which whoever started us may have led into a file."""
    _use(logging.StreamHandler(sys.stderr), logging.INFO)


def to_file(name: str) -> None:
    """Log to a file of the log folder."""
    path = folder() / f"{name}.log"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    _use(logging.FileHandler(path, encoding="utf-8"), logging.WARNING)


def _use(handler: logging.Handler, level: int) -> None:
    lines = _Lines(_FORMAT)
    lines.converter = time.gmtime
    handler.setFormatter(lines)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("commtui").setLevel(level)


def record_fault(error: BaseException) -> Path | None:
    """Append where it happened to the log file; None when not even that is possible."""
    try:
        path = folder() / "commtui.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            file.write(f"{stamp}\n{safe(''.join(traceback.format_exception(error)), 100_000)}\n")
    except OSError:
        return None
    return path
