"""Settings, requests and webhook calls as the provider tests need them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from commtui.config import Chorus, Peppol, Ping, Secret, SendGrid, Settings, Twilio, Web
from commtui.domain.vocabulary import Channel, Purpose
from commtui.providers.base import RawWebhook, SendRequest

ENTRY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
RECEIVED = dt.datetime(2026, 1, 15, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        web=Web(public_url="https://hooks.example.test/commtui/"),
        sendgrid=SendGrid(
            api_key=Secret("SG.key"), from_email="billing@example.com", from_name="ACME"
        ),
        twilio=Twilio(account_sid="AC1", auth_token=Secret("new, old"), from_="ACME"),
        ping=Ping(client_id="app", client_secret=Secret("ping-secret"), organisation="org"),
        chorus=Chorus(
            client_id="app",
            client_secret=Secret("piste-secret"),
            login="TECH_1_x@cpro.fr",
            password=Secret("chorus-password"),
        ),
        peppol=Peppol(api_key=Secret("peppol-key"), sender_id="0208:0202239951"),
    )


@pytest.fixture
def make_request() -> Callable[..., SendRequest]:
    def make(channel: Channel, **values: Any) -> SendRequest:
        defaults: dict[str, Any] = {
            "entry_id": ENTRY,
            "channel": channel,
            "recipient": "client@example.com" if channel is Channel.EMAIL else "+46701740605",
            "recipient_name": "Client",
            "subject": "Invoice 12345",
            "text": "Please pay.",
            "html": "",
            "documents": (),
            "kind": "invoice",
            "purpose": Purpose.TRANSACTIONAL,
            "country": "FR",
            "created_at": RECEIVED,
        }
        return SendRequest(**{**defaults, **values})

    return make


@pytest.fixture
def make_hook() -> Callable[..., RawWebhook]:
    def make(path: str, body: bytes, **headers: str) -> RawWebhook:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return RawWebhook(path, named, body, RECEIVED)

    return make
