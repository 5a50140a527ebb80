"""Partitions on PostgreSQL: the log by month of its id, provider events by day; made ahead, with a DEFAULT."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.store.engine import Database

LOCK = 7_062_026
"""Advisory lock of migrations and partition making."""
MONTHS_AHEAD = 3
DAYS_AHEAD = 3
LOGS = ("entry", "entry_status")
_MAY_MAKE = "SELECT has_function_privilege('make_log_partition(text, text, text, text)', 'EXECUTE')"


@dataclass(frozen=True, slots=True)
class _Part:
    table: str
    name: str
    key: str
    low: str
    high: str

    @property
    def is_log(self) -> bool:
        return self.table in LOGS


def make(database: Database) -> None:
    """Make the monthly log partitions and daily event partitions that are still missing."""
    if database.sqlite:
        return
    now = database.now()
    wanted = [*(month for table in LOGS for month in _months(table, now)), *_days(now)]
    with database.read() as connection:
        if not connection.execute(sa.text(_MAY_MAKE)).scalar():
            # a role that only reads, or only works at a console: workers make them
            return
        known = set(
            connection.execute(
                sa.text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relispartition")
            ).scalars()
        )
    for part in wanted:
        if part.name not in known:
            with database.write() as connection:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
                if not sa.inspect(connection).has_table(part.name):
                    _make(connection, part)


def _make(connection: sa.Connection, part: _Part) -> None:
    """Make one partition; rows of its range may lie in DEFAULT already, and then it could not be made.

    Events move into it. The log moves for nobody, so its range stays in DEFAULT, which `strays` tells.
    """
    stray = (
        f"FROM {part.table}_default WHERE {part.key} >= '{part.low}' AND {part.key} < '{part.high}'"
    )
    lie_there = connection.exec_driver_sql(f"SELECT 1 {stray} LIMIT 1").first() is not None
    if lie_there and part.is_log:
        return
    if lie_there:
        connection.exec_driver_sql(f"CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT * {stray}")
        connection.exec_driver_sql(f"DELETE {stray}")
    # by the owner's function: the application's own role cannot make tables
    connection.execute(
        sa.text("SELECT make_log_partition(:parent, :part, :low, :high)"),
        {"parent": part.table, "part": part.name, "low": part.low, "high": part.high},
    )
    if lie_there:
        connection.exec_driver_sql(f"INSERT INTO {part.table} SELECT * FROM moving")


def strays(database: Database) -> dict[str, int]:
    """How many rows of the log lie in a DEFAULT partition, by table; tables without any are left out."""
    if database.sqlite:
        return {}
    with database.read() as connection:
        found = {
            table: int(
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}_default").scalar_one()
            )
            for table in LOGS
        }
    return {table: number for table, number in found.items() if number}


def _months(table: str, now: datetime) -> list[_Part]:
    made = []
    for ahead in range(MONTHS_AHEAD + 1):
        start = _month(now, ahead)
        low, high = id_at(start), id_at(_month(now, ahead + 1))
        made.append(_Part(table, f"{table}_{start:%Y%m}", "id", low, high))
    return made


def _month(now: datetime, ahead: int) -> datetime:
    index = now.year * 12 + now.month - 1 + ahead
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def _days(now: datetime) -> list[_Part]:
    days = [(now + timedelta(days=ahead)).date() for ahead in range(DAYS_AHEAD + 1)]
    return [
        _Part(
            "provider_event",
            f"provider_event_{day:%Y%m%d}",
            "day",
            day.isoformat(),
            (day + timedelta(days=1)).isoformat(),
        )
        for day in days
    ]
