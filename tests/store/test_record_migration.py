"""A database of before the seals: everything in it is sealed as it was found, and nothing is off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from commtui.store import guards, schema, seals
from commtui.store.engine import Database
from tests.conftest import named
from tests.store.recording import checked

ID = "019bc409-0000-7000-8000-00000000000{}"
CUSTOMER, SUBJECT, COMMUNICATION, ENTRY, HISTORY, AUDIT = (ID.format(n) for n in range(1, 7))


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with the schema of before."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.db'}")
        _upgrade(database, "0002")
        yield database
        database.close()
        return
    server: str = request.getfixturevalue("postgresql_server")
    name = f"old{tmp_path.name.replace('-', '_')[-20:]}".lower()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = Database(named(server, name))
    _upgrade(database, "0002")
    yield database
    database.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _upgrade(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def _fill(database: Database) -> None:
    """One of everything, as the program of before wrote it."""
    when = 1_768_556_520_120_000 if database.sqlite else "'2026-01-16T09:42:00.12Z'"
    short = str if not database.sqlite else lambda text: text.replace("-", "")
    ids = {
        name: f"'{short(value)}'"
        for name, value in (
            ("customer", CUSTOMER),
            ("subject", SUBJECT),
            ("communication", COMMUNICATION),
            ("entry", ENTRY),
            ("history", HISTORY),
            ("audit", AUDIT),
        )
    }
    statements = (
        "INSERT INTO customer (id, external_id, created_at, updated_at) VALUES ({customer}, 'K-1', {when}, {when})",
        "INSERT INTO subject (id, customer_id, type, reference, created_at) "
        "VALUES ({subject}, {customer}, 'invoice', '12345', {when})",
        "INSERT INTO communication (id, external_id, subject_id, customer_id, kind, purpose, wanted, release, "
        "created_at, updated_at) VALUES ({communication}, 'C-1', {subject}, {customer}, 'invoice', 'transactional', "
        "'[\"email\"]', 'hold', {when}, {when})",
        "INSERT INTO content (communication_id, version, rendering, created_at) VALUES ({communication}, 1, 0, {when})",
        "INSERT INTO entry (id, communication_id, subject_id, customer_id, channel, provider, cause, author, "
        "recipient_hash, content_hash, category, created_at, status, chip, status_at, rank, updated_at) VALUES "
        "({entry}, {communication}, {subject}, {customer}, 'email', 'sendgrid', 'bulk', 'rosa', '', '', 'invoice', "
        "{when}, 'sent', 'completed', {when}, 10, {when})",
        "INSERT INTO entry_text (entry_id) VALUES ({entry})",
        "INSERT INTO entry_status (id, entry_id, at, status, word, source) "
        "VALUES ({history}, {entry}, {when}, 'sent', 'sent', 'worker')",
        "INSERT INTO entry_status_text (entry_status_id, words) VALUES ({history}, '202 accepted')",
        "INSERT INTO audit (id, at, operator, action, targets, result) "
        "VALUES ({audit}, {when}, 'rosa', 'bulk send', '[]', '{{}}')",
    )
    with database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.format(when=when, **ids).replace(":", "\\:")))


def test_an_older_record_is_sealed_and_guarded_from_the_migration_on(old: Database) -> None:
    _fill(old)
    schema.prepare(old)
    with old.read() as connection:
        assert guards.findings(connection) == []
    made = seals.seal_next(old)
    assert made is not None
    assert made.records == 3
    report = checked(old)
    assert (report.findings, report.sealed, report.waiting) == ((), 3, 0)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), old.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET operator = 'nobody'")
