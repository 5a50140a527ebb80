"""The access point e-invoice.be: its calls, and how its answers are read (OpenAPI 1.1.0 of e-invoice-be/peppol-cli).

It has no idempotency key. A document is uploaded first and sent by a call of its own, which is refused with
405 once the document is no draft any more: one document is sent once, however often it is asked for.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from commtui.config import Peppol
from commtui.domain.einvoice import Reachability
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers import wire
from commtui.providers.http import Answer, Http
from commtui.providers.peppol_access import (
    Finding,
    HistoryItem,
    Opinion,
    OurAccount,
    Route,
    SentCopy,
    Sort,
    Stage,
    Standing,
)

KEY = "peppol"
STAGES: Mapping[str, Stage] = {
    "DRAFT": Stage.STAGED,
    "TRANSIT": Stage.IN_TRANSIT,
    "SENT": Stage.SENT,
    "FAILED": Stage.FAILED,
}
"""A document's states; RECEIVED is for incoming ones, and so is unheard-of here like every other."""
SORTS: Mapping[str, Sort] = {
    "send_attempted": Sort.ATTEMPTED,
    "send_success": Sort.SENT,
    "send_failed": Sort.FAILED,
    "mlr_received": Sort.MESSAGE_STATUS,
    "imr_received": Sort.INVOICE_RESPONSE,
}
"""The timeline's event types that say something about a sent document."""
PAGE_SIZE, PAGES = 100, 10
COPY_LIMIT = 50_000_000
"""Bytes of a document that are read back."""
NOT_ABOUT_THE_MESSAGE = frozenset({408, 409, 425})
"""Client errors that a proxy gives; they say nothing about whether the request was taken."""
CLOCK_SLACK = timedelta(days=1)


