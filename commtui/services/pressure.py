"""Back-pressure: while the disk is nearly full, providers keep their calls and try again later."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from commtui.errors import NoRoom
from commtui.store import findings
from commtui.store.engine import Database

MEGABYTE = 1_048_576
NAME = "disk"


def free_bytes(folder: Path) -> int:
    """What this user may still write to a folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Pressure:
    """Watches the room beside a SQLite file; PostgreSQL says by itself when it has none left."""

    def __init__(
        self, database: Database, reserve_mb: int, free: Callable[[Path], int] = free_bytes
    ) -> None:
        """Below `reserve_mb` nothing more is taken in; 0: that is never looked at."""
        self._database = database
        self._reserve = reserve_mb
        self._free = free

    def check(self) -> None:
        """Raise NoRoom when the disk is nearly full: what is left is for the log."""
        words = self._words()
        if words:
            raise NoRoom(words)

    def note(self) -> None:
        """Have the console say so, or take it back."""
        if words := self._words():
            advice = "free some space; until then webhooks are refused, and come again"
            findings.put(self._database, NAME, words, advice)
        else:
            findings.drop(self._database, NAME)

    def _words(self) -> str:
        folder = self._database.folder
        if folder is None or not self._reserve:
            return ""
        try:
            left = self._free(folder) // MEGABYTE
        except OSError:
            # a folder that is away is the database's own trouble, and said as that
            return ""
        if left >= self._reserve:
            return ""
        return f"disk nearly full: {left} MB left in {folder}, {self._reserve} MB are kept free"
