"""Providers that take steps: what is committed when, who goes on after a crash, and what may become unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from commtui.config import Peppol, Ping, Secret
from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.vocabulary import Channel, Layer, Source, Status
from commtui.errors import NotSent, NotYet, Stopped, UnknownOutcome
from commtui.providers.base import Accepted, DeliveryEvent, SendRequest, Steps
from commtui.services.delivery import Delivery
from commtui.services.details import Details
from commtui.store import details, inbox, outbox, steps, wishes
from commtui.store.engine import Database
from commtui.store.tables import worker
from commtui.store.workers import Presence
from tests.office import SETTINGS, Office, message

INVOICE = {
    "role": "einvoice",
    "name": "i.xml",
    "media_type": "application/xml",
    "base64": "PHgvPg==",
}
LETTER = {"role": "letter", "name": "l.pdf", "media_type": "application/pdf", "base64": "JVBERg=="}
ADDRESS = {
    "street": "rue de la Paix",
    "number": "1",
    "zip": "75002",
    "city": "Paris",
    "country": "FR",
}
CONFIGURED = replace(
    SETTINGS,
    peppol=Peppol(api_key=Secret("k"), sender_id="0208:0202239951"),
    ping=Ping(client_id="a", client_secret=Secret("b"), organisation="c"),
)
Advance = Callable[[SendRequest, Steps], Awaitable[Accepted]]


class Scripted:
    """A provider whose steps are a function."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self.seen: list[Mapping[str, Mapping[str, Any]]] = []

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        return None

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        self.seen.append(dict(steps.reached))
        return await self._advance(request, steps)


