"""What guards the record is compared with what should be there: whatever is missing is named, and nothing is sent."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa

from commtui.services.guarding import EVERY_SECONDS, Guarding, barred_words
from commtui.store import guards, partitions, roles
from commtui.store.engine import Database
from commtui.store.migrations import record_guards

LATER = datetime(2031, 5, 17, tzinfo=UTC)
ANYBODY = "EXECUTE FUNCTION log_is_append_only()"
SQLITE_WAYS = (
    (("DROP TRIGGER entry_kept",), "trigger entry_kept is missing"),
    (("DROP TRIGGER journal_kept",), "trigger journal_kept is missing"),
    (
        (
            "DROP TRIGGER audit_fixed",
            "CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN SELECT 1; END",
        ),
        "trigger audit_fixed was changed",
    ),
    (
        ("CREATE TRIGGER quiet AFTER INSERT ON audit BEGIN DELETE FROM journal; END",),
        "trigger quiet on audit is not ours",
    ),
)
_REMADE = "CREATE TRIGGER seal_fixed BEFORE UPDATE OR DELETE ON seal FOR EACH ROW"
_ALWAYS = "ALTER TABLE seal ENABLE ALWAYS TRIGGER seal_fixed"
POSTGRESQL_WAYS = (
    (("DROP TRIGGER entry_kept ON entry",), "trigger entry_kept on entry is missing"),
    (
        ("ALTER TABLE audit DISABLE TRIGGER audit_fixed",),
        "trigger audit_fixed on audit is switched off",
    ),
    (
        ("ALTER TABLE audit ENABLE TRIGGER audit_fixed",),
        "trigger audit_fixed on audit is not on for replicas",
    ),
    (
        ("DROP TRIGGER entry_default_whole ON entry_default",),
        "trigger entry_default_whole on entry_default is missing",
    ),
    (
        ("ALTER TABLE ONLY entry_default DISABLE TRIGGER entry_kept",),
        "trigger entry_kept on entry_default is switched off",
    ),
    (
        (
            "CREATE OR REPLACE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN OLD; END $$",
        ),
        "log_is_append_only was changed",
    ),
    (
        (
            "DROP TRIGGER seal_fixed ON seal",
            _REMADE.replace(" OR DELETE", "") + f" {ANYBODY}",
            _ALWAYS,
        ),
        "trigger seal_fixed on seal was changed",
    ),
    (
        ("DROP TRIGGER seal_fixed ON seal", f"{_REMADE} WHEN (OLD.number < 0) {ANYBODY}", _ALWAYS),
        "trigger seal_fixed on seal was changed",
    ),
    (
        (f"CREATE TRIGGER quiet BEFORE INSERT ON audit FOR EACH ROW {ANYBODY}",),
        "trigger quiet on audit is not ours",
    ),
    (("ALTER TABLE seal RENAME TO sealed",), "trigger seal_fixed on seal is missing"),
)


def found(database: Database) -> list[str]:
    """What is missing."""
    with database.read() as connection:
        return guards.findings(connection)


def test_a_fresh_database_is_guarded(database: Database) -> None:
    assert found(database) == []


def test_whatever_is_missing_or_changed_is_named(database: Database) -> None:
    ways = SQLITE_WAYS if database.sqlite else POSTGRESQL_WAYS
    for statements, words in ways:
        findings = after(database, *statements)
        assert any(words in finding for finding in findings), (statements, findings)
    assert found(database) == []


def after(database: Database, *statements: str) -> list[str]:
    """What is missing after the owner has run these, which are taken back."""
    findings: list[str] = []
    with contextlib.suppress(_Undo), database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        findings = guards.findings(connection)
        raise _Undo
    return findings


class _Undo(Exception):
    """Takes a change back."""


def test_a_new_partition_has_its_triggers(database: Database) -> None:
    ahead = Database(database_url_of(database), clock=lambda: LATER)
    partitions.make(ahead)
    if not database.sqlite:
        with database.read() as connection:
            assert sa.inspect(connection).has_table("entry_203105")
    assert found(ahead) == []
    ahead.close()


def database_url_of(database: Database) -> str:
    """The URL that a database was opened with."""
    with database.read() as connection:
        url = connection.engine.url
    if database.sqlite:
        return f"sqlite:///{url.database}"
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_only_partitions_of_the_log_are_made_with_the_owners_rights(database: Database) -> None:
    if database.sqlite:
        assert "make_log_partition" not in " ".join(record_guards.sqlite_triggers().values())
        return
    for parent, part in (
        ("audit", "audit_203105"),
        ("entry", "x"),
        ("entry", "entry_203105; DROP"),
    ):
        making = sa.text("SELECT make_log_partition(:parent, :part, '0', '1')")
        with database.write() as connection:
            with pytest.raises(sa.exc.DBAPIError, match="not a partition of the log"):
                connection.execute(making, {"parent": parent, "part": part})
            connection.rollback()


def test_it_is_looked_at_again_after_a_while(database: Database) -> None:
    now = [0.0]
    guarding = Guarding(database, clock=lambda: now[0])
    assert guarding.findings() == ()
    with database.write() as connection:
        place = "" if database.sqlite else " ON audit"
        connection.exec_driver_sql(f"DROP TRIGGER audit_noted{place}")
    now[0] = EVERY_SECONDS - 1
    assert guarding.findings() == ()
    now[0] = EVERY_SECONDS + 1
    (finding,) = guarding.findings()
    assert barred_words((finding,)).startswith("sending refused: trigger audit_noted")
    assert barred_words((finding, finding)).endswith(" and 1 more")


# PostgreSQL's roles


@pytest.fixture
def as_role(database: Database) -> Database:
    """The database with its roles made, as their SQL says; SQLite has none."""
    if not database.sqlite:
        with database.write() as connection:
            for statement in roles.statements():
                connection.exec_driver_sql(statement)
    return database


MAY_NOT = {
    roles.APP: (
        "UPDATE audit SET operator = 'x'",
        "DELETE FROM entry",
        "DELETE FROM entry_status",
        "TRUNCATE audit",
        "TRUNCATE entry_default",
        "DELETE FROM entry_default",
        "UPDATE seal SET hash = 'x'",
        "DELETE FROM seal",
        "ALTER TABLE audit DISABLE TRIGGER audit_fixed",
        "DROP TRIGGER audit_fixed ON audit",
        "SET session_replication_role = replica",
        "CREATE TABLE own (id int)",
        "UPDATE schema_version SET version_num = '9999'",
    ),
    roles.READ: (
        "INSERT INTO journal (what) VALUES ('x')",
        "UPDATE entry SET status = 'sent'",
        "DELETE FROM outbox",
        "SELECT make_log_partition('entry', 'entry_203105', '0', '1')",
    ),
    roles.RETENTION: (
        "SELECT * FROM entry",
        "DELETE FROM entry",
        "UPDATE inbox SET body = ''",
        "DELETE FROM audit",
    ),
}
MAY = {
    roles.APP: (
        "UPDATE entry SET status = 'sent'",
        "INSERT INTO journal (what) VALUES ('x')",
        "DELETE FROM outbox",
        "DELETE FROM provider_event",
        "SELECT make_log_partition('entry', 'entry_203105', "
        "'7a000000-0000-7000-8000-000000000000', '7b000000-0000-7000-8000-000000000000')",
    ),
    roles.READ: ("SELECT * FROM entry", "SELECT * FROM seal", "SELECT * FROM schema_version"),
    roles.RETENTION: ("DELETE FROM provider_event", "DELETE FROM inbox"),
}


def test_each_role_may_do_its_own_work_and_no_other(as_role: Database) -> None:
    if as_role.sqlite:
        assert found(as_role) == []
        return
    url = database_url_of(as_role)
    for wanted, cases in ((False, MAY_NOT), (True, MAY)):
        for role, statements in cases.items():
            for statement in statements:
                assert may(url, role, statement) is wanted, f"{role}: {statement}"
    assert found(as_role) == []


def may(url: str, role: str, statement: str) -> bool:
    """Whether a role's session may run a statement; nothing of it stays."""
    with psycopg.connect(url) as connection:
        # a session of its own: SET ROLE could be taken back
        connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return False
        finally:
            connection.rollback()
    return True


def test_rights_that_are_too_many_or_too_few_are_named(as_role: Database) -> None:
    if as_role.sqlite:
        assert "GRANT" in " ".join(roles.statements())
        return
    for statement, words in (
        (f"GRANT DELETE ON entry TO {roles.APP}", f"{roles.APP} may DELETE on entry"),
        (f"GRANT TRUNCATE ON audit TO {roles.APP}", f"{roles.APP} may TRUNCATE on audit"),
        (f"GRANT UPDATE ON audit TO {roles.READ}", f"{roles.READ} may UPDATE on audit"),
        ("GRANT SELECT ON customer TO PUBLIC", ""),
        ("GRANT DELETE ON entry TO PUBLIC", "PUBLIC may DELETE on entry"),
        (f"REVOKE INSERT ON audit FROM {roles.APP}", f"{roles.APP} may not INSERT on audit"),
        (
            f"GRANT DELETE ON entry_default TO {roles.APP}",
            f"{roles.APP} may DELETE on entry_default",
        ),
    ):
        findings = after(as_role, statement)
        assert any(words in finding for finding in findings) if words else not findings, statement
