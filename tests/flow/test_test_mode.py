"""Test mode: nothing reaches a customer on any channel; what cannot be redirected is not sent, with that reason."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from commtui.config import Redirects, Settings
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, ErrorClass, Status
from commtui.errors import NotSent, UnknownOutcome
from commtui.providers.base import Accepted, DeliveryEvent, SendRequest
from commtui.services.asking import Asking
from commtui.services.details import Details
from commtui.services.events import Applying
from commtui.services.unsubscribing import Unsubscribing
from commtui.store import optouts, wishes
from commtui.store.engine import Database
from tests.office import SETTINGS, Office, ScriptedProvider, message

TEST = replace(
    SETTINGS, mode="test", test=Redirects(email="qa@example.com", sms="+33612345678", post="")
)
SAYS = "Test mode: goes to qa@example.com instead of to the recipient."


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database, TEST)


def in_mode(office: Office, settings: Settings) -> Office:
    """The same database in another mode."""
    return Office(office.database, settings)


@pytest.mark.parametrize(
    ("channel", "to"), [(Channel.EMAIL, "qa@example.com"), (Channel.SMS, "+33612345678")]
)
def test_everything_goes_to_the_test_address_and_every_entry_says_so(
    office: Office, channel: Channel, to: str
) -> None:
    customers = [
        {"id": f"K-{number}", "email": f"c{number}@example.com", "phone": f"+3363998120{number}"}
        for number in range(5)
    ]
    office.put(
        *(
            message(str(number), channels=[channel.value], customer=customer)
            for number, customer in enumerate(customers)
        )
    )
    office.send()
    assert [request.recipient for request in office.provider.requests] == [to] * 5
    for number, customer in enumerate(customers):
        (entry,) = office.attempts(str(number))
        assert entry.status is Status.SENT
        assert entry.recipient in (customer["email"], customer["phone"])
        assert entry.note == f"Test mode: goes to {to} instead of to the recipient."
        assert office.line(str(number)).note == entry.note
        told = Details(office.database, None).details(entry.id)
        assert told.attempt.note == entry.note
        assert entry.note in [item.words for item in told.history]


def test_outside_test_mode_the_addresses_change_nothing(office: Office) -> None:
    live = in_mode(office, replace(TEST, mode="live"))
    live.put(message())
    live.send()
    assert [request.recipient for request in live.provider.requests] == ["lea@example.com"]
    assert live.attempts()[0].note == ""


def test_without_a_test_address_a_channel_sends_nothing_and_says_why(database: Database) -> None:
    office = Office(database, replace(TEST, test=Redirects(email="qa@example.com")))
    office.put(message(channels=["sms"], customer={"phone": "+33639981201"}))
    plan = office.plan()
    assert [words for words, _ in plan.failing] == [
        "Test mode: no test address is set for it (test.sms), so it is not sent."
    ]
    office.send()
    (entry,) = office.attempts()
    assert (entry.status, entry.error_code) == (Status.FAILED, "test_mode")
    assert entry.error_class is ErrorClass.TECHNICAL
    assert "test.sms" in entry.error_message
    assert office.provider.requests == []


def test_an_opt_out_of_the_real_recipient_counts(office: Office) -> None:
    office.put(message("1"), message("2", purpose="marketing"))
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    office.expand()
    change = OptChange(Channel.EMAIL, out=True, scope=Scope.ALL, source=OptSource.SPAM_REPORT)
    with office.database.write() as connection:
        optouts.learn(connection, office.database, change, "lea@example.com", office.database.now())
    office.work()
    assert office.provider.requests == []
    assert office.attempts("1")[0].error_code == "opted_out"
    assert office.attempts("2")[0].status is Status.SKIPPED


def test_an_opt_out_of_the_test_address_stops_nobody(office: Office) -> None:
    office.put(message())
    change = OptChange(Channel.EMAIL, out=True, scope=Scope.ALL, source=OptSource.SPAM_REPORT)
    with office.database.write() as connection:
        optouts.learn(connection, office.database, change, "qa@example.com", office.database.now())
    office.send()
    assert len(office.provider.requests) == 1


def test_a_wrong_real_address_fails_as_it_would_live(office: Office) -> None:
    office.put(message(customer={"email": "no at sign"}))
    office.send()
    assert office.provider.requests == []
    assert office.attempts()[0].error_code == "invalid_recipient"


def test_a_bounce_of_the_test_address_says_nothing_about_the_customers(office: Office) -> None:
    office.put(message())
    office.send()
    office.report_on("12345", Status.BOUNCED, recipient="qa@example.com")
    both = [(Channel.EMAIL, "lea@example.com"), (Channel.EMAIL, "qa@example.com")]
    with office.database.read() as connection:
        assert not wishes.marks(connection, both)
    live = in_mode(office, SETTINGS)
    live.put(message("2"))
    live.send("2")
    live.report_on("2", Status.BOUNCED)
    with office.database.read() as connection:
        assert list(wishes.marks(connection, both)) == both[:1]


def test_a_click_in_a_redirected_email_opts_the_test_address_out(office: Office) -> None:
    office.put(message(purpose="marketing"))
    office.send()
    (request,) = office.provider.requests
    token = request.unsubscribe.rpartition("/")[2]
    Unsubscribing(office.database, TEST).unsubscribe(token)
    with office.database.read() as connection:
        found = optouts.of_addresses(connection, ["lea@example.com", "qa@example.com"])
    assert list(found) == ["qa@example.com"]


def test_what_was_begun_as_a_test_never_goes_to_the_customer_afterwards(office: Office) -> None:
    office.put(message())
    office.queue()
    office.work(lambda request: NotSent("sendgrid", "unreachable", "not reached"), rounds=1)
    live = in_mode(office, replace(TEST, mode="live"))
    live.work(rounds=5)
    assert live.provider.requests == []
    (entry,) = live.attempts()
    assert (entry.status, entry.error_code) == (Status.FAILED, "test_mode")
    assert "begun in test mode" in entry.error_message


class Asked(ScriptedProvider):
    """Notes whom it is asked about."""

    def __init__(self) -> None:
        super().__init__(lambda request: UnknownOutcome("twilio", "no_answer", "no answer"))
        self.about: list[str] = []

    async def find(
        self, request: SendRequest, since: datetime, reached: Mapping[str, Mapping[str, Any]]
    ) -> Sequence[DeliveryEvent] | None:
        self.about.append(request.recipient)
        return None


def test_a_lost_answer_is_asked_about_by_the_address_that_it_really_went_to(office: Office) -> None:
    provider = Asked()
    office.provider = provider
    office.put(message(channels=["sms"], customer={"phone": "+33639981201"}))
    office.send()
    assert office.attempts()[0].status is Status.UNKNOWN
    live = replace(TEST, mode="live")
    applying = Applying(office.database, live)
    asyncio.run(Asking(office.database, {"twilio": provider}, applying).about_unknown())
    assert provider.about == ["+33612345678"]


def test_a_retry_says_it_once_more_and_goes_to_the_test_address_again(office: Office) -> None:
    office.put(message())
    answers = iter([NotSent("sendgrid", "unreachable", "not reached"), Accepted("m-1")])
    office.queue()
    office.provider.script = lambda request: next(answers)
    office.work(rounds=3)
    assert [request.recipient for request in office.provider.requests] == ["qa@example.com"] * 2
    assert office.attempts()[0].note == SAYS