class Stairs(Office):
    """An office whose e-invoices and letters are taken step by step."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CONFIGURED)

    def bring(self, **changes: Any) -> None:
        customer = {
            "einvoice": {"network": "peppol", "id": "0208:0202239951"},
            "address": ADDRESS,
        }
        self.put(message(channels=["einvoice"], documents=[INVOICE], customer=customer, **changes))

    def bring_letter(self) -> None:
        self.put(message(channels=["post"], documents=[LETTER], customer={"address": ADDRESS}))

    def run(self, advance: Advance, key: str = "peppol", rounds: int = 5) -> Scripted:
        provider = Scripted(advance)
        presence = Presence(self.database, "worker", 30.0)
        delivery = Delivery(self.database, self.settings, {key: provider}, presence.id)

        async def work() -> None:
            for _ in range(rounds):
                if not await delivery.step():
                    break
                await delivery.drain()

        asyncio.run(work())
        presence.end()
        return provider

    def words(self) -> list[str]:
        entry = self.attempts()[0].id
        with self.database.read() as connection:
            told = details.history(connection, [entry])[entry]
        return [item.word for item in told]


@pytest.fixture
def stairs(database: Database) -> Stairs:
    return Stairs(database)


async def straight(request: SendRequest, steps: Steps) -> Accepted:
    await steps.commit("checked", {"number": "1"}, "all is well")
    await steps.begin()
    return Accepted("doc-1")


def test_steps_are_committed_and_told_and_then_it_is_sent(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()
    stairs.run(straight)
    assert stairs.line().status is Status.SENT
    assert stairs.words() == ["bulk", "checked", "sending", "sent"]
    entry = stairs.attempts()[0].id
    with stairs.database.read() as connection:
        reached, begun = steps.reached(connection, [entry])
    assert reached[entry] == {"checked": {"number": "1"}}
    assert entry in begun


def test_a_later_try_goes_on_from_what_was_committed(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def waits(request: SendRequest, steps: Steps) -> Accepted:
        if "uploaded" not in steps.reached:
            await steps.commit("uploaded", {"id": "u-1"})
            raise NotYet("peppol", "validating", "", 0.001)
        await steps.begin()
        return Accepted(str(steps.reached["uploaded"]["id"]))

    provider = stairs.run(waits)
    assert [sorted(item) for item in provider.seen] == [[], ["uploaded"]]
    assert stairs.line().status is Status.SENT
    assert "try_again" not in stairs.words()


def test_an_answer_lost_before_the_step_that_counts_is_only_tried_again(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def lost(request: SendRequest, steps: Steps) -> Accepted:
        raise UnknownOutcome("peppol", "no_answer", "")

    stairs.run(lost, rounds=1)
    assert stairs.line().status is Status.QUEUED
    stairs.run(straight)
    assert stairs.line().status is Status.SENT


def test_an_answer_lost_after_it_is_unknown(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def lost(request: SendRequest, steps: Steps) -> Accepted:
        await steps.begin()
        raise UnknownOutcome("peppol", "no_answer", "")

    stairs.run(lost)
    assert stairs.line().status is Status.UNKNOWN


def test_a_check_on_the_way_stops_it_without_a_request(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def stopped(request: SendRequest, steps: Steps) -> Accepted:
        raise Stopped("peppol", "not_registered", "unheard of")

    stairs.run(stopped)
    assert (stairs.line().status, stairs.line().error_code) == (Status.FAILED, "not_registered")


def crash(stairs: Stairs, advance: Advance) -> None:
    """A worker that dies while its provider takes the steps."""
    reached = asyncio.Event()

    async def stuck(request: SendRequest, steps: Steps) -> Accepted:
        await advance(request, steps)
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    presence = Presence(stairs.database, "worker", 30.0)
    delivery = Delivery(stairs.database, stairs.settings, {"peppol": Scripted(stuck)}, presence.id)

    async def run() -> None:
        await delivery.step()
        await reached.wait()

    asyncio.run(run())
    with stairs.database.write() as connection:
        connection.execute(
            worker.update()
            .where(worker.c.id == presence.id)
            .values(alive_until=stairs.database.now() - timedelta(days=1))
        )


def test_what_a_dead_worker_only_prepared_is_repeated(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def prepared(request: SendRequest, steps: Steps) -> Accepted:
        await steps.commit("staged", {"id": "d-1"})
        return Accepted("never")

    crash(stairs, prepared)
    assert stairs.housekeeping.recover() == 1
    assert stairs.line().status is Status.QUEUED
    provider = stairs.run(straight)
    assert provider.seen[0]["staged"] == {"id": "d-1"}
    assert stairs.line().status is Status.SENT


def test_what_a_dead_worker_had_begun_is_unknown(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def begun(request: SendRequest, steps: Steps) -> Accepted:
        await steps.begin()
        return Accepted("never")

    crash(stairs, begun)
    assert stairs.housekeeping.recover() == 1
    assert stairs.line().status is Status.UNKNOWN


def test_an_unknown_that_is_certainly_not_there_is_sent_again_by_itself(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def lost(request: SendRequest, steps: Steps) -> Accepted:
        await steps.begin()
        raise UnknownOutcome("peppol", "no_answer", "")

    stairs.run(lost)
    outbox.not_sent_after_all(stairs.database, stairs.attempts()[0].id)
    stairs.run(straight)
    assert stairs.line().status is Status.SENT


def test_what_a_look_at_the_recipient_found_is_kept_for_the_next_message(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()

    async def looked(request: SendRequest, steps: Steps) -> Accepted:
        assert request.registration is None
        await steps.registered(
            Registration(Reachability.NOT_REGISTERED, stairs.database.now(), "unheard of")
        )
        raise Stopped("peppol", "not_registered", "unheard of")

    stairs.run(looked)
    with stairs.database.read() as connection:
        found = wishes.registrations(connection, ["peppol:0208:0202239951"])
    assert found["peppol:0208:0202239951"].outcome is Reachability.NOT_REGISTERED


def test_facts_by_layer_stay_in_the_history_and_move_the_status_only_when_they_say_so(
    stairs: Stairs,
) -> None:
    stairs.bring()
    stairs.queue()
    stairs.run(straight)
    entry = stairs.attempts()[0].id
    now = stairs.database.now()

    def fact(kind: str, layer: Layer, status: Status | None, seconds: int) -> DeliveryEvent:
        return DeliveryEvent(
            kind, now + timedelta(seconds=seconds), entry, "doc-1", "", status, layer=layer
        )

    events = [
        fact("SENT", Layer.TRANSPORT, Status.SENT, 1),
        fact("mls:AP", Layer.MESSAGE, None, 2),
        fact("imr:AP", Layer.BUSINESS, None, 3),
    ]
    assert inbox.learn(stairs.database, "peppol", events, Source.POLL) == 3
    assert inbox.learn(stairs.database, "peppol", events, Source.POLL) == 0
    assert stairs.line().status is Status.SENT
    assert stairs.words()[-3:] == ["SENT", "mls:AP", "imr:AP"]


def test_a_recipient_that_is_an_e_invoice_address_is_one_text_on_the_entry(stairs: Stairs) -> None:
    stairs.bring()
    stairs.queue()
    line = stairs.attempts()[0]
    assert (line.channel, line.provider) == (Channel.EINVOICE, "peppol")
    assert line.recipient == "peppol:0208:0202239951"
    assert json.dumps(line.recipient)


def test_rules_that_cannot_be_run_are_tried_again_and_the_panel_says_whom_to_tell(
    stairs: Stairs,
) -> None:
    async def crashed(request: SendRequest, steps: Steps) -> Accepted:
        raise NotSent("peppol", "rules_crashed", "Peppol BIS could not be run", 300.0)

    stairs.bring()
    stairs.queue()
    stairs.run(crashed)
    assert stairs.line().status is Status.QUEUED
    said = Details(stairs.database, UTC).summary(stairs.line().id).explanation
    assert said is not None
    assert "not sent yet. It is tried again at 20" in said.sentence
    assert "report it to whoever runs commtui" in said.advice
