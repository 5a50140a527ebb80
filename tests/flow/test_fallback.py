"""Another way: decided before sending, after a failure, above the cap, and back when the address is corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from commtui.config import Fallback, Ping, Secret, Settings
from commtui.domain.lines import Line
from commtui.domain.optouts import Scope
from commtui.domain.views import CustomerField
from commtui.domain.vocabulary import Cause, Channel, ErrorClass, Status, Tab
from commtui.errors import NotFound, Rejected, UnknownOutcome
from commtui.services.attention import Attention
from commtui.services.customers import Customers
from commtui.services.details import Details
from commtui.services.falling_back import FallingBack, Holds
from commtui.services.resending import Resending
from commtui.services.wishing import Wishing
from commtui.store import details, prospects
from commtui.store.engine import Database
from tests.office import OPERATOR, SETTINGS, Office, message

AUTOMATIC = replace(SETTINGS, fallback=Fallback(cap_per_hour=3))
PHONE = {"phone": "+33 6 12 34 56 78"}


class Desk(Office):
    """An office with fallback, and an operator's desk on it."""

    def __init__(self, database: Database, settings: Settings = AUTOMATIC) -> None:
        super().__init__(database, settings)
        self.falling_back = FallingBack(database, settings, self.dispatch)
        self.holds = Holds(database, OPERATOR)
        self.customers = Customers(database, settings, OPERATOR)
        self.wishes = Wishing(database, settings, OPERATOR, self.dispatch)
        resending = Resending(database, settings, OPERATOR, self.dispatch)
        self.attention = Attention(database, OPERATOR, resending)

    def fall_back(self) -> None:
        """Decide about every failure."""
        while self.falling_back.step():
            pass

    def bounce(self, reference: str = "12345", **fields: Any) -> None:
        """Send by the wanted channel, and have it bounce."""
        self.send(reference)
        self.report_on(reference, Status.BOUNCED, **fields)

    def log(self, reference: str = "12345") -> list[tuple[str, str]]:
        """Channel and status of every attempt, newest first."""
        return [(line.channel.value, line.status.value) for line in self.attempts(reference)]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_a_missing_address_is_passed_over_in_the_dry_run_and_on_the_entry(desk: Desk) -> None:
    desk.put(message(channels=["email"], customer={"email": ""}))
    plan = desk.plan()
    reason = "email: no address → post: no letter → manual"
    assert dict(plan.going) == {Channel.MANUAL: 1}
    assert dict(plan.detours) == {reason: 1}
    desk.send()
    (task,) = desk.attempts()
    assert (task.channel, task.status, task.reason) == (Channel.MANUAL, Status.NOT_SENT, reason)
    assert desk.line().channel is Channel.MANUAL
    assert desk.provider.requests == []


def test_a_bounce_makes_a_new_entry_on_the_next_channel_that_names_the_old_one(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer=PHONE))
    desk.send()
    desk.report_on("12345", Status.UNDELIVERED, code="30005")
    desk.fall_back()
    desk.work()
    new, old = desk.attempts()
    assert desk.log() == [("email", "sent"), ("sms", "undelivered")]
    assert new.reason == "sms: undelivered → email"
    with desk.database.read() as connection:
        attempt = details.attempts(connection, [new.id])[0]
    assert (attempt.cause, attempt.replaces_id) == (Cause.FALLBACK, old.id)
    assert old.settled_at is not None
    assert (desk.line().status, desk.line().channel) == (Status.SENT, Channel.EMAIL)


@pytest.mark.parametrize(
    ("status", "error_class", "code"),
    [
        (Status.BLOCKED, ErrorClass.TEMPORARY, "5.2.2"),
        (Status.DROPPED, ErrorClass.TECHNICAL, "spam_content"),
        (Status.DROPPED, ErrorClass.UNKNOWN, "unheard_of"),
    ],
)
def test_what_is_ours_passing_or_unknown_goes_no_other_way(
    desk: Desk, status: Status, error_class: ErrorClass, code: str
) -> None:
    desk.put(message())
    desk.send()
    desk.report_on("12345", status, error_class=error_class, code=code)
    desk.fall_back()
    assert desk.log() == [("email", status.value)]


def test_an_unknown_outcome_is_never_fallen_back_from(desk: Desk) -> None:
    desk.put(message())
    desk.send(script=lambda request: UnknownOutcome("sendgrid", "no_answer"))
    desk.fall_back()
    assert desk.log() == [("email", "unknown")]


