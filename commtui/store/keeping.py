"""Which database this is, and whether it may send: one that was restored may not, until an operator says so.

A restored database does not know what was sent after its back-up was taken, so what waits in it may have gone out.
It is recognised by its place (a file's number, or the numbers that PostgreSQL gives databases, tables and timelines)
and by a mark beside it: how far it had come when it was last heard of.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

from commtui.domain.vocabulary import Author
from commtui.store import audits
from commtui.store.engine import Database
from commtui.store.tables_keep import database_state

ROW = database_state.c.id == 1


class Standing(StrEnum):
    """What a database may do."""

    READY = "ready"
    HELD = "held"
    """Restored, moved, or held by hand: nothing is sent."""
    CAREFUL = "careful"
    """What somebody sends goes out; nothing leaves by itself."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of this database."""

    name: str
    place: str
    beat: int
    standing: Standing
    reason: str
    since: datetime


def state(connection: sa.Connection) -> State | None:
    """The state; None before any process looked at it."""
    row = connection.execute(sa.select(database_state).where(ROW)).first()
    if row is None:
        return None
    return State(row.name, row.place, row.beat, Standing(row.state), row.reason, row.since)


def held(connection: sa.Connection) -> bool:
    """Whether nothing may be sent."""
    found = connection.execute(sa.select(database_state.c.state).where(ROW)).scalar()
    return found == Standing.HELD.value


def by_itself(connection: sa.Connection) -> bool:
    """Whether messages may leave that nobody sends just now."""
    found = connection.execute(sa.select(database_state.c.state).where(ROW)).scalar()
    return found in (None, Standing.READY.value)


def stopped(connection: sa.Connection) -> str:
    """Why nothing is sent, or nothing by itself, with what to do; empty when all is well."""
    found = state(connection)
    if found is None or found.standing is Standing.READY:
        return ""
    if found.standing is Standing.HELD:
        return f"nothing is sent, {found.reason}: commtui db reconcile"
    return "nothing leaves by itself: commtui db reconcile --done"


def identify(database: Database) -> State:
    """Write down where this database is on first use; hold it when it is somewhere else now."""
    with database.read() as connection:
        known = state(connection)
        here = place(database, connection)
    if known is not None and known.place == here:
        return known
    with database.write() as connection:
        known = state(connection)
        if known is None:
            return _create(connection, database, here)
        if known.place != here:
            hold(connection, database, "it was restored from a back-up, copied or moved", here)
        return state(connection) or known


def _create(connection: sa.Connection, database: Database, here: str) -> State:
    made = State(str(uuid.uuid4()), here, 0, Standing.READY, "", database.now())
    connection.execute(
        database_state.insert().values(
            id=1, name=made.name, place=here, state=made.standing.value, since=made.since
        )
    )
    return made


def place(database: Database, connection: sa.Connection) -> str:
    """What another copy of this database does not share."""
    if database.sqlite:
        try:
            return f"file {os.stat(file_of(database)).st_ino}"
        except FileNotFoundError:
            return "nowhere"
    found = connection.execute(
        sa.text(
            "SELECT d.oid::text || ' ' || 'database_state'::regclass::oid::text || ' ' || "
            "CASE WHEN pg_is_in_recovery() THEN '-' "
            "ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END "
            "FROM pg_database d WHERE d.datname = current_database()"
        )
    ).scalar_one()
    return f"database {found}"


def file_of(database: Database) -> Path:
    """The file of a SQLite database."""
    return Path(database.url.removeprefix("sqlite:///"))


def hold(
    connection: sa.Connection, database: Database, reason: str, here: str | None = None
) -> bool:
    """Send nothing from now on; returns whether that is new."""
    values: dict[str, object] = {} if here is None else {"place": here}
    changed = connection.execute(
        database_state.update()
        .where(ROW, database_state.c.state != Standing.HELD.value)
        .values(state=Standing.HELD.value, reason=reason, since=database.now(), **values)
    ).rowcount
    if not changed and values:
        connection.execute(database_state.update().where(ROW).values(**values))
    return changed == 1


def note_restored(connection: sa.Connection, database: Database, author: Author) -> None:
    """Write down who restored a database."""
    audits.write(connection, database, author, "database restored", [], {})


def beat(database: Database, seen: int) -> State | None:
    """One step on; a database that is not as far as it was `seen` already went back in time, and is held."""
    with database.write() as connection:
        connection.execute(
            database_state.update().where(ROW).values(beat=database_state.c.beat + 1)
        )
        found = state(connection)
        if found is not None and found.beat <= seen:
            hold(connection, database, "it is older than it was: a back-up was put in its place")
            found = state(connection)
    return found


def settle(
    connection: sa.Connection, database: Database, standing: Standing, seen: int
) -> State | None:
    """Let a held database work again, under a new name: marks that were kept of the old one say nothing about it."""
    connection.execute(
        database_state.update()
        .where(ROW)
        .values(
            name=str(uuid.uuid4()),
            place=place(database, connection),
            beat=max(seen, 0),
            state=standing.value,
            reason="",
            since=database.now(),
        )
    )
    return state(connection)
