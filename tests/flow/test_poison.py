"""A message that workers die with is tried alone, and set aside after the third; on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.errors import NotSent
from commtui.providers.base import Accepted
from commtui.services.claiming import Claiming, Taken
from commtui.store import outbox, steps
from commtui.store.outbox import Claim
from commtui.store.tables import outbox as outbox_table
from commtui.store.tables import worker
from commtui.store.workers import Presence
from tests.office import SETTINGS, Office, ScriptedProvider, message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def take(office: Office) -> tuple[Taken, Presence]:
    """What a new worker claims."""
    presence = Presence(office.database, "worker", 3600.0)
    return Claiming(office.database, SETTINGS, presence.id).take(16, 0), presence


def die(office: Office, presence: Presence) -> None:
    """The worker's lease runs out, and another one sees it."""
    with office.database.write() as connection:
        connection.execute(
            worker.update().where(worker.c.id == presence.id).values(alive_until=LONG_AGO)
        )
    office.housekeeping.recover()


def deaths(office: Office) -> list[int]:
    """How many workers died with each row."""
    with office.database.read() as connection:
        query = sa.select(outbox_table.c.deaths).order_by(outbox_table.c.entry_id)
        return list(connection.execute(query).scalars())


def test_a_message_that_three_workers_died_with_is_set_aside_with_the_reason(
    office: Office,
) -> None:
    office.put(message())
    office.queue()
    for _ in range(3):
        taken, presence = take(office)
        assert len(taken.claims) == 1
        die(office, presence)
    line = office.line()
    assert (line.status, line.error_class) == (Status.FAILED, ErrorClass.TECHNICAL)
    assert line.error_code == "worker_died"
    assert "3 workers ended" in line.error_message
    assert not take(office)[0].claims
    assert office.work().requests == []


def test_an_operator_sends_it_on_as_a_new_attempt(office: Office) -> None:
    test_a_message_that_three_workers_died_with_is_set_aside_with_the_reason(office)
    office.send()
    assert [line.status for line in office.attempts()] == [Status.SENT, Status.FAILED]
    assert deaths(office) == []


def test_those_that_were_claimed_with_it_go_out_one_by_one_and_nothing_else_meanwhile(
    office: Office,
) -> None:
    office.put(*(message(str(number)) for number in range(4)))
    office.queue("0", "1", "2")
    _, presence = take(office)
    die(office, presence)
    assert deaths(office) == [1, 1, 1]
    office.queue("3")
    taken, presence = take(office)
    assert (len(taken.claims), taken.alone) == (1, True)
    busy = Claiming(office.database, SETTINGS, Presence(office.database, "worker", 60.0).id)
    assert busy.take(15, 1) == Taken((), alone=True)
    die(office, presence)
    assert sorted(deaths(office)) == [0, 1, 1, 2]
    provider = office.work(rounds=50)
    assert len(provider.requests) == 4
    assert {line.status for line in office.lines()} == {Status.SENT}


def test_a_worker_that_ended_as_it_was_asked_to_did_not_die(office: Office) -> None:
    office.put(message())
    office.queue()
    for _ in range(4):
        taken, presence = take(office)
        assert len(taken.claims) == 1
        presence.end()
        office.housekeeping.recover()
    assert deaths(office) == [0]
    office.work()
    assert office.line().status is Status.SENT


@pytest.mark.parametrize("begun", [False, True], ids=["prepared", "begun"])
def test_what_may_have_left_before_is_unknown_and_not_set_aside_as_unsent(
    office: Office, begun: bool
) -> None:
    office.put(message())
    office.queue()
    entry = office.attempts()[0].id
    if begun:
        with office.database.write() as connection:
            steps.keep_first(connection, entry, steps.BEGUN, {}, office.database.now())
    for _ in range(3):
        taken, presence = take(office)
        assert outbox.prepare(office.database, taken.claims) == {entry}
        die(office, presence)
    assert office.line().status is (Status.UNKNOWN if begun else Status.FAILED)


def test_a_dead_workers_claim_is_worth_nothing_any_more(office: Office) -> None:
    office.put(message())
    office.queue()
    taken, presence = take(office)
    die(office, presence)
    stale: list[Claim] = list(taken.claims)
    assert outbox.begin(office.database, stale) == set()


def test_a_message_waits_for_what_is_in_flight_before_it_is_tried_alone(office: Office) -> None:
    office.put(message("1"), message("2"))
    office.queue("1")
    _, presence = take(office)
    die(office, presence)
    office.queue("2")
    in_flight: list[int] = []
    provider = ScriptedProvider()
    now_calling: set[str] = set()

    async def send(request: object) -> Accepted:
        entry_id: str = request.entry_id  # type: ignore[attr-defined]
        now_calling.add(entry_id)
        in_flight.append(len(now_calling))
        await asyncio.sleep(0.05)
        now_calling.discard(entry_id)
        return Accepted(f"m-{entry_id}")

    provider.send = send  # type: ignore[method-assign]
    delivery, _ = office.delivery(provider)

    async def run() -> None:
        for _ in range(20):
            await delivery.step()
        await delivery.drain()

    asyncio.run(run())
    assert in_flight == [1, 1]
    assert {line.status for line in office.lines()} == {Status.SENT}


def test_a_try_that_a_worker_lived_through_counts_anew(office: Office) -> None:
    office.put(message())
    office.queue()
    for _ in range(2):
        _, presence = take(office)
        die(office, presence)
    assert deaths(office) == [2]
    office.work(lambda _: NotSent("sendgrid", "unreachable", "refused"), rounds=1)
    assert deaths(office) == [0]
