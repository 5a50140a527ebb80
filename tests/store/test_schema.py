"""The schema: made on first use by many at once, as the tables say, with partitions ahead."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from commtui.errors import ConfigError
from commtui.store import partitions, schema
from commtui.store.columns import metadata
from commtui.store.engine import Database
from tests.conftest import named

MAKE = """
import sys
from commtui.store.engine import Database
from commtui.store.schema import prepare
database = Database(sys.argv[1])
prepare(database)
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_several_processes_may_make_the_schema_at_the_same_moment(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    if engine == "postgresql":
        server: str = request.getfixturevalue("postgresql_server")
        name = f"s{uuid.uuid4().hex[:10]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = named(server, name)
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKE, url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [maker.communicate()[1].decode() for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0, 0, 0], errors
    database = Database(url)
    schema.prepare(database)
    database.close()


def test_the_migrations_make_the_tables_that_the_queries_use(database: Database) -> None:
    with database.read() as connection:
        inspector = sa.inspect(connection)
        for table in metadata.sorted_tables:
            found = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert set(found) == set(table.columns.keys()), table.name
            for column in table.columns:
                assert found[column.name]["nullable"] == column.nullable, column
            indexes = {index["name"] for index in inspector.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes, table.name


def test_a_newer_schema_is_refused_with_what_to_do(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer"):
        schema.prepare(database)


def test_partitions_are_made_three_months_ahead_and_the_default_stays_empty(
    database: Database,
) -> None:
    if database.sqlite:
        partitions.make(database)
        return
    with database.read() as connection:
        names = set(
            connection.execute(
                sa.text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
            ).scalars()
        )
        default = connection.execute(sa.text("SELECT count(*) FROM entry_default")).scalar_one()
    months = {name for name in names if name.startswith("entry_2")}
    assert len(months) == partitions.MONTHS_AHEAD + 1
    assert default == 0
