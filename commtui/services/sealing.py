"""Sealing for a worker: the next link of the chain, and its hash to where the database cannot reach it."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from logging.handlers import SYSLOG_UDP_PORT, SysLogHandler
from pathlib import Path

from commtui.config import Seals
from commtui.domain.sealing import Seal
from commtui.errors import ConfigError, Refused
from commtui.store import seals
from commtui.store.engine import Database

log = logging.getLogger(__name__)

COMMAND_SECONDS = 30.0
LAST_INTERVALS = 20
"""At the end of a worker; a longer backlog is left to the next one."""


class Sealing:
    """Seals what can be sealed; a head that could not be told is told again, or a later one instead of it."""

    def __init__(self, database: Database, settings: Seals) -> None:
        self._database = database
        self._settings = settings
        self._refused = ""
        self._untold: dict[str, Seal] = {}
        """The newest seal that each place has not heard of."""

    def step(self) -> int:
        """Seal one interval, unless it is too early for a part of one; returns how many records are in it."""
        return self._seal(timedelta(seconds=self._settings.every_seconds))

    def rest(self) -> None:
        """Seal what there is, whole interval or not: the worker ends, and nobody may come after it."""
        for _ in range(LAST_INTERVALS):
            if not self._seal(timedelta(0)):
                return

    def _seal(self, every: timedelta) -> int:
        made, refused = None, ""
        try:
            made = seals.seal_next(self._database, every)
        except Refused as error:
            refused = str(error)
        if refused and refused != self._refused:
            # once: the worker comes by here every other second
            log.error("%s", refused)
        self._refused = refused
        if made is not None:
            places = ("file", "syslog", "command")
            self._untold |= {place: made for place in places if getattr(self._settings, place)}
        for place, told in list(self._untold.items()):
            try:
                getattr(self, f"_to_{place}")(head_line(told))
                del self._untold[place]
            except (OSError, subprocess.SubprocessError) as error:
                log.warning("seals.%s: seal %d was not told: %s", place, told.number, error)
        return made.records if made is not None else 0

    def _to_file(self, words: str) -> None:
        descriptor = os.open(
            self._settings.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(words + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _to_syslog(self, words: str) -> None:
        place = self._settings.syslog
        host, _, port = place.rpartition(":")
        address = place if place.startswith("/") else (host, int(port or SYSLOG_UDP_PORT))
        handler = _Raising(address=address, facility=SysLogHandler.LOG_AUTHPRIV)
        try:
            handler.emit(
                logging.LogRecord("commtui", logging.INFO, "", 0, f"commtui seal {words}", (), None)
            )
        finally:
            handler.close()

    def _to_command(self, words: str) -> None:
        subprocess.run(
            shlex.split(self._settings.command),
            input=f"{words}\n".encode("ascii"),
            check=True,
            timeout=COMMAND_SECONDS,
            stdout=subprocess.DEVNULL,
        )


class _Raising(SysLogHandler):
    """Says so when syslog cannot be reached; logging itself would print a traceback and go on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the base class's
        raise  # called while the error is handled


def head_line(seal: Seal) -> str:
    """A seal as it is told: number, hash, when, how many records."""
    return f"{seal.number} {seal.hash} {seal.at.isoformat(timespec='microseconds')} {seal.records}"


def read_heads(path: Path) -> Mapping[int, str]:
    """Hashes by number, from lines as `head_line` makes them, whatever stands before the number. Raises ConfigError."""
    found: dict[int, str] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    for line in lines:
        words = line.split("commtui seal ")[-1].split()
        if not words:
            continue
        if len(words) < 2 or not words[0].isdecimal() or len(words[1]) != 64:
            raise ConfigError(f"{path}: not a line of seals: {line[:100]!r}")
        found[int(words[0])] = words[1]
    return found
