"""The Pingen API v2: its token, its calls, and how its answers are read (reference: providers, sections 3.1 to 3.3).

https://api.pingen.com/documentation. It speaks JSON:API; every POST and PATCH may carry an idempotency key, under
which it repeats its first answer for 24 hours.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from commtui.config import Ping
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
)
from commtui.providers import wire
from commtui.providers.http import Answer, Http
from commtui.providers.ping_codes import CREDENTIALS

KEY = "ping"
MEDIA_TYPE = "application/vnd.api+json"
SCOPES = "letter"
TOKEN_MARGIN = 60.0
"""Seconds before its end at which a token is fetched anew."""
NOT_ABOUT_THE_MESSAGE = frozenset({408, 409, 425})
"""Client errors that a proxy gives, and the one for a key that is in use: none says whether it was taken."""
CLOCK_SLACK = timedelta(days=1)
_OURS = re.compile(r"_([0-9a-f-]{36})(?:_[a-z_]+)?\.pdf$", re.IGNORECASE)
"""Our entry id in a letter's file name; the test system's own suffixes may follow it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A place that a file was uploaded to, as the letter has to name it."""

    url: str
    signature: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as Ping has it."""

    id: str
    status: str
    name: str
    """Its file's."""
    address: str
    """What Ping read in the document, in lines."""
    country: str
    product: str
    tracked: bool
    """Whether its delivery is reported as well."""
    at: datetime | None
    """When it last changed."""
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LetterEvent:
    """One line of a letter's history."""

    code: str
    words: str
    at: datetime | None
    corrected: str
    """The address that the scan of a returned envelope showed; usually empty."""


