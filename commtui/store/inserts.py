"""Inserts that may meet a row that is there already, in the words of either engine."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`, which both engines spell alike."""
    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return made(table)