def test_a_refusal_of_the_channel_is_heard_and_the_message_goes_another_way(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer=PHONE))
    desk.send(script=lambda request: Rejected("twilio", "21610", "unsubscribed"))
    desk.fall_back()
    desk.work(script=None)
    assert [channel for channel, _ in desk.log()] == ["email", "sms"]
    desk.put(message("2", id="C-2", channels=["sms"], customer=PHONE))
    plan = desk.plan("2")
    assert dict(plan.going) == {Channel.EMAIL: 1}
    assert "opted out (answered STOP" in plan.detours[0][0]


def test_each_failure_is_followed_once_however_often_it_is_reported(desk: Desk) -> None:
    desk.put(message())
    desk.bounce()
    desk.fall_back()
    bounced = desk.attempts()[-1]
    desk.report(desk.event(bounced.id, Status.BOUNCED, code="5.1.10"))
    desk.fall_back()
    desk.fall_back()
    assert [channel for channel, _ in desk.log()].count("manual") == 1


def test_a_chain_ends_as_a_task_and_never_goes_back(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer=PHONE))
    desk.send()
    desk.report_on("12345", Status.UNDELIVERED, code="30005")
    desk.fall_back()
    desk.work()
    desk.report_on("12345", Status.BOUNCED)
    desk.fall_back()
    assert [channel for channel, _ in desk.log()] == ["manual", "email", "sms"]
    assert desk.attempts()[0].reason == "sms: undelivered → email: bounced → manual"
    assert desk.line().status is Status.NOT_SENT


def test_with_fallback_off_a_failure_stays_where_it_is(database: Database) -> None:
    desk = Desk(database, SETTINGS)
    desk.put(message())
    desk.bounce()
    desk.fall_back()
    assert desk.log() == [("email", "bounced")]


def test_above_the_cap_paid_fallback_is_held_until_a_person_releases_it(database: Database) -> None:
    desk = Desk(database, AUTOMATIC)
    for number in range(5):
        desk.put(
            message(
                str(number),
                channels=["email"],
                customer={"id": f"K-{number}", "email": f"c{number}@example.com", **PHONE},
            )
        )
        desk.wishes.prefer(f"K-{number}", "", [Channel.EMAIL, Channel.SMS])
    desk.send()
    for number in range(5):
        desk.report_on(str(number), Status.BOUNCED, recipient=f"c{number}@example.com")
    desk.fall_back()
    gone = [line for line in desk.lines(Tab.LOG) if line.channel is Channel.SMS]
    assert len(gone) == 3
    (hold,) = desk.holds.list()
    assert (hold.cause, hold.number) == ("sendgrid bounced", 2)
    assert (hold.origin, hold.targets) == (Channel.EMAIL, ((Channel.SMS, 2),))
    desk.fall_back()
    assert desk.holds.list()[0].number == 2
    assert desk.holds.release("sendgrid bounced") == 2
    desk.fall_back()
    assert desk.holds.list() == ()
    assert len([line for line in desk.lines(Tab.LOG) if line.channel is Channel.SMS]) == 5
    with pytest.raises(NotFound):
        desk.holds.release("sendgrid bounced")


def test_what_is_declined_stays_failed(database: Database) -> None:
    desk = Desk(database, replace(SETTINGS, fallback=Fallback(cap_per_hour=0)))
    desk.put(message(channels=["email"], customer=PHONE))
    desk.wishes.prefer("K-1", "", [Channel.EMAIL, Channel.SMS])
    desk.bounce()
    desk.fall_back()
    assert desk.holds.decline("sendgrid bounced") == 1
    desk.fall_back()
    assert desk.log() == [("email", "bounced")]


def test_an_address_that_bounced_is_not_used_again_by_itself_until_it_is_corrected(
    desk: Desk,
) -> None:
    desk.put(message())
    desk.bounce()
    desk.put(message("2", id="C-2", channels=["email"]))
    plan = desk.plan("2")
    assert dict(plan.going) == {Channel.MANUAL: 1}
    assert "email: bounced on" in plan.detours[0][0]
    desk.customers.correct("K-1", CustomerField.EMAIL, "lea.martin@example.com")
    assert dict(desk.plan("2").going) == {Channel.EMAIL: 1}


