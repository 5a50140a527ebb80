"""Twilio: text messages by the 2010-04-01 Messages resource, and its signed callbacks.

https://www.twilio.com/docs/messaging/api/message-resource. It has no idempotency key: our entry id travels
in the StatusCallback URL, and a message whose answer was lost can be looked for in the list.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, urlencode, urlsplit

from commtui.config import Settings
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.recipients import InvalidRecipient, phone_number
from commtui.domain.text import fold
from commtui.domain.vocabulary import Channel, Purpose, Status
from commtui.errors import (
    AccountTrouble,
    BadSignature,
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
    ProviderSpec,
    RawWebhook,
    SendRequest,
    SettingField,
    Watch,
    Watched,
)
from commtui.providers.http import Answer, Http
from commtui.providers.twilio_codes import (
    ACCOUNT_CODES,
    LABEL,
    MAYBE_DELIVERED,
    PROBLEMS,
    RATE_CODES,
    STATUS,
    explain,
)

KEY = "twilio"
STATUS_PATH, INBOUND_PATH = "/webhooks/twilio/status", "/webhooks/twilio/inbound"
BODY_LIMIT = 1600
VALIDITY_LIMIT = 36_000
CALLBACK_RETRIES = "rc=5&rp=all"
"""Asked for in the URL's fragment; without it a callback is tried twice and then lost."""
STOPPED = OptChange(Channel.SMS, out=True, scope=Scope.ALL, source=OptSource.STOP)
OPT_CODES: Mapping[str, OptChange] = {"21610": STOPPED}
STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"arret", "arrete", "stopp", "abmelden", "afmelden"}
)
"""Folded: what by itself, as a whole message, means no more of these. The first eight are Twilio's own."""
START_WORDS = frozenset({"start", "unstop", "yes"})
FIND_PAGES = 10
FIND_SLACK = timedelta(seconds=10)
"""For clocks that differ from Twilio's."""
TRIAL_PREFIX = "Sent from your Twilio trial account - "
FIELDS_LIMIT = 500
FIRST_POLL, POLL_AGAIN, POLL_UNTIL = timedelta(hours=1), timedelta(hours=6), timedelta(hours=72)
NOT_ABOUT_THE_MESSAGE = frozenset({408, 409, 425})
"""Client errors that a proxy gives; they say nothing about whether the message was taken."""


def payload(request: SendRequest, settings: Settings, now: datetime) -> dict[str, str]:
    """The request's form fields."""
    form = {"To": _recipient(request, settings), "Body": body(request, settings)}
    if settings.twilio.messaging_service_sid:
        form["MessagingServiceSid"] = settings.twilio.messaging_service_sid
    else:
        form["From"] = settings.twilio.from_
    if settings.web.public_url:
        callback = f"{settings.web.public_url.rstrip('/')}{STATUS_PATH}?entry={request.entry_id}"
        form["StatusCallback"] = f"{callback}#{CALLBACK_RETRIES}"
    if request.expires_at is not None:
        left = int((request.expires_at - now).total_seconds())
        form["ValidityPeriod"] = str(min(max(left, 1), VALIDITY_LIMIT))
    return form


def body(request: SendRequest, settings: Settings) -> str:
    """The text; marketing from a sender that hears no STOP says how else to opt out."""
    way_out = settings.twilio.opt_out_text.strip()
    if not (_needs_way_out(request, settings) and way_out) or way_out in request.text:
        return request.text
    return f"{request.text.rstrip()} {way_out}"


def _needs_way_out(request: SendRequest, settings: Settings) -> bool:
    """An alphanumeric sender cannot be answered, so nobody can say STOP to it."""
    one_way = any(char.isalpha() for char in settings.twilio.from_)
    by_sender = one_way and not settings.twilio.messaging_service_sid
    return request.purpose is Purpose.MARKETING and by_sender


def _recipient(request: SendRequest, settings: Settings) -> str:
    return phone_number(request.recipient, request.country or settings.sending.country)


def _tokens(settings: Settings) -> list[str]:
    return [token for part in settings.twilio.auth_token.split(",") if (token := part.strip())]