class EInvoiceBe:
    """Calls e-invoice.be."""

    def __init__(self, settings: Peppol, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._base = settings.base_url.rstrip("/")

    async def check_recipient(self, participant: str, document_type: str) -> Opinion:
        """GET /api/validate/peppol-id. Raises AccountTrouble, RateLimited, and Stopped for an id that cannot be."""
        try:
            answer = await self._call("GET", f"validate/peppol-id?{_query(peppol_id=participant)}")
        except ProviderError as error:
            return Opinion(Reachability.COULD_NOT_CHECK, error.words or error.code)
        found = answer.json()
        if answer.status == 200 and isinstance(found, dict):
            return _opinion(found, document_type)
        refused = self._refusal(answer)
        if answer.status == 422:
            raise Stopped(KEY, "invalid_recipient", refused.words)
        if isinstance(refused, AccountTrouble | RateLimited):
            raise refused
        return Opinion(Reachability.COULD_NOT_CHECK, refused.words)

    async def validate(self, content: bytes, name: str) -> Sequence[Finding]:
        """POST /api/validate/ubl; a document that is not valid is answered with 201 as well."""
        answer = await self._upload("validate/ubl", content, name)
        found = answer.json()
        if answer.status not in (200, 201) or not isinstance(found, dict):
            raise self._refusal(answer)
        if not isinstance(found.get("is_valid"), bool):
            raise UnknownOutcome(KEY, "unreadable", "the validation's answer has no result")
        findings = [_finding(item) for item in _dicts(found.get("issues"))]
        if not found["is_valid"] and not any(item.fatal for item in findings):
            findings.append(Finding("", "it is not valid, without a reason", fatal=True))
        return findings

    async def stage(self, content: bytes, name: str) -> str:
        """POST /api/documents/ubl; as a file in a form, a bare body is refused with 422."""
        answer = await self._upload("documents/ubl", content, name)
        found = answer.json()
        identifier = wire.text(found.get("id"), 200) if isinstance(found, dict) else ""
        if answer.status in (200, 201) and identifier:
            return identifier
        raise self._refusal(answer)

    async def staged_before(self, number: str, content: bytes, name: str) -> Sequence[str]:
        """The drafts of this invoice number whose file has our name and our bytes, oldest first.

        Another attempt's draft of the same bytes has another name, and is left alone.
        """
        ours = []
        for page in range(1, PAGES + 1):
            query = _query(search=number, page=page, page_size=PAGE_SIZE, sort_order="asc")
            found = await self._get(f"drafts/?{query}")
            for item in _dicts(found.get("items")):
                identifier = wire.text(item.get("id"), 200)
                if item.get("state") == "DRAFT" and await self._is(identifier, content, name):
                    ours.append(identifier)
            if found.get("has_next_page") is not True:
                break
        return ours

    async def discard(self, reference: str) -> None:
        """DELETE /api/documents/{id}."""
        answer = await self._call("DELETE", f"documents/{_segment(reference)}")
        if answer.status not in (200, 204, 404):
            raise self._refusal(answer)

    async def submit(self, reference: str, route: Route) -> Standing | None:
        """POST /api/documents/{id}/send, with all four ids: without them they are derived from tax numbers.

        409 says that we may not send from this id. After a refusal of the account, /api/me says more about it.
        """
        query = _query(
            sender_peppol_scheme=route.sender[0],
            sender_peppol_id=route.sender[1],
            receiver_peppol_scheme=route.receiver[0],
            receiver_peppol_id=route.receiver[1],
        )
        answer = await self._call("POST", f"documents/{_segment(reference)}/send?{query}")
        if answer.status == 405:
            return None
        found = answer.json()
        if answer.status == 200 and isinstance(found, dict) and found.get("state"):
            return _standing(found)
        if answer.status in (402, 403, 409):
            await self._account_trouble(answer)
        raise self._refusal(answer)

    async def standing(self, reference: str) -> Standing | None:
        """GET /api/documents/{id}."""
        answer = await self._call("GET", f"documents/{_segment(reference)}")
        if answer.status == 404:
            return None
        return _standing(self._read(answer))

    async def history(self, reference: str) -> Sequence[HistoryItem]:
        """GET /api/documents/{id}/timeline."""
        found = await self._get(f"documents/{_segment(reference)}/timeline")
        if not isinstance(found.get("events"), list):
            raise UnknownOutcome(KEY, "unreadable", "the timeline has no list of events")
        items = [_item(item) for item in _dicts(found["events"])]
        return sorted(items, key=lambda item: item.at or datetime.min.replace(tzinfo=UTC))

    async def account(self) -> OurAccount:
        """GET /api/me/."""
        found = await self._get("me/")
        credit, ids = found.get("credit_balance"), found.get("peppol_ids")
        return OurAccount(
            float(credit) if type(credit) in (int, float) and credit is not None else None,
            frozenset(wire.text(item, 200).casefold() for item in ids)
            if isinstance(ids, list)
            else None,
        )

    async def sent_copy(self, reference: str) -> SentCopy:
        """GET /api/documents/{id}/ubl, and at once the file behind its signed address."""
        found = await self._get(f"documents/{_segment(reference)}/ubl")
        # without the key: the address is signed, and may be somebody else's storage
        answer = await self._http.call(
            KEY,
            "GET",
            wire.text(found.get("signed_url"), 4000),
            named_by=self._settings.base_url,
            limit=COPY_LIMIT,
        )
        if answer.status != 200:
            raise self._refusal(answer)
        if len(answer.body) > COPY_LIMIT:
            raise NotSent(KEY, "too_large", "The kept document is larger than what is read back.")
        record = {name: value for name, value in found.items() if name != "signed_url"}
        return SentCopy(wire.text(found.get("file_name"), 200), answer.body, record)

    async def _is(self, identifier: str, content: bytes, name: str) -> bool:
        """Whether a draft is what an earlier upload of ours left behind."""
        found = await self._get(f"documents/{_segment(identifier)}/ubl")
        if wire.text(found.get("file_name"), 200) != name:
            return False
        digest = hashlib.sha256(content).hexdigest()
        if wire.text(found.get("file_hash"), 200).lower().removeprefix("sha256:") == digest:
            return True
        return (await self.sent_copy(identifier)).content == content

    async def _account_trouble(self, answer: Answer) -> NoReturn:
        """Raise the reason why the account may not send, as far as it says one."""
        words, code = self._words(answer), str(answer.status)
        try:
            account = await self.account()
        except ProviderError:
            account = OurAccount()
        sender = self._settings.sender_id.casefold()
        if account.credit is not None and account.credit <= 0:
            code = "no_credit"
        elif account.senders is not None and sender not in account.senders:
            code = "sender_not_allowed"
        raise AccountTrouble(KEY, code, words)

    async def _upload(self, resource: str, content: bytes, name: str) -> Answer:
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/xml\r\n\r\n"
        )
        return await self._call(
            "POST",
            resource,
            content=head.encode("ascii") + content + f"\r\n--{boundary}--\r\n".encode("ascii"),
            content_type=f"multipart/form-data; boundary={boundary}",
        )

    async def _get(self, resource: str) -> Mapping[str, Any]:
        return self._read(await self._call("GET", resource))

    def _read(self, answer: Answer) -> Mapping[str, Any]:
        found = answer.json()
        if answer.status == 200 and isinstance(found, dict):
            return found
        raise self._refusal(answer)

    async def _call(
        self, method: str, resource: str, content: bytes | None = None, content_type: str = ""
    ) -> Answer:
        headers = {
            "authorization": f"Bearer {self._settings.api_key}",
            "accept": "application/json",
        }
        if content_type:
            headers["content-type"] = content_type
        return await self._http.call(
            KEY,
            method,
            f"{self._base}/api/{resource}",
            headers=headers,
            content=content,
            metered=True,
        )

    def _words(self, answer: Answer) -> str:
        """Its own words: `detail` is a text, or a list of what is wrong with which field."""
        found = answer.json()
        detail = found.get("detail") if isinstance(found, dict) else None
        said = wire.text(detail)
        for item in _dicts(detail):
            places = item.get("loc")
            named = places if isinstance(places, list) else []
            place = ".".join(wire.text(part, 60) for part in named)
            said = "; ".join(filter(None, (said, f"{wire.text(item.get('msg'), 300)}: {place}")))
        said = wire.text(said) or f"HTTP {answer.status} without a readable message"
        return wire.without(said, [self._settings.api_key])

    def _refusal(self, answer: Answer) -> ProviderError:
        status, code, words = answer.status, str(answer.status), self._words(answer)
        if status == 429:
            return RateLimited(KEY, code, words, answer.retry_after())
        if status == 503 and (wait := answer.asked_to_wait()) is not None:
            return RateLimited(KEY, code, words, wait)
        if status in (401, 402, 403):
            return AccountTrouble(KEY, code, words)
        if 400 <= status < 500 and status not in NOT_ABOUT_THE_MESSAGE:
            return Rejected(KEY, code, words)
        return UnknownOutcome(KEY, code, words)


