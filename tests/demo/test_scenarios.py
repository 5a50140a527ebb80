"""Every row of the scenario table: real adapter, real wire, verified callbacks, and what an operator is told."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commtui.demo.scenario import First, Scenario
from commtui.demo.scenarios import SCENARIOS, scenario_for
from commtui.domain.recipients import email_address, phone_number
from commtui.domain.vocabulary import Channel, ErrorClass, Purpose, Status
from commtui.errors import AccountTrouble, ProviderError, RateLimited, Rejected, UnknownOutcome
from commtui.providers.base import Accepted, Capability, DeliveryEvent, Provider, SendRequest, Watch
from commtui.providers.registry import by_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST: dict[First, type[ProviderError]] = {
    First.ACCOUNT: AccountTrouble,
    First.RATE_LIMITED: RateLimited,
    First.REJECTED: Rejected,
    First.UNKNOWN: UnknownOutcome,
}
RANK = [
    Status.SENT,
    Status.DELIVERED,
    Status.UNKNOWN,
    Status.FAILED,
    Status.UNDELIVERED,
    Status.DROPPED,
    Status.BLOCKED,
    Status.BOUNCED,
]


def request_for(scenario: Scenario) -> SendRequest:
    return SendRequest(
        entry_id=str(uuid.uuid4()),
        channel=by_key(scenario.provider).channel,
        recipient=scenario.recipient(),
        recipient_name="Customer",
        subject="Invoice 12345",
        text=f"Please pay what {scenario.name} owes.",
        html="",
        documents=(),
        kind="invoice",
        purpose=Purpose.TRANSACTIONAL,
        country="FR",
        created_at=datetime.now(UTC),
    )


async def attempt(provider: Provider, request: SendRequest) -> Accepted | ProviderError:
    try:
        return await provider.send(request)
    except ProviderError as error:
        return error


def verified_events(practice: Any, request: SendRequest) -> list[DeliveryEvent]:
    """Every event of a recipient, from calls whose signature is right."""
    found = []
    for hook in practice.catcher.calls:
        spec = next(
            spec
            for spec in map(by_key, ("sendgrid", "twilio"))
            if hook.path.partition("?")[0] in spec.webhook_paths
        )
        assert spec.receiver is not None
        receiver = spec.receiver(practice.settings)
        receiver.verify(hook)
        found += [event for event in receiver.parse(hook) if event.recipient == request.recipient]
    return found


def worst(events: Sequence[DeliveryEvent]) -> DeliveryEvent:
    return max(events, key=lambda event: RANK.index(event.status) if event.status else -1)


SIMPLE = [row for row in SCENARIOS if Capability.STEPS not in by_key(row.provider).capabilities]
"""Rows of providers with one step; those with several have tests of their own beside this one."""


@pytest.mark.parametrize("scenario", SIMPLE, ids=lambda row: f"{row.provider} {row.name}")
async def test_a_scenario_ends_as_its_row_says(practice: Any, scenario: Scenario) -> None:
    spec = by_key(scenario.provider)
    assert spec.create is not None
    provider = spec.create(practice.settings, practice.http)
    request = request_for(scenario)
    assert provider.check(request) is None

    outcome = await attempt(provider, request)
    if scenario.first is First.ACCEPTED:
        assert isinstance(outcome, Accepted)
    else:
        assert type(outcome) is FIRST[scenario.first]
        assert outcome.code == scenario.first_code
        problem = spec.explain(Status.QUEUED, outcome.code, outcome.words)
        assert problem.sentence

    tries = 1
    while isinstance(outcome, AccountTrouble | RateLimited):
        outcome = await attempt(provider, request)
        tries += 1
        assert tries <= 3
    taken = [it for it in practice.network.accepted if it.entry_id == request.entry_id]

    if scenario.status in (Status.REJECTED, Status.UNKNOWN) and not scenario.events:
        assert taken == []
        assert isinstance(outcome, ProviderError)
        problem = spec.explain(scenario.status, outcome.code, outcome.words)
        assert (problem.error_class, outcome.code) == (scenario.error_class, scenario.code)
        assert problem.advice
        return

    expected = sum(later.copies for later in scenario.events)
    await practice.until(lambda: len(verified_events(practice, request)) >= expected)
    events = verified_events(practice, request)
    assert len(events) == expected
    assert [message.recipient for message in taken] == [request.recipient]
    without_id = sum(bool(later.without) for later in scenario.events)
    assert sum(event.entry_id == request.entry_id for event in events) == expected - without_id
    known = {event.provider_message_id for event in events if event.provider_message_id}
    assert known == {taken[0].provider_message_id}
    if isinstance(outcome, Accepted):
        assert outcome.provider_message_id == taken[0].provider_message_id

    last = worst(events)
    assert (last.status, last.error_class, last.code) == (
        scenario.status,
        scenario.error_class,
        scenario.code,
    )
    if scenario.error_class is not None:
        problem = spec.explain(scenario.status, scenario.code, last.words)
        assert problem.error_class is scenario.error_class
        assert problem.sentence
        assert problem.advice


async def test_a_text_message_whose_answer_was_lost_is_found_and_polled(practice: Any) -> None:
    scenario = next(
        row for row in SCENARIOS if (row.provider, row.name) == ("twilio", "lost answer")
    )
    provider: Any = by_key("twilio").create(practice.settings, practice.http)  # type: ignore[misc]
    base = request_for(scenario)
    request = SendRequest(
        **{
            **{name: getattr(base, name) for name in SendRequest.__slots__},
            "recipient": scenario.recipient(1),
        }
    )
    since = datetime.now(UTC)
    assert await provider.find(request, since, {}) is None
    with pytest.raises(UnknownOutcome):
        await provider.send(request)
    (event,) = await provider.find(request, since, {})
    assert event.entry_id == request.entry_id
    assert await provider.find(request, since + timedelta(hours=1), {}) is None

    polled: list[DeliveryEvent] = []
    while not polled or polled[0].status is not Status.DELIVERED:
        watch = Watch(request.entry_id, event.provider_message_id, since, 0, {})
        polled = list((await provider.poll(watch)).events)
    assert polled[0].provider_message_id == event.provider_message_id

    await provider.send(request)
    assert (
        len({found.provider_message_id for found in await provider.find(request, since, {})}) == 2
    )


async def test_a_message_on_a_later_page_of_the_list_is_found(practice: Any) -> None:
    scenario = next(row for row in SCENARIOS if (row.provider, row.name) == ("twilio", "delivered"))
    provider: Any = by_key("twilio").create(practice.settings, practice.http)  # type: ignore[misc]
    since = datetime.now(UTC)
    base = {name: getattr(request_for(scenario), name) for name in SendRequest.__slots__}
    base["recipient"] = scenario.recipient(3)
    wanted = SendRequest(**{**base, "text": "the first of many"})
    await provider.send(wanted)
    for number in range(205):
        await provider.send(SendRequest(**{**base, "text": f"another, {number}"}))
    (event,) = await provider.find(wanted, since, {})
    assert event.entry_id == wanted.entry_id


async def test_every_row_is_chosen_by_valid_recipients_of_its_own() -> None:
    for scenario in SCENARIOS:
        for number in (0, 1, 7):
            recipient = scenario.recipient(number)
            assert scenario_for(scenario.provider, recipient) is scenario
            if by_key(scenario.provider).channel is Channel.EMAIL:
                assert email_address(recipient).address == recipient
            elif by_key(scenario.provider).channel is Channel.SMS:
                assert phone_number(recipient, "FR") == recipient
        assert len({scenario.recipient(number) for number in range(12)}) == 12
    keys = [(scenario.provider, scenario.tag) for scenario in SCENARIOS]
    assert len(set(keys)) == len(keys)


async def test_everybody_else_is_reached() -> None:
    for recipient in ("client@example.com", "client+unheard-of@example.com"):
        assert scenario_for("sendgrid", recipient).status is Status.DELIVERED
    for recipient in ("+33612345650", "+46701740699", "+12025550250"):
        assert scenario_for("twilio", recipient).status is Status.DELIVERED


async def test_the_table_has_every_class_of_failure() -> None:
    assert {scenario.error_class for scenario in SCENARIOS} == {None, *ErrorClass}
