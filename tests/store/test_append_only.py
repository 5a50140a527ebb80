"""The log cannot be rewritten: every known way past a trigger is closed; on both databases."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa

from commtui.store.columns import metadata
from commtui.store.engine import Database
from commtui.store.tables import communication, communication_document, document, entry
from tests.office import Office, message
from tests.store.recording import written

TAMPERING = {
    "another recipient": "UPDATE entry SET recipient_hash = 'x'",
    "another time": "UPDATE entry SET created_at = updated_at, author = 'nobody'",
    "settled by another": "UPDATE entry SET settled_by = id WHERE settled_by IS NOT NULL",
    "settled no more": "UPDATE entry SET settled_by = NULL, settled_at = NULL WHERE settled_by IS NOT NULL",
    "an entry gone": "DELETE FROM entry",
    "history changed": "UPDATE entry_status SET status = 'delivered'",
    "history gone": "DELETE FROM entry_status",
    "audit changed": "UPDATE audit SET operator = 'nobody'",
    "audit gone": "DELETE FROM audit",
    "journal changed": "UPDATE journal SET record_id = NULL",
    "journal forgets what is not sealed": "DELETE FROM journal WHERE record_id IS NOT NULL",
    "a seal changed": "UPDATE seal SET hash = 'x'",
    "a seal gone": "DELETE FROM seal",
    "other recipient's text": "UPDATE entry_text SET recipient = 'eve@example.com'",
    "a recipient half emptied": "UPDATE entry_text SET recipient = ''",
    "a recipient's text gone": "DELETE FROM entry_text",
    "other words": "UPDATE entry_status_text SET words = 'fine'",
    "words gone": "DELETE FROM entry_status_text",
    "another reason": "UPDATE audit_text SET words = 'was told to'",
    "a reason gone": "DELETE FROM audit_text",
    "other content": "UPDATE content SET text = 'You owe us nothing'",
    "content gone": "DELETE FROM content",
    "another document's bytes": "UPDATE document SET content = 'x'",
    "a document gone": "DELETE FROM document",
    "a document under another name": "UPDATE communication_document SET name = 'other.pdf'",
    "a document of a message gone": "DELETE FROM communication_document",
}
REPLACED = (
    "entry",
    "entry_status",
    "audit",
    "journal",
    "seal",
    "entry_text",
    "entry_status_text",
    "audit_text",
    "content",
    "communication_document",
)
SQLITE_TAMPERING = {
    **{
        f"{table} replaced": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        for table in REPLACED
    },
    **{
        f"{table} replaced without recursive triggers": "PRAGMA recursive_triggers=OFF; "
        f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        for table in REPLACED
    },
    "an entry put in another's place": "PRAGMA recursive_triggers=OFF; "
    "INSERT OR REPLACE INTO entry (rowid, id, communication_id, subject_id, customer_id, channel, provider, cause, "
    "author, recipient_hash, content_hash, category, created_at, status, chip, status_at, updated_at) "
    "SELECT rowid, 'f' || substr(id, 2), communication_id, subject_id, customer_id, channel, provider, cause, "
    "'nobody', recipient_hash, content_hash, category, created_at, status, chip, status_at, updated_at FROM entry",
    "an entry moved onto another's place": "PRAGMA recursive_triggers=OFF; "
    "UPDATE OR REPLACE entry SET rowid = (SELECT max(rowid) FROM entry) "
    "WHERE rowid = (SELECT min(rowid) FROM entry)",
    "an upsert": "INSERT INTO entry SELECT * FROM entry WHERE true ON CONFLICT (id) DO UPDATE SET author = 'nobody'",
    "a document replaced": "PRAGMA recursive_triggers=OFF; "
    "INSERT OR REPLACE INTO document SELECT sha256, size, x'00' FROM document",
}
PARTITIONS = ("entry", "entry_status")
POSTGRESQL_TAMPERING = {
    **{f"{table} emptied": f"TRUNCATE {table} CASCADE" for table in (*REPLACED, "document")},
    **{
        f"default partition of {table} emptied": f"TRUNCATE {table}_default" for table in PARTITIONS
    },
    **{
        f"month of {table} emptied": "DO $$ DECLARE part text; BEGIN SELECT relname INTO part FROM pg_class "
        f"WHERE relname ~ '^{table}_[0-9]{{6}}$' LIMIT 1; EXECUTE 'TRUNCATE ' || part; END $$"
        for table in PARTITIONS
    },
    **{
        f"{name}, triggers asleep": f"SET session_replication_role = replica; {statement}"
        for name, statement in TAMPERING.items()
    },
    "emptied, triggers asleep": "SET session_replication_role = replica; TRUNCATE audit",
    "a month emptied, triggers asleep": "SET session_replication_role = replica; "
    "DO $$ DECLARE part text; BEGIN SELECT relname INTO part FROM pg_class "
    "WHERE relname ~ '^entry_[0-9]{6}$' LIMIT 1; EXECUTE 'TRUNCATE ' || part; END $$",
    "a partition's row": "DO $$ DECLARE part text; BEGIN SELECT relname INTO part FROM pg_class "
    "WHERE relname = (SELECT tableoid::regclass::text FROM entry LIMIT 1); "
    "EXECUTE 'DELETE FROM ' || part; END $$",
    "an upsert": "INSERT INTO audit SELECT * FROM audit ON CONFLICT (id) DO UPDATE SET operator = 'nobody'",
}


def everything(office: Office) -> None:
    """A record with a row in every table of it."""
    written(office)
    kept = b"%PDF-1.7"
    sha256 = hashlib.sha256(kept).hexdigest()
    with office.database.write() as connection:
        connection.execute(document.insert().values(sha256=sha256, size=8, content=kept))
        owner = connection.execute(sa.select(communication.c.id).limit(1)).scalar_one()
        connection.execute(
            communication_document.insert().values(
                communication_id=owner,
                version=1,
                position=0,
                role="attachment",
                name="invoice.pdf",
                media_type="application/pdf",
                sha256=sha256,
            )
        )


def test_no_way_of_rewriting_the_log_gets_through(office: Office) -> None:
    everything(office)
    before = everything_in(office.database)
    own = SQLITE_TAMPERING if office.database.sqlite else POSTGRESQL_TAMPERING
    for name, statements in {**TAMPERING, **own}.items():
        assert "append-only" in refusal(office.database, statements), name
        assert everything_in(office.database) == before, name


def everything_in(database: Database) -> list[object]:
    """Every row of every guarded table."""
    with database.read() as connection:
        return [
            sorted(map(repr, connection.execute(sa.select(metadata.tables[name]))))
            for name in (*REPLACED, "document")
        ]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_there_are_at_least_twenty_ways(engine: str) -> None:
    own = SQLITE_TAMPERING if engine == "sqlite" else POSTGRESQL_TAMPERING
    assert len({**TAMPERING, **own}) >= 20


def refusal(database: Database, statements: str) -> str:
    """What the database says when somebody with the program's own rights runs these; empty when it lets them."""
    try:
        with database.write() as connection:
            parts = [statements] if "$$" in statements else statements.split("; ")
            if "$$" in statements and statements.startswith("SET"):
                parts = statements.split("; ", 1)
            for statement in parts:
                connection.exec_driver_sql(statement)
    except sa.exc.DBAPIError as error:
        return str(error)
    return ""


def test_without_its_trigger_a_row_can_be_moved_onto_another(office: Office) -> None:
    everything(office)
    if not office.database.sqlite:
        # only SQLite's rows have a place of their own
        assert "rowid" in refusal(office.database, "UPDATE entry SET rowid = 1")
        return
    way = SQLITE_TAMPERING["an entry moved onto another's place"]
    before = everything_in(office.database)[0]
    assert refusal(office.database, f"DROP TRIGGER entry_placed; {way}") == ""
    assert everything_in(office.database)[0] != before


def test_what_the_fold_moves_can_be_moved(office: Office) -> None:
    office.put(message())
    office.send()
    with office.database.write() as connection:
        connection.execute(entry.update().values(status="delivered"))
