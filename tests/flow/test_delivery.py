"""Sending: what each answer makes of an entry, and that nothing ever leaves twice; on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Chip, ErrorClass, Status, Tab
from commtui.errors import AccountTrouble, NotSent, RateLimited, Rejected, UnknownOutcome
from commtui.providers.base import Accepted, SendRequest
from commtui.store import outbox, providers_state
from commtui.store.engine import Database
from commtui.store.tables import entry_status, worker
from commtui.store.tables import outbox as outbox_table
from tests.office import Office, ScriptedProvider, message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def held(database: Database) -> int:
    """How many lanes are locked."""
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(outbox_table)).scalar_one()


def test_an_accepted_message_is_sent_and_its_lane_is_free_again(office: Office) -> None:
    office.put(message())
    office.send()
    line = office.line()
    assert (line.status, line.chip, line.attempts) == (Status.SENT, Chip.COMPLETED, 1)
    assert line.recipient == "lea@example.com"
    assert line.sent_at is not None
    assert held(office.database) == 0


def test_a_plain_no_rejects_the_message_with_the_providers_words(office: Office) -> None:
    office.put(message())
    office.send(script=lambda request: Rejected("sendgrid", "400", "bad thing"))
    line = office.line()
    assert (line.status, line.error_code, line.error_message) == (
        Status.REJECTED,
        "400",
        "bad thing",
    )
    assert held(office.database) == 0


@pytest.mark.parametrize(
    "error",
    [
        NotSent("sendgrid", "unreachable", "refused"),
        RateLimited("sendgrid", "429", "slow down", retry_after=None),
        AccountTrouble("sendgrid", "401", "bad key"),
    ],
    ids=["unreachable", "429", "account"],
)
def test_what_surely_did_not_leave_is_tried_again_as_the_same_entry(
    office: Office, error: Exception
) -> None:
    office.put(message())
    answers: list[Exception] = [error, error]

    def script(request: SendRequest) -> Accepted | Exception:
        return answers.pop() if answers else Accepted("m-1")

    office.queue()
    office.work(script, rounds=1)
    assert office.line().status is Status.QUEUED
    assert office.line().chip is Chip.NOT_SENT
    while office.line().status is Status.QUEUED:
        office.work(script)
    assert office.line().status is Status.SENT
    assert len(office.attempts()) == 1
    with office.database.read() as connection:
        words = [row.word for row in connection.execute(sa.select(entry_status))]
    assert words.count("try_again") == 2


def test_a_refused_account_pauses_the_provider_and_is_nobodys_failure(office: Office) -> None:
    settings = office.settings
    object.__setattr__(settings.worker, "pause_seconds", 60.0)
    try:
        office.put(message("1"), message("2"))
        office.queue()
        provider = office.work(lambda request: AccountTrouble("sendgrid", "401", "bad key"))
        with office.database.read() as connection:
            pauses = providers_state.pauses(connection, office.database.now())
        assert [pause.provider for pause in pauses] == ["sendgrid"]
        assert office.counts().failed == 0
        asked = len(provider.requests)
        assert office.work().requests == []
        assert len(provider.requests) == asked
    finally:
        object.__setattr__(settings.worker, "pause_seconds", 0.001)


def test_an_answer_that_is_lost_leaves_the_outcome_unknown_and_the_lane_locked(
    office: Office,
) -> None:
    office.put(message())
    office.send(script=lambda request: UnknownOutcome("sendgrid", "no_answer", "ReadTimeout"))
    assert (office.line().status, office.line().chip) == (Status.UNKNOWN, Chip.FAILED)
    assert held(office.database) == 1
    office.queue()
    assert office.work().requests == []


def test_a_webhook_settles_an_unknown_outcome(office: Office) -> None:
    office.put(message())
    office.send(script=lambda request: UnknownOutcome("sendgrid", "no_answer"))
    office.report_on("12345", Status.DELIVERED)
    assert office.line().status is Status.DELIVERED
    assert held(office.database) == 0


def test_our_own_check_fails_an_entry_without_a_request(office: Office) -> None:
    office.put(message(customer={"email": "not an address"}))
    office.send()
    line = office.line()
    assert (line.status, line.error_class) == (Status.FAILED, ErrorClass.PERMANENT)
    assert office.provider.requests == []


def crash(office: Office, provider: ScriptedProvider) -> list[str]:
    """A worker that dies between the call and its answer being recorded; returns what it had called."""
    delivery, presence = office.delivery(provider)

    async def run() -> None:
        await delivery.step()
        while len(provider.requests) < 1:
            await asyncio.sleep(0)

    asyncio.run(run())
    with office.database.write() as connection:
        connection.execute(
            worker.update().where(worker.c.id == presence.id).values(alive_until=LONG_AGO)
        )
    return [request.entry_id for request in provider.requests]


def test_a_worker_that_dies_between_call_and_answer_never_sends_twice(office: Office) -> None:
    office.put(message())
    office.queue()
    accepted = crash(office, ScriptedProvider())
    assert office.line().status is Status.SENDING
    assert office.housekeeping.recover() == 1
    assert office.line().status is Status.UNKNOWN
    accepted += [request.entry_id for request in office.work().requests]
    assert len(accepted) == 1


def naive_recover(database: Database) -> None:
    """What queues do: a dead worker's row is simply due again."""
    with database.write() as connection:
        connection.execute(outbox_table.update().values(state="queued", worker_id=None))


