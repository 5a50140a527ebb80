"""Columns that mean the same on both engines, and the metadata that all tables belong to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            moment: datetime = value
            return moment.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


Id = sa.Uuid(as_uuid=False)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData()


def table(name: str, *items: sa.schema.SchemaItem, partition_by: str | None = None) -> sa.Table:
    """A table of ours."""
    return sa.Table(name, metadata, *items, postgresql_partition_by=partition_by)


def text(name: str, default: str = "") -> sa.Column[str]:
    """A text that is never null."""
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def flag(name: str) -> sa.Column[bool]:
    """A truth value that starts as false."""
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def number(name: str, default: int = 0) -> sa.Column[int]:
    """A whole number that is never null."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))
