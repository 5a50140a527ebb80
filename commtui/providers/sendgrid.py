"""SendGrid: email by the v3 Mail Send API, and its signed Event Webhook.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send (v3). It has no idempotency key:
our entry id travels as a custom argument and comes back in every event but asynchronous bounces.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from commtui.config import Settings
from commtui.domain.recipients import InvalidRecipient, email_address
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose, Status
from commtui.errors import (
    AccountTrouble,
    BadSignature,
    ConfigError,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
    Unreadable,
)
from commtui.providers import wire
from commtui.providers.base import (
    Accepted,
    Calls,
    Capability,
    DeliveryEvent,
    Document,
    ProviderSpec,
    RawWebhook,
    SendRequest,
    SettingField,
)
from commtui.providers.http import Answer, Http
from commtui.providers.sendgrid_codes import (
    BOUNCE_TYPES,
    DROP_REASONS,
    LABEL,
    OPT_DROPS,
    OPT_KINDS,
    STATUS,
    explain,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

KEY = "sendgrid"
ENTRY_ARG = "commtui_entry"
"""Custom arguments stand flat among the event's own fields, so ours has a name of its own."""
SIZE_LIMIT = 30_000_000
"""Bytes of a whole message, files in base64."""
NOT_ABOUT_THE_MESSAGE = frozenset({408, 409, 425})
"""Client errors that a proxy gives; they say nothing about whether the message was taken."""


