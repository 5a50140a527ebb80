"""--read-only on the command line: everything can be read, nothing can be changed, and the database itself refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.errors import ConfigError, DatabaseAway, Refused
from commtui.store.columns import metadata
from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests.cli.conftest import Shell

CHANGING: tuple[tuple[str, ...], ...] = (
    ("import", "in.jsonl"),
    ("send", "--yes"),
    ("send", "--dry-run"),
    ("resend", "ENTRY", "--yes"),
    ("settle", "ENTRY", "sent"),
    ("complete", "ENTRY", "--note", "done"),
    ("cancel", "ENTRY", "--reason", "wrong"),
    ("ignore", "ENTRY", "--reason", "known"),
    ("unignore", "ENTRY"),
    ("customer", "set", "K-1", "--email", "new@example.com"),
    ("customer", "set", "K-1", "--order", "invoice: post"),
    ("customer", "opt-out", "K-1", "--marketing", "--reason", "rang"),
    ("customer", "opt-in", "K-1", "--marketing", "--reason", "rang"),
    ("customer", "lift", "K-1", "--email", "--reason", "works"),
    ("fallback", "release", "sendgrid bounced"),
    ("fallback", "decline", "sendgrid bounced"),
    ("worker", "--until-idle"),
    ("web",),
    ("up",),
    ("down",),
    ("demo", "--headless"),
)
READING: tuple[tuple[str, ...], ...] = (
    ("list", "overview", "--json"),
    ("list", "log"),
    ("counts", "log"),
    ("show", "ENTRY", "--json"),
    ("customer", "show", "K-1"),
    ("fallback", "list"),
    ("download", "-o", "out.zip"),
    ("schema",),
)


def contents(database: Database) -> dict[str, list[Any]]:
    """Everything in every table."""
    with database.read() as connection:
        return {
            table.name: sorted(map(str, connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("command", CHANGING, ids=lambda words: " ".join(words[:2]))
def test_what_changes_something_is_refused_and_changes_nothing(
    shell: Shell, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.folder)
    entry = shell.bounced()
    before = contents(shell.database)
    answer = shell(*(word.replace("ENTRY", entry) for word in command), "--read-only")
    assert answer.code == 1
    assert "read-only" in answer.err.lower()
    assert answer.err.count("\n") == 1
    assert contents(shell.database) == before


@pytest.mark.parametrize("command", READING, ids=lambda words: " ".join(words[:2]))
def test_what_only_reads_works(
    shell: Shell, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.folder)
    entry = shell.bounced()
    before = contents(shell.database)
    monkeypatch.setenv("COMMTUI_READ_ONLY", "true")
    answer = shell(*(word.replace("ENTRY", entry) for word in command))
    assert answer.code == 0
    assert answer.out
    assert contents(shell.database) == before


def test_the_option_stands_before_the_command_as_well(shell: Shell) -> None:
    shell.bring()
    assert shell("--read-only", "send", "--yes").code == 1
    assert shell("--read-only", "list", "overview").code == 0


def test_the_database_itself_refuses_what_gets_past_our_own_refusal(database_url: str) -> None:
    database = Database(database_url, read_only=True)
    prepare(database)
    statement = sa.text("INSERT INTO provider_state (provider) VALUES ('x')")
    with pytest.raises(Refused, match="Read-only"), database.write():
        pass
    with (
        pytest.raises((sa.exc.DBAPIError, DatabaseAway), match=r"read-?only"),
        database._engine.connect() as connection,
    ):
        connection.execute(statement)
    database.close()


def test_read_only_makes_no_database_and_brings_none_up_to_date(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    with pytest.raises(ConfigError, match="read-only makes none"):
        Database(f"sqlite:///{missing}", read_only=True)
    assert list(tmp_path.iterdir()) == []
    missing.touch(0o600)
    database = Database(f"sqlite:///{missing}", read_only=True)
    with pytest.raises(ConfigError, match="start it once without read-only"):
        prepare(database)
    database.close()
    assert missing.read_bytes() == b""
