"""e-invoice.be's webhooks: signed over the event written anew, and no more than a hint that there is news."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from commtui.config import Settings
from commtui.errors import BadSignature, Unreadable
from commtui.providers import wire
from commtui.providers.base import DeliveryEvent, RawWebhook

PATH = "/webhooks/peppol"
HINT_HOLDS = timedelta(days=7)
"""An older event is a replay, or says nothing that polling has not said since."""


class PeppolReceiver:
    """Verifies and reads e-invoice.be's webhooks: hints only, the event never says the state."""

    def __init__(self, settings: Settings) -> None:
        secrets = (item.strip() for item in settings.peppol.webhook_secret.split(","))
        self._secrets = [item.encode() for item in secrets if item]

    def verify(self, hook: RawWebhook) -> None:
        """Raise BadSignature unless a configured secret signed the event, written anew with its keys in order."""
        if not self._secrets:
            raise BadSignature("peppol.webhook_secret is not set")
        try:
            signed = json.dumps(_strict(hook.body), sort_keys=True).encode()
        except (TypeError, ValueError, RecursionError):
            raise BadSignature("the body is not plain JSON") from None
        given = hook.headers.get("x-signature", "").encode(errors="replace")
        fits = [
            hmac.compare_digest(
                given, b"sha256=" + hmac.new(key, signed, hashlib.sha256).hexdigest().encode()
            )
            for key in self._secrets
        ]
        if not any(fits):
            raise BadSignature("no configured secret made this signature")

    def parse(self, hook: RawWebhook) -> Sequence[DeliveryEvent]:
        """The hint of a verified call; raises Unreadable. An old one, or one about no document, asks nothing."""
        try:
            found = _strict(hook.body)
        except (TypeError, ValueError, RecursionError):
            raise Unreadable("the body is not plain JSON") from None
        data = found.get("data")
        reference = wire.text(data.get("document_id"), 200) if isinstance(data, dict) else ""
        at = wire.moment(found.get("created_at"), hook.received_at)
        fresh = hook.received_at - at <= HINT_HOLDS
        return [
            DeliveryEvent(
                kind=wire.text(found.get("type"), 60) or "unreadable",
                at=at,
                entry_id=None,
                provider_message_id=reference,
                recipient="",
                event_id=wire.text(found.get("id"), 200),
                payload=found,
                ask=fresh and bool(reference),
            )
        ]


def _strict(body: bytes) -> dict[str, Any]:
    """A JSON object that can be written in one way only: no duplicate keys, no NaN. Raises TypeError or ValueError."""
    found = json.loads(body, object_pairs_hook=_once, parse_constant=_refuse)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