def test_correcting_the_address_offers_what_failed_at_it_and_withdraws_the_task(desk: Desk) -> None:
    desk.put(message(channels=["email"]))
    desk.bounce()
    desk.fall_back()
    assert desk.log() == [("manual", "not_sent"), ("email", "bounced")]
    assert desk.wishes.waiting_for("K-1", CustomerField.EMAIL) == ()
    desk.customers.correct("K-1", CustomerField.EMAIL, "lea.martin@example.com")
    waiting = desk.wishes.waiting_for("K-1", CustomerField.EMAIL)
    assert waiting == (desk.line().communication_id,)
    desk.send()
    assert desk.log() == [("email", "sent"), ("manual", "cancelled"), ("email", "bounced")]
    assert (desk.line().status, desk.line().channel) == (Status.SENT, Channel.EMAIL)


def test_a_task_that_stood_in_for_a_missing_address_gives_way_when_there_is_one(desk: Desk) -> None:
    desk.put(message(channels=["email"], customer={"email": ""}))
    desk.send()
    assert desk.log() == [("manual", "not_sent")]
    desk.customers.correct("K-1", CustomerField.EMAIL, "lea@example.com")
    assert len(desk.wishes.waiting_for("K-1", CustomerField.EMAIL)) == 1
    desk.send()
    assert desk.log() == [("email", "sent"), ("manual", "cancelled")]
    assert desk.line().status is Status.SENT


def test_what_somebody_sends_meanwhile_is_not_fallen_back_from(desk: Desk) -> None:
    desk.put(message())
    desk.bounce()
    desk.customers.correct("K-1", CustomerField.EMAIL, "lea.martin@example.com")
    desk.send()
    desk.fall_back()
    assert desk.log() == [("email", "sent"), ("email", "bounced")]


def test_marketing_that_is_refused_is_skipped_with_its_reason(desk: Desk) -> None:
    desk.put(message(purpose="marketing", channels=["email"]))
    desk.wishes.opt_out("K-1", None, Scope.MARKETING, "told us on the telephone")
    plan = desk.plan()
    assert (plan.total, dict(plan.going)) == (0, {})
    assert len(plan.skipping) == 1
    desk.send()
    (skipped,) = desk.attempts()
    assert skipped.status is Status.SKIPPED
    assert skipped.reason.startswith("email: opted out (told an operator on")
    assert desk.provider.requests == []


def test_every_lane_keeps_the_channel_it_stands_for(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer=PHONE))
    desk.send()
    desk.report_on("12345", Status.UNDELIVERED, code="30005")
    desk.fall_back()
    line: Line = desk.line()
    with desk.database.read() as connection:
        prospect = prospects.load(connection, [line.communication_id])[line.communication_id]
    origins = {lane.channel: (lane.origin, lane.superseded) for lane in prospect.lanes}
    assert origins == {
        Channel.SMS: (Channel.SMS, True),
        Channel.EMAIL: (Channel.SMS, False),
    }


LETTER = {"role": "letter", "name": "l.pdf", "media_type": "application/pdf", "base64": "JVBERg=="}
HOME = {"street": "rue de la Paix", "number": "1", "zip": "75002", "city": "Paris", "country": "FR"}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("1 rue de la Paix\nParis", "address incomplete: no town with its postcode"),
        ("1 rue de la Paix\n75002", "address incomplete: no town"),
        ("75002 Paris", "address incomplete: no street"),
        ('{"zip": "75002", "city": "Paris", "country": "FR"}', "address incomplete: no street"),
        ("1 rue de la Paix\n7500 Paris", "address invalid: 7500 is no postcode of FR"),
    ],
)
def test_an_incomplete_postal_address_is_passed_over_and_the_reason_says_what_is_missing(
    database: Database, address: str, why: str
) -> None:
    ping = Ping(client_id="a", client_secret=Secret("b"), organisation="c")
    desk = Desk(database, replace(AUTOMATIC, ping=ping))
    customer = {"email": "", "address": {**HOME, "name": "Léa Martin"}}
    desk.put(message(channels=["email"], customer=customer, documents=[LETTER]))
    assert dict(desk.plan().going) == {Channel.POST: 1}
    desk.customers.correct("K-1", CustomerField.ADDRESS, address)
    reason = f"email: no address → post: {why} → manual"
    assert dict(desk.plan().detours) == {reason: 1}
    desk.send()
    (task,) = desk.attempts()
    assert (task.channel, task.reason) == (Channel.MANUAL, reason)
    said = Details(database, None).summary(desk.line().id).explanation
    assert said is not None
    assert said.sentence == f"Manual action required: no other way is left ({reason})."
    assert "correct the contact details" in said.advice
