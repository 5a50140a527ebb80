"""Providers that are out of order, refuse our account, or take no more: heeded by all workers; on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from commtui.config import Worker
from commtui.domain.vocabulary import Author, Status
from commtui.errors import (
    AccountTrouble,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Rejected,
    UnknownOutcome,
    UsageError,
)
from commtui.providers.base import Accepted, SendRequest
from commtui.providers.http import Quota
from commtui.services.claiming import Claiming
from commtui.services.delivery import Delivery
from commtui.services.gatekeeping import Gatekeeping
from commtui.store import outbox, providers_state, quotas
from commtui.store.engine import Database
from commtui.store.providers_state import Why
from commtui.store.schema import prepare
from commtui.store.tables import audit
from commtui.store.workers import Presence
from tests.office import OPERATOR, SETTINGS, Office, Script, ScriptedProvider, message

LIMIT, PAUSE = 4, 60.0
PATIENT = replace(
    SETTINGS,
    worker=Worker(
        lease_seconds=3600.0,
        retry_seconds=1.0,
        pause_seconds=PAUSE,
        outage_limit=LIMIT,
        concurrency=2,
    ),
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The present."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(database: Database) -> Clock:
    """A clock for the office."""
    return Clock(database.now())


@pytest.fixture
def office(database_url: str, clock: Clock) -> Office:
    """An office that breaks after four outages and waits a minute then."""
    database = Database(database_url, clock)
    prepare(database)
    return Office(database, PATIENT)


def fill(office: Office, number: int = 12) -> None:
    """Queue so many messages."""
    office.put(*(message(str(index)) for index in range(number)))
    office.queue()


def worker(office: Office, script: Script) -> tuple[Delivery, ScriptedProvider]:
    """A worker of its own, as on another host."""
    provider = ScriptedProvider(script)
    return office.delivery(provider)[0], provider


def step(delivery: Delivery) -> None:
    """One round of a worker, to its end."""

    async def run() -> None:
        await delivery.step()
        await delivery.drain()

    asyncio.run(run())


def down(_: SendRequest) -> Accepted | Exception:
    """Nobody is there."""
    return NotSent("sendgrid", "unreachable", "refused")


def works(request: SendRequest) -> Accepted | Exception:
    """All is well."""
    return Accepted(f"m-{request.entry_id}")


def actions(office: Office) -> list[str]:
    """What stands in the audit, oldest first."""
    with office.database.read() as connection:
        query = sa.select(audit.c.action).order_by(audit.c.id)
        return [word for word in connection.execute(query).scalars() if "provider" in word]


def pauses(office: Office) -> list[providers_state.Pause]:
    """What is paused."""
    with office.database.read() as connection:
        return providers_state.pauses(connection, office.database.now())


def test_outages_in_a_row_pause_the_provider_for_the_workers_of_all_hosts(office: Office) -> None:
    fill(office)
    here, called_here = worker(office, down)
    there, called_there = worker(office, down)
    for delivery in (here, there, here, there):
        step(delivery)
    assert len(called_here.requests) + len(called_there.requests) == LIMIT
    (pause,) = pauses(office)
    assert (pause.provider, pause.why) == ("sendgrid", Why.OUTAGE)
    assert "out of order" in pause.reason
    assert pause.since == office.database.now()
    assert actions(office) == ["provider paused"]


def test_after_the_pause_one_worker_makes_one_try_and_all_go_on_when_it_works(
    office: Office, clock: Clock
) -> None:
    fill(office)
    here, _ = worker(office, down)
    for _ in range(LIMIT):
        step(here)
    clock.pass_by(PAUSE + 1)
    claims = [
        Claiming(office.database, PATIENT, Presence(office.database, "worker", 3600.0).id).take(
            2, 0
        )
        for _ in range(3)
    ]
    assert [len(taken.claims) for taken in claims] == [1, 0, 0]
    providers_state.give_probe_back(office.database, ["sendgrid"])
    there, called = worker(office, works)
    step(there)
    assert len(called.requests) == 1
    step(there)
    assert len(called.requests) == 3
    assert pauses(office) == []
    assert actions(office) == ["provider paused", "provider works again"]


def test_a_try_that_fails_pauses_again_twice_as_long(office: Office, clock: Clock) -> None:
    fill(office)
    here, called = worker(office, down)
    for _ in range(LIMIT):
        step(here)
    clock.pass_by(PAUSE + 1)
    for _ in range(3):
        step(here)
    assert len(called.requests) == LIMIT + 1
    (pause,) = pauses(office)
    assert pause.until == office.database.now() + timedelta(seconds=2 * PAUSE)


def test_a_try_that_says_nothing_of_the_provider_is_followed_by_another(
    office: Office, clock: Clock
) -> None:
    fill(office)
    here, _ = worker(office, down)
    for _ in range(LIMIT):
        step(here)
    clock.pass_by(PAUSE + 1)
    there, called = worker(office, lambda _: NotSent("sendgrid", "bad_request", "ours"))
    step(there)
    step(there)
    assert len(called.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [Accepted("m"), Rejected("sendgrid", "400", "no"), RateLimited("sendgrid", "429", "", 0.0)],
    ids=["accepted", "rejected", "429"],
)
def test_an_answer_in_between_starts_the_count_anew(
    office: Office, answer: Accepted | Exception
) -> None:
    fill(office)
    said: list[Accepted | Exception] = []
    here, _ = worker(office, lambda _: said.pop(0))
    lost = UnknownOutcome("sendgrid", "502", "")
    for _ in range(2):
        said[:] = [lost, lost]
        step(here)
        said[:] = [answer, answer]
        step(here)
        quotas_forgotten(office)
    assert pauses(office) == []


def quotas_forgotten(office: Office) -> None:
    """No wait is left."""
    with office.database.write() as connection:
        quotas.forget(connection, "sendgrid")


def test_outages_that_are_far_apart_are_not_one(office: Office, clock: Clock) -> None:
    fill(office)
    for _ in range(2 * LIMIT):
        step(worker(office, down)[0])
        clock.pass_by(3600.0)
    assert pauses(office) == []


def test_a_refused_account_is_tried_again_with_one_message_only(
    office: Office, clock: Clock
) -> None:
    fill(office)
    here, called = worker(office, lambda _: AccountTrouble("sendgrid", "401", "bad key"))
    step(here)
    before = len(called.requests)
    clock.pass_by(PAUSE + 1)
    step(here)
    step(here)
    assert len(called.requests) == before + 1
    assert [pause.why for pause in pauses(office)] == [Why.ACCOUNT]


def test_an_operator_pauses_a_provider_and_releases_it_by_hand(office: Office) -> None:
    fill(office, 2)
    gates = Gatekeeping(office.database, PATIENT, OPERATOR)
    gates.pause("sendgrid", "their status page is red")
    here, called = worker(office, works)
    step(here)
    assert called.requests == []
    (shown,) = gates.list()
    assert (shown.provider, shown.by, shown.until) == ("sendgrid", OPERATOR.name, None)
    assert shown.since == office.database.now()
    with pytest.raises(Refused, match="already"):
        gates.pause("sendgrid", "again")
    gates.release("sendgrid", "green")
    step(here)
    assert len(called.requests) == 2
    assert actions(office) == ["provider pause", "provider release"]
    with pytest.raises(Refused, match="not paused"):
        gates.release("sendgrid")


def test_a_breaker_is_released_by_hand_and_an_operators_pause_outlives_a_success(
    office: Office,
) -> None:
    fill(office)
    here, _ = worker(office, down)
    for _ in range(LIMIT):
        step(here)
    gates = Gatekeeping(office.database, PATIENT, Author("ada", False))
    gates.release("sendgrid")
    there, called = worker(office, works)
    step(there)
    assert len(called.requests) == 2
    gates.pause("sendgrid", "enough")
    providers_state.works(office.database, ["sendgrid"])
    assert [pause.why for pause in pauses(office)] == [Why.OPERATOR]


def test_pausing_needs_a_reason_and_a_provider_that_exists(office: Office) -> None:
    gates = Gatekeeping(office.database, PATIENT, OPERATOR)
    with pytest.raises(UsageError, match="reason"):
        gates.pause("sendgrid", " ")
    with pytest.raises(NotFound):
        gates.pause("sendgird", "why not")
    with pytest.raises(NotFound):
        gates.pause("manual", "why not")


def test_one_429_holds_the_workers_of_all_hosts_for_as_long_as_it_says(
    office: Office, clock: Clock
) -> None:
    fill(office)
    here, _ = worker(office, lambda _: RateLimited("sendgrid", "429", "slow down", 30.0))
    there, called = worker(office, works)
    step(here)
    step(there)
    assert called.requests == []
    assert [item.until for item in Gatekeeping(office.database, PATIENT, OPERATOR).list()] == [
        office.database.now() + timedelta(seconds=30)
    ]
    clock.pass_by(31)
    step(there)
    assert len(called.requests) == 2


def test_a_429_without_a_time_is_waited_out_longer_each_time(office: Office, clock: Clock) -> None:
    waits = []
    for _ in range(3):
        until = quotas.wait(office.database, "twilio", None, 1.0)
        waits.append((until - office.database.now()).total_seconds())
        clock.pass_by(waits[-1])
    assert waits == [1.0, 2.0, 4.0]
    quotas.accepted(office.database, ["twilio"])
    until = quotas.wait(office.database, "twilio", None, 1.0)
    assert (until - office.database.now()).total_seconds() == 1.0


def test_workers_share_out_what_a_providers_headers_leave(office: Office, clock: Clock) -> None:
    fill(office)
    quotas.observe(office.database, {"sendgrid": Quota(3, 20.0)})
    deliveries = [worker(office, works) for _ in range(3)]
    for delivery, _ in deliveries:
        step(delivery)
        step(delivery)
    assert sum(len(called.requests) for _, called in deliveries) == 3
    assert office.counts().not_sent == 9
    clock.pass_by(21)
    step(deliveries[2][0])
    assert len(deliveries[2][1].requests) >= 2


def test_headers_that_come_late_do_not_raise_what_is_left(office: Office, clock: Clock) -> None:
    fill(office)
    quotas.observe(office.database, {"sendgrid": Quota(5, 20.0)})
    presence = Presence(office.database, "worker", 3600.0)
    assert len(outbox.claim(office.database, presence.id, 4, [], ["sendgrid"])) == 4
    quotas.observe(office.database, {"sendgrid": Quota(5, 20.0)})
    other = Presence(office.database, "worker", 3600.0)
    assert len(outbox.claim(office.database, other.id, 4, [], ["sendgrid"])) == 1
    clock.pass_by(21)
    quotas.observe(office.database, {"sendgrid": Quota(2, 20.0)})
    assert len(outbox.claim(office.database, other.id, 4, [], ["sendgrid"])) == 2


def test_what_would_expire_before_its_next_try_fails_now(office: Office) -> None:
    office.put(message(expires_at=(office.database.now() + timedelta(seconds=5)).isoformat()))
    office.queue()
    step(worker(office, lambda _: RateLimited("sendgrid", "429", "slow down", 30.0))[0])
    line = office.line()
    assert (line.status, line.error_code) == (Status.FAILED, "expired")
    assert "slow down" in line.error_message
