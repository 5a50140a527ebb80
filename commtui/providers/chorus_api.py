"""The way to Chorus Pro through PISTE: token, technical account, JSON posts, `codeRetour` and paging.

HTTP 200 is no success there: every answer says in `codeRetour` whether it is one. The gateway's own errors often
have no body (reference: e-invoicing, section 1.2).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from commtui.config import Settings
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
)
from commtui.providers import wire
from commtui.providers.http import ANSWER_LIMIT, Answer, Http

KEY = "chorus"
EARLY_SECONDS = 240.0
"""Before its end a token is replaced."""
DEFAULT_TOKEN_SECONDS = 3600.0
NOT_ABOUT_THE_MESSAGE = frozenset({408, 409, 425})
"""Client errors that a proxy gives; they say nothing about whether the file was taken."""
PAGES_LIMIT = 200
QUOTED_LIMIT = 20_000
"""Characters of a foreign text that are looked at."""
_TOLD_NOWHERE = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "server", "set-cookie"}
    | {"transfer-encoding", "vary", "cache-control", "expires", "pragma"}
)
"""Headers that say nothing about why a request was refused."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the API: HTTP 200 with JSON."""

    code: int
    """`codeRetour`: 0 is the only success."""
    words: str
    """`libelle`."""
    body: Mapping[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether Chorus Pro did what it was asked for."""
        return self.code == 0

    def refused(self) -> NotSent:
        """The error of a question that was not answered."""
        return NotSent(KEY, f"codeRetour_{self.code}", f"codeRetour {self.code}: {self.words}")


def mapping(value: object) -> Mapping[str, Any]:
    """An object out of an answer; empty when it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list out of an answer; a single one stands for a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def number(value: object) -> int | None:
    """A whole number out of an answer, which may come as text."""
    found = wire.text(value, 20).strip()
    bare = found.removeprefix("-")
    return int(found) if bare.isascii() and bare.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that comes in pages, of ten rows unless more are asked for."""

    path: str
    paging: str
    """The object that asks for a page."""
    rows: str
    """The rows in the answer."""
    size: int = 10
    limit: int = ANSWER_LIMIT
    """Bytes of an answer."""


STRUCTURES = Listing("structures/v1/rechercher", "parametres", "listeStructures")
SERVICES = Listing(
    "structures/v1/rechercher/services",
    "parametresRechercherServicesStructure",
    "listeServices",
    size=10_000,
    limit=10_000_000,
)
INVOICES = Listing(
    "factures/v1/rechercher/fournisseur", "rechercheFactureParFournisseur", "listeFactures"
)


class ChorusApi:
    """Calls to Chorus Pro with one PISTE application and one technical account."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings.chorus
        self._http = http
        root = settings.chorus.base_url.rstrip("/")
        self._root = root if root.endswith("/cpro") else f"{root}/cpro"
        account = f"{self._settings.login}:{self._settings.password}"
        self._account = base64.b64encode(account.encode()).decode("ascii")
        self._token = ""
        self._token_ends = 0.0
        self._tokens: deque[str] = deque(maxlen=4)
        """The last ones: an answer may still quote one that was dropped."""
        self._fetching = asyncio.Lock()

    async def ready(self) -> None:
        """Have a token that lasts. Raises NotSent, RateLimited or AccountTrouble."""
        await self._bearer()

    async def read(self, path: str, body: Mapping[str, Any], *, limit: int = ANSWER_LIMIT) -> Said:
        """Ask something that may be asked twice. Raises NotSent, RateLimited or AccountTrouble."""
        answer = await self._asked(path, body, limit)
        if answer.status == 401:
            answer = await self._asked(path, body, limit)
        if answer.status == 200 and (said := self._said(answer)):
            return said
        raise self._unanswered(answer)

    async def pages(self, listing: Listing, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Every row of a list, page after page. Raises what `read` raises, and NotSent for a `codeRetour`."""
        found: list[Mapping[str, Any]] = []
        for page in range(1, PAGES_LIMIT + 1):
            paging = {"nbResultatsParPage": listing.size, "pageResultatDemandee": page}
            said = await self.read(
                listing.path, {**body, listing.paging: paging}, limit=listing.limit
            )
            if not said.ok:
                raise said.refused()
            found += rows(said.body.get(listing.rows))
            if page >= (number(mapping(said.body.get("parametresRetour")).get("pages")) or 1):
                return found
        raise NotSent(KEY, "too_many_pages", f"The list has more than {PAGES_LIMIT} pages.")

    async def deposit(self, body: Mapping[str, Any]) -> str:
        """Deposit a file, once: its flow number.

        Raises NotSent, RateLimited or AccountTrouble when it was surely not taken, Rejected for a plain no to the
        file, UnknownOutcome for everything else.
        """
        bearer = await self._bearer()
        answer = await self._post("factures/v1/deposer/flux", body, bearer, ANSWER_LIMIT)
        said = self._said(answer)
        if answer.status != 200 or said is None:
            raise self._undeposited(answer)
        if not said.ok:
            raise self._refused(said)
        if flow := wire.text(said.body.get("numeroFluxDepot"), 100).strip():
            return flow
        raise UnknownOutcome(KEY, "no_flow_number", "The answer says ok and names no flow number.")

    async def _asked(self, path: str, body: Mapping[str, Any], limit: int) -> Answer:
        bearer = await self._bearer()
        try:
            return await self._post(path, body, bearer, limit)
        except UnknownOutcome as error:
            raise NotSent(KEY, error.code, error.words) from None

    async def _post(self, path: str, body: Mapping[str, Any], bearer: str, limit: int) -> Answer:
        answer = await self._http.call(
            KEY,
            "POST",
            f"{self._root}/{path}",
            headers={
                "authorization": f"Bearer {bearer}",
                "cpro-account": self._account,
                "content-type": "application/json;charset=utf-8",
                "accept": "application/json;charset=utf-8",
            },
            content=json.dumps(body).encode(),
            limit=limit,
            metered=True,
        )
        if answer.status == 401 and self._token == bearer:
            self._token = ""
        return answer

    async def _bearer(self) -> str:
        async with self._fetching:
            if not self._token or time.monotonic() >= self._token_ends:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": str(self._settings.client_secret),
            "scope": "openid",
        }
        try:
            answer = await self._http.call(
                KEY,
                "POST",
                self._settings.token_url,
                headers={"content-type": "application/x-www-form-urlencoded"},
                content=urlencode(form).encode("ascii"),
            )
        except UnknownOutcome as error:
            raise NotSent(KEY, error.code, error.words) from None
        found = mapping(answer.json())
        token = wire.text(found.get("access_token"), 10_000)
        if answer.status == 200 and token:
            lasts = float(number(found.get("expires_in")) or DEFAULT_TOKEN_SECONDS)
            self._token = token
            self._tokens.append(token)
            self._token_ends = time.monotonic() + max(lasts - EARLY_SECONDS, 0.0)
            return
        if answer.status in (400, 401, 403):
            raise AccountTrouble(KEY, "token_refused", self._detail(answer))
        raise self._unanswered(answer)

    def _unanswered(self, answer: Answer) -> ProviderError:
        """The error of a question whose answer is none."""
        code, words = str(answer.status), self._detail(answer)
        if limited := _limited(answer, words):
            return limited
        if answer.status in (401, 402, 403, 404):
            return AccountTrouble(KEY, code, words)
        return NotSent(KEY, code, words)

    def _undeposited(self, answer: Answer) -> ProviderError:
        """The error of a deposit that the gateway answered."""
        status, code, words = answer.status, str(answer.status), self._detail(answer)
        if limited := _limited(answer, words):
            return limited
        if status in (401, 402, 403):
            return AccountTrouble(KEY, code, words)
        if 400 <= status < 500 and status not in NOT_ABOUT_THE_MESSAGE:
            said = self._said(answer)
            return self._refused(said) if said and not said.ok else Rejected(KEY, code, words)
        return UnknownOutcome(KEY, code, words)

    @staticmethod
    def _refused(said: Said) -> Rejected:
        return Rejected(KEY, f"codeRetour_{said.code}", f"codeRetour {said.code}: {said.words}")

    def _detail(self, answer: Answer) -> str:
        """What an answer says about itself; on a 401 the reason stands in a header, which one is not known."""
        found = mapping(answer.json())
        said = [
            self._words(found.get(name), 300)
            for name in ("libelle", "error_description", "error", "message")
        ]
        if answer.status in (400, 401, 403):
            said += [
                self._words(f"{name}: {value}", 200)
                for name, value in answer.headers.items()
                if name not in _TOLD_NOWHERE
            ]
        words = "; ".join(part for part in (f"HTTP {answer.status}", *said) if part)
        return wire.text(words, 600)

    def _said(self, answer: Answer) -> Said | None:
        """The API's own answer; None when it is the gateway's or none."""
        found = mapping(answer.json())
        code = number(found.get("codeRetour"))
        if code is None:
            return None
        return Said(code, self._words(found.get("libelle"), 300), found)

    def _words(self, value: object, limit: int) -> str:
        """Foreign text without our secrets, which a cut could have hidden from the search for them."""
        spelt = [str(self._settings.client_secret), str(self._settings.password)]
        spelt += [quote_plus(secret) for secret in spelt]
        whole = wire.text(value, QUOTED_LIMIT)
        return wire.text(wire.without(whole, [self._account, *self._tokens, *spelt]), limit)


def _limited(answer: Answer, words: str) -> RateLimited | None:
    """What asks us to wait."""
    if answer.status == 429:
        return RateLimited(KEY, "429", words, answer.retry_after())
    if answer.status == 503 and (wait := answer.asked_to_wait()) is not None:
        return RateLimited(KEY, "503", words, wait)
    return None
