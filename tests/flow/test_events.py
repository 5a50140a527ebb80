"""Provider events: every fact once, in any order, to the right attempt; on both databases."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Channel, ErrorClass, Status, Tab
from commtui.providers.base import Accepted
from commtui.store.tables import entry_status, provider_event
from tests.office import Office, message


@pytest.fixture
def sent(office: Office) -> Office:
    """One message that its provider accepted."""
    office.put(message())
    office.send()
    return office


def test_events_end_in_the_same_state_in_every_order_and_with_duplicates(office: Office) -> None:
    statuses = (Status.SENT, Status.DELIVERED, Status.BOUNCED)
    orders = list(itertools.permutations(statuses))
    office.put(*(message(str(number)) for number in range(len(orders))))
    office.send()
    start = office.database.now()
    for number, order in enumerate(orders):
        entry_id = office.attempts(str(number))[0].id
        for status in (*order, *order):
            at = start + timedelta(seconds=statuses.index(status))
            office.report(office.event(entry_id, status, at=at))
    assert {(line.status, line.after_delivery) for line in office.lines()} == {
        (Status.BOUNCED, True)
    }


def test_the_same_fact_under_another_event_id_is_stored_once(sent: Office) -> None:
    entry_id = sent.attempts()[0].id
    at = sent.database.now()
    first = sent.event(entry_id, Status.DELIVERED, at=at, event_id="a")
    again = sent.event(entry_id, Status.DELIVERED, at=at, event_id="b")
    assert sent.report(first) == 1
    assert sent.report(again) == 0


@pytest.mark.parametrize(
    "arrivals",
    [
        [timedelta(microseconds=number) for number in (0, 5, 9)],
        [timedelta(days=number) for number in (0, 1, 2)],
    ],
    ids=["moments apart", "after midnight"],
)
def test_a_fact_without_a_time_of_its_own_is_the_same_whenever_it_arrives(
    sent: Office, arrivals: list[timedelta]
) -> None:
    entry_id = sent.attempts()[0].id
    now = sent.database.now()
    for later_by in arrivals:
        at = now + later_by
        sent.report(sent.event(entry_id, Status.DELIVERED, at=at, timed=False))
    with sent.database.read() as connection:
        assert len(connection.execute(sa.select(provider_event)).all()) == 1


def test_an_informational_event_is_kept_and_changes_nothing(sent: Office) -> None:
    entry_id = sent.attempts()[0].id
    with sent.database.read() as connection:
        before = len(connection.execute(sa.select(entry_status)).all())
    assert sent.report(sent.event(entry_id, None, kind="open")) == 1
    assert sent.line().status is Status.SENT
    with sent.database.read() as connection:
        assert len(connection.execute(sa.select(entry_status)).all()) == before


def test_an_event_is_matched_by_the_providers_id_when_ours_is_missing(sent: Office) -> None:
    attempt = sent.attempts()[0]
    event = sent.event(attempt.id, Status.DELIVERED, entry_id=None)
    sent.report(event)
    assert sent.line().status is Status.DELIVERED


def test_a_bounce_without_any_id_is_matched_by_its_recipient(sent: Office) -> None:
    bounce = sent.event(
        "", Status.BOUNCED, entry_id=None, provider_message_id="", recipient="Lea@EXAMPLE.com "
    )
    sent.report(bounce)
    assert sent.line().status is Status.BOUNCED


def test_a_delivery_without_any_id_is_nobodys(sent: Office) -> None:
    sent.report(sent.event("", Status.DELIVERED, entry_id=None, provider_message_id=""))
    assert sent.line().status is Status.SENT


def test_an_event_that_comes_before_our_own_commit_is_matched_by_it(office: Office) -> None:
    office.put(message())
    office.queue()
    attempt = office.attempts()[0]
    early = office.event(attempt.id, Status.DELIVERED, entry_id=None, provider_message_id="m-9")
    office.report(early)
    assert office.housekeeping.match_events() == 0
    assert office.line().status is Status.QUEUED
    office.work(lambda request: Accepted("m-9"))
    assert office.line().status is Status.DELIVERED
    assert office.housekeeping.match_events() == 0


def test_another_providers_event_does_not_touch_an_entry(sent: Office) -> None:
    entry_id = sent.attempts()[0].id
    sent.report(sent.event(entry_id, Status.BOUNCED), provider="twilio")
    assert sent.line().status is Status.SENT


def test_a_late_event_of_an_older_attempt_changes_that_attempt_and_not_the_line(
    sent: Office,
) -> None:
    older = sent.attempts()[0]
    sent.report(sent.event(older.id, Status.BOUNCED))
    sent.send()
    sent.report_on("12345", Status.DELIVERED)
    late = sent.database.now() + timedelta(seconds=1)
    sent.report(sent.event(older.id, Status.DELIVERED, at=late))
    assert sent.line().status is Status.DELIVERED
    assert sent.attempts()[1].status is Status.BOUNCED


def test_a_timed_out_message_may_have_been_delivered(office: Office) -> None:
    office.put(message(channels=["sms"], customer={"phone": "+33639981234"}))
    office.send()
    attempt = office.attempts()[0]
    maybe = office.event(attempt.id, Status.UNKNOWN, error_class=ErrorClass.UNKNOWN, code="30410")
    office.report(maybe, provider="twilio")
    assert (office.line().status, office.line().channel) == (Status.UNKNOWN, Channel.SMS)
    office.report(office.event(attempt.id, Status.DELIVERED), provider="twilio")
    assert office.line().status is Status.DELIVERED


def test_what_was_thought_lost_and_sent_again_may_turn_out_delivered_twice(office: Office) -> None:
    from commtui.domain.views import Decision
    from commtui.errors import UnknownOutcome
    from commtui.services.attention import Attention
    from commtui.services.resending import Resending
    from tests.office import OPERATOR

    office.put(message())
    office.send(script=lambda request: UnknownOutcome("sendgrid", "no_answer"))
    lost = office.attempts()[0]
    resending = Resending(office.database, office.settings, OPERATOR, office.dispatch)
    Attention(office.database, OPERATOR, resending).settle(lost.id, Decision.AGAIN, "")
    office.work()
    office.report_on("12345", Status.DELIVERED)
    assert not office.line().delivered_twice
    office.report(office.event(lost.id, Status.DELIVERED))
    assert office.line().delivered_twice


def test_many_entries_and_events_at_random_leave_exact_counters(office: Office) -> None:
    from commtui.domain.lines import Query
    from commtui.store import tallies

    rng = random.Random(7)
    office.put(*(message(str(number), customer={"id": f"K-{number % 3}"}) for number in range(30)))
    for _ in range(40):
        chosen = [str(rng.randrange(30)) for _ in range(3)]
        office.send(*chosen)
        for reference in chosen:
            attempts = office.attempts(reference)
            if attempts:
                status = rng.choice((Status.DELIVERED, Status.BOUNCED, Status.DROPPED))
                office.report(office.event(rng.choice(attempts).id, status))
        office.housekeeping.catch_up()
    for tab in Tab:
        with office.database.read() as connection:
            plain: dict[str, int] = {}
            for (status, _, _), lines in tallies.recounted(connection, tab).items():
                plain[status] = plain.get(status, 0) + lines
            assert dict(tallies.grouped(connection, tab, Query(), "status")) == plain


def test_of_two_failures_the_words_of_the_one_that_counts_are_shown_in_either_order(
    office: Office,
) -> None:
    office.put(message("1"), message("2"))
    office.send()
    start = office.database.now()
    for reference, order in (("1", (0, 1)), ("2", (1, 0))):
        entry_id = office.attempts(reference)[0].id
        for number in order:
            words = ("550 no such user", "mailbox gone away")[number]
            at = start + timedelta(seconds=number)
            office.report(
                office.event(entry_id, Status.BOUNCED, at=at, kind=f"bounce{number}", words=words)
            )
    first, second = office.attempts("1")[0], office.attempts("2")[0]
    assert first.error_message == second.error_message == "550 no such user"
    assert first.error_key == second.error_key


def test_a_request_that_a_later_event_has_dealt_with_makes_no_task(office: Office) -> None:
    office.put(message("1"), message("2"))
    office.send()
    start = office.database.now()
    for reference, order in (("1", (0, 1)), ("2", (1, 0))):
        entry_id = office.attempts(reference)[0].id
        events = (
            office.event(entry_id, None, kind="asks", at=start, task="pay"),
            office.event(
                entry_id, None, kind="done", at=start + timedelta(seconds=1), closes=("pay",)
            ),
        )
        for number in order:
            office.report(events[number])
    for reference in ("1", "2"):
        waiting = [it for it in office.attempts(reference) if it.status is Status.NOT_SENT]
        assert waiting == []
