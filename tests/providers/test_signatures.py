"""Signatures: the published vectors pass, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from commtui.config import Secret, SendGrid, Settings, Twilio, Web
from commtui.errors import BadSignature
from commtui.providers.base import RawWebhook, Receiver
from commtui.providers.sendgrid import SendGridReceiver
from commtui.providers.twilio import TwilioReceiver

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures" / "signatures.json").read_text())
SENDGRID, TWILIO = VECTORS["sendgrid"], VECTORS["twilio"]
PREFIX = "x-twilio-email-event-webhook-"
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def name_of(vector: dict[str, Any]) -> str:
    return vector["name"]


def sendgrid_receiver(*keys: str) -> SendGridReceiver:
    return SendGridReceiver(Settings(sendgrid=SendGrid(webhook_public_key=Secret(", ".join(keys)))))


def sendgrid_hook(vector: dict[str, Any], **changes: Any) -> RawWebhook:
    headers = {
        PREFIX + "timestamp": changes.get("timestamp", vector["timestamp"]),
        PREFIX + "signature": changes.get("signature", vector["signature"]),
    }
    body = changes.get("body", base64.b64decode(vector["body_b64"]))
    return RawWebhook("/webhooks/sendgrid", headers, body, NOW)


def twilio_receiver(token: str, public_url: str = "https://hooks.example.test") -> TwilioReceiver:
    return TwilioReceiver(
        Settings(web=Web(public_url=public_url), twilio=Twilio(auth_token=Secret(token)))
    )


def twilio_hook(vector: dict[str, Any], **changes: Any) -> RawWebhook:
    parts = urlsplit(vector["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": changes.get("signature", vector["signature"]),
    }
    body = changes.get("body", vector["body"].encode())
    return RawWebhook(changes.get("path", path), headers, body, NOW)


def flipped(data: bytes) -> Iterator[bytes]:
    """The data with one bit changed, at every place."""
    for place in range(len(data)):
        yield data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def refuses(receiver: Receiver, hook: RawWebhook) -> bool:
    try:
        receiver.verify(hook)
    except BadSignature:
        return True
    return False


@pytest.mark.parametrize("vector", SENDGRID, ids=name_of)
def test_a_sendgrid_call_signed_by_any_of_our_keys_passes(vector: dict[str, Any]) -> None:
    other = base64.b64encode(
        base64.b64decode(SENDGRID[0]["public_key"])[:26]
        + bytes.fromhex(  # the curve's own generator point: a valid key that signed nothing here
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        )
    ).decode()
    sendgrid_receiver(vector["public_key"]).verify(sendgrid_hook(vector))
    sendgrid_receiver(other, vector["public_key"]).verify(sendgrid_hook(vector))
    assert refuses(sendgrid_receiver(other), sendgrid_hook(vector))


@pytest.mark.parametrize("vector", SENDGRID, ids=name_of)
def test_a_sendgrid_call_with_one_flipped_bit_is_refused(vector: dict[str, Any]) -> None:
    receiver = sendgrid_receiver(vector["public_key"])
    body = base64.b64decode(vector["body_b64"])
    for wrong in flipped(body):
        assert refuses(receiver, sendgrid_hook(vector, body=wrong))
    for wrong in flipped(vector["timestamp"].encode()):
        assert refuses(receiver, sendgrid_hook(vector, timestamp=wrong.decode()))
    for wrong in flipped(base64.b64decode(vector["signature"])):
        signature = base64.b64encode(wrong).decode()
        assert refuses(receiver, sendgrid_hook(vector, signature=signature))
    assert refuses(receiver, sendgrid_hook(vector, body=body.rstrip(b"\r\n")))


@pytest.mark.parametrize("signature", ["", "not base64!", "é", "AAAA"])
def test_a_sendgrid_signature_of_the_wrong_form_is_refused(signature: str) -> None:
    receiver = sendgrid_receiver(SENDGRID[0]["public_key"])
    assert refuses(receiver, sendgrid_hook(SENDGRID[0], signature=signature))


def test_without_a_sendgrid_key_every_call_is_refused() -> None:
    assert refuses(sendgrid_receiver(), sendgrid_hook(SENDGRID[0]))


@pytest.mark.parametrize("vector", TWILIO, ids=name_of)
@pytest.mark.parametrize("tokens", ["{}", "{},new", "new, {}"])
def test_a_twilio_call_signed_with_any_of_our_tokens_passes(
    vector: dict[str, Any], tokens: str
) -> None:
    twilio_receiver(tokens.format(vector["auth_token"])).verify(twilio_hook(vector))


@pytest.mark.parametrize("vector", TWILIO, ids=name_of)
def test_a_twilio_call_with_one_flipped_bit_is_refused(vector: dict[str, Any]) -> None:
    receiver = twilio_receiver(vector["auth_token"])
    for wrong in flipped(vector["body"].encode()):
        assert refuses(receiver, twilio_hook(vector, body=wrong))
    for wrong in flipped(vector["signature"].encode()):
        assert refuses(receiver, twilio_hook(vector, signature=wrong.decode()))
    for wrong in flipped(twilio_hook(vector).path.encode()):
        assert refuses(receiver, twilio_hook(vector, path=wrong.decode()))
    assert refuses(twilio_receiver("another token"), twilio_hook(vector))
    assert refuses(receiver, twilio_hook(vector, body=b"\xff%ff=%ff"))
    assert refuses(receiver, twilio_hook(vector, signature="é"))


def test_without_a_twilio_token_or_a_public_url_every_call_is_refused() -> None:
    vector = TWILIO[0]
    assert refuses(twilio_receiver(" , "), twilio_hook(vector))
    assert refuses(twilio_receiver(vector["auth_token"], ""), twilio_hook(vector))


def signed(token: str, url: str, fields: str = "") -> str:
    return base64.b64encode(
        hmac.new(token.encode(), (url + fields).encode(), "sha1").digest()
    ).decode()


@pytest.mark.parametrize(
    ("public_url", "signed_url"),
    [
        ("https://hooks.example.test/in/", "https://hooks.example.test/in/webhooks/x?entry=1"),
        ("https://hooks.example.test", "https://hooks.example.test:443/webhooks/x?entry=1"),
        ("https://hooks.example.test:443", "https://hooks.example.test/webhooks/x?entry=1"),
        ("https://hooks.example.test:8443", "https://hooks.example.test/webhooks/x?entry=1"),
        ("http://[::1]:8571", "http://[::1]:8571/webhooks/x?entry=1"),
        ("http://[::1]", "http://[::1]:80/webhooks/x?entry=1"),
        ("http://127.0.0.1", "http://127.0.0.1:80/webhooks/x?entry=1"),
    ],
)
def test_twilio_may_sign_the_public_url_with_or_without_its_port(
    public_url: str, signed_url: str
) -> None:
    headers = {"x-twilio-signature": signed("token", signed_url, "A1B")}
    hook = RawWebhook("/webhooks/x?entry=1", headers, b"A=1&B=", NOW)
    twilio_receiver("token", public_url).verify(hook)
    assert refuses(twilio_receiver("token", "https://elsewhere.example.test"), hook)


def test_a_json_body_is_covered_by_the_hash_in_the_signed_url() -> None:
    body = b'{"a": 1}'
    path = f"/webhooks/twilio/status?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {
        "content-type": "application/json",
        "x-twilio-signature": signed("token", "https://hooks.example.test" + path),
    }
    receiver = twilio_receiver("token")
    receiver.verify(RawWebhook(path, headers, body, NOW))
    assert refuses(receiver, RawWebhook(path, headers, body + b" ", NOW))
    unhashed = "/webhooks/twilio/status"
    headers["x-twilio-signature"] = signed("token", "https://hooks.example.test" + unhashed)
    assert refuses(receiver, RawWebhook(unhashed, headers, body, NOW))


def test_a_field_that_comes_twice_is_signed_once_per_value() -> None:
    headers = {"x-twilio-signature": signed("token", "https://hooks.example.test/x", "A1A2B3")}
    hook = RawWebhook("/x", headers, b"B=3&A=2&A=1&A=2", NOW)
    twilio_receiver("token").verify(hook)
