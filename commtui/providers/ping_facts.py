"""What Ping says about a letter, asked or by webhook, as normalised facts; and when it is asked next."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commtui.config import Settings
from commtui.domain.vocabulary import Status
from commtui.errors import BadSignature, Unreadable
from commtui.providers import wire
from commtui.providers.base import DeliveryEvent, RawWebhook
from commtui.providers.ping_codes import (
    ASKED_ABOUT,
    AWAITING,
    AWAITING_WORDS,
    BACK_TO_DRAFT,
    CANCELLING,
    EVENTS,
    FUNDS_MISSING,
    LOOK_IN_PING,
    PROBLEMS,
    STATUS,
    UNDELIVERABLE,
    UNUSABLE,
    explain,
)
from commtui.providers.pingen import Letter, LetterEvent, entry_of, event_of, past

FIRST_POLL, SOON, LATER = timedelta(hours=1), timedelta(hours=1), timedelta(hours=6)
SOON_UNTIL, POLL_UNTIL = timedelta(days=1), timedelta(days=90)
PLAIN_AGAIN, PLAIN_UNTIL = timedelta(days=4), timedelta(days=40)
"""`sent` is the last word about a plain letter unless it comes back, which takes weeks."""
CANCEL_AGAIN = timedelta(minutes=10)
HOOKS: Mapping[str, str] = {
    "webhook_sent": "sent",
    "webhook_delivered": "delivered",
    "webhook_undeliverable": UNDELIVERABLE,
}
"""Webhook types that say a letter status; `webhook_issues` is read by the code of its event."""
ISSUES = "webhook_issues"


def standing(
    letter: Letter,
    entry_id: str | None,
    history: Sequence[LetterEvent] = (),
    *,
    given_back: bool = False,
) -> DeliveryEvent:
    """The present state of a letter; `given_back`: it was taken, and is a draft again."""
    status = Status.FAILED if given_back else STATUS.get(letter.status)
    code, words = "", ""
    failed = status in (Status.FAILED, Status.RETURNED)
    if failed or letter.status in UNUSABLE:
        code, words = reason(letter, history)
        if status is Status.RETURNED:
            code = UNDELIVERABLE
        elif status is Status.FAILED and EVENTS.get(code) is not Status.FAILED:
            code = BACK_TO_DRAFT if given_back else letter.status
    elif letter.status == AWAITING:
        words = AWAITING_WORDS
    waits = letter.status == "action_required"
    goes_on = status is not None and letter.status != AWAITING
    return DeliveryEvent(
        kind=letter.status,
        at=letter.at or datetime.now(UTC),
        timed=False,
        entry_id=entry_id,
        provider_message_id=letter.id,
        recipient=letter.address,
        status=status,
        error_class=explain(status, code, words).error_class if status and failed else None,
        code=code,
        words=words,
        task=LOOK_IN_PING if waits else "",
        closes=(LOOK_IN_PING,) if goes_on else (),
        payload=letter.raw,
    )


def reason(letter: Letter, history: Sequence[LetterEvent]) -> tuple[str, str]:
    """What Ping says is wrong: the last event that says so, as code and words; else the letter's status."""
    telling = [item for item in history if item.code in PROBLEMS or item.code in ASKED_ABOUT]
    return (telling[-1].code, told(telling[-1])) if telling else (letter.status, "")


def told(event: LetterEvent) -> str:
    """The words of an event, with the address that the scan of a returned letter showed."""
    moved = ", ".join(event.corrected.splitlines())
    return wire.text(f"{event.words} The address is now: {moved}".strip() if moved else event.words)


def again(letter: Letter, waited: timedelta) -> float | None:
    """Seconds until a letter is asked about again, so long after it was accepted; None: never."""
    status = STATUS.get(letter.status)
    if status not in (None, Status.SENT) or waited > POLL_UNTIL:
        return None
    if letter.status == CANCELLING:
        return CANCEL_AGAIN.total_seconds()
    if letter.status == "sent" and not letter.tracked:
        return PLAIN_AGAIN.total_seconds() if waited < PLAIN_UNTIL else None
    return (SOON if waited < SOON_UNTIL else LATER).total_seconds()


