"""A worker as others build it: what a dead worker was sending is simply sent again. The proofs must catch it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from commtui.bootstrap import open_working
from commtui.config import load
from commtui.services.housekeeping import Housekeeping
from commtui.store.engine import Database
from commtui.store.outbox import live_workers
from commtui.store.tables import outbox
from commtui.worker import Worker


class NaiveHousekeeping(Housekeeping):
    """Takes a lease that ran out for a message that was not sent."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._naive_database = database

    def recover(self) -> int:
        """Put back into the queue whatever dead workers had, in the middle of a call or not."""
        now = self._naive_database.now()
        stranded = outbox.update().where(
            outbox.c.state.in_(["queued", "sending"]), outbox.c.worker_id.not_in(live_workers(now))
        )
        with self._naive_database.write() as connection:
            return connection.execute(stranded.values(state="queued", worker_id=None)).rowcount


async def main() -> None:
    """Work until killed."""
    working = open_working(load())
    await Worker(
        replace(working, housekeeping=NaiveHousekeeping(working.database)), asyncio.Event()
    ).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
