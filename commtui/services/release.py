"""Communications that leave by themselves: released by the source, complete and due."""

from __future__ import annotations

from commtui.domain.vocabulary import SYSTEM, Cause
from commtui.services.dispatch import Dispatch
from commtui.store import keeping, sends
from commtui.store.engine import Database
from commtui.store.ledger import Ledger

RELEASE_BATCH = 50
_START = "00000000-0000-0000-0000-000000000000"


class AutomaticRelease:
    """Walks round the communications that may leave, a batch at a time."""

    def __init__(self, database: Database, dispatch: Dispatch) -> None:
        self._database = database
        self._dispatch = dispatch
        self._after = _START

    def step(self) -> int:
        """Write the first entries of a batch; returns how many entries."""
        now = self._database.now()
        with self._database.read() as connection:
            if not keeping.by_itself(connection):
                return 0
            due = sends.releasable(connection, now, self._after, RELEASE_BATCH)
        self._after = due[-1] if len(due) == RELEASE_BATCH else _START
        return self._release(due) if due else 0

    def _release(self, due: list[str]) -> int:
        now = self._database.now()
        made = self._dispatch.make(due, now)
        with self._database.write() as connection:
            ledger = Ledger(self._database, connection, now)
            ledger.lock(item.subject_id for item in self._dispatch.load(connection, due).values())
            known = self._dispatch.load(connection, due)
            new = [
                self._dispatch.attempt(prospect, lane, cause=Cause.INITIAL, author=SYSTEM, now=now)
                for prospect in known.values()
                if not any(lane.latest_entry_id for lane in prospect.lanes)
                for lane in prospect.lanes
                if self._dispatch.hindrance(prospect, lane, now, made) is None
            ]
            ledger.add(new)
            ledger.close()
        return len(new)
