"""Bring the schema up to date: on first use, and safely when several processes start at once."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from commtui.errors import ConfigError, DatabaseAway
from commtui.store import (
    partitions,
    tables,
    tables_accounts,
    tables_delivery,
    tables_feedback,
    tables_keep,
    tables_record,
    tables_sending,
    tables_wishes,
)
from commtui.store.columns import metadata
from commtui.store.engine import Database

HEAD = "0007"
SQLITE_TURNS = 30
"""So many times ten seconds a process waits for another one that migrates."""


def prepare(database: Database) -> None:
    """Migrate to the newest schema and make the partitions ahead. Raises ConfigError on a newer schema.

    Of several processes that start at once one migrates; the others wait for it, for minutes if they have to.
    """
    with database.read() as connection:
        found = _version(connection)
    if database.read_only:
        _refuse_other(found)
        return
    if found != HEAD:
        _wait_and_upgrade(database)
    partitions.make(database)


def _wait_and_upgrade(database: Database) -> None:
    for _ in range(SQLITE_TURNS - 1):
        try:
            _upgrade_once(database)
        except DatabaseAway:
            # SQLite's own patience is ten seconds
            if not database.sqlite:
                raise
        else:
            return
    _upgrade_once(database)


def _upgrade_once(database: Database) -> None:
    with database.write() as connection:
        if not database.sqlite:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": partitions.LOCK}
            )
        if _version(connection) != HEAD:
            _upgrade(connection)


def is_there(database: Database) -> bool:
    """Whether the database has our tables already."""
    with database.read() as connection:
        return _version(connection) is not None or sa.inspect(connection).has_table("entry")


def _refuse_other(found: str | None) -> None:
    """Read-only brings no schema up to date. Raises ConfigError."""
    if found != HEAD:
        raise ConfigError(
            f"database.url: the schema of this database is {found or 'not there'}, this version needs "
            f"{HEAD}, and read-only changes nothing; start it once without read-only"
        )


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("schema_version"):
        return None
    found: str | None = connection.execute(
        sa.text("SELECT version_num FROM schema_version")
    ).scalar()
    return found


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command, util
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except util.CommandError as error:
        raise ConfigError(
            f"database.url: the schema of this database is not one that this version knows ({error}); "
            "install the version of commtui that made it, or a newer one"
        ) from None


ALL_TABLES = (
    tables,
    tables_accounts,
    tables_delivery,
    tables_feedback,
    tables_keep,
    tables_record,
    tables_sending,
    tables_wishes,
)
"""The modules that together define the metadata."""


def index_names() -> list[str]:
    """The names of all our indexes."""
    return [
        str(index.name)
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
