"""The first schema: tables and indexes from the SQL files beside this one, then guards, search and partitions."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

ENTRY_FIXED = (
    "id, communication_id, subject_id, customer_id, channel, provider, cause, author, author_verified, "
    "replaces_id, bulk_run_id, version, rendering, template_version, recipient_hash, content_hash, "
    "category, location_group, created_at"
)
APPEND_ONLY = ("entry_status", "audit")


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    sql = Path(__file__).with_name(f"0001_{dialect}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in _sqlite() if dialect == "sqlite" else _postgresql():
        op.execute(statement)


def _sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
    statements = [
        f"CREATE TRIGGER entry_fixed BEFORE UPDATE OF {ENTRY_FIXED} ON entry {refuse}",
        f"CREATE TRIGGER entry_kept BEFORE DELETE ON entry {refuse}",
        f"CREATE TRIGGER entry_once BEFORE INSERT ON entry "
        f"WHEN EXISTS (SELECT 1 FROM entry WHERE id = NEW.id) {refuse}",
        "CREATE VIRTUAL TABLE search_fts USING fts5("
        "folded, tokenize='trigram', detail='none', content='search_row', content_rowid='id')",
    ]
    for table in APPEND_ONLY:
        statements += [
            f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_once BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refuse}",
        ]
    return statements


def _postgresql() -> list[str]:
    changed = " OR ".join(
        f"NEW.{name.strip()} IS DISTINCT FROM OLD.{name.strip()}" for name in ENTRY_FIXED.split(",")
    )
    statements = [
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE INDEX ix_search_row_folded ON search_row USING gin (folded gin_trgm_ops)",
        "ALTER TABLE journal ALTER COLUMN xid SET DEFAULT pg_current_xact_id()::text::bigint",
        "CREATE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$",
        "CREATE FUNCTION entry_is_fixed() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {changed} THEN RAISE EXCEPTION 'the log is append-only'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER entry_fixed BEFORE UPDATE ON entry FOR EACH ROW EXECUTE FUNCTION entry_is_fixed()",
        "CREATE TRIGGER entry_kept BEFORE DELETE ON entry FOR EACH ROW EXECUTE FUNCTION log_is_append_only()",
    ]
    for table in APPEND_ONLY:
        statements.append(
            f"CREATE TRIGGER {table}_fixed BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION log_is_append_only()"
        )
    for table in ("entry", "entry_status", "provider_event"):
        statements.append(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    for table in ("entry", "entry_status", "audit", "entry_default", "entry_status_default"):
        statements.append(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()"
        )
    for table, trigger in (
        ("entry", "entry_fixed"),
        ("entry", "entry_kept"),
        ("entry_status", "entry_status_fixed"),
        ("audit", "audit_fixed"),
    ):
        statements.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
    return statements