class Pingen:
    """Calls the API for one organisation."""

    def __init__(self, settings: Ping, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._base = settings.base_url.rstrip("/")
        self._token, self._good_until = "", 0.0
        self._fetching = asyncio.Lock()

    async def upload(self, content: bytes) -> Upload:
        """Ask for a place and put the file there; nobody knows of it before a letter names it."""
        answer = await self._call("GET", f"{self._base}/file-upload")
        found = _attributes(_data(answer))
        url, signature = wire.text(found.get("url"), 1000), wire.text(found.get("url_signature"))
        if answer.status != 200 or not (url and signature):
            raise self._refusal(answer)
        put = await self._http.call(
            KEY,
            "PUT",
            url,
            # without the bearer: the place is signed, and is another company's storage
            headers={"content-type": "application/pdf"},
            content=content,
            named_by=self._settings.base_url,
        )
        if put.status not in (200, 201, 204):
            raise self._not_uploaded(put)
        return Upload(url, signature, instant(found.get("expires_at")))

    async def create(self, body: bytes, key: str) -> Letter:
        """Make a draft. The same key and bytes give the same letter, for as long as Ping remembers the key."""
        answer = await self._call("POST", self._letters(), body, key)
        letter = _letter(_data(answer))
        if answer.status in (200, 201) and letter is not None:
            return letter
        if answer.status == 409:
            # another request with this key is at work: what it makes is what this one gets later
            raise NotSent(KEY, "409", self._words(answer))
        raise self._refusal(answer)

    async def letter(self, identifier: str) -> Letter | None:
        """A letter as it stands now; None when Ping has none with this id."""
        answer = await self._call("GET", self._letters(identifier))
        letter = _letter(_data(answer))
        if answer.status == 200 and letter is not None and letter.id == identifier:
            return letter
        if answer.status == 404:
            return None
        raise self._refusal(answer)

    async def named(self, name: str) -> Sequence[Letter]:
        """The letters whose file has this name, the oldest first."""
        query = urlencode(
            {
                "filter": json.dumps({"file_original_name": name}),
                "page[limit]": 100,
                "sort": "created_at",
            }
        )
        answer = await self._call("GET", f"{self._letters()}?{query}")
        listed = _listed(answer)
        if answer.status != 200 or listed is None:
            raise self._refusal(answer)
        letters = [letter for item in listed if (letter := _letter(item)) is not None]
        return [letter for letter in letters if letter.name == name]

    async def submit(self, identifier: str, body: bytes, key: str) -> Letter | None:
        """Send a draft off; None when Ping is busy with it, or it is no draft any more."""
        answer = await self._call("PATCH", self._letters(identifier, "send"), body, key)
        letter = _letter(_data(answer))
        if answer.status in (200, 201, 202) and letter is not None and letter.id == identifier:
            return letter
        if answer.status == 409:
            return None
        raise self._refusal(answer)

    async def cancel(self, identifier: str) -> None:
        """Ask for a letter to be stopped: it is done, or refused, later."""
        answer = await self._call("PATCH", self._letters(identifier, "cancel"), b"")
        if answer.status not in (200, 202, 204):
            raise self._refusal(answer)

    async def history(self, identifier: str) -> Sequence[LetterEvent]:
        """What happened to a letter, the oldest first."""
        query = urlencode({"language": "en-GB", "page[limit]": 100})
        answer = await self._call("GET", f"{self._letters(identifier, 'events')}?{query}")
        listed = _listed(answer)
        if answer.status != 200 or listed is None:
            raise self._refusal(answer)
        events = [event_of(_attributes(item)) for item in listed]
        return sorted(events, key=lambda event: event.at or datetime.min.replace(tzinfo=UTC))

    async def be_ready(self) -> None:
        """Have a token that lasts: what cannot be taken back must not fail for want of one."""
        await self._bearer()

    def _letters(self, identifier: str = "", action: str = "") -> str:
        parts = (
            "organisations",
            self._settings.organisation,
            "deliveries",
            "letters",
            identifier,
            action,
        )
        path = "/".join(quote(part, safe="") for part in parts if part)
        return f"{self._base}/{path}"

    async def _call(
        self, method: str, url: str, content: bytes | None = None, key: str = ""
    ) -> Answer:
        """One call; a token that is refused is fetched anew, once."""
        headers = {"accept": MEDIA_TYPE}
        if content is not None:
            headers["content-type"] = MEDIA_TYPE
        if key:
            headers["idempotency-key"] = key
        token = await self._bearer()
        answer = await self._bearing(token, method, url, headers, content)
        if answer.status == 401:
            token = await self._bearer(refused=token)
            answer = await self._bearing(token, method, url, headers, content)
        return answer

    async def _bearing(
        self, token: str, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        signed = {**headers, "authorization": f"Bearer {token}"}
        return await self._http.call(
            KEY, method, url, headers=signed, content=content, metered=True
        )

    async def _bearer(self, refused: str = "") -> str:
        async with self._fetching:
            fresh = time.monotonic() < self._good_until
            if not (self._token and fresh and self._token != refused):
                await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> None:
        """Client credentials for a token. Whatever goes wrong here, no letter was touched by it."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": str(self._settings.client_secret),
            "scope": SCOPES,
        }
        try:
            answer = await self._http.call(
                KEY,
                "POST",
                self._settings.identity_url.rstrip("/") + "/auth/access-tokens",
                headers={
                    "content-type": "application/x-www-form-urlencoded",
                    "accept": "application/json",
                },
                content=urlencode(form).encode("ascii"),
            )
        except UnknownOutcome as error:
            raise NotSent(KEY, error.code, error.words) from None
        found = answer.json()
        found = found if isinstance(found, dict) else {}
        token = wire.text(found.get("access_token"), 10_000)
        if answer.status not in (200, 201) or not token:
            raise self._no_token(answer)
        seconds = found.get("expires_in")
        lasts = float(seconds) if isinstance(seconds, int | float) else 0.0
        self._token, self._good_until = token, time.monotonic() + lasts - TOKEN_MARGIN

    def _no_token(self, answer: Answer) -> ProviderError:
        refusal = self._refusal(answer)
        if isinstance(refusal, AccountTrouble | Rejected):
            return AccountTrouble(KEY, CREDENTIALS, refusal.words)
        if isinstance(refusal, UnknownOutcome):
            return NotSent(KEY, refusal.code, refusal.words)
        return refusal

    def _not_uploaded(self, answer: Answer) -> ProviderError:
        """The storage's refusal: it is about the place, which is asked for anew, unless the file is too large."""
        refusal = self._refusal(answer)
        if isinstance(refusal, RateLimited) or answer.status == 413:
            return refusal
        return NotSent(KEY, "upload_failed", f"HTTP {answer.status} from Ping's storage")

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

    def _words(self, answer: Answer) -> str:
        """Ping's own words, each with the field it is about; `detail` is `details` in some answers."""
        found = answer.json()
        found = found if isinstance(found, dict) else {}
        said = [wire.text(found.get("error_description")) or wire.text(found.get("message"))]
        for item in _dicts(found.get("errors")):
            words = next(
                filter(
                    None, (wire.text(item.get(name)) for name in ("detail", "details", "title"))
                ),
                "",
            )
            source = item.get("source")
            places = source if isinstance(source, dict) else {}
            place = wire.text(places.get("pointer"), 200) or wire.text(places.get("parameter"), 200)
            said.append(f"{words} ({place})" if place else words)
        joined = wire.text("; ".join(filter(None, said)))
        return wire.without(
            joined or f"HTTP {answer.status} without a readable message",
            [self._settings.client_secret, self._token],
        )


def entry_of(name: str) -> str | None:
    """Our entry id from a letter's file name: the only field of ours that Ping brings back."""
    found = _OURS.search(name)
    return wire.entry_id(found[1]) if found else None


def instant(value: object) -> datetime | None:
    """An instant such as 2026-07-29T11:23:11+0200; None when unreadable."""
    try:
        at = datetime.fromisoformat(wire.text(value, 60))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at


def past(value: object) -> datetime | None:
    """An instant that something happened at: none that lies ahead."""
    at = instant(value)
    return at if at is not None and at < datetime.now(UTC) + CLOCK_SLACK else None


def address_text(value: object) -> str:
    """An address as lines, whether it comes as a text or in parts."""
    if isinstance(value, Mapping):
        parts = {name: wire.text(part, 200) for name, part in value.items()}
        street = " ".join(filter(None, (parts.get("street"), parts.get("number"))))
        town = " ".join(filter(None, (parts.get("zip"), parts.get("city"))))
        return "\n".join(filter(None, (parts.get("name"), street, parts.get("pobox"), town)))
    return wire.text(value)


def event_of(attributes: Mapping[str, Any]) -> LetterEvent:
    """A history line from its attributes; its reason says more than its name."""
    return LetterEvent(
        wire.text(attributes.get("code"), 60),
        wire.text(attributes.get("reason")) or wire.text(attributes.get("name")),
        past(attributes.get("emitted_at")) or past(attributes.get("created_at")),
        address_text(attributes.get("corrected_address")),
    )


def _data(answer: Answer) -> Mapping[str, Any]:
    found = answer.json()
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}


def _listed(answer: Answer) -> list[Mapping[str, Any]] | None:
    found = answer.json()
    data = found.get("data") if isinstance(found, dict) else None
    return _dicts(data) if isinstance(data, list) else None


def _attributes(item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = item.get("attributes")
    return found if isinstance(found, dict) else {}


def _letter(item: Mapping[str, Any]) -> Letter | None:
    """A letter from a resource object; None when it is not one."""
    found = _attributes(item)
    identifier, status = wire.text(item.get("id"), 64), wire.text(found.get("status"), 60)
    if not (identifier and status):
        return None
    product = wire.text(found.get("delivery_product"), 60)
    tracked = any(word in product for word in ("registered", "premium", "aplus"))
    return Letter(
        id=identifier,
        status=status,
        name=wire.text(found.get("file_original_name"), 300),
        address=address_text(found.get("address")),
        country=wire.text(found.get("country"), 10),
        product=product,
        tracked=tracked or bool(wire.text(found.get("tracking_number"), 100)),
        at=past(found.get("updated_at")),
        raw=found,
    )


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