class TwilioProvider:
    """Hands messages to Twilio, looks for those whose answer was lost, and asks after the rest."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http
        token = next(iter(_tokens(settings)), "")
        self._auth = (settings.twilio.account_sid, token)

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        try:
            _recipient(request, self._settings)
        except InvalidRecipient as error:
            return error.code, error.words
        if not request.text.strip():
            return "missing_content", "The text message has no text."
        if _needs_way_out(request, self._settings) and not self._settings.twilio.opt_out_text:
            return (
                "missing_opt_out",
                "Nobody can answer STOP to this sender, and twilio.opt_out_text is not set.",
            )
        if (length := len(body(request, self._settings))) > BODY_LIMIT:
            return "too_large", f"The text has {length} characters; Twilio takes {BODY_LIMIT}."
        return None

    async def send(self, request: SendRequest) -> Accepted:
        """Hand one message over. Raises NotSent, RateLimited, AccountTrouble, Rejected or UnknownOutcome only."""
        try:
            form = payload(request, self._settings, datetime.now(UTC))
        except InvalidRecipient as error:
            raise Rejected(KEY, error.code, error.words) from None
        answer = await self._call("POST", "Messages.json", urlencode(form, errors="replace"))
        found = answer.json()
        if answer.status in (200, 201) and isinstance(found, dict):
            sid = wire.text(found.get("sid"), 64)
            if sid.startswith(("SM", "MM")):
                return Accepted(sid)
        raise _refusal(answer, self._auth)

    async def find(
        self,
        request: SendRequest,
        since: datetime,
        reached: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - the contract's form
    ) -> Sequence[DeliveryEvent] | None:
        """The state of each message that may be this one, by number, text and time; None when nothing is certain.

        That the list has none is no proof: it may lag behind. The list is asked for by recipient alone: a message
        that waits at Twilio has no DateSent, and a filter by it could hide it.
        """
        try:
            wanted = {"To": _recipient(request, self._settings), "PageSize": "200"}
        except InvalidRecipient:
            return None
        listed = await self._list(urlencode(wanted))
        if listed is None:
            return None
        matches = []
        for message in listed:
            created = wire.mail_date(message.get("date_created"))
            if not self._may_be(message, request):
                continue
            if created is None:
                return None
            if created >= since - FIND_SLACK:
                found = _resource_event(message, request.entry_id)
                matches.append(replace(found, made_at=created))
        return matches or None

    async def poll(self, watch: Watch) -> Watched:
        """The present state of an accepted message, as events; none when Twilio no longer has it.

        Some carriers give no receipts at all: after three days `sent` is the last word.
        """
        found = await self._get(f"Messages/{quote(watch.provider_message_id, safe='')}.json")
        if found is None:
            return Watched((), None)
        event = _resource_event(found, watch.entry_id)
        open_still = event.status is Status.SENT
        waited = datetime.now(UTC) - watch.accepted_at
        again = POLL_AGAIN if open_still and waited < POLL_UNTIL else None
        return Watched([event], again.total_seconds() if again else None)

    def _may_be(self, message: Mapping[str, Any], request: SendRequest) -> bool:
        found = wire.text(message.get("body"), 2 * BODY_LIMIT).removeprefix(TRIAL_PREFIX)
        settings = self._settings.twilio
        return (
            wire.text(message.get("direction")).startswith("outbound")
            and _bare(found) == _bare(body(request, self._settings))
            and (
                bool(settings.messaging_service_sid)
                or wire.text(message.get("from")).casefold() == settings.from_.casefold()
            )
        )

    async def _list(self, query: str) -> list[Mapping[str, Any]] | None:
        """Every message that a query lists; None when the list is unreadable or has no end."""
        listed: list[Mapping[str, Any]] = []
        for _ in range(FIND_PAGES):
            page = await self._get(f"Messages.json?{query}")
            messages = page.get("messages") if page else None
            if page is None or not isinstance(messages, list):
                return None
            if not all(isinstance(message, dict) for message in messages):
                return None
            listed += messages
            # Only the query is taken: the next page is on our own host, whatever the answer says.
            query = urlsplit(wire.text(page.get("next_page_uri"))).query
            if not query:
                return listed
        return None

    async def _get(self, resource: str) -> Mapping[str, Any] | None:
        """One resource; None when there is no such one. Raises ProviderError when Twilio cannot be asked."""
        answer = await self._call("GET", resource)
        found = answer.json()
        if answer.status == 200 and isinstance(found, dict):
            return found
        if answer.status == 404:
            return None
        raise _refusal(answer, self._auth)

    async def _call(self, method: str, resource: str, form: str | None = None) -> Answer:
        settings = self._settings.twilio
        account = quote(settings.account_sid, safe="")
        return await self._http.call(
            KEY,
            method,
            f"{settings.base_url.rstrip('/')}/2010-04-01/Accounts/{account}/{resource}",
            headers={"content-type": "application/x-www-form-urlencoded"} if form else None,
            content=form.encode("ascii") if form else None,
            auth=self._auth,
            metered=True,
        )


def _bare(text: str) -> str:
    """A text without what Twilio's smart encoding may replace: quotes, dashes, blanks."""
    return "".join(char for char in fold(text) if char.isalnum())


