"""The letters of the practice network's Ping: drafts that are read, and what becomes of those that are sent off."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commtui.demo import ping_reading
from commtui.demo.callbacks import Callbacks
from commtui.demo.ping_hooks import PingHooks, stamp
from commtui.demo.ping_scenarios import DRAFT_KINDS, scenario_of
from commtui.demo.scenario import Later, Scenario

READING_SECONDS = 0.2
CANCELLING_SECONDS = 0.4
CANCELLABLE = frozenset({"submitted", "awaiting_credits", "accepted", "inspection", "processing"})
CHOICES: Mapping[str, frozenset[str]] = {
    "delivery_product": frozenset({"fast", "cheap", "bulk", "premium", "registered"}),
    "print_mode": frozenset({"simplex", "duplex"}),
    "print_spectrum": frozenset({"grayscale", "color"}),
}
"""What a letter is ordered with; all three are wanted when it is sent off."""
_INSIDE: Mapping[str, str] = {"valid again": "valid", "held": "action_required"}
"""Kinds that stand for a status which a draft has as well."""


@dataclass(slots=True)
class PracticeLetter:
    """A letter as the stand-in keeps it."""

    id: str
    scenario: Scenario
    content: bytes = field(repr=False)
    attributes: dict[str, Any]
    wrong: str
    """The event code of what is wrong with its file; empty: nothing."""
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Where it stands."""
        return str(self.attributes["status"])

    def become(self, status: str, code: str, reason: str = "") -> dict[str, Any]:
        """Move on, with a line in its history, which is returned."""
        self.attributes.update(status=status, updated_at=stamp())
        attributes = {
            "code": code,
            "name": reason or code.replace("_", " ").capitalize(),
            "producer": "Ping",
            "location": "",
            "has_image": code == "undeliverable",
            "emitted_at": stamp(),
            "created_at": stamp(),
        }
        event = {"id": str(uuid.uuid4()), "type": "letters_events", "attributes": attributes}
        self.events.append(event)
        return event

    def resource(self) -> dict[str, Any]:
        """Its form on the wire."""
        able = {
            "cancel": "ok" if self.status in CANCELLABLE else "state",
            "submit": "ok" if self.status == "valid" else "state",
        }
        return {
            "id": self.id,
            "type": "letters",
            "attributes": dict(self.attributes),
            "links": {"self": f"/letters/{self.id}"},
            "meta": {"abilities": {"self": able}},
        }


class LetterLives:
    """Lets happen to letters what their scenarios say, and tells it by webhook."""

    def __init__(self, callbacks: Callbacks, hooks: PingHooks) -> None:
        self._callbacks = callbacks
        self._hooks = hooks

    async def draft(self, asked: Mapping[str, Any], content: bytes) -> PracticeLetter:
        """A draft from an uploaded file; `read` validates it."""
        found = await asyncio.to_thread(ping_reading.read, content, asked["address_position"])
        attributes = {
            "status": "validating",
            "file_original_name": asked["file_original_name"],
            "file_pages": found.pages or None,
            "address": found.address or None,
            "address_position": asked["address_position"],
            "country": found.country or None,
            **{name: asked.get(name) for name in CHOICES},
            "price_currency": "EUR",
            "price_value": None,
            "source": "api",
            "tracking_number": None,
            "submitted_at": None,
            "created_at": stamp(),
            "updated_at": stamp(),
        }
        letter = PracticeLetter(
            str(uuid.uuid4()), scenario_of(found.address), content, attributes, found.code
        )
        letter.become("validating", "created")
        return letter

    def read(self, letter: PracticeLetter) -> None:
        """The draft's validation: what stands in the file, or what the scenario says of it."""
        said = next((item for item in letter.scenario.events if item.kind in DRAFT_KINDS), None)
        if letter.wrong:
            said = Later("invalid", READING_SECONDS, {"code": letter.wrong})
        elif not letter.attributes["address"]:
            fields = {"code": "content_failed_inspection", "reason": "No address in the window"}
            said = Later("action_required", READING_SECONDS, fields)
        self._callbacks.start(self._validated(letter, said or Later("valid", READING_SECONDS)))

    def send_off(self, letter: PracticeLetter, asked: Mapping[str, Any]) -> None:
        """Print it, and let follow what the scenario says."""
        letter.attributes.update({name: asked[name] for name in CHOICES})
        letter.attributes["submitted_at"] = stamp()
        letter.become("submitted", "submitted")
        for later in letter.scenario.events:
            if later.kind not in DRAFT_KINDS:
                self._callbacks.start(self._happen(letter, later))

    def cancel(self, letter: PracticeLetter) -> None:
        """Stop it."""
        letter.become("cancelling", "cancellation_requested")
        fields = {"code": "cancellation_completed"}
        self._callbacks.start(self._happen(letter, Later("cancelled", CANCELLING_SECONDS, fields)))

    async def _validated(self, letter: PracticeLetter, said: Later) -> None:
        await self._callbacks.wait(said.after)
        letter.attributes["address"] = said.fields.get("address", letter.attributes["address"])
        if said.kind == "valid":
            letter.attributes.update(status="valid", price_value=1.68, updated_at=stamp())
        else:
            self._tell(letter, said)

    async def _happen(self, letter: PracticeLetter, later: Later) -> None:
        await self._callbacks.wait(later.after)
        if letter.status not in ("cancelling", "cancelled") or later.kind == "cancelled":
            self._tell(letter, later)

    def _tell(self, letter: PracticeLetter, later: Later) -> None:
        status = _INSIDE.get(later.kind, later.kind)
        code, reason = later.fields.get("code", status), later.fields.get("reason", "")
        event = letter.become(status, code, reason)
        if "webhook" not in later.without:
            for _ in range(later.copies):
                self._hooks.tell(letter.resource(), event, later)
