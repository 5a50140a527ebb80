"""Of several processes that start at once one migrates; the others wait for it, longer than for anything else."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

import psycopg
import pytest

from commtui.store import engine, partitions, schema
from commtui.store.engine import Database, sqlite_module
from tests.conftest import named


class Starting(threading.Thread):
    """A process that starts, as a thread."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.error: Exception | None = None

    def run(self) -> None:
        """Bring the schema up to date."""
        database = Database(self._url)
        try:
            schema.prepare(database)
        except Exception as error:  # noqa: BLE001 - told to the test
            self.error = error
        finally:
            database.close()


def test_on_postgresql_it_waits_for_the_advisory_lock(postgresql_server: str) -> None:
    name = f"w{uuid.uuid4().hex[:10]}"
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = named(postgresql_server, name)
    with psycopg.connect(url, autocommit=True) as migrating:
        migrating.execute("SELECT pg_advisory_lock(%s)", (partitions.LOCK,))
        starting = Starting(url)
        starting.start()
        while starting.is_alive() and migrating.execute(waits).fetchone() == (0,):
            time.sleep(0.01)
        assert starting.is_alive()
        setting = migrating.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name = 'entry'"
        ).fetchone()
        assert setting == (0,)
        migrating.execute("SELECT pg_advisory_unlock(%s)", (partitions.LOCK,))
    starting.join()
    assert starting.error is None
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_on_sqlite_it_waits_longer_than_for_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.3)
    file = tmp_path / "new.db"
    module, _ = sqlite_module()
    file.touch(mode=0o600)
    migrating = module.connect(str(file), isolation_level=None)
    migrating.execute("PRAGMA journal_mode=WAL")
    migrating.execute("BEGIN IMMEDIATE")
    starting = Starting(f"sqlite:///{file}")
    starting.start()
    starting.join(0.9)
    assert starting.is_alive(), "three times as long as a write waits"
    migrating.execute("COMMIT")
    starting.join()
    migrating.close()
    assert starting.error is None
