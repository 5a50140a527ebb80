"""Key rotation: with two keys set, calls signed with either are taken, at every provider that signs its calls."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from commtui.config import Peppol as PeppolSettings
from commtui.config import Ping, Secret, SendGrid, Settings, Twilio, Web
from commtui.demo.callbacks import SigningKey, twilio_signature
from commtui.errors import BadSignature
from commtui.providers import registry
from commtui.providers.base import Capability, RawWebhook

URL = "https://hooks.example.com"
NOW = datetime(2026, 1, 15, tzinfo=UTC)
KEYS = {name: SigningKey() for name in ("old", "new", "foreign")}
PREFIX = "x-twilio-email-event-webhook-"


def _sendgrid(name: str) -> tuple[bytes, Mapping[str, str]]:
    body = b'[{"event":"delivered"}]\r\n'
    return body, {PREFIX + "timestamp": "1", PREFIX + "signature": KEYS[name].sign(b"1" + body)}


def _twilio(name: str) -> tuple[bytes, Mapping[str, str]]:
    signature = twilio_signature(name, f"{URL}/webhooks/twilio/status", {"MessageSid": "SM1"})
    form = "application/x-www-form-urlencoded"
    return b"MessageSid=SM1", {"x-twilio-signature": signature, "content-type": form}


def _ping(name: str) -> tuple[bytes, Mapping[str, str]]:
    body = b'{"data":{"type":"webhook_sent"}}'
    return body, {"signature": hmac.new(name.encode(), body, hashlib.sha256).hexdigest()}


def _peppol(name: str) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps({"data": {}, "type": "document.sent"}, sort_keys=True).encode()
    digest = hmac.new(name.encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-signature": f"sha256={digest}"}


def _public(names: str) -> str:
    return ", ".join(KEYS[name].public_key for name in names.split(", "))


@dataclass(frozen=True)
class Signer:
    """How a provider signs with a key, and how its keys are set."""

    sign: Callable[[str], tuple[bytes, Mapping[str, str]]]
    settings: Callable[[str], Settings]


SIGNERS = {
    "sendgrid": Signer(
        _sendgrid,
        lambda names: Settings(sendgrid=SendGrid(webhook_public_key=Secret(_public(names)))),
    ),
    "twilio": Signer(
        _twilio,
        lambda names: Settings(web=Web(public_url=URL), twilio=Twilio(auth_token=Secret(names))),
    ),
    "ping": Signer(_ping, lambda names: Settings(ping=Ping(webhook_key=Secret(names)))),
    "peppol": Signer(
        _peppol, lambda names: Settings(peppol=PeppolSettings(webhook_secret=Secret(names)))
    ),
}


def taken(key: str, configured: str, signed_with: str) -> bool:
    spec, signer = registry.by_key(key), SIGNERS[key]
    assert spec.receiver is not None
    body, headers = signer.sign(signed_with)
    hook = RawWebhook(spec.webhook_paths[0], headers, body, NOW)
    try:
        spec.receiver(signer.settings(configured)).verify(hook)
    except BadSignature:
        return False
    return True


def test_every_provider_that_calls_is_here() -> None:
    calling = {spec.key for spec in registry.SPECS if Capability.WEBHOOK in spec.capabilities}
    assert set(SIGNERS) == calling


def test_every_provider_that_calls_says_what_its_calls_need() -> None:
    for spec in registry.SPECS:
        assert (spec.calls is not None) == (Capability.WEBHOOK in spec.capabilities), spec.key
        if spec.calls is not None:
            section, _, name = spec.calls.key.partition(".")
            assert hasattr(getattr(Settings(), section), name), spec.calls.key


@pytest.mark.parametrize("key", sorted(SIGNERS))
def test_while_a_key_is_rotated_either_is_taken_and_afterwards_the_new_one_only(key: str) -> None:
    assert taken(key, "old", "old")
    assert not taken(key, "old", "new")
    for signed_with in ("old", "new"):
        assert taken(key, "new, old", signed_with)
        assert taken(key, "old, new", signed_with)
    assert not taken(key, "new, old", "foreign")
    assert not taken(key, "new", "old")


def test_while_twilios_token_is_rotated_the_first_one_sends() -> None:
    from commtui.providers.twilio import TwilioProvider

    settings = SIGNERS["twilio"].settings("new, old")
    provider = TwilioProvider(
        replace(settings, twilio=replace(settings.twilio, account_sid="AC0")),
        None,  # type: ignore[arg-type]
    )
    assert provider._auth == ("AC0", "new")
