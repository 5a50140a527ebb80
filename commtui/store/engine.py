"""Connections: SQLite with WAL and immediate write transactions, or PostgreSQL by psycopg 3.

SQLite below 3.51.3 can corrupt a WAL database with several connections (reference: reliability,
finding 4), so the bundled driver is used where it has a wheel, and an old one gets a rollback journal.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from commtui.domain.ids import IdMaker
from commtui.errors import ConfigError, DatabaseAway, NoRoom, Refused
from commtui.secrecy import refuse_wide
from commtui.store import postgresql_tls

Connection = sa.Connection
"""A transaction, as services pass it on."""
BUSY_SECONDS = 10.0
READ_ONLY = "Read-only: nothing can be changed here."
CLOCK_SECONDS = 30.0
"""How long the measured difference to the database's clock is believed."""
_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


class Database:
    """One database; safe to share between threads. Reads and writes are separate kinds of transaction."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], datetime] | None = None,
        *,
        wal: bool = True,
        read_only: bool = False,
        verified: bool = True,
    ) -> None:
        """Open `url`; a `clock` stands in for the database's own where a day in the past is played.

        Without `wal`, or with a driver whose write-ahead log is not safe, SQLite keeps a rollback journal.
        `read_only` has the database itself refuse every change. Unless it is `verified`, a PostgreSQL server
        elsewhere need not prove who it is. Raises ConfigError.
        """
        self._clock = clock
        self.url = url
        self.sqlite = url.startswith("sqlite:")
        self.read_only = read_only
        self.folder = _file(url).parent if self.sqlite else None
        """Where a SQLite file and its log are."""
        self._engine = (
            _sqlite_engine(url, wal=wal, read_only=read_only)
            if self.sqlite
            else _postgresql_engine(url, read_only=read_only, verified=verified)
        )
        self._ids = IdMaker()
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._measured = float("-inf")

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read-only transaction on one snapshot. Raises DatabaseAway."""
        with _translated(), self._engine.connect() as connection:
            if self.sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A write transaction, committed at the end and rolled back by any error.

        Raises DatabaseAway, and Refused where nothing can be changed.
        """
        if self.read_only:
            raise Refused(READ_ONLY)
        with _translated(), self._engine.connect() as connection:
            if self.sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextlib.contextmanager
    def maintain(self) -> Iterator[sa.Connection]:
        """A connection without a transaction, for what cannot run in one. Raises DatabaseAway."""
        with _translated(), self._engine.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    def now(self) -> datetime:
        """The database's clock, in UTC."""
        if self._clock is not None:
            return self._clock()
        if self.sqlite:
            return datetime.now(UTC)
        with self._lock:
            stale = time.monotonic() - self._measured > CLOCK_SECONDS
        if stale:
            try:
                self._measure()
            except DatabaseAway:
                # an answer that came while the database is away needs a time, too
                if self._measured == float("-inf"):
                    raise
        return datetime.now(UTC) + self._offset

    def new_id(self, at: datetime | None = None) -> str:
        """A new UUIDv7 of the database's present, or of another instant."""
        return self._ids.make(at or self.now())

    def analyse(self, indexes: Iterable[str]) -> None:
        """Keep SQLite's picture of its indexes fresh, so that it picks the right one; PostgreSQL does by itself.

        One index per transaction, and a sample of each: the whole would hold the write lock for seconds.
        """
        if not self.sqlite:
            return
        for index in indexes:
            with self.write() as connection:
                connection.exec_driver_sql("PRAGMA analysis_limit=100")
                connection.exec_driver_sql(f"ANALYZE {index}")

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _measure(self) -> None:
        with self.read() as connection:
            before = datetime.now(UTC)
            theirs: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
            after = datetime.now(UTC)
        with self._lock:
            self._offset = theirs.astimezone(UTC) - (before + (after - before) / 2)
            self._measured = time.monotonic()


def split_password(url: str) -> tuple[str, str]:
    """A PostgreSQL URL as its own programs take it, and the password that stood in it."""
    parts = sa.engine.make_url(url)
    query = dict(parts.query)
    found = parts.password or query.pop("password", "")
    bare = sa.URL.create(
        "postgresql", parts.username, None, parts.host, parts.port, parts.database, query
    )
    return bare.render_as_string(hide_password=False), str(found or "")


def sqlite_module() -> tuple[ModuleType, bool]:
    """The SQLite driver to use, and whether its write-ahead log is safe with several connections."""
    try:
        from pysqlite3 import dbapi2 as module
    except ImportError:
        import sqlite3 as module
    version = module.sqlite_version_info
    safe = version >= _FIXED[0] or any(fix[:2] == version[:2] and version >= fix for fix in _FIXED)
    return module, safe


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _sqlite_engine(url: str, *, wal: bool, read_only: bool) -> sa.Engine:
    path = _file(url)
    _private_file(path, make=not read_only)
    module, wal_is_safe = sqlite_module()
    journal = "WAL" if wal and wal_is_safe else "DELETE"
    engine = sa.create_engine(
        f"sqlite:///{path}",
        module=module,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        pool_size=8,
        max_overflow=8,
        hide_parameters=True,
    )
    # how the journal is kept is a property of the file: whoever may change nothing leaves that alone, too
    pragmas = ("query_only=ON",) if read_only else (f"journal_mode={journal}",)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            *pragmas,
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
            "mmap_size=268435456",
            "wal_autocheckpoint=2000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _private_file(path: Path, *, make: bool) -> None:
    """The file of a database, in a folder, and with files beside it, that only its owner may use.

    Raises ConfigError.
    """
    if not make and not path.is_file():
        raise ConfigError(f"database.url: {path}: there is no database, and read-only makes none")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(
            f"database.url: {path}: {error.strerror}; name a folder that can be written to"
        ) from None
    refuse_wide(path.parent, "holds the database")
    for ending in ("", "-wal", "-shm", "-journal"):
        refuse_wide(path.with_name(path.name + ending), "is the database", missing=bool(ending))


def _postgresql_engine(url: str, *, read_only: bool, verified: bool) -> sa.Engine:
    options = "-c timezone=utc -c lock_timeout=10000"
    if read_only:
        options += " -c default_transaction_read_only=on"
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        connect_args={
            "options": options,
            "connect_timeout": 5,
            **(postgresql_tls.demanded(url) if verified else {}),
        },
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=16,
        hide_parameters=True,
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn "cannot reach it" into DatabaseAway, without the statement or its parameters in the text."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        if _is_bug(error):
            raise
        raise (NoRoom if _is_full(error) else DatabaseAway)(_reason(error)) from None


def _is_bug(error: exc.SQLAlchemyError) -> bool:
    """SQLite calls a wrong statement an operational error, too."""
    text = str(getattr(error, "orig", ""))
    return any(
        sign in text for sign in ("no such", "syntax error", "has no column", "ambiguous column")
    )


def _is_full(error: exc.SQLAlchemyError) -> bool:
    """PostgreSQL's disk_full, and SQLite's word for it."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == "53100" or "disk is full" in str(cause)


def _reason(error: exc.SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0][:300] if str(cause).strip() else type(cause).__name__
