"""The command line on a database of its own, in this process or as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commtui.cli.entry import main
from commtui.config import load
from commtui.domain.fold import Fact
from commtui.domain.vocabulary import ErrorClass, Source, Status
from commtui.services.dispatch import Dispatch
from commtui.services.falling_back import FallingBack
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)


class Shell:
    """Runs commands."""

    def __init__(
        self, database: Database, folder: Path, read: Callable[[], tuple[str, str]]
    ) -> None:
        self.database = database
        self.folder = folder
        self._read = read

    def __call__(self, *arguments: str) -> Answer:
        """One command, in this process, without a terminal."""
        code = main(arguments)
        out, err = self._read()
        return Answer(code, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """One command as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "commtui", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )

    def bring(self, *lines: dict[str, Any]) -> Answer:
        """Import communications about invoices; each line is completed."""
        file = self.folder / "in.jsonl"
        whole = []
        for number, line in enumerate(lines or ({},), 1):
            customer = {"id": "K-1", "name": "Léa Martin", "email": "lea@example.com"}
            reference = line.pop("reference", str(12344 + number))
            whole.append(
                {
                    "id": f"C-{reference}",
                    "subject": {"type": "invoice", "reference": reference, "title": "January"},
                    "customer": {**customer, **line.pop("customer", {})},
                    "kind": "invoice",
                    "content": {"subject": "Your invoice", "text": "Hello"},
                    **line,
                }
            )
        file.write_text("".join(json.dumps(line) + "\n" for line in whole))
        return self("import", str(file), "--json")

    def learn(
        self,
        entry_id: str,
        status: Status,
        error_class: ErrorClass | None = None,
        code: str = "",
        words: str = "",
        **change: Any,
    ) -> None:
        """A fact about an entry, as a worker writes it."""
        with self.database.write() as connection:
            now = self.database.now()
            ledger = Ledger(self.database, connection, now)
            fact = Fact(status, now, error_class, code)
            ledger.apply([Change(entry_id, fact, Source.WORKER, words=words, **change)])
            ledger.close()

    def follow(self) -> None:
        """Have what failed go another way, as a worker does."""
        settings = load()
        falling = FallingBack(self.database, settings, Dispatch(self.database, settings))
        while falling.step():
            pass

    def overview(self) -> dict[str, Any]:
        """The only line of the overview."""
        (line,) = self("list", "overview", "--ignored", "also", "--json").lines
        return dict(line)

    def bounced(self) -> str:
        """An invoice whose email bounced; returns the entry."""
        self.bring()
        assert self("send", "--yes").code == 0
        entry_id = str(self.overview()["entry_id"])
        self.learn(entry_id, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "550 no such user")
        return entry_id


@pytest.fixture
def shell(
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Shell:
    """Commands on an empty database, with SendGrid and Twilio set up."""
    for name, value in {
        "COMMTUI_DATABASE__URL": database_url,
        "COMMTUI_OPERATOR": "rosa",
        "COMMTUI_SENDING__GRACE_SECONDS": "0",
        "COMMTUI_UI__TIMEZONE": "Europe/Paris",
        "COMMTUI_SENDGRID__API_KEY": "SG.secret",
        "COMMTUI_SENDGRID__FROM_EMAIL": "billing@example.com",
        "COMMTUI_TWILIO__ACCOUNT_SID": "AC1",
        "COMMTUI_TWILIO__AUTH_TOKEN": "token",
        "COMMTUI_TWILIO__FROM": "+33700000000",
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home" / "config"),
        "XDG_STATE_HOME": str(tmp_path / "home" / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    with open(os.devnull, encoding="utf-8") as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        yield Shell(database, tmp_path, capfd.readouterr)
