"""Whether the record is guarded as it should be: looked at at the start and every minute; nothing is sent otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from commtui.store import guards
from commtui.store.engine import Connection, Database

EVERY_SECONDS = 60.0


class Guarding:
    """What is missing, as of the last look; safe to share between threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._findings: tuple[str, ...] = ()

    def findings(self) -> tuple[str, ...]:
        """What is missing; empty when all is as it should be."""
        if not self._due():
            return self._findings
        with self._database.read() as connection:
            return self.look(connection)

    def look(self, connection: Connection) -> tuple[str, ...]:
        """The same, in a transaction that is open already."""
        if self._due():
            found = tuple(guards.findings(connection))
            with self._lock:
                self._findings, self._looked = found, self._clock()
        return self._findings

    def _due(self) -> bool:
        with self._lock:
            return self._clock() - self._looked > EVERY_SECONDS


def barred_words(findings: tuple[str, ...]) -> str:
    """Why nothing is sent, on one line; empty when nothing hinders it."""
    if not findings:
        return ""
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"sending refused: {findings[0]}{more}"
