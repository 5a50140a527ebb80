"""Providers are asked about what they took, and a webhook's hint is never lost; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from commtui.domain.vocabulary import Status
from commtui.errors import NotSent, RateLimited
from commtui.providers.base import Accepted, SendRequest, Watch, Watched
from commtui.services.asking import Asking
from commtui.services.events import Applying
from commtui.store import matching, polls
from commtui.store.tables_delivery import poll
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
    matching.match_again(texts.database)
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


def settle(office: Office, entry_id: str, status: Status) -> None:
    office.report(office.event(entry_id, status), provider="twilio")


def overdue(office: Office) -> None:
    """It is high time to ask about everything."""
    with office.database.write() as connection:
        connection.execute(poll.update().values(due_at=office.database.now()))


def test_what_a_webhook_settled_is_not_asked_about(texts: Office) -> None:
    texts.send()
    settle(texts, texts.attempts()[0].id, Status.DELIVERED)
    overdue(texts)
    assert ask(texts, Asked()) == 0


def test_what_no_webhook_settled_is_asked_about(texts: Office) -> None:
    texts.send()
    settle(texts, texts.attempts()[0].id, Status.SENT)
    overdue(texts)
    assert ask(texts, Asked()) == 1


def test_two_workers_never_ask_about_the_same_message(texts: Office) -> None:
    texts.send()
    overdue(texts)
    seen: list[polls.Due] = []
    provider = Asked(lambda: seen.extend(polls.take(texts.database, "twilio", 20)))
    assert ask(texts, provider) == 1
    assert seen == []


class Broken(Asked):
    """Answers about the first message with something that nobody expects."""

    async def poll(self, watch: Watch) -> Watched:
        """A fault, once."""
        self.watched.append(watch)
        if len(self.watched) == 1:
            raise ValueError("an answer that cannot be read")
        return Watched((), None)


class Unreachable(Asked):
    """Cannot be asked at all."""

    async def poll(self, watch: Watch) -> Watched:
        """No connection."""
        self.watched.append(watch)
        raise NotSent("twilio", "connect")


@pytest.fixture
def three(office: Office) -> Office:
    """Three text messages that nobody reported on."""
    office.put(
        *(
            message(str(number), channels=["sms"], customer={"phone": f"+3361234567{number}"})
            for number in range(3)
        )
    )
    office.send()
    overdue(office)
    return office


def test_an_answer_that_cannot_be_read_holds_up_no_other(three: Office) -> None:
    provider = Broken()
    assert ask(three, provider) == 3
    assert len(provider.watched) == 3


def test_a_provider_that_cannot_be_asked_is_not_asked_about_the_rest(three: Office) -> None:
    provider = Unreachable()
    assert ask(three, provider) == 0
    assert len(provider.watched) == 1


def test_a_provider_that_asks_to_wait_is_asked_no_more_by_anybody(texts: Office) -> None:
    texts.send()
    entry_id = texts.attempts()[0].id

    def slow_down() -> None:
        raise RateLimited("twilio", "429", "slow down", 60.0)

    provider = Asked(slow_down)
    hint(texts, entry_id, number=1)
    assert ask(texts, provider) == 0
    hint(texts, entry_id, number=2)
    assert ask(texts, provider) == 0
    assert len(provider.watched) == 1