class PingReceiver:
    """Verifies and reads Ping's webhooks."""

    def __init__(self, settings: Settings) -> None:
        keys = (key.strip() for key in settings.ping.webhook_key.split(","))
        self._keys = [key.encode() for key in keys if key]

    def verify(self, hook: RawWebhook) -> None:
        """Raise BadSignature unless one of the configured keys signed the raw body."""
        if not self._keys:
            raise BadSignature("ping.webhook_key is not set")
        given = hook.headers.get("signature", "").encode(errors="replace")
        fits = [
            hmac.compare_digest(
                given, hmac.new(key, hook.body, hashlib.sha256).hexdigest().encode()
            )
            for key in self._keys
        ]
        if not any(fits):
            raise BadSignature("no configured key made this signature")

    def parse(self, hook: RawWebhook) -> Sequence[DeliveryEvent]:
        """The fact of a verified call; raises Unreadable. Unknown types and codes become informational events."""
        try:
            found = json.loads(hook.body)
        except (ValueError, RecursionError):
            raise Unreadable("the body is not JSON") from None
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict):
            raise Unreadable("the body has no data")
        return [_hooked(data, _Included(found.get("included")), hook)]


class _Included:
    """The resources that came along, by id: one event comes twice, under two types."""

    def __init__(self, items: object) -> None:
        listed = items if isinstance(items, list) else []
        self._items = [item for item in listed if isinstance(item, dict)]

    def attributes(self, identifier: str) -> Mapping[str, Any]:
        """The attributes of the first resource with this id that has any."""
        for item in self._items:
            found = item.get("attributes")
            if identifier and item.get("id") == identifier and isinstance(found, dict) and found:
                return found
        return {}


def _hooked(data: Mapping[str, Any], included: _Included, hook: RawWebhook) -> DeliveryEvent:
    sort, attributes = wire.text(data.get("type"), 60), data.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    about = _related(data, "deliverable") or _related(data, "letter") or ("", "")
    letter = included.attributes(about[1])
    event = event_of(
        {**included.attributes((_related(data, "event") or ("", ""))[1]), **_told(attributes)}
    )
    kind = HOOKS.get(sort) or (event.code or "issue" if sort == ISSUES else sort or "unreadable")
    known = about[0] in ("letters", "letter", "")
    status = (STATUS if sort in HOOKS else EVENTS if sort == ISSUES else {}).get(kind)
    status = status if known else None
    failed = status in (Status.FAILED, Status.RETURNED)
    code = UNDELIVERABLE if status is Status.RETURNED else kind if sort == ISSUES else ""
    words = f"{AWAITING_WORDS} {told(event)}" if kind == FUNDS_MISSING else told(event)
    return DeliveryEvent(
        kind=kind,
        at=event.at or hook.received_at,
        timed=event.at is not None,
        entry_id=entry_of(wire.text(letter.get("file_original_name"), 300)),
        provider_message_id=about[1],
        recipient=wire.text(letter.get("address")),
        status=status,
        error_class=explain(status, code, words).error_class if status and failed else None,
        code=code,
        words=words.strip(),
        event_id=wire.text(data.get("id"), 64),
        closes=(LOOK_IN_PING,) if status is not None else (),
        ask=known and sort == ISSUES and (kind not in EVENTS or kind in ASKED_ABOUT),
        payload=data,
    )


def _told(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the call itself says about its event; when the event happened is the event's own to say."""
    named = {name: attributes.get(name) for name in ("reason", "corrected_address")}
    at = {"created_at": attributes.get("created_at")} if past(attributes.get("created_at")) else {}
    return {**at, **{name: value for name, value in named.items() if value}}


def _related(data: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """Type and id of a related resource."""
    relations = data.get("relationships")
    relation = relations.get(name) if isinstance(relations, dict) else None
    found = relation.get("data") if isinstance(relation, dict) else None
    if not isinstance(found, dict) or not (identifier := wire.text(found.get("id"), 64)):
        return None
    return wire.text(found.get("type"), 60), identifier
