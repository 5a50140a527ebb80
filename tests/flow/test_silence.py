"""A provider whose webhooks never arrive is one finding, with what would bring them; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from commtui.bootstrap import open_desk
from commtui.config import Database as DatabaseSettings
from commtui.config import Ping, Secret, SendGrid, Settings, Twilio, Web
from commtui.demo.callbacks import SigningKey, twilio_signature
from commtui.domain.views import Finding
from commtui.domain.vocabulary import Source, Status
from commtui.providers.base import RawWebhook
from commtui.services.events import Receiving
from commtui.services.silence import Silence
from commtui.store import findings, inbox, providers_state
from commtui.store.engine import Database
from commtui.store.workers import Presence
from tests.office import SETTINGS, Office, message

KEYED = replace(
    SETTINGS,
    sendgrid=replace(SETTINGS.sendgrid, webhook_public_key=Secret(SigningKey().public_key)),
    ping=Ping(client_id="c", client_secret=Secret("s"), organisation="o"),
)
QUARTER = timedelta(minutes=16)


class Later:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.base: Database | None = None

    def __call__(self) -> datetime:
        assert self.base is not None
        return self.base.now() + self.ahead


class Watched:
    """An office whose worker looks out for silent providers, at times of the test's choice."""

    def __init__(self, url: str, base: Database) -> None:
        self.clock = Later()
        self.clock.base = base
        self.database = Database(url, self.clock)
        self.office = Office(self.database, KEYED)

    def send(self, count: int = 3, **fields: Any) -> None:
        start = len(self.office.lines())
        self.office.put(*(message(str(start + number), **fields) for number in range(count)))
        self.office.send()

    def after(self, wait: timedelta) -> None:
        self.clock.ahead += wait

    def look(self, settings: Settings = KEYED) -> list[Finding]:
        Silence(self.database, settings).step()
        with self.database.read() as connection:
            return findings.standing(connection)

    def called(self, provider: str = "sendgrid") -> None:
        hook = RawWebhook(f"/webhooks/{provider}", {}, b"[]", self.database.now())
        inbox.store(self.database, provider, hook, {})


@pytest.fixture
def watched(database_url: str, database: Database) -> Any:
    made = Watched(database_url, database)
    yield made
    made.database.close()


def test_nobody_is_silent_too_early_or_after_too_little(watched: Watched) -> None:
    watched.send(3)
    assert watched.look() == []
    watched.send(2, channels=["sms"], customer={"phone": "+33612345678"})
    watched.after(QUARTER)
    assert [item.name for item in watched.look()] == ["calls:sendgrid"]


def test_a_silent_provider_is_one_finding_until_it_calls(watched: Watched) -> None:
    watched.send(5)
    watched.after(QUARTER)
    (found,) = watched.look()
    assert found.sentence == "no webhooks from SendGrid"
    watched.after(QUARTER)
    assert watched.look() == [found]
    watched.called("twilio")
    assert watched.look() == [found]
    watched.called()
    assert watched.look() == []


def test_one_that_calls_no_more_is_found_as_well(watched: Watched) -> None:
    watched.send()
    watched.called()
    watched.after(QUARTER)
    assert watched.look() == []
    watched.send()
    watched.after(QUARTER)
    assert len(watched.look()) == 1


def test_what_polling_learns_meanwhile_does_not_take_the_finding_back(watched: Watched) -> None:
    watched.send(3, channels=["sms"], customer={"phone": "+33612345678"})
    watched.after(QUARTER)
    assert len(watched.look()) == 1
    office = watched.office
    for line in office.lines():
        entry_id = office.attempts(line.reference)[0].id
        event = office.event(entry_id, Status.DELIVERED)
        inbox.learn(watched.database, "twilio", [event], Source.POLL)
    assert len(watched.look()) == 1


def remedy(watched: Watched, settings: Settings) -> str:
    (found,) = watched.look(settings)
    return found.advice


def test_the_remedy_is_the_one_that_helps(watched: Watched) -> None:
    watched.send()
    watched.after(QUARTER)
    keyless = replace(KEYED, sendgrid=SendGrid(Secret("SG"), from_email="a@example.com"))
    assert "set sendgrid.webhook_public_key" in remedy(watched, keyless)
    assert remedy(watched, KEYED) == "start the web receiver: commtui up"
    web = Presence(watched.database, "web", 1e9)
    assert remedy(watched, KEYED).endswith("https://hooks.example.com/webhooks/sendgrid")
    for _ in range(2):
        providers_state.count_bad_signature(watched.database, "sendgrid")
    assert (
        remedy(watched, KEYED) == "2 refused for their signature: check sendgrid.webhook_public_key"
    )
    web.end()


def test_without_a_public_url_twilio_cannot_call(watched: Watched) -> None:
    watched.send(3, channels=["sms"], customer={"phone": "+33612345678"})
    watched.after(QUARTER)
    assert remedy(watched, replace(KEYED, web=Web())).startswith("set web.public_url")


def test_one_that_is_polled_anyway_owes_nothing_until_its_key_is_set(watched: Watched) -> None:
    assert watched.look(replace(KEYED, twilio=Twilio())) == []
    assert Silence(watched.database, KEYED).expected == ("sendgrid", "twilio")
    keyed = replace(KEYED, ping=replace(KEYED.ping, webhook_key=Secret("k")))
    assert Silence(watched.database, keyed).expected == ("sendgrid", "twilio", "ping")


def test_a_provider_that_is_not_set_up_any_more_is_not_found_silent(watched: Watched) -> None:
    watched.send()
    watched.after(QUARTER)
    assert len(watched.look()) == 1
    assert watched.look(replace(KEYED, sendgrid=SendGrid())) == []


def test_the_desk_says_what_is_found(watched: Watched, database_url: str) -> None:
    watched.send()
    watched.after(QUARTER)
    found = watched.look()
    desk = open_desk(replace(KEYED, database=DatabaseSettings(Secret(database_url))))
    assert list(desk.health().findings) == found
    desk.close()


def test_a_call_that_comes_through_the_receiver_ends_it(watched: Watched) -> None:
    watched.send(3, channels=["sms"], customer={"phone": "+33612345678"})
    watched.after(QUARTER)
    assert len(watched.look()) == 1
    path = "/webhooks/twilio/status"
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    signature = twilio_signature("token", f"https://hooks.example.com{path}", form)
    headers = {
        "x-twilio-signature": signature,
        "content-type": "application/x-www-form-urlencoded",
    }
    watched.after(timedelta(seconds=1))
    hook = RawWebhook(path, headers, urlencode(form).encode(), watched.database.now())
    Receiving(watched.database, KEYED).take(path, hook)
    assert watched.look() == []
