"""`commtui audit`, `commtui db verify` and `commtui db roles`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Author
from commtui.store import audits, roles, seals
from commtui.store.tables import audit, entry
from tests.cli.conftest import Shell
from tests.store.recording import heads, unguarded


def acted(shell: Shell) -> str:
    """An ignored bounce, a correction, and a download; returns the entry."""
    entry_id = shell.bounced()
    assert shell("ignore", entry_id, "--reason", "a duplicate").code == 0
    assert shell("--operator", "anna", "unignore", entry_id).code == 0
    assert shell("customer", "set", "K-1", "--email", "new@example.com").code == 0
    file = shell.folder / "out.zip"
    assert shell("download", "--ids", entry_id, "--log", "-o", str(file)).code == 0
    return entry_id


def test_audit_says_who_did_what_newest_first(shell: Shell) -> None:
    entry_id = acted(shell)
    rows = shell("audit", "--json").lines
    actions = [row["action"] for row in rows]
    assert actions == [
        "download",
        "customer corrected",
        "unignore",
        "ignore",
        "bulk send",
        "import",
    ]
    ignored = rows[3]
    assert ignored["operator"] == "rosa"
    assert ignored["operator_given"] is True
    assert ignored["targets"] == [entry_id]
    assert ignored["result"] == {"lines": 1}
    assert ignored["words"].startswith("a duplicate")
    assert ignored["process_uid"] == os.getuid()
    assert ignored["login_uid"] == audits.login_uid(audits.LOGIN_UID)
    assert bool(ignored["database_role"]) is not shell.database.sqlite
    assert rows[1]["targets"]["field"] == "email"
    assert rows[0]["result"]["lines"] == 1


@pytest.mark.parametrize(
    ("options", "actions"),
    [
        (["--operator", "anna"], ["unignore"]),
        (["--action", "ignore"], ["ignore"]),
        (["duplicate"], ["ignore"]),
        (["NEW@example.com"], ["customer corrected"]),
        (["rosa", "bulk"], ["bulk send"]),
        (["--limit", "2"], ["download", "customer corrected"]),
        (["--since", "2999-01-01"], []),
        (["--until", "2001-01-01"], []),
        (["--since", "2001-01-01", "--until", "2999-01-01", "--action", "imp"], ["import"]),
        (["--action", "un%"], []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_audit_is_narrowed(shell: Shell, options: list[str], actions: list[str]) -> None:
    acted(shell)
    assert [row["action"] for row in shell("audit", "--json", *options).lines] == actions


def test_audit_finds_what_was_done_to_an_id(shell: Shell) -> None:
    entry_id = acted(shell)
    rows = shell("audit", "--json", "--target", entry_id).lines
    assert [row["action"] for row in rows] == ["download", "unignore", "ignore"]


def test_audit_for_people_fits_a_line_and_marks_who_only_claims_a_name(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMMTUI_OPERATOR")
    entry_id = shell.bounced()
    shell("ignore", entry_id, "--reason", "x\x1b[2J")
    said = shell("audit", "--action", "ignore").out
    (row,) = said.splitlines()[1:]
    assert " ? " in row
    assert entry_id[:30] in row
    assert "\x1b" not in said


def test_a_date_that_is_none_is_refused(shell: Shell) -> None:
    answer = shell("audit", "--since", "yesterday")
    assert answer.code == 2
    assert "it has to be a date or a moment" in answer.err


def test_many_rows_are_all_found(shell: Shell) -> None:
    with shell.database.write() as connection:
        for number in range(audits.PAGE + 7):
            audits.write(
                connection, shell.database, Author("anna"), "act", [f"x{number}"], {}, "wide net"
            )
    assert len(shell("audit", "--json", "wide").lines) == audits.PAGE + 7
    assert len(shell("audit", "--json", "--target", "x500").lines) == 1


# verification


def test_verify_finds_nothing_in_an_honest_record(shell: Shell) -> None:
    acted(shell)
    while seals.seal_next(shell.database):
        pass
    answer = shell("db", "verify")
    assert answer.code == 0
    assert "nothing is off" in answer.out
    assert "1 seals over" in answer.out


def test_verify_names_what_was_changed_and_ends_with_1(shell: Shell) -> None:
    entry_id = acted(shell)
    while seals.seal_next(shell.database):
        pass
    with unguarded(shell.database) as connection:
        connection.execute(entry.update().where(entry.c.id == entry_id).values(author="nobody"))
    answer = shell("db", "verify")
    assert answer.code == 1
    assert f"entry {entry_id}: was changed since seal 1" in answer.err
    found = shell("db", "verify", "--json")
    assert found.code == 1
    assert found.json["findings"][0]["place"] == f"entry {entry_id}"


def test_verify_compares_with_hashes_that_were_kept_elsewhere(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acted(shell)
    while seals.seal_next(shell.database):
        pass
    file = tmp_path / "kept"
    monkeypatch.setenv("COMMTUI_SEALS__FILE", str(file))
    missing = shell("db", "verify")
    assert (missing.code, "is not there" in missing.err) == (0, True)
    file.write_text(
        "".join(f"{number} {hash_}\n" for number, hash_ in heads(shell.database).items())
    )
    assert shell("db", "verify").code == 0
    assert shell("db", "verify", "--heads", str(file)).code == 0
    file.write_text(f"1 {'0' * 64}\n")
    answer = shell("db", "verify")
    assert answer.code == 1
    assert "seal 1: is not the one whose hash was kept outside the database" in answer.err
    assert shell("db", "verify", "--heads", str(tmp_path / "none")).code == 2


def test_roles_are_printed_as_sql_that_can_be_run(shell: Shell) -> None:
    answer = shell("db", "roles")
    assert answer.code == 0
    for role in (roles.OWNER, roles.APP, roles.READ, roles.RETENTION):
        assert f"CREATE ROLE {role} NOLOGIN" in answer.out
    if not shell.database.sqlite:
        with shell.database.write() as connection:
            connection.exec_driver_sql(answer.out)
        assert shell("db", "verify").code == 0


def test_stopping_the_processes_is_audited(shell: Shell) -> None:
    assert shell("down").code == 0
    with shell.database.read() as connection:
        rows = connection.execute(sa.select(audit.c.action)).scalars().all()
    assert rows == ["down"]