def payload(request: SendRequest, settings: Settings) -> dict[str, Any]:
    """The request's body: one message to one recipient, tracking off."""
    sender = {"email": settings.sendgrid.from_email}
    if settings.sendgrid.from_name:
        sender["name"] = settings.sendgrid.from_name
    recipient = {"email": email_address(request.recipient).address}
    if request.recipient_name.strip():
        recipient["name"] = _name(request.recipient_name)
    content = [
        {"type": kind, "value": value}
        for kind, value in (("text/plain", request.text), ("text/html", request.html))
        if value.strip()
    ]
    body: dict[str, Any] = {
        "personalizations": [{"to": [recipient], "custom_args": {ENTRY_ARG: request.entry_id}}],
        "from": sender,
        "subject": " ".join(request.subject.split()),
        "content": content,
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if request.purpose is Purpose.MARKETING:
        body |= _way_out(request, settings)
    if attachments := [_attachment(document) for document in _attached(request)]:
        body["attachments"] = attachments
    return body


def _way_out(request: SendRequest, settings: Settings) -> dict[str, Any]:
    """How marketing is unsubscribed from: SendGrid's group, or our own link with one click (RFC 8058)."""
    if settings.sendgrid.asm_group_id:
        return {"asm": {"group_id": settings.sendgrid.asm_group_id}}
    return {
        "headers": {
            "List-Unsubscribe": f"<{request.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    }


def file_name(name: str) -> str:
    """An attachment's name in ASCII: SendGrid garbles every other."""
    stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
    return f"{_ascii(stem) or 'document'}{dot}{_ascii(extension)}"


def _ascii(text: str) -> str:
    bare = (
        unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    )
    return "".join(
        char if char.isprintable() and char not in '"\\/:*?<>|' else "_" for char in bare
    ).strip(" .")


_LETTERS = str.maketrans("øØłŁđĐ", "oOlLdD") | {
    ord(letter): plain
    for letter, plain in zip("œŒæÆß", ("oe", "OE", "ae", "AE", "ss"), strict=True)
}


def _name(raw: str) -> str:
    """A display name; one with a comma reads as two recipients unless it is quoted."""
    name = " ".join(raw.split())
    return '"' + name.replace('"', "'") + '"' if set(name) & set(",;") else name


def _attached(request: SendRequest) -> list[Document]:
    return [item for item in request.documents if item.role is DocumentRole.ATTACHMENT]


def _attachment(document: Document) -> dict[str, str]:
    return {
        "content": base64.b64encode(document.content).decode("ascii"),
        "type": document.media_type,
        "filename": file_name(document.name),
        "disposition": "attachment",
    }


def _size(request: SendRequest) -> int:
    files = sum(4 * -(-len(document.content) // 3) for document in _attached(request))
    return files + len(f"{request.subject}{request.text}{request.html}".encode(errors="replace"))


class SendGridProvider:
    """Hands messages to SendGrid."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        try:
            email_address(request.recipient)
        except InvalidRecipient as error:
            return error.code, error.words
        if not request.subject.strip():
            return "missing_content", "The email has no subject."
        if not (request.text.strip() or request.html.strip()):
            return "missing_content", "The email has no text."
        if (
            request.purpose is Purpose.MARKETING
            and not request.unsubscribe
            and not self._settings.sendgrid.asm_group_id
        ):
            return (
                "missing_opt_out",
                "No unsubscribe link can be made: web.public_url is not set, nor sendgrid.asm_group_id.",
            )
        if (size := _size(request)) > SIZE_LIMIT:
            return "too_large", f"The email is {size / 1e6:.1f} MB; SendGrid takes 30 MB."
        return None

    async def send(self, request: SendRequest) -> Accepted:
        """Hand one message over. Raises NotSent, RateLimited, AccountTrouble, Rejected or UnknownOutcome only."""
        try:
            content = json.dumps(payload(request, self._settings)).encode()
        except InvalidRecipient as error:
            raise Rejected(KEY, error.code, error.words) from None
        answer = await self._http.call(
            KEY,
            "POST",
            self._settings.sendgrid.base_url.rstrip("/") + "/v3/mail/send",
            headers={
                "authorization": f"Bearer {self._settings.sendgrid.api_key}",
                "content-type": "application/json",
            },
            content=content,
            metered=True,
        )
        message_id = wire.text(answer.headers.get("x-message-id"), 200)
        if answer.status == 202 and message_id:
            return Accepted(message_id)
        raise _refusal(answer, self._settings.sendgrid.api_key)

    async def lift(self, address: str) -> str:
        """Take an address off the bounce and the invalid list; says which had it. Raises ProviderError.

        DELETE /v3/suppression/bounces/{email} and /v3/suppression/invalid_emails/{email}.
        """
        lifted = []
        for listed, words in (("bounces", "bounce list"), ("invalid_emails", "invalid list")):
            base_url = self._settings.sendgrid.base_url.rstrip("/")
            answer = await self._http.call(
                KEY,
                "DELETE",
                f"{base_url}/v3/suppression/{listed}/{quote(address, safe='@')}",
                headers={"authorization": f"Bearer {self._settings.sendgrid.api_key}"},
            )
            if answer.status == 404:
                continue
            if not 200 <= answer.status < 300:
                raise _refusal(answer, self._settings.sendgrid.api_key)
            lifted.append(words)
        return "taken off the " + " and the ".join(lifted) if lifted else "on no list any more"


def _refusal(answer: Answer, secret: str) -> ProviderError:
    status, code = answer.status, str(answer.status)
    words = wire.without(_message(answer), [secret])
    if status == 429:
        return RateLimited(KEY, code, words, answer.retry_after())
    if status == 503 and (wait := answer.asked_to_wait()) is not None:
        return RateLimited(KEY, code, words, wait)
    if status in (401, 402, 403):
        return AccountTrouble(KEY, _account_code(status, words), words)
    if 400 <= status < 500 and status not in NOT_ABOUT_THE_MESSAGE:
        return Rejected(KEY, code, words)
    return UnknownOutcome(KEY, code, words)


def _account_code(status: int, words: str) -> str:
    lowered = words.lower()
    if status == 401 and "credits" in lowered:
        return "401_credits"
    if status == 403 and ("from address" in lowered or "sender identity" in lowered):
        return "403_sender"
    return str(status)


def _message(answer: Answer) -> str:
    """SendGrid's own words: the messages with the field they are about."""
    found = answer.json()
    errors = found.get("errors") if isinstance(found, dict) else None
    said = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and (message := wire.text(error.get("message"))):
            field = wire.text(error.get("field"), 200)
            said.append(f"{message} ({field})" if field not in ("", "null") else message)
    return wire.text("; ".join(said)) or f"HTTP {answer.status} without a readable message"


class SendGridReceiver:
    """Verifies and reads SendGrid's Event Webhook."""

    def __init__(self, settings: Settings) -> None:
        keys = (key.strip() for key in settings.sendgrid.webhook_public_key.split(","))
        self._keys = [_public_key(key) for key in keys if key]

    def verify(self, hook: RawWebhook) -> None:
        """Raise BadSignature unless one of the configured keys signed timestamp and raw body."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        if not self._keys:
            raise BadSignature("sendgrid.webhook_public_key is not set")
        prefix = "x-twilio-email-event-webhook-"
        timestamp = hook.headers.get(prefix + "timestamp", "")
        try:
            signature = base64.b64decode(hook.headers.get(prefix + "signature", ""), validate=True)
        except (binascii.Error, ValueError):
            raise BadSignature("the signature is not base64") from None
        signed = timestamp.encode(errors="replace") + hook.body
        for key in self._keys:
            try:
                key.verify(signature, signed, ECDSA(SHA256()))
            except InvalidSignature:
                continue
            return
        raise BadSignature("no configured key made this signature")

    def parse(self, hook: RawWebhook) -> Sequence[DeliveryEvent]:
        """The events of a verified call; raises Unreadable. Unknown kinds become informational events."""
        try:
            found = json.loads(hook.body)
        except (ValueError, RecursionError):
            raise Unreadable("the body is not JSON") from None
        if not isinstance(found, list):
            raise Unreadable("the body is not a list of events")
        return [_event(item if isinstance(item, dict) else {}, hook) for item in found]


def _public_key(encoded: str) -> EllipticCurvePublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode(encoded, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigError(
            "sendgrid.webhook_public_key is ••••; it has to be the verification key "
            "that SendGrid shows for its signed Event Webhook"
        )
    return key


def _event(raw: Mapping[str, Any], hook: RawWebhook) -> DeliveryEvent:
    kind = wire.text(raw.get("event"), 60) or "unreadable"
    status, code = _outcome(kind, raw)
    words = wire.text(raw.get("reason")) or wire.text(raw.get("response"))
    failed = status in (Status.BOUNCED, Status.BLOCKED, Status.DROPPED)
    return DeliveryEvent(
        kind=kind,
        at=wire.moment(raw.get("timestamp"), hook.received_at),
        entry_id=wire.entry_id(raw.get(ENTRY_ARG)),
        provider_message_id=wire.text(raw.get("sg_message_id"), 200).partition(".")[0],
        recipient=wire.text(raw.get("email"), 320),
        status=status,
        error_class=explain(status, code, words).error_class if status and failed else None,
        code=code,
        words=words,
        opt=OPT_KINDS.get(kind) or OPT_DROPS.get(code if status is Status.DROPPED else ""),
        event_id=wire.text(raw.get("sg_event_id"), 200),
        payload=raw,
    )


def _outcome(kind: str, raw: Mapping[str, Any]) -> tuple[Status | None, str]:
    status = STATUS.get(kind)
    if status is Status.BOUNCED:
        sort = wire.code(raw.get("type"))
        if sort not in BOUNCE_TYPES:
            return status, f"type_{sort or 'missing'}"
        return BOUNCE_TYPES[sort], (
            sort if sort == "expired" else wire.text(raw.get("status"), 20) or sort
        )
    if status is Status.DROPPED:
        reason = wire.code(wire.text(raw.get("reason")).partition(":")[0])
        return status, DROP_REASONS.get(reason, reason or "dropped")
    return status, ""


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.EMAIL,
    capabilities=frozenset({Capability.WEBHOOK, Capability.ATTACHMENTS, Capability.LIFT}),
    fields=(
        SettingField("api_key", True, "API key with the right to send mail (Settings, API Keys)"),
        SettingField("from_email", True, "sender address, a verified Sender Identity"),
        SettingField("from_name", False, "sender name that recipients see"),
        SettingField("asm_group_id", False, "unsubscribe group that marketing is sent in"),
        SettingField("webhook_public_key", False, "verification key of the signed Event Webhook"),
        SettingField("base_url", False, "https://api.eu.sendgrid.com for a European subuser"),
    ),
    configured=lambda settings: bool(settings.sendgrid.api_key and settings.sendgrid.from_email),
    create=SendGridProvider,
    receiver=SendGridReceiver,
    webhook_paths=("/webhooks/sendgrid",),
    explain=explain,
    bases=lambda settings: (settings.sendgrid.base_url,),
    calls=Calls(
        timedelta(minutes=15),
        "sendgrid.webhook_public_key",
        "in SendGrid's settings have the signed Event Webhook post deliveries, bounces and drops there",
    ),
)
