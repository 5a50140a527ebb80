"""What keeps the record as it was written, compared with what should be there: triggers, functions, rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from commtui.store import roles
from commtui.store.migrations import record_guards

_ALWAYS = "A"
_FOUND = sa.text(
    """
    SELECT c.relname, parent.relname AS parent, t.tgname, t.tgtype, t.tgenabled, t.tgqual IS NOT NULL AS conditional,
        t.tgattr::text AS columns, p.proname, p.prosrc, p.pronamespace = c.relnamespace AS ours,
        quote_ident(n.nspname) AS schema
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid
    LEFT JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
        AND (c.relname = ANY(:tables) OR parent.relname = ANY(:partitioned))
    """
)


def findings(connection: sa.Connection) -> list[str]:
    """What is missing, changed or switched off, in words; nothing when the record is guarded as it should be."""
    if connection.dialect.name == "sqlite":
        return list(_sqlite(connection))
    return [*_postgresql(connection), *roles.findings(connection)]


def missing_tables(connection: sa.Connection) -> list[str]:
    """Tables of the record that are not there."""
    there = set(sa.inspect(connection).get_table_names())
    return [f"table {name} is missing" for name in record_guards.KEYS if name not in there]


def _sqlite(connection: sa.Connection) -> Iterator[str]:
    query = sa.text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {row.name: row for row in connection.execute(query)}
    for name, statement in record_guards.sqlite_triggers().items():
        row = found.pop(name, None)
        if row is None:
            yield f"trigger {name} is missing"
        elif row.sql != statement:
            yield f"trigger {name} was changed"
    for name, row in sorted(found.items()):
        if row.tbl_name in record_guards.KEYS:
            yield f"trigger {name} on {row.tbl_name} is not ours"


def _postgresql(connection: sa.Connection) -> Iterator[str]:
    rows = connection.execute(
        _FOUND,
        {"tables": list(record_guards.KEYS), "partitioned": list(record_guards.PARTITIONED)},
    ).all()
    places: dict[str, str] = dict.fromkeys(record_guards.KEYS, "")
    places |= {row.relname: row.parent or "" for row in rows}
    found = {(row.relname, row.tgname): row for row in rows if row.tgname}
    bodies = record_guards.postgresql_functions(rows[0].schema) if rows else {}
    for place, parent in sorted(places.items()):
        for trigger in _expected(place, parent):
            row = found.pop((place, trigger.name), None)
            if row is None:
                yield f"trigger {trigger.name} on {place} is missing"
            elif problem := _problem(row, trigger, bodies):
                yield f"trigger {trigger.name} on {place} {problem}"
    for place, name in sorted(found):
        if not name.startswith("RI_"):
            yield f"trigger {name} on {place} is not ours"


def _expected(place: str, parent: str) -> list[record_guards.Trigger]:
    if parent:
        rows = [
            trigger
            for trigger in record_guards.postgresql_triggers()
            if trigger.table == parent and trigger.each_row
        ]
        return [*rows, record_guards.whole(place)]
    return [item for item in record_guards.postgresql_triggers() if item.table == place]


def _problem(row: Any, trigger: record_guards.Trigger, bodies: dict[str, str]) -> str:
    if row.tgenabled != _ALWAYS:
        return "is switched off" if row.tgenabled == "D" else "is not on for replicas"
    same = row.proname == trigger.function and row.ours and row.tgtype == trigger.type_bits
    if not same or row.conditional or row.columns:
        return "was changed"
    if row.prosrc != bodies[trigger.function]:
        return f"has another function: {trigger.function} was changed"
    return ""
