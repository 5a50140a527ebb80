"""Errands: what operators ask of a provider, run by a worker, and what the details say of it; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from commtui.config import Ping, Secret
from commtui.domain.views import ErrandView
from commtui.domain.vocabulary import Channel, Status
from commtui.errors import NotSent, ProviderError, Refused, Rejected
from commtui.providers.base import DeliveryEvent, SendRequest, Watch
from commtui.services.dispatch import Dispatch
from commtui.services.errands import Errands
from commtui.services.events import Applying
from commtui.services.showing import Showing
from commtui.services.wishing import Wishing
from tests.services.conftest import SETTINGS, Office

WITH_PING = replace(SETTINGS, ping=Ping("app", Secret("secret"), "organisation"))


class Printer:
    """A provider of letters that answers a cancellation as it is told to."""

    def __init__(self, answer: ProviderError | None = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """Nothing is ever wrong with a letter."""
        return None

    async def cancel(self, watch: Watch) -> Sequence[DeliveryEvent]:
        """Take it on, or not."""
        self.asked.append(watch.provider_message_id)
        if self.answer is not None:
            raise self.answer
        now = watch.accepted_at
        return [
            DeliveryEvent(
                "cancelling", now, watch.entry_id, watch.provider_message_id, recipient=""
            )
        ]


class Desk:
    """An operator who had a letter sent, and a worker for errands."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.dispatch = Dispatch(office.database, WITH_PING)
        office.dispatch = self.dispatch
        office.bring(channels=["post"])
        self.entry = office.send("12345", Channel.POST)
        office.learn(self.entry, Status.SENT, provider_message_id="P-1")
        self.wishes = Wishing(office.database, WITH_PING, office.author, self.dispatch)

    def ask(self) -> ErrandView:
        """Ask for the letter to be stopped; what the details say of it."""
        self.wishes.cancel(self.entry, "wrong enclosure")
        return self.told()

    def told(self) -> ErrandView:
        """The errand as the details show it."""
        (errand,) = self.office.details.details(self.entry).errands
        return errand

    def work(self, provider: Printer) -> int:
        """Run what is due; returns how many."""
        applying = Applying(self.office.database, WITH_PING)
        errands = Errands(self.office.database, {"ping": provider}, applying)
        return asyncio.run(errands.step())


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def test_details_say_who_asked_and_that_it_waits(desk: Desk) -> None:
    errand = desk.ask()
    assert (errand.kind, errand.provider, errand.operator) == ("cancel", "ping", "rosa")
    assert (errand.reason, errand.state, errand.done_at) == ("wrong enclosure", "open", None)
    desk.ask()
    assert desk.office.details.details(desk.entry).attempt.line.status is Status.SENT


def test_a_provider_that_takes_it_on_is_asked_once_and_the_details_say_so(desk: Desk) -> None:
    desk.ask()
    provider = Printer()
    assert desk.work(provider) == 1
    assert desk.work(provider) == 0
    assert provider.asked == ["P-1"]
    errand = desk.told()
    assert (errand.state, errand.words) == ("done", "cancelling")
    assert errand.done_at is not None
    details = desk.office.details.details(desk.entry)
    assert "cancelling" in [item.word for item in details.history]
    assert details.attempt.line.status is Status.SENT
    (told,) = Showing(desk.office.database).show(desk.entry)["entries"][0]["errands"]
    assert (told["kind"], told["state"]) == ("cancel", "done")


def test_a_refusal_is_told_with_the_providers_words(desk: Desk) -> None:
    desk.ask()
    desk.work(Printer(Rejected("ping", "too_late_to_cancel", "Ping says: printing.")))
    errand = desk.told()
    assert errand.state == "refused"
    assert errand.words.startswith("It is too late to cancel")
    assert errand.words.endswith("Ping says: printing.")
    assert desk.office.line().status is Status.SENT


def test_a_provider_that_cannot_be_asked_is_asked_again(desk: Desk) -> None:
    desk.ask()
    provider = Printer(NotSent("ping", "connection_refused", "nobody answers"))
    desk.work(provider)
    errand = desk.told()
    assert (errand.state, errand.words, errand.done_at) == ("open", "nobody answers", None)


def test_only_what_is_accepted_can_be_stopped(desk: Desk) -> None:
    desk.office.learn(desk.entry, Status.DELIVERED)
    with pytest.raises(Refused, match="not delivered yet"):
        desk.ask()
