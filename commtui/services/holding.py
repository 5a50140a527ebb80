"""Guarding a database against its own past: a worker marks how far it has come, and holds one that is older."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from commtui.domain.vocabulary import Author
from commtui.errors import Refused
from commtui.store import audits, keeping, reconciling
from commtui.store.engine import Connection, Database
from commtui.store.keeping import Standing, State

log = logging.getLogger(__name__)


class Guard:
    """One worker's eye on its database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        _told(keeping.identify(database))

    def beat(self) -> bool:
        """Mark how far the database has come; False when another file stands in its place by now."""
        with self._database.read() as connection:
            known = keeping.state(connection)
            here = keeping.place(self._database, connection)
        if known is None or (self._database.sqlite and known.place != here):
            log.error("another database was put in the place of this one: stopping")
            return False
        if known.place != here:
            _told(keeping.identify(self._database))
            return True
        try:
            with _mark(known.name) as mark:
                found = keeping.beat(self._database, mark.read())
                if found is not None and found.standing is not Standing.HELD:
                    mark.write(found.beat)
        except OSError as error:
            log.warning("the database's mark cannot be kept: %s", error)
        return True

    def ready(self) -> bool:
        """Whether messages may leave by themselves."""
        with self._database.read() as connection:
            return keeping.by_itself(connection)


def _told(found: State) -> None:
    if found.standing is Standing.HELD:
        log.error("nothing is sent: %s; commtui db reconcile", found.reason)


class _Mark:
    """A number in a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self) -> int:
        """The number; -1 when there is none."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        try:
            return int(json.loads(os.read(self._descriptor, 1_000))["beat"])
        except (ValueError, KeyError, TypeError):
            return -1

    def write(self, beat: int) -> None:
        """Keep a number, shorter or longer than the one before."""
        text = json.dumps({"beat": beat}).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text.ljust(64) + b"\n")


@contextlib.contextmanager
def _mark(name: str) -> Iterator[_Mark]:
    """The mark of a database on this machine; workers beside this one wait for it."""
    folder = Path(platformdirs.user_state_dir("commtui", appauthor=False)) / "marks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _Mark(descriptor)
    finally:
        os.close(descriptor)


class Reconciling:
    """The operator's part: let a held database send again, knowing what may have been sent."""

    def __init__(self, database: Database, author: Author) -> None:
        self._database = database
        self._author = author

    def state(self) -> State:
        """Whether this database may send, and why not."""
        return keeping.identify(self._database)

    def waiting(self) -> dict[str, int]:
        """How much would become what, if it were reconciled now."""
        with self._database.read() as connection:
            return reconciling.waiting(connection)

    def hold(self, reason: str) -> None:
        """Send nothing from now on. Raises Refused without a reason, or when nothing is sent already."""
        keeping.identify(self._database)
        if not reason.strip():
            raise Refused("holding the database needs a reason: what happened to it")
        with self._database.write() as connection:
            if not keeping.hold(connection, self._database, reason.strip()):
                raise Refused("this database is held already")
            self._audit(connection, "database held", {}, reason.strip())

    def reconcile(self) -> dict[str, int]:
        """What waits becomes unknown or waits for a person; then what people send goes out. Raises Refused.

        Works in small transactions while nothing is sent, so it may be run again when it was interrupted.
        """
        self._held()
        done = dict.fromkeys(self.waiting(), 0)
        while number := reconciling.outbox_unknown(self._database, self._author):
            done["unknown"] += number
        while number := reconciling.release_by_hand(self._database):
            done["released by hand only"] += number
        while number := reconciling.hold_fallbacks(self._database):
            done["fallbacks held"] += number
        with self._database.write() as connection:
            now = self._database.now()
            done["bulk sends stopped"] = reconciling.stop_runs(connection, now)
            keeping.settle(connection, self._database, Standing.CAREFUL, 0)
            self._audit(connection, "database reconciled", done)
        return done

    def moved(self) -> None:
        """It is the same database in another place, and no copy of it sent anything. Raises Refused."""
        self._held()
        with self._database.write() as connection:
            keeping.settle(connection, self._database, Standing.READY, 0)
            self._audit(connection, "database moved", {})

    def finish(self) -> None:
        """Messages leave by themselves again. Raises Refused."""
        state = self.state()
        if state.standing is not Standing.CAREFUL:
            raise Refused(
                "reconcile it first" if state.standing is Standing.HELD else "nothing is held back"
            )
        with self._database.write() as connection:
            keeping.settle(connection, self._database, Standing.READY, 0)
            self._audit(connection, "database released", {})

    def _held(self) -> None:
        if self.state().standing is not Standing.HELD:
            raise Refused(
                "this database is not held; if you know that it was restored, commtui db hold first"
            )

    def _audit(
        self, connection: Connection, action: str, result: dict[str, int], words: str = ""
    ) -> None:
        audits.write(connection, self._database, self._author, action, [], result, words)
