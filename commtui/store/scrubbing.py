"""After an erasure: what engines keep of deleted rows, in free space, indexes, statistics and write-ahead logs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from commtui.domain.text import fold
from commtui.store.engine import Database, sqlite_module
from commtui.store.erasing_sides import SIDES

SMALL_BYTES = 64 * 1024 * 1024
"""A database up to this is rewritten at once; a larger one only when asked: others have to wait for it."""
SHORTEST_BYTES = 6
CHECKPOINT_SECONDS = 10.0
_CHUNK = 1024 * 1024
_FTS_SECURE = (3, 42, 0)
_KEYED = (
    "customer",
    "entry_text",
    "opt_out",
    "address_mark",
    "registration",
    "errand",
    "search_row",
)
"""Tables whose indexes hold personal text."""
_TABLES = tuple(
    sorted(
        {side.table.name for side in SIDES}
        | {*_KEYED, "document", "audit_text", "bulk_run", "inbox", "communication"}
    )
)


def prepare(database: Database) -> None:
    """Have SQLite's text index take words out when a row is deleted, instead of noting that they are gone."""
    if database.sqlite and sqlite_module()[0].sqlite_version_info >= _FTS_SECURE:
        with database.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO search_fts(search_fts, rank) VALUES ('secure-delete', 1)"
            )


def scrub(database: Database, *, compact: bool) -> bool:
    """Take what is left of deleted rows out of the engine's files; returns whether tables were rewritten."""
    return (
        _scrub_sqlite(database, compact)
        if database.sqlite
        else _scrub_postgresql(database, compact)
    )


def _scrub_sqlite(database: Database, compact: bool) -> bool:
    file = Path(database.url.removeprefix("sqlite:///"))
    if sqlite_module()[0].sqlite_version_info < _FTS_SECURE:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO search_fts(search_fts) VALUES ('optimize')")
    rewrite = compact or file.stat().st_size <= SMALL_BYTES
    if rewrite:
        with database.maintain() as connection:
            connection.exec_driver_sql("VACUUM")
    _checkpoint(database)
    return rewrite


def _checkpoint(database: Database) -> None:
    """Bring the write-ahead log into the file and empty it; readers have to leave it first."""
    until = time.monotonic() + CHECKPOINT_SECONDS
    while True:
        with database.maintain() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if not busy or time.monotonic() > until:
            return
        time.sleep(0.1)


def _scrub_postgresql(database: Database, compact: bool) -> bool:
    with database.maintain() as connection:
        size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
        compact = compact or int(size.scalar_one()) <= SMALL_BYTES
        for table in _TABLES:
            connection.exec_driver_sql(f"VACUUM ({'FULL, ' * compact}ANALYZE) {table}")
        if not compact:
            for table in _KEYED:
                connection.exec_driver_sql(f"REINDEX TABLE CONCURRENTLY {table}")
        # samples of the old texts stand in the planner's statistics
        connection.exec_driver_sql("VACUUM pg_statistic")
    return compact


def remnants(database: Database, texts: Iterable[str]) -> int:
    """How many of these texts still stand in a SQLite database's files, as bytes; 0 on PostgreSQL."""
    if not database.sqlite:
        return 0
    spellings = {text: {text.encode(), fold(text).encode()} for text in texts}
    wanted = {
        text: {needle for needle in needles if len(needle) >= SHORTEST_BYTES}
        for text, needles in spellings.items()
    }
    longest = max((len(needle) for needles in wanted.values() for needle in needles), default=1)
    found: set[str] = set()
    path = database.url.removeprefix("sqlite:///")
    for suffix in ("", "-wal", "-journal"):
        file = Path(path + suffix)
        if not file.is_file():
            continue
        tail = b""
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                window = tail + chunk
                found.update(
                    text for text, needles in wanted.items() if any(n in window for n in needles)
                )
                tail = window[-longest:]
    return len(found)


def owns(database: Database) -> bool:
    """Whether this role owns the tables."""
    if database.sqlite:
        return True
    query = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'entry_text'::regclass"
    with database.read() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())
