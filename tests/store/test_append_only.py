"""The log cannot be rewritten: every known way past a trigger is closed; on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from commtui.store.engine import Database
from commtui.store.tables import audit, entry, entry_status
from tests.office import Office, message

TAMPERING = {
    "another recipient": "UPDATE entry SET recipient_hash = 'x'",
    "another time": "UPDATE entry SET created_at = updated_at, author = 'nobody'",
    "an entry gone": "DELETE FROM entry",
    "history changed": "UPDATE entry_status SET status = 'delivered'",
    "history gone": "DELETE FROM entry_status",
    "audit changed": "UPDATE audit SET operator = 'nobody'",
    "audit gone": "DELETE FROM audit",
}
SQLITE_TAMPERING = {
    "entry replaced": "INSERT OR REPLACE INTO entry SELECT * FROM entry",
    "history replaced": "INSERT OR REPLACE INTO entry_status SELECT * FROM entry_status",
    "audit replaced": "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    "replaced without recursive triggers": "PRAGMA recursive_triggers=OFF; "
    "INSERT OR REPLACE INTO entry SELECT * FROM entry",
}
POSTGRESQL_TAMPERING = {
    "log emptied": "TRUNCATE entry CASCADE",
    "history emptied": "TRUNCATE entry_status",
    "audit emptied": "TRUNCATE audit",
    "default partition emptied": "TRUNCATE entry_default",
    "month emptied": "DO $$ DECLARE part text; BEGIN SELECT relname INTO part FROM pg_class "
    "WHERE relname ~ '^entry_[0-9]{6}$' LIMIT 1; EXECUTE 'TRUNCATE ' || part; END $$",
    "triggers asleep": "SET session_replication_role = replica; DELETE FROM entry",
    "triggers asleep for history": "SET session_replication_role = replica; "
    "UPDATE entry_status SET status = 'delivered'",
}


def content(database: Database) -> list[object]:
    """Everything that must not change."""
    with database.read() as connection:
        return [
            list(connection.execute(sa.select(table).order_by(table.c.id)))
            for table in (entry, entry_status, audit)
        ]


def test_no_way_of_rewriting_the_log_gets_through(office: Office) -> None:
    office.put(message())
    office.send()
    before = content(office.database)
    own = SQLITE_TAMPERING if office.database.sqlite else POSTGRESQL_TAMPERING
    for name, statements in {**TAMPERING, **own}.items():
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            tamper(office.database, statements)
        assert content(office.database) == before, name


def tamper(database: Database, statements: str) -> None:
    """Run statements as somebody with the program's own rights would."""
    with database.write() as connection:
        parts = [statements] if "$$" in statements else statements.split("; ")
        for statement in parts:
            connection.exec_driver_sql(statement)


def test_what_the_fold_moves_can_be_moved(office: Office) -> None:
    office.put(message())
    office.send()
    with office.database.write() as connection:
        connection.execute(entry.update().values(status="delivered"))