def _opinion(found: Mapping[str, Any], document_type: str) -> Opinion:
    """The access point's answer about a participant, in the network's terms."""
    valid, in_directory = found.get("is_valid"), found.get("dns_valid")
    if not isinstance(valid, bool) or not isinstance(in_directory, bool):
        return Opinion(Reachability.COULD_NOT_CHECK, "the answer says neither yes nor no")
    if not valid and not in_directory:
        return Opinion(Reachability.NOT_REGISTERED)
    if not (valid and in_directory):
        return Opinion(Reachability.NO_ENDPOINT)
    listed = found.get("supported_document_types")
    types = [wire.text(item, 1000) for item in listed] if isinstance(listed, list) else []
    known = [item for item in types if "::" in item]
    # only a list of identifiers can say that one of them is missing
    if known and not any(_same_type(item, document_type) for item in known):
        return Opinion(Reachability.UNSUPPORTED)
    return Opinion(Reachability.REACHABLE)


def _same_type(listed: str, document_type: str) -> bool:
    """Case counts; the identifier may be listed without the scheme in front of it."""
    return listed in (document_type, document_type.partition("::")[2])


def _finding(item: Mapping[str, Any]) -> Finding:
    rule, words = wire.text(item.get("rule_id"), 100), wire.text(item.get("message"), 500)
    return Finding(rule, words or "no reason given", fatal=item.get("type") != "warning")


def _standing(found: Mapping[str, Any]) -> Standing:
    word = wire.text(found.get("state"), 60)
    kept = {name: found.get(name) for name in ("id", "invoice_id", "state", "created_at")}
    return Standing(STAGES.get(word, Stage.OTHER), word, kept)


def _item(found: Mapping[str, Any]) -> HistoryItem:
    word, details = wire.text(found.get("event_type"), 60) or "unreadable", found.get("details")
    return HistoryItem(
        SORTS.get(word, Sort.OTHER),
        word,
        _instant(found.get("timestamp")),
        wire.text(found.get("id"), 200),
        details if isinstance(details, dict) else {"details": details} if details else {},
    )


def _instant(value: object) -> datetime | None:
    """An instant from ISO 8601, in UTC where it names no zone; None when unreadable or absurdly late."""
    try:
        at = datetime.fromisoformat(wire.text(value, 60))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at < datetime.now(UTC) + CLOCK_SLACK else None


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _segment(reference: str) -> str:
    return quote(reference, safe="")


def _query(**values: object) -> str:
    return urlencode(values)