def _refusal(answer: Answer, auth: tuple[str, str]) -> ProviderError:
    found = answer.json()
    error = found if isinstance(found, dict) else {}
    status, code = answer.status, wire.text(error.get("code"), 20) or str(answer.status)
    basic = base64.b64encode(":".join(auth).encode()).decode()
    words = wire.without(wire.text(error.get("message")), [auth[1], basic])
    words = words or f"HTTP {status} without a readable message"
    refused = 400 <= status < 500 and status not in NOT_ABOUT_THE_MESSAGE
    if status == 429 or (refused and code in RATE_CODES):
        return RateLimited(KEY, code, words, answer.retry_after())
    if status == 503 and (wait := answer.asked_to_wait()) is not None:
        return RateLimited(KEY, code, words, wait)
    if status in (401, 402) or (refused and code in ACCOUNT_CODES):
        return AccountTrouble(KEY, code, words)
    if status == 403 and (code == "403" or code not in PROBLEMS):
        return AccountTrouble(KEY, code, words)
    return Rejected(KEY, code, words) if refused else UnknownOutcome(KEY, code, words)


def _resource_event(message: Mapping[str, Any], entry_id: str) -> DeliveryEvent:
    updated = wire.mail_date(message.get("date_updated"))
    return _event(
        sid=message.get("sid"),
        kind=message.get("status"),
        error=message.get("error_code"),
        words=message.get("error_message"),
        recipient=message.get("to"),
        entry_id=entry_id,
        at=updated or datetime.now(UTC),
        payload=message,
    )


def _event(
    *,
    sid: object,
    kind: object,
    error: object,
    words: object,
    recipient: object,
    entry_id: str | None,
    at: datetime,
    payload: Mapping[str, Any],
) -> DeliveryEvent:
    word, message_id = wire.text(kind, 60), wire.text(sid, 64)
    status = STATUS.get(word)
    failed = status in (Status.FAILED, Status.UNDELIVERED)
    # A message that did not fail may carry the stale code of an earlier try.
    code = wire.text(error, 20) if failed else ""
    if failed and code == MAYBE_DELIVERED:
        status = Status.UNKNOWN
    said = wire.text(words) if failed else ""
    return DeliveryEvent(
        kind=word,
        at=at,
        timed=False,
        entry_id=entry_id,
        provider_message_id=message_id,
        recipient=wire.text(recipient, 320),
        status=status,
        error_class=explain(status, code, said).error_class if status and failed else None,
        code=code,
        words=said,
        opt=OPT_CODES.get(code),
        event_id=":".join(part for part in (message_id, word, code) if part),
        payload=payload,
    )


