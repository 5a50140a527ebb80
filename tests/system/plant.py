"""Real processes on one database, with the practice network as an independent record of what left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from commtui.bootstrap import open_desk
from commtui.config import Settings, Worker
from commtui.demo.callbacks import SigningKey
from commtui.demo.host import Hosting
from commtui.demo.ledger import PracticeMessage
from commtui.demo.oracle import problems, read_accepted
from commtui.demo.site import practice_settings
from commtui.domain.lines import Line, Query, Selection, Sort
from commtui.domain.vocabulary import Chip, Ignored, Status, Tab
from commtui.services.importing import Importer
from commtui.store import workers

HOST = "127.0.0.1"
COMMTUI = (sys.executable, "-m", "commtui")
PATIENCE = 45.0
"""Seconds after which something that was waited for counts as not coming."""


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def variables(settings: Settings) -> dict[str, str]:
    """Settings as environment variables."""
    made = {"COMMTUI_OPERATOR": settings.operator}
    for section in fields(settings):
        values = getattr(settings, section.name)
        if is_dataclass(values):
            for key in fields(values):
                name = f"COMMTUI_{section.name}__{key.name.rstrip('_')}".upper()
                made[name] = str(getattr(values, key.name))
    return made


def email_line(number: int, recipient: str = "", **more: Any) -> dict[str, Any]:
    """One communication of an import file."""
    return {
        "id": f"m-{number}",
        "subject": {"type": "invoice", "reference": f"{number:05}", "title": f"Invoice {number}"},
        "customer": {
            "id": f"c-{number}",
            "name": f"Customer {number}",
            "email": recipient or f"customer{number}@example.com",
        },
        "kind": "invoice",
        "channels": ["email"],
        "content": {"subject": f"Invoice {number}", "text": "Please pay."},
        **more,
    }


class Plant:
    """A network, a database, and the processes that a test starts between them."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        scale: float = 0.05,
        lease_seconds: float = 2.0,
    ) -> None:
        """Short leases are for tests that kill workers; a busy machine may lose one without any fault."""
        self.folder = folder
        key_file = folder / "signing-key.pem"
        web_port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        dns_port = free_port()
        hosting = Hosting(
            f"http://{HOST}:{web_port}", dns_port=dns_port, scale=scale, key_file=str(key_file)
        )
        self._network = subprocess.Popen(
            hosting.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._network.stdout is not None
        self.network_url: str = json.loads(self._network.stdout.readline())["url"]
        base = practice_settings(
            Settings(operator="Ada"),
            database_url,
            self.network_url,
            web_port,
            SigningKey.kept_in(key_file),
            f"{HOST}:{dns_port}",
        )
        self.settings = replace(
            base,
            sending=replace(base.sending, grace_seconds=0.0),
            worker=Worker(
                lease_seconds=lease_seconds,
                request_seconds=20.0,
                retry_seconds=0.2,
                pause_seconds=0.2,
            ),
        )
        self.desk = open_desk(self.settings)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process of this plant."""
        return {**os.environ, **variables(self.settings), **more}

    def start(
        self, *command: str, program: Sequence[str] = COMMTUI, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start `commtui COMMAND`, or another program, with this plant's settings."""
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [*program, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(**more),
            )
        self._processes.append(process)
        return process

    def start_web(self) -> subprocess.Popen[bytes]:
        """Start the web receiver and wait until it answers."""
        process = self.start("web")
        until(self.web_answers, "the web receiver")
        return process

    def web_answers(self) -> bool:
        try:
            return httpx.get(f"{self.settings.web.public_url}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def bring(self, lines: Iterable[dict[str, Any]]) -> None:
        """Import communications."""
        encoded = [json.dumps(line).encode() for line in lines]
        result = Importer(self.desk.database, self.settings, self.desk.operator).run(
            encoded, documents=None
        )
        assert result.created == len(encoded)

    def send_all(self) -> str:
        """Bulk send of everything not sent; returns the run's id."""
        plan = self.desk.prepare(Selection(Tab.OVERVIEW, query=Query(chip=Chip.NOT_SENT)))
        self.desk.confirm(plan.run_id)
        return plan.run_id

    def bring_and_send(self, number: int) -> str:
        """Import a number of emails and bulk send them; returns the run's id."""
        self.bring(email_line(index) for index in range(number))
        return self.send_all()

    def accepted(self) -> list[PracticeMessage]:
        """What the network took, by its own record."""
        return read_accepted(self._asked("/practice/accepted"))

    def taken(self) -> int:
        """How many messages the network took."""
        number: int = self._asked("/health")["accepted"]
        return number

    def events_delivered(self) -> bool:
        """Whether the network has no event left to deliver."""
        return bool(self._asked("/health")["idle"])

    def _asked(self, path: str) -> Any:
        return httpx.get(self.network_url + path, trust_env=False).json()

    def lines(self) -> list[Line]:
        """Every attempt in the log."""
        query, found, after = Query(ignored=Ignored.ALSO), list[Line](), None
        while True:
            page = self.desk.page(Tab.LOG, query, Sort(), limit=500, after=after)
            found += page.lines
            if len(page.lines) < 500:
                return found
            after = page.last

    def log(self) -> dict[str, Status]:
        """Every attempt's status."""
        return {line.id: line.status for line in self.lines()}

    def closed(self, run_id: str) -> bool:
        """Whether nothing of a bulk run is open."""
        return self.desk.progress(run_id).open == 0

    def statuses(self, run_id: str) -> dict[Status, int]:
        """How many attempts of a bulk run are in each status."""
        return dict(self.desk.progress(run_id).by_status)

    def until_statuses(self, run_id: str, wanted: dict[Status, int]) -> None:
        """Wait until the attempts of a bulk run are in these statuses."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.statuses(run_id)) != wanted:
            assert time.monotonic() < deadline, f"still {found}, not {wanted}"
            time.sleep(0.02)

    def wrong(self) -> list[str]:
        """What the network's record and the log disagree about."""
        return problems(self.accepted(), self.log())

    def wait_until_forgotten(self, living: Sequence[int]) -> None:
        """Wait until nobody is counted as living but the workers with these process ids."""

        def known() -> set[int]:
            with self.desk.database.read() as connection:
                now = self.desk.database.now()
                return {item.pid for item in workers.alive(connection, now, "worker")}

        until(lambda: known() == set(living), "only the living to be counted")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a process to end, as a service manager does."""
        process.terminate()
        assert process.wait(30) == 0

    def work_until_idle(self) -> None:
        """Run a worker until nothing is due."""
        assert self.start("worker", "--until-idle").wait(PATIENCE) == 0

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process as a power cut would."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End everything; what the processes said stands in the test's output."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        assert self._network.stdin is not None
        assert self._network.stdout is not None
        self._network.stdin.close()
        self._network.wait()
        self._network.stdout.close()
        self.desk.close()
        log = self.folder / "processes.log"
        if log.exists():
            sys.stderr.write(log.read_text(errors="replace")[-20_000:])
