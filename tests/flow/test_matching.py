"""Events about messages that nobody knows yet: kept, tried for three days, then orphans; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.domain.ids import id_at, time_of
from commtui.domain.vocabulary import Source, Status
from commtui.providers.base import Accepted, DeliveryEvent, RawWebhook
from commtui.store import inbox, matching, orphans
from commtui.store.tables import entry, entry_status, provider_event
from tests.office import Office, message


def stranger(office: Office, message_id: str = "m-9", **fields: Any) -> DeliveryEvent:
    """An event about a message whose id no entry has."""
    status = fields.pop("status", Status.DELIVERED)
    return office.event("", status, entry_id=None, provider_message_id=message_id, **fields)


def aged(office: Office, hours: float) -> None:
    """Every event came so much earlier."""
    with office.database.write() as connection:
        for row in connection.execute(sa.select(provider_event)).all():
            before = time_of(row.id) - timedelta(hours=hours)
            connection.execute(
                provider_event.update()
                .where(provider_event.c.hash == row.hash)
                .values(id=id_at(before), received_at=row.received_at - timedelta(hours=hours))
            )


def listed(office: Office) -> list[str]:
    return [item.provider_message_id for item in orphans.orphans(office.database, 10)]


def counted(office: Office) -> int:
    with office.database.read() as connection:
        return orphans.count(connection, office.database)


def renamed(office: Office, old: str, new: str) -> None:
    """The entries have other message ids, and nobody was told: as when both sides commit at one moment."""
    with office.database.write() as connection:
        connection.execute(
            entry.update().values(
                provider_message_id=sa.func.replace(entry.c.provider_message_id, old, new)
            )
        )


@pytest.fixture
def queued(office: Office) -> Office:
    """One message that is about to be sent."""
    office.put(message())
    office.queue()
    return office


def test_every_event_of_a_message_waits_for_its_id(queued: Office) -> None:
    start = queued.database.now()
    for seconds, status in enumerate((Status.SENT, Status.DELIVERED, Status.BOUNCED)):
        at = start + timedelta(seconds=seconds)
        queued.report(stranger(queued, status=status, at=at))
    queued.report(stranger(queued, status=None, kind="open"))
    queued.work(lambda request: Accepted("m-9"))
    line = queued.line()
    assert (line.status, line.after_delivery) == (Status.BOUNCED, True)
    with queued.database.read() as connection:
        matched = set(connection.execute(sa.select(provider_event.c.matched)).scalars())
    assert matched == {"message"}


def test_another_event_that_names_entry_and_message_brings_the_waiting_ones(
    queued: Office,
) -> None:
    entry_id = queued.attempts()[0].id
    queued.report(stranger(queued))
    queued.report(queued.event(entry_id, Status.SENT, provider_message_id="m-9"))
    assert queued.line().status is Status.DELIVERED


def test_an_answer_of_another_provider_with_the_same_id_brings_nothing(queued: Office) -> None:
    queued.report(stranger(queued), provider="twilio")
    queued.work(lambda request: Accepted("m-9"))
    assert queued.line().status is Status.SENT


def test_many_that_fit_nothing_keep_no_later_one_from_its_turn(queued: Office) -> None:
    queued.report(*(stranger(queued, f"nobody-{number}") for number in range(30)))
    queued.report(stranger(queued))
    # the answer came by a way of its own, at the same moment: only the sweep can find them together
    queued.work(lambda request: Accepted("m-8"))
    renamed(queued, "m-8", "m-9")
    position, matched, pages = "", 0, 0
    while pages == 0 or position:
        found, position = matching.match_again(queued.database, position, limit=10)
        matched, pages = matched + found, pages + 1
    assert (matched, pages) == (1, 4)
    assert queued.line().status is Status.DELIVERED


def test_sweeps_of_many_workers_at_once_apply_each_event_once(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(12)))
    office.queue()
    for number in range(12):
        office.report(stranger(office, f"late-{number}"))
    office.work(lambda request: Accepted(f"m-{request.reference}"))
    renamed(office, "m-", "late-")
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda _: matching.match_again(office.database)[0], range(4)))
    assert sum(found) == 12
    assert {line.status for line in office.lines()} == {Status.DELIVERED}
    with office.database.read() as connection:
        told = connection.execute(
            sa.select(sa.func.count()).where(entry_status.c.source == Source.EVENT.value)
        ).scalar_one()
    assert told == 12


def test_before_three_days_it_waits_and_after_them_it_is_an_orphan(office: Office) -> None:
    office.report(stranger(office))
    aged(office, 71.9)
    assert (listed(office), counted(office)) == ([], 0)
    aged(office, 0.2)
    assert (listed(office), counted(office)) == (["m-9"], 1)
    assert office.housekeeping.match_events() == 0


def test_an_orphan_whose_message_turns_up_is_none_any_more(queued: Office) -> None:
    queued.report(stranger(queued))
    aged(queued, 80)
    queued.work(lambda request: Accepted("m-9"))
    assert queued.line().status is Status.DELIVERED
    assert listed(queued) == []


def test_an_orphan_shows_what_came(office: Office) -> None:
    event = stranger(office, "m-1", payload={"reason": "550 \x1b[31mno\x00"})
    office.report(event, provider="twilio")
    aged(office, 73)
    (found,) = orphans.orphans(office.database, 10)
    assert (found.provider, found.kind, found.recipient) == (
        "twilio",
        "delivered",
        "lea@example.com",
    )
    assert "550 " in found.payload


def test_a_message_to_us_is_no_orphan(office: Office) -> None:
    office.report(stranger(office, status=None, kind="inbound", inbound=True), provider="twilio")
    aged(office, 73)
    assert listed(office) == []


def test_a_call_that_cannot_be_read_is_shown_at_once(office: Office) -> None:
    hook = RawWebhook("/webhooks/sendgrid", {}, b"\xffnot json", office.database.now())
    identifier = inbox.store(office.database, "sendgrid", hook, {})
    assert counted(office) == 0
    inbox.mark(office.database, identifier, "unreadable")
    (found,) = orphans.orphans(office.database, 10)
    assert (found.kind, found.payload) == ("unreadable call", "\ufffdnot json")
    assert counted(office) == 1


def test_the_newest_come_first_and_no_more_than_asked_for(office: Office) -> None:
    for number in range(5):
        office.report(stranger(office, f"m-{number}"))
    aged(office, 73)
    assert [item.provider_message_id for item in orphans.orphans(office.database, 2)] == [
        "m-4",
        "m-3",
    ]