class TwilioReceiver:
    """Verifies and reads Twilio's status callbacks and inbound messages."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = _tokens(settings)
        self._public_url = settings.web.public_url.rstrip("/")

    def verify(self, hook: RawWebhook) -> None:
        """Raise BadSignature unless one of the configured tokens signed the public URL and the fields."""
        if not self._tokens:
            raise BadSignature("twilio.auth_token is not set")
        if not self._public_url:
            raise BadSignature("web.public_url is not set")
        given = hook.headers.get("x-twilio-signature", "").encode(errors="replace")
        tail = _signed_tail(hook)
        urls = _spellings(self._public_url + hook.path)
        fits = [
            hmac.compare_digest(given, _signature(token, url + tail))
            for token in self._tokens
            for url in urls
        ]
        if not any(fits):
            raise BadSignature("no configured token made this signature for the public URL")

    def parse(self, hook: RawWebhook) -> Sequence[DeliveryEvent]:
        """The event of a verified call; raises Unreadable. Unknown statuses become informational events."""
        target = urlsplit(hook.path)
        try:
            form = dict(reversed(_fields(hook.body)))
        except ValueError:
            raise Unreadable("the body is not a form") from None
        sid = form.get("MessageSid") or form.get("SmsSid")
        if not sid:
            raise Unreadable("the form has no MessageSid")
        if target.path.endswith(INBOUND_PATH):
            return [_inbound(sid, form, hook)]
        return [
            _event(
                sid=sid,
                kind=form.get("MessageStatus") or form.get("SmsStatus") or "unreadable",
                error=form.get("ErrorCode"),
                words=form.get("ErrorMessage") or form.get("ChannelStatusMessage"),
                recipient=form.get("To"),
                entry_id=wire.entry_id(next(iter(parse_qs(target.query).get("entry", [])), None)),
                at=hook.received_at,
                payload=form,
            )
        ]


def _inbound(sid: str, form: Mapping[str, str], hook: RawWebhook) -> DeliveryEvent:
    return DeliveryEvent(
        kind="inbound",
        inbound=True,
        at=hook.received_at,
        timed=False,
        entry_id=None,
        provider_message_id=wire.text(sid, 64),
        recipient=wire.text(form.get("From"), 320),
        words=wire.text(form.get("Body")),
        opt=_opt(form),
        event_id=f"{wire.text(sid, 64)}:inbound",
        payload=form,
    )


def _opt(form: Mapping[str, str]) -> OptChange | None:
    """What an inbound message says about further ones: Twilio's own reading of it, else its whole text as a keyword.

    OptOutType comes only with Advanced Opt-Out (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
    """
    sort = form.get("OptOutType", "").upper()
    word = _bare(form.get("Body", ""))
    if sort == "STOP" or (not sort and word in STOP_WORDS):
        return STOPPED
    if sort == "START" or (not sort and word in START_WORDS):
        return OptChange(Channel.SMS, out=False, scope=Scope.ALL, source=OptSource.STOP)
    return None


def _fields(body: bytes) -> list[tuple[str, str]]:
    """Form fields, blank ones too: they count in the signature."""
    return parse_qsl(
        body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_LIMIT
    )


def _signed_tail(hook: RawWebhook) -> str:
    """What is signed after the URL: the form's fields, or nothing when the URL holds the body's hash."""
    if hook.headers.get("content-type", "").startswith("application/json"):
        claimed = parse_qs(urlsplit(hook.path).query).get("bodySHA256", [""])[0]
        digest = hashlib.sha256(hook.body).hexdigest()
        if not hmac.compare_digest(digest.encode(), claimed.lower().encode(errors="replace")):
            raise BadSignature("the body is not the one whose hash the URL holds")
        return ""
    try:
        fields = _fields(hook.body)
    except ValueError:
        raise BadSignature("the body is not a form") from None
    return "".join(name + value for name, value in sorted(set(fields)))


def _spellings(url: str) -> Iterable[str]:
    """The URL as it is, without its port, and with the default one: Twilio signs any of them."""
    parts = urlsplit(url)
    userinfo, at, place = parts.netloc.rpartition("@")
    host, colon, port = place.rpartition(":")
    bare = host if colon and port.isdecimal() else place
    default = "443" if parts.scheme == "https" else "80"
    netlocs = (parts.netloc, f"{userinfo}{at}{bare}", f"{userinfo}{at}{bare}:{default}")
    return [_with_netloc(url, parts, netloc) for netloc in dict.fromkeys(netlocs)]


def _with_netloc(url: str, parts: SplitResult, netloc: str) -> str:
    """The rest of the URL stays as it was, byte for byte."""
    return url.replace(f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{netloc}", 1)


def _signature(token: str, signed: str) -> bytes:
    digest = hmac.new(token.encode(), signed.encode(errors="replace"), hashlib.sha1).digest()
    return base64.b64encode(digest)


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.SMS,
    capabilities=frozenset({Capability.WEBHOOK, Capability.POLL, Capability.FIND}),
    fields=(
        SettingField("account_sid", True, "account SID (AC…) from the Twilio console"),
        SettingField("auth_token", True, "auth token; two with a comma while it is rotated"),
        SettingField("from", False, "sender: a number in E.164, or up to 11 letters"),
        SettingField("messaging_service_sid", False, "MG…, instead of a sender"),
        SettingField("opt_out_text", False, "way out in marketing from a sender of letters"),
        SettingField("base_url", False, "where the API is"),
    ),
    configured=lambda settings: bool(
        settings.twilio.account_sid
        and settings.twilio.auth_token
        and (settings.twilio.from_ or settings.twilio.messaging_service_sid)
    ),
    create=TwilioProvider,
    receiver=TwilioReceiver,
    webhook_paths=(STATUS_PATH, INBOUND_PATH),
    explain=explain,
    bases=lambda settings: (settings.twilio.base_url,),
    paid=True,
    first_poll=FIRST_POLL,
    settled=frozenset({Status.DELIVERED, Status.FAILED, Status.UNDELIVERED, Status.CANCELLED}),
    calls=Calls(
        timedelta(minutes=15), "twilio.auth_token", "have Twilio reach it from the internet", True
    ),
    opt_codes=OPT_CODES,
)
