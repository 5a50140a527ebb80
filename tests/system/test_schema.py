"""The schema is made on first use, by several processes at once too."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests.conftest import named

MAKE = """
import sys
from commtui.store.engine import Database
from commtui.store.schema import prepare
prepare(Database(sys.argv[1]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh' / 'commtui.db'}"
        return
    server: str = request.getfixturevalue("postgresql_server")
    name = f"e{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield named(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_several_processes_make_the_schema_at_the_same_moment(empty_database_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", MAKE, empty_database_url]) for _ in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    database = Database(empty_database_url)
    prepare(database)
    database.close()
