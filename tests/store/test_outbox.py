"""The outbox row by row: who may claim it when, what each step writes, and what is left alone; on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Status
from commtui.errors import NotSent, UnknownOutcome
from commtui.providers.base import Accepted
from commtui.services import outcomes
from commtui.store import outbox, providers_state
from commtui.store.engine import Database
from commtui.store.outbox import Claim
from commtui.store.providers_state import Why
from commtui.store.schema import prepare
from commtui.store.tables import entry_status
from commtui.store.tables import outbox as outbox_table
from commtui.store.workers import Presence
from tests.flow.test_gates import Clock
from tests.office import Office, message

LEASE = 30.0
LOST = UnknownOutcome("sendgrid", "no_answer")
REFUSED = NotSent("sendgrid", "unreachable", "refused")


@pytest.fixture
def clock(database: Database) -> Clock:
    return Clock(database.now())


@pytest.fixture
def office(database_url: str, clock: Clock) -> Office:
    database = Database(database_url, clock)
    prepare(database)
    return Office(database)


def queued(office: Office, number: int = 1) -> list[str]:
    """So many messages, each queued a second after the one before; their entries, oldest first."""
    for index in range(number):
        office.put(message(str(index)))
        office.queue(str(index))
        office.database._clock.pass_by(1)  # type: ignore[union-attr]
    return [row["entry_id"] for row in rows(office)]


def rows(office: Office) -> list[dict[str, Any]]:
    """What stands in the outbox, in the order of entries."""
    with office.database.read() as connection:
        found = connection.execute(sa.select(outbox_table).order_by(outbox_table.c.entry_id)).all()
    return [dict(row._mapping) for row in found]


def change(office: Office, entry_id: str, **values: Any) -> None:
    """Put a row into a state."""
    with office.database.write() as connection:
        connection.execute(
            outbox_table.update().where(outbox_table.c.entry_id == entry_id).values(**values)
        )


def history(office: Office, entry_id: str) -> list[Any]:
    """What happened to an entry, oldest first."""
    with office.database.read() as connection:
        query = sa.select(entry_status).where(entry_status.c.entry_id == entry_id)
        return list(connection.execute(query.order_by(entry_status.c.id)).all())


def worker(office: Office) -> str:
    """A living worker."""
    return Presence(office.database, "worker", LEASE).id


def claim(office: Office, worker_id: str | None = None, limit: int = 10) -> list[Claim]:
    """Claim what is due."""
    return outbox.claim(office.database, worker_id or worker(office), limit, [])


def ids(claims: list[Claim]) -> list[str]:
    """Their entries."""
    return [item.entry_id for item in claims]


def test_only_workers_within_their_lease_are_alive(office: Office, clock: Clock) -> None:
    alive = worker(office)
    Presence(office.database, "web", LEASE)
    Presence(office.database, "worker", LEASE).end()

    def living() -> list[str]:
        with office.database.read() as connection:
            return list(connection.execute(outbox.live_workers(clock.now)).scalars())

    assert living() == [alive]
    clock.pass_by(LEASE)
    assert living() == []


def test_what_a_living_worker_has_is_not_taken_from_it(office: Office, clock: Clock) -> None:
    queued(office, 2)
    first, second = claim(office)
    outbox.begin(office.database, [second])
    clock.pass_by(LEASE - 1)
    before = rows(office)
    assert office.housekeeping.recover() == 0
    assert rows(office) == before
    clock.pass_by(1)
    assert office.housekeeping.recover() == 2
    assert [row["state"] for row in rows(office)] == ["queued", "unknown"]
    assert first.entry_id == rows(office)[0]["entry_id"]


def test_a_worker_may_claim_again_what_it_has_not_begun_and_nobody_else_may(office: Office) -> None:
    (entry_id,) = queued(office)
    own = worker(office)
    (first,) = claim(office, own)
    assert claim(office) == []
    (second,) = claim(office, own)
    assert (second.entry_id, second.fence) == (entry_id, first.fence + 1)
    assert rows(office)[0]["worker_id"] == own


def test_a_plain_claim_is_no_probe_and_says_what_the_row_says(office: Office) -> None:
    (entry_id,) = queued(office)
    change(office, entry_id, tries=3, fence=7)
    (found,) = claim(office)
    assert found == Claim(entry_id, "sendgrid", 8, 3, probe=False)


def test_urgent_rows_go_first_then_the_longest_due_and_no_more_than_asked_for(
    office: Office,
) -> None:
    first, second, third = queued(office, 3)
    change(office, third, priority=0)
    assert ids(claim(office, limit=2)) == [third, first]
    assert ids(claim(office, limit=2)) == [second]


@pytest.mark.parametrize("state", ["preparing", "sending", "unknown"])
def test_a_row_in_any_other_state_is_not_claimed(office: Office, state: str) -> None:
    (entry_id,) = queued(office)
    change(office, entry_id, state=state)
    assert claim(office) == []
    change(office, entry_id, deaths=1)
    assert outbox.claim_suspect(office.database, worker(office), []) == []


def test_a_row_is_due_at_its_moment_and_not_before(office: Office, clock: Clock) -> None:
    (entry_id,) = queued(office)
    change(office, entry_id, due_at=clock.now + timedelta(seconds=1))
    assert claim(office) == []
    assert not outbox.due_now(office.database)
    clock.pass_by(1)
    assert outbox.due_now(office.database)
    assert ids(claim(office)) == [entry_id]


def test_paused_providers_rows_stay(office: Office) -> None:
    (entry_id,) = queued(office)
    own = worker(office)
    assert outbox.claim(office.database, own, 10, ["sendgrid"]) == []
    assert ids(outbox.claim(office.database, own, 10, ["twilio"])) == [entry_id]


def test_rows_that_a_worker_died_with_are_claimed_alone_one_at_a_time(office: Office) -> None:
    first, second, third = queued(office, 3)
    change(office, first, deaths=1)
    change(office, second, deaths=1)
    own = worker(office)

    def suspect(paused: list[str]) -> bool:
        with office.database.read() as connection:
            return outbox.suspect_due(connection, office.database, own, paused)

    assert suspect([])
    assert not suspect(["sendgrid"])
    assert outbox.claim_suspect(office.database, own, ["sendgrid"]) == []
    assert ids(claim(office)) == [third]
    assert ids(outbox.claim_suspect(office.database, own, [])) == [first]
    assert ids(outbox.claim_suspect(office.database, worker(office), [])) == [second]


def test_a_probe_takes_one_row_of_its_provider_that_nobody_died_with(
    office: Office, clock: Clock
) -> None:
    first, second, third = queued(office, 3)
    change(office, first, deaths=1)
    own = worker(office)
    with office.database.write() as connection:
        connection.execute(sa.text("DELETE FROM provider_state"))
    assert outbox.claim_probe(office.database, own, "sendgrid", 60) == []
    providers_state.pause(office.database, "sendgrid", Why.ACCOUNT, "bad key", 1.0)
    clock.pass_by(2)
    assert outbox.claim_probe(office.database, own, "twilio", 60) == []
    (found,) = outbox.claim_probe(office.database, own, "sendgrid", 60)
    assert (found.entry_id, found.probe) == (second, True)
    assert outbox.claim_probe(office.database, worker(office), "sendgrid", 60) == []
    assert third in ids(claim(office))


def test_preparing_counts_a_try_and_is_done_once(office: Office, clock: Clock) -> None:
    (entry_id,) = queued(office)
    claims = claim(office)
    clock.pass_by(5)
    assert outbox.prepare(office.database, claims) == {entry_id}
    (row,) = rows(office)
    assert (row["state"], row["state_at"], row["tries"]) == ("preparing", clock.now, 1)
    assert outbox.prepare(office.database, claims) == set()
    assert outbox.begin(office.database, claims) == set()
    assert outbox.begin(office.database, claims, prepared=True) == {entry_id}
    assert (rows(office)[0]["state"], rows(office)[0]["tries"]) == ("sending", 1)


def test_a_stale_fence_prepares_and_begins_nothing(office: Office) -> None:
    first, second = queued(office, 2)
    own = worker(office)
    stale = claim(office, own)
    claim(office, own)
    assert outbox.prepare(office.database, stale) == set()
    assert outbox.begin(office.database, stale) == set()
    assert outbox.begin(office.database, stale, prepared=True) == set()
    assert {row["state"] for row in rows(office)} == {"queued"}
    assert {first, second} == set(ids(stale))


def test_beginning_writes_the_try_the_moment_and_the_history(office: Office, clock: Clock) -> None:
    first, second = queued(office, 2)
    change(office, first, reason="worker_lost", tries=2)
    claims = claim(office)
    clock.pass_by(5)
    assert outbox.begin(office.database, claims[:1]) == {first}
    begun, other = rows(office)
    assert (begun["state"], begun["state_at"], begun["tries"]) == ("sending", clock.now, 3)
    assert begun["reason"] == ""
    assert (other["state"], other["tries"]) == ("queued", 0)
    last = history(office, first)[-1]
    assert (last.status, last.source, last.try_number) == ("sending", "worker", 3)
    assert history(office, second)[-1].status == "queued"
    assert office.line("0").status is Status.SENDING


def test_what_was_not_sent_waits_with_its_reason_and_is_anybodys(
    office: Office, clock: Clock
) -> None:
    first, second = queued(office, 2)
    claims = claim(office)
    outbox.begin(office.database, claims)
    again_at = clock.now + timedelta(seconds=90)
    clock.pass_by(3)
    outcome = outcomes.again(claims[0], REFUSED, again_at, 1, clock.now)
    outbox.finish(office.database, [outcome])
    row, other = rows(office)
    assert (row["state"], row["state_at"], row["due_at"]) == ("queued", clock.now, again_at)
    assert (row["reason"], row["worker_id"]) == ("unreachable", None)
    assert (other["state"], other["reason"]) == ("sending", "")
    assert history(office, first)[-1].error_code == "unreachable"
    assert second == other["entry_id"]


def test_a_late_not_sent_counts_after_recovery_and_never_against_another_try(
    office: Office, clock: Clock
) -> None:
    queued(office)
    (mine,) = claim(office)
    outbox.begin(office.database, [mine])
    clock.pass_by(LEASE)
    office.housekeeping.recover()
    late = outcomes.again(mine, REFUSED, clock.now, 1, clock.now)
    outbox.finish(office.database, [late])
    (row,) = rows(office)
    assert (row["state"], row["fence"]) == ("queued", mine.fence + 1)
    (theirs,) = claim(office)
    outbox.begin(office.database, [theirs])
    before = len(history(office, mine.entry_id))
    outbox.finish(office.database, [late])
    assert rows(office)[0]["state"] == "sending"
    assert len(history(office, mine.entry_id)) == before


def test_an_outcome_nobody_knows_keeps_its_row_and_nobody_has_it(
    office: Office, clock: Clock
) -> None:
    first, second = queued(office, 2)
    claims = claim(office)
    outbox.begin(office.database, claims)
    clock.pass_by(3)
    outbox.finish(office.database, [outcomes.unknown(claims[0], LOST, 1, clock.now)])
    row, other = rows(office)
    assert (row["state"], row["state_at"], row["worker_id"]) == ("unknown", clock.now, None)
    assert other["state"] == "sending"
    with office.database.read() as connection:
        assert outbox.unknown_count(connection) == 1
        assert outbox.due_count(connection) == 1
    accepted = outcomes.accepted(claims[1], Accepted("m-2"), 1, clock.now)
    outbox.finish(office.database, [accepted])
    assert [row["entry_id"] for row in rows(office)] == [first]
    assert office.line("1").status is Status.SENT
    assert second not in {row["entry_id"] for row in rows(office)}


def test_only_an_unknown_one_is_tried_again_because_it_is_not_there(
    office: Office, clock: Clock
) -> None:
    first, second = queued(office, 2)
    claims = claim(office)
    outbox.begin(office.database, claims)
    outbox.finish(office.database, [outcomes.unknown(claims[0], LOST, 1, clock.now)])
    clock.pass_by(3)
    outbox.not_sent_after_all(office.database, second)
    outbox.not_sent_after_all(office.database, first)
    row, other = rows(office)
    assert (row["state"], row["state_at"], row["due_at"]) == ("queued", clock.now, clock.now)
    assert (row["reason"], row["worker_id"], row["fence"]) == ("not_there", None, 2)
    assert other["state"] == "sending"
    last = history(office, first)[-1]
    assert (last.word, last.source, last.error_code) == ("try_again", "poll", "not_there")
    assert history(office, second)[-1].word == "sending"
    assert office.line("0").status is Status.QUEUED


@pytest.mark.parametrize("state", ["preparing", "sending"])
def test_what_is_under_way_counts_as_due_now(office: Office, clock: Clock, state: str) -> None:
    (entry_id,) = queued(office)
    change(office, entry_id, state=state, due_at=clock.now + timedelta(days=1))
    assert outbox.due_now(office.database)
    change(office, entry_id, state="unknown")
    assert not outbox.due_now(office.database)


def test_nothing_is_due_at_a_provider_that_is_paused_or_asked_us_to_wait(
    office: Office, clock: Clock
) -> None:
    queued(office)
    assert outbox.due_now(office.database)
    providers_state.pause(office.database, "sendgrid", Why.ACCOUNT, "bad key", 60.0)
    assert not outbox.due_now(office.database)


def test_unknown_outcomes_are_asked_about_soon_while_new_and_seldom_later(
    office: Office, clock: Clock
) -> None:
    never, new, old, recent = queued(office, 4)
    now = clock.now
    minute = timedelta(minutes=1)
    change(office, never, state="unknown", asked_at=None, state_at=now - 9 * minute)
    change(office, new, state="unknown", asked_at=now - 2 * minute, state_at=now - minute)
    change(office, old, state="unknown", asked_at=now - 7 * minute, state_at=now - 8 * minute)
    change(office, recent, state="unknown", asked_at=now - 2 * minute, state_at=now - 8 * minute)

    def asked(limit: int = 10, providers: tuple[str, ...] = ("sendgrid",)) -> list[str]:
        found = outbox.unknown_entries(
            office.database, providers, now - 5 * minute, now - minute, now - 4 * minute, limit
        )
        return [entry_id for entry_id, _, _ in found]

    assert asked() == [never, old, new]
    assert asked(limit=1) == [never]
    assert asked(providers=("twilio",)) == []
    outbox.mark_asked(office.database, [never, old])
    assert asked() == [new]
    change(office, new, state="sending")
    assert asked() == []
