"""Bring the schema up to date: on first use, and safely when several processes start at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.errors import ConfigError
from commtui.store import tables, tables_delivery, tables_wishes
from commtui.store.columns import metadata
from commtui.store.engine import Database

HEAD = "0002"
_LOCK = 7_062_026
"""Advisory lock of migrations and partition making on PostgreSQL."""
MONTHS_AHEAD = 3
DAYS_AHEAD = 3


def prepare(database: Database) -> None:
    """Migrate to the newest schema and make the partitions ahead. Raises ConfigError on a newer schema."""
    with database.read() as connection:
        found = _version(connection)
    if database.read_only:
        _refuse_other(found)
        return
    if found != HEAD:
        with database.write() as connection:
            if not database.sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if _version(connection) != HEAD:
                _upgrade(connection)
    make_partitions(database)


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


def make_partitions(database: Database) -> None:
    """On PostgreSQL, make the monthly log partitions and daily event partitions that are still missing."""
    if database.sqlite:
        return
    now = database.now()
    wanted = [*_months("entry", now), *_months("entry_status", now), *_days(now)]
    with database.read() as connection:
        known = set(
            connection.execute(
                sa.text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relispartition")
            ).scalars()
        )
    missing = [item for item in wanted if item[1] not in known]
    for table, name, low, high in missing:
        with database.write() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if sa.inspect(connection).has_table(name):
                continue
            connection.exec_driver_sql(
                f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
            )
            if table != "provider_event":
                connection.exec_driver_sql(
                    f"CREATE TRIGGER {name}_whole BEFORE TRUNCATE ON {name} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()"
                )


def _months(table: str, now: datetime) -> list[tuple[str, str, str, str]]:
    made = []
    for ahead in range(MONTHS_AHEAD + 1):
        start = _month(now, ahead)
        made.append((table, f"{table}_{start:%Y%m}", id_at(start), id_at(_month(now, ahead + 1))))
    return made


def _month(now: datetime, ahead: int) -> datetime:
    index = now.year * 12 + now.month - 1 + ahead
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def _days(now: datetime) -> list[tuple[str, str, str, str]]:
    days = [(now + timedelta(days=ahead)).date() for ahead in range(DAYS_AHEAD + 1)]
    return [
        (
            "provider_event",
            f"provider_event_{day:%Y%m%d}",
            day.isoformat(),
            (day + timedelta(days=1)).isoformat(),
        )
        for day in days
    ]


ALL_TABLES = (tables, tables_delivery, tables_wishes)
"""The modules that together define the metadata."""


def index_names() -> list[str]:
    """The names of all our indexes."""
    return [
        str(index.name)
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
