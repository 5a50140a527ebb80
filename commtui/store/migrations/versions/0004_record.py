"""The record: what the fold was given, salted hashes of words, seals, and guards against every known way around."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from commtui.store.migrations import record_guards as guards

revision = "0004"
down_revision = "0003"

MADE_BEFORE = {
    "entry": ("fixed", "kept", "once"),
    "entry_status": ("fixed", "kept", "once"),
    "audit": ("fixed", "kept", "once"),
}
"""Triggers of earlier migrations, which are made anew."""


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _drop("")
    sql = Path(__file__).with_name(f"0004_{dialect}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    if dialect == "sqlite":
        for statement in guards.sqlite_triggers().values():
            op.execute(statement)
    else:
        _postgresql()


def _drop(on: str) -> None:
    for table, names in MADE_BEFORE.items():
        for name in names:
            place = f" ON {table}" if on else ""
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name}{place}")


def _postgresql() -> None:
    connection = op.get_bind()
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    _drop("table")
    for name, body in guards.postgresql_functions(schema).items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$"
        )
    op.execute(
        f"CREATE FUNCTION {guards.MAKE_PARTITION}(parent text, part text, low text, high text) RETURNS void "
        f"LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp "
        f"AS $body${guards.make_partition_body(schema)}$body$"
    )
    op.execute(
        f"REVOKE ALL ON FUNCTION {guards.MAKE_PARTITION}(text, text, text, text) FROM PUBLIC"
    )
    parts = {
        table: list(
            connection.execute(
                sa.text(
                    "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid "
                    "WHERE inhparent = to_regclass(:parent) ORDER BY relname"
                ),
                {"parent": table},
            ).scalars()
        )
        for table in guards.PARTITIONED
    }
    for place in (
        *guards.PARTITIONED,
        "audit",
        *(part for found in parts.values() for part in found),
    ):
        op.execute(f"DROP TRIGGER IF EXISTS {place}_whole ON {place}")
    for trigger in guards.postgresql_triggers():
        op.execute(trigger.statement)
        for place in (trigger.table, *(parts.get(trigger.table, ()) if trigger.each_row else ())):
            op.execute(f"ALTER TABLE {place} ENABLE ALWAYS TRIGGER {trigger.name}")
    for found in parts.values():
        for part in found:
            trigger = guards.whole(part)
            op.execute(trigger.statement)
            op.execute(f"ALTER TABLE {part} ENABLE ALWAYS TRIGGER {trigger.name}")
