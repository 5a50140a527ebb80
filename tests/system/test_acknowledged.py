"""What was acknowledged with 2xx is kept, whenever the receiver dies; what there is no room for is not acknowledged."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from commtui.demo.callbacks import SigningKey, event_body
from commtui.store.tables import inbox
from tests.system.plant import COMMTUI, Plant, until

NAIVE = (sys.executable, str(Path(__file__).with_name("naive_web.py")))
PREFIX = "X-Twilio-Email-Event-Webhook-"
AT_ONCE = 16


class Provider:
    """Calls again and again with calls that can be told apart, and remembers which were acknowledged."""

    def __init__(self, plant: Plant) -> None:
        self._url = plant.settings.web.public_url + "/webhooks/sendgrid"
        self._key = SigningKey.kept_in(plant.folder / "signing-key.pem")
        self._number = 0
        self.acknowledged: set[int] = set()

    def call_until(self, wanted: int, then: Callable[[], None]) -> None:
        """Call from many sides until so many were acknowledged; `then` comes in the instant of the last one."""
        asyncio.run(self._call_until(wanted, then))

    async def _call_until(self, wanted: int, then: Callable[[], None]) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=30) as client:
            await asyncio.gather(*(self._side(client, wanted, then) for _ in range(AT_ONCE)))

    async def _side(self, client: httpx.AsyncClient, wanted: int, then: Callable[[], None]) -> None:
        while len(self.acknowledged) < wanted:
            self._number += 1
            number = self._number
            try:
                answer = await client.post(self._url, **self._request(number))
            except httpx.HTTPError:
                continue
            if answer.is_success:
                self.acknowledged.add(number)
                if len(self.acknowledged) == wanted:
                    then()

    def call(self) -> httpx.Response:
        """One call."""
        self._number += 1
        answer = httpx.post(self._url, trust_env=False, **self._request(self._number))
        if answer.is_success:
            self.acknowledged.add(self._number)
        return answer

    def _request(self, number: int) -> dict[str, bytes | dict[str, str]]:
        body = event_body([{"event": "open", "email": "a@example.com", "number": number}])
        at = str(int(time.time()))
        headers = {
            PREFIX + "Timestamp": at,
            PREFIX + "Signature": self._key.sign(at.encode() + body),
        }
        return {"content": body, "headers": headers}


def kept(plant: Plant) -> list[int]:
    """The numbers of the calls in the database."""
    with plant.desk.database.read() as connection:
        bodies = connection.execute(sa.select(inbox.c.body)).scalars()
        return sorted(json.loads(body)[0]["number"] for body in bodies)


def killed_at(
    plant: Plant, program: Sequence[str], marks: Sequence[int]
) -> tuple[set[int], set[int]]:
    """The calls that were acknowledged and those that were kept, by receivers that are killed at these numbers."""
    provider = Provider(plant)
    command = ("web",) if program is COMMTUI else ()
    for mark in marks:
        web = plant.start(*command, program=program)
        until(plant.web_answers, "the web receiver")
        provider.call_until(mark, lambda web=web: _kill(web))
        web.wait()
    return provider.acknowledged, set(kept(plant))


def _kill(web: subprocess.Popen[bytes]) -> None:
    web.kill()


def test_of_1000_acknowledged_calls_none_is_lost_when_the_receiver_is_killed_at_once(
    plant: Plant,
) -> None:
    acknowledged, found = killed_at(plant, COMMTUI, (317, 1_000))
    assert len(acknowledged) >= 1_000
    assert acknowledged - found == set()
    assert len(kept(plant)) == len(found)


def test_a_receiver_that_says_yes_before_the_commit_is_caught(plant: Plant) -> None:
    acknowledged, found = killed_at(plant, NAIVE, (100,))
    assert len(acknowledged) >= 100
    assert acknowledged - found


@pytest.fixture
def on_disk(tmp_path: Path) -> Plant:
    made = Plant(tmp_path, f"sqlite:///{tmp_path / 'commtui.db'}")
    yield made
    made.close()


def test_while_the_disk_takes_nothing_calls_are_refused_and_none_is_lost(on_disk: Plant) -> None:
    web = on_disk.start_web()
    provider = Provider(on_disk)
    assert provider.call().status_code == 204
    _, most = resource.prlimit(web.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(web.pid, resource.RLIMIT_FSIZE, (0, most))
    for _ in range(5):
        answer = provider.call()
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 30
    resource.prlimit(web.pid, resource.RLIMIT_FSIZE, (most, most))
    assert provider.call().status_code == 204
    assert kept(on_disk) == sorted(provider.acknowledged)
    assert len(kept(on_disk)) == 2
    assert web.poll() is None


def test_a_disk_that_is_nearly_full_is_said_in_the_console_and_calls_come_later(
    on_disk: Plant,
) -> None:
    web = on_disk.start("web", COMMTUI_WEB__RESERVE_MB="1000000000")
    until(on_disk.web_answers, "the web receiver")
    answer = Provider(on_disk).call()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert kept(on_disk) == []
    until(lambda: on_disk.desk.health().findings, "the finding")
    (found,) = on_disk.desk.health().findings
    assert found.sentence.startswith("disk nearly full:")
    on_disk.stop(web)
    on_disk.start_web()
    until(lambda: not on_disk.desk.health().findings, "the all-clear")
