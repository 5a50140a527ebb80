"""The processes on this database: who is alive, by the database's clock."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from commtui.domain.vocabulary import Author
from commtui.store import audits
from commtui.store.engine import Database
from commtui.store.tables import worker


@dataclass(frozen=True, slots=True)
class Process:
    """A worker or web process."""

    id: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    info: str


class Presence:
    """One process's own row: written at its start, renewed by heartbeats, closed at its end."""

    def __init__(self, database: Database, kind: str, lease_seconds: float, info: str = "") -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        now = database.now()
        self.id = database.new_id(now)
        with database.write() as connection:
            connection.execute(
                worker.insert().values(
                    id=self.id,
                    kind=kind,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    started_at=now,
                    heartbeat_at=now,
                    alive_until=now + self._lease,
                    info=info,
                )
            )

    def beat(self) -> bool:
        """Renew the lease; returns False when somebody asked this process to stop."""
        now = self._database.now()
        with self._database.write() as connection:
            stop = connection.execute(
                worker.update()
                .where(worker.c.id == self.id)
                .values(heartbeat_at=now, alive_until=now + self._lease)
                .returning(worker.c.stop_requested)
            ).scalar_one()
        return not stop

    def end(self) -> None:
        """Say that the process is gone, so that its rows are free at once."""
        with self._database.write() as connection:
            connection.execute(
                worker.update()
                .where(worker.c.id == self.id)
                .values(stopped_at=self._database.now())
            )


def alive(connection: sa.Connection, now: datetime, kind: str | None = None) -> list[Process]:
    """Processes that were heard of within their lease."""
    query = sa.select(worker).where(worker.c.stopped_at.is_(None), worker.c.alive_until > now)
    if kind is not None:
        query = query.where(worker.c.kind == kind)
    return [
        Process(row.id, row.kind, row.host, row.pid, row.started_at, row.info)
        for row in connection.execute(query.order_by(worker.c.id))
    ]


def request_stop(database: Database, author: Author) -> list[Process]:
    """Ask every living process to stop; returns whom it asked."""
    now = database.now()
    with database.write() as connection:
        asked = alive(connection, now)
        for process in asked:
            connection.execute(
                worker.update().where(worker.c.id == process.id).values(stop_requested=True)
            )
        audits.write(
            connection,
            database,
            author,
            "down",
            [process.id for process in asked],
            {"asked to stop": len(asked)},
        )
    return asked
