"""Logging: to standard error where a process runs in the foreground, to a file where a screen is in the way."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from commtui.domain.text import safe
from commtui.errors import ConfigError
from commtui.secrecy import Masking, private_folder, refuse_wide

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


_hidden = [Masking()]
"""What takes our own secrets out, whoever quoted them."""


def hide(secrets: Iterable[str]) -> None:
    """Keep these out of every log of this process."""
    _hidden[:] = [Masking(secrets)]


def _clean(words: str, limit: int = 20_000) -> str:
    return safe(_hidden[0].text(words), limit)


class _Lines(logging.Formatter):
    """What others sent cannot steer the terminal that a log is read on, and no secret stands in it."""

    def format(self, record: logging.LogRecord) -> str:
        """A record with secrets masked and control characters made visible."""
        return _clean(super().format(record))


def folder() -> Path:
    """The folder of the log files, made if it is missing. Raises ConfigError when it is open to others."""
    return private_folder(
        Path(platformdirs.user_log_dir("commtui", appauthor=False)), "holds our logs"
    )


def to_stderr() -> None:
    """Log to standard error, which whoever started us may have led into a file."""
    _use(logging.StreamHandler(sys.stderr), logging.INFO)


def to_file(name: str) -> None:
    """Log to a file of the log folder."""
    path = folder() / f"{name}.log"
    refuse_wide(path, "is a log", missing=True)
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
            file.write(f"{stamp}\n{_clean(''.join(traceback.format_exception(error)), 100_000)}\n")
    except (OSError, ConfigError):
        return None
    return path