def test_a_queue_that_runs_dead_workers_rows_again_is_caught_by_the_same_check(
    office: Office,
) -> None:
    office.put(message())
    office.queue()
    accepted = crash(office, ScriptedProvider())
    naive_recover(office.database)
    accepted += [request.entry_id for request in office.work().requests]
    assert len(accepted) == 2


def test_a_late_answer_counts_although_somebody_else_declared_the_outcome_unknown(
    office: Office,
) -> None:
    office.put(message())
    office.queue()
    delivery, presence = office.delivery()

    async def run() -> None:
        await delivery.step()
        with office.database.write() as connection:
            connection.execute(
                worker.update().where(worker.c.id == presence.id).values(alive_until=LONG_AGO)
            )
        assert office.housekeeping.recover() == 1
        assert office.line().status is Status.UNKNOWN
        await delivery.drain()

    asyncio.run(run())
    assert office.line().status is Status.SENT
    assert held(office.database) == 0


def test_a_row_claimed_by_another_worker_meanwhile_is_not_begun(office: Office) -> None:
    office.put(message())
    office.queue()
    first = claim_all(office)
    with office.database.write() as connection:
        connection.execute(worker.update().values(alive_until=LONG_AGO))
    office.housekeeping.recover()
    _, presence = office.delivery()
    second = outbox.claim_suspect(office.database, presence.id, [])
    assert len(first) == len(second) == 1
    assert second[0].fence > first[0].fence
    assert outbox.begin(office.database, first) == set()
    assert outbox.begin(office.database, second) == {second[0].entry_id}


def claim_all(office: Office) -> list[outbox.Claim]:
    """Claim everything as a worker of its own."""
    _, presence = office.delivery()
    return outbox.claim(office.database, presence.id, 10, [])


def test_living_workers_do_not_take_each_others_rows(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(6)))
    office.queue()
    claimed = [claim.entry_id for _ in range(3) for claim in claim_all(office)]
    assert len(claimed) == len(set(claimed)) == 6


def test_an_operators_single_message_goes_before_a_bulk_send(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(3)), message("9", release="auto"))
    office.queue("0", "1", "2")
    assert office.release.step() == 1
    claims = claim_all(office)
    single = next(line for line in office.lines(Tab.LOG) if line.reference == "9")
    assert claims[0].entry_id == single.id


def test_what_expired_in_the_queue_does_not_leave(office: Office) -> None:
    soon = office.database.now()
    office.put(message())
    office.queue()
    with office.database.write() as connection:
        connection.execute(sa.text("UPDATE communication SET expires_at = created_at"))
    office.work()
    assert soon < office.database.now()
    assert (office.line().status, office.line().error_code) == (Status.FAILED, "expired")
    assert office.provider.requests == []


def test_a_message_released_by_the_source_leaves_by_itself(office: Office) -> None:
    office.put(message("1", release="auto"), message("2"))
    while office.release.step():
        pass
    office.work()
    assert office.line("1").status is Status.SENT
    assert office.line("2").status is Status.NOT_SENT


def test_one_communication_on_two_channels_is_as_bad_as_its_worse_lane(office: Office) -> None:
    office.put(message(channels=["email", "sms"], customer={"phone": "+33639981234"}))

    def script(request: SendRequest) -> Accepted | Exception:
        if request.channel == "sms":
            return Rejected("twilio", "21610", "opted out")
        return Accepted("m-1")

    office.send(script=script)
    line = office.line()
    assert (line.status, line.channel, line.attempts) == (Status.REJECTED, "sms", 2)
    assert line.error_class is ErrorClass.POLICY
