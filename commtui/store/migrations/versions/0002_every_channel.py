"""Every channel: steps, facts by layer, fallback, customers' wishes, templates; SQL in the files beside this one."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

ENTRY_FIXED = (
    "id, communication_id, subject_id, customer_id, channel, provider, cause, author, author_verified, "
    "replaces_id, bulk_run_id, version, rendering, template_version, recipient_hash, content_hash, "
    "category, location_group, created_at, reason, task"
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    sql = Path(__file__).with_name(f"0002_{dialect}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in _sqlite() if dialect == "sqlite" else _postgresql():
        op.execute(statement)


def _sqlite() -> list[str]:
    return [
        "DROP TRIGGER entry_fixed",
        f"CREATE TRIGGER entry_fixed BEFORE UPDATE OF {ENTRY_FIXED} ON entry "
        "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    ]


def _postgresql() -> list[str]:
    changed = " OR ".join(
        f"NEW.{name.strip()} IS DISTINCT FROM OLD.{name.strip()}" for name in ENTRY_FIXED.split(",")
    )
    return [
        "CREATE OR REPLACE FUNCTION entry_is_fixed() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {changed} THEN RAISE EXCEPTION 'the log is append-only'; END IF; RETURN NEW; END $$",
    ]
