"""Providers are asked about what they took, and a webhook's hint is never lost; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from commtui.domain.vocabulary import Status
from commtui.errors import RateLimited
from commtui.providers.base import Accepted, SendRequest, Watch, Watched
from commtui.services.asking import Asking
from commtui.services.events import Applying
from commtui.store import inbox
from tests.office import Office, ScriptedProvider, message

HOUR = 3600.0


class Asked(ScriptedProvider):
    """A provider that has no news; `meanwhile` happens while it is asked."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.meanwhile = meanwhile
        self.watched: list[Watch] = []

    async def poll(self, watch: Watch) -> Watched:
        """Nothing new; ask again in an hour."""
        self.watched.append(watch)
        self.meanwhile()
        return Watched((), HOUR)


def ask(office: Office, provider: Asked) -> int:
    """How many messages were asked about."""
    asking = Asking(
        office.database, {"twilio": provider}, Applying(office.database, office.settings)
    )
    return asyncio.run(asking.about_accepted())


def hint(office: Office, entry_id: str, number: int = 1, *, names: bool = True) -> None:
    """A webhook says that there is news; without `names` it knows the provider's id only."""
    event = office.event(
        entry_id if names else "",
        None,
        ask=True,
        event_id=f"hint-{number}",
        provider_message_id=f"m-{entry_id}",
    )
    office.report(event, provider="twilio")


@pytest.fixture
def texts(office: Office) -> Office:
    """A text message that can be sent."""
    office.put(
        message(channels=["sms"], customer={"id": "K-1", "name": "Léa", "phone": "+33612345678"})
    )
    return office


def test_a_hint_has_the_provider_asked_at_once(texts: Office) -> None:
    texts.send()
    provider = Asked()
    assert ask(texts, provider) == 0
    hint(texts, texts.attempts()[0].id)
    assert ask(texts, provider) == 1
    assert [watch.asked_for for watch in provider.watched] == [True]
    assert ask(texts, provider) == 0


@pytest.mark.parametrize("names", [True, False])
def test_a_hint_may_be_quicker_than_the_answer(texts: Office, names: bool) -> None:
    provider = Asked()

    def accepts(request: SendRequest) -> Accepted:
        entry_id = request.entry_id
        hint(texts, entry_id, names=names)
        return Accepted(f"m-{entry_id}")

    texts.send(script=accepts)
    inbox.match_again(texts.database)
    assert texts.line().status is Status.SENT
    assert ask(texts, provider) == 1


def test_a_hint_that_comes_while_the_provider_is_asked_has_it_asked_again(texts: Office) -> None:
    texts.send()
    entry_id = texts.attempts()[0].id
    provider = Asked(lambda: hint(texts, entry_id, number=2))
    hint(texts, entry_id, number=1)
    assert ask(texts, provider) == 1
    provider.meanwhile = lambda: None
    assert ask(texts, provider) == 1
    assert ask(texts, provider) == 0


def test_a_provider_that_asks_to_wait_is_asked_no_more_by_anybody(texts: Office) -> None:
    texts.send()
    entry_id = texts.attempts()[0].id

    def slow_down() -> None:
        raise RateLimited("twilio", "429", "slow down", 60.0)

    provider = Asked(slow_down)
    hint(texts, entry_id, number=1)
    assert ask(texts, provider) == 1
    hint(texts, entry_id, number=2)
    assert ask(texts, provider) == 0
    assert len(provider.watched) == 1
