"""The webhook calls of the practice network's Ping: what they hold, and how they are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from commtui.demo.callbacks import Callbacks
from commtui.demo.ledger import PracticeAccount
from commtui.demo.scenario import Later

PATH = "/webhooks/ping"
_CATEGORIES: Mapping[str, str] = {
    "sent": "sent",
    "delivered": "delivered",
    "undeliverable": "undeliverable",
    "awaiting_credits": "issues",
    "valid again": "issues",
    "held": "issues",
    "invalid": "issues",
    "action_required": "issues",
    "unprintable": "issues",
    "rejected": "issues",
    "expired": "issues",
}
"""The webhook's category by what happened; everything else is told to nobody."""
_ORDINARY = frozenset({"transferred_to_distributor", "sent"})
"""Event codes of a letter that was sent; another one is an issue."""


class PingHooks:
    """Tells the web receiver what happened to a letter."""

    def __init__(self, account: PracticeAccount, callbacks: Callbacks) -> None:
        self._account = account
        self._callbacks = callbacks

    def tell(self, letter: Mapping[str, Any], event: Mapping[str, Any], later: Later) -> None:
        """Call the webhook of the category that this belongs to, if there is one."""
        category = _CATEGORIES.get(later.kind)
        if category is None:
            return
        if category == "sent" and event["attributes"]["code"] not in _ORDINARY:
            category = "issues"
        body = self._body(category, letter, event, later.fields)
        headers = {
            "Content-Type": "application/vnd.api+json",
            "User-Agent": "Ping webhooks",
            "Signature": signature(self._account.ping_webhook_key, body),
        }
        self._callbacks.deliver(PATH, body, headers)

    def _body(
        self,
        category: str,
        letter: Mapping[str, Any],
        event: Mapping[str, Any],
        fields: Mapping[str, str],
    ) -> bytes:
        attributes: dict[str, Any] = {
            "url": "https://hooks.example.com/ping",
            "created_at": stamp(),
        }
        if category in ("issues", "undeliverable"):
            attributes["reason"] = fields.get("reason", "")
        if category == "undeliverable":
            names = ("name", "street", "number", "zip", "city")
            corrected = {name: fields[name] for name in names if name in fields}
            attributes["corrected_address"] = corrected or None
        about = {"data": {"type": "letters", "id": letter["id"]}}
        organisation = {"type": "organisations", "id": self._account.ping_organisation}
        said = {
            "data": {
                "type": f"webhook_{category}",
                "id": str(uuid.uuid4()),
                "attributes": attributes,
                "relationships": {
                    "organisation": {"data": organisation},
                    "deliverable": about,
                    "letter": about,
                    "event": {"data": {"type": "deliverables_events", "id": event["id"]}},
                },
            },
            "included": [organisation, letter, event, {**event, "type": "deliverables_events"}],
        }
        return json.dumps(said).replace("/", "\\/").encode("ascii")


def signature(key: str, body: bytes) -> str:
    """What stands in the header Signature."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def stamp(at: datetime | None = None) -> str:
    """An instant as Ping writes it."""
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S%z")
