"""Ping's side of the Pingen API: tokens, uploads, drafts, and letters that are sent off or cancelled."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from commtui.demo import ping_reading
from commtui.demo.callbacks import Callbacks
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage, now_text, token
from commtui.demo.ping_hooks import PingHooks, stamp
from commtui.demo.ping_letters import CANCELLABLE, CHOICES, LetterLives, PracticeLetter
from commtui.demo.ping_scenarios import CREATE, PING, SEND
from commtui.demo.ping_wire import MEDIA_TYPE, Keys, error, lost, not_found, resource
from commtui.demo.scenario import Reply

UPLOAD_HOURS = 24


@dataclass(slots=True)
class _Place:
    """Where one file may be uploaded to, once."""

    signature: str
    content: bytes | None = field(default=None, repr=False)


class PingApi:
    """The stand-in; `routes` goes into the practice network."""

    def __init__(
        self, account: PracticeAccount, ledger: Ledger, callbacks: Callbacks, scale: float
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._scale = scale
        self._lives = LetterLives(callbacks, PingHooks(account, callbacks))
        self._keys = Keys()
        self._tokens: set[str] = set()
        self._places: dict[str, _Place] = {}
        self._letters: dict[str, PracticeLetter] = {}
        letters = "/organisations/{organisation}/deliveries/letters"
        self.routes = [
            Route("/auth/access-tokens", self.issue, methods=["POST"]),
            Route("/file-upload", self.place, methods=["GET"]),
            Route("/practice/ping/uploads/{place}", self.put, methods=["PUT"]),
            Route(letters, self.create, methods=["POST"]),
            Route(letters, self.read_list, methods=["GET"]),
            Route(f"{letters}/{{letter}}", self.fetch, methods=["GET"]),
            Route(f"{letters}/{{letter}}/send", self.send, methods=["PATCH"]),
            Route(f"{letters}/{{letter}}/cancel", self.cancel, methods=["PATCH"]),
            Route(f"{letters}/{{letter}}/events", self.read_events, methods=["GET"]),
        ]

    @property
    def letters(self) -> list[PracticeLetter]:
        """Every letter that was made, sent off or not, in order."""
        return list(self._letters.values())

    def revoke(self) -> None:
        """Make every token that was issued worthless."""
        self._tokens.clear()

    async def issue(self, request: Request) -> Response:
        """An access token for client credentials."""
        self._ledger.requests += 1
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        wanted = (self._account.ping_client_id, self._account.ping_client_secret)
        if form.get("grant_type") != "client_credentials" or wanted != (
            form.get("client_id"),
            form.get("client_secret"),
        ):
            words = "Client authentication failed"
            body = {"error": "invalid_client", "error_description": words, "message": words}
            return JSONResponse(body, 401)
        made = token(40)
        self._tokens.add(made)
        return JSONResponse({"token_type": "Bearer", "expires_in": 43200, "access_token": made})

    async def place(self, request: Request) -> Response:
        """Where a file may be uploaded to."""
        self._ledger.requests += 1
        if refused := self._unauthorised(request):
            return refused
        name = token(24)
        self._places[name] = _Place(secrets.token_hex(30))
        until = datetime.now(UTC) + timedelta(hours=UPLOAD_HOURS)
        attributes = {
            "url": f"{request.base_url}practice/ping/uploads/{name}?signed=1",
            "url_signature": self._places[name].signature,
            "expires_at": stamp(until),
        }
        return resource({"data": {"id": name, "type": "file_uploads", "attributes": attributes}})

    async def put(self, request: Request) -> Response:
        """Take a file, once, from whoever knows the place; a bearer has no business here."""
        self._ledger.requests += 1
        place = self._places.get(request.path_params["place"])
        if "authorization" in request.headers:
            return Response("<Error><Code>InvalidArgument</Code></Error>", 400)
        if place is None or place.content is not None:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403)
        place.content = await request.body()
        return Response(status_code=200)

    async def create(self, request: Request) -> Response | None:
        """Make a draft from an uploaded file; None hangs up."""
        self._ledger.requests += 1
        return self._unauthorised(request) or await self._keys.once(request, self._create)

    async def send(self, request: Request) -> Response | None:
        """Send a draft off; None hangs up."""
        self._ledger.requests += 1
        return self._unauthorised(request) or await self._keys.once(request, self._send)

    async def fetch(self, request: Request) -> Response:
        """A letter as it stands now."""
        letter, refused = self._asked_for(request)
        return refused if letter is None else resource({"data": letter.resource()})

    async def read_events(self, request: Request) -> Response:
        """A letter's history."""
        letter, refused = self._asked_for(request)
        return refused if letter is None else _listed(list(letter.events))

    async def read_list(self, request: Request) -> Response:
        """The letters that fit a filter, the newest first unless another order is asked for."""
        self._ledger.requests += 1
        if refused := self._unauthorised(request):
            return refused
        asked = request.query_params
        try:
            wanted = json.loads(asked.get("filter", "{}"))
        except ValueError:
            return error(422, "The filter is not valid JSON.", "filter")
        fitting = [
            letter.resource()
            for letter in self._letters.values()
            if all(letter.attributes.get(name) == value for name, value in wanted.items())
        ]
        return _listed(fitting if asked.get("sort") == "created_at" else fitting[::-1])

    async def cancel(self, request: Request) -> Response:
        """Stop a letter, until it is printed."""
        letter, refused = self._asked_for(request)
        if letter is None:
            return refused
        if letter.status not in CANCELLABLE:
            return error(409, "The letter cannot be cancelled in its present state.")
        self._lives.cancel(letter)
        return Response(status_code=202, media_type=MEDIA_TYPE)

    async def _create(self, request: Request, asked: Mapping[str, Any]) -> Response | None:
        url = str(asked.get("file_url", ""))
        place = self._places.get(url.partition("?")[0].rpartition("/")[2])
        content = place.content if place else None
        if place is None or content is None:
            return error(422, "The file does not exist.", _pointer("file_url"))
        if refused := _unfit(asked, place.signature):
            return refused
        letter = await self._lives.draft(asked, content)
        reply = self._reply(letter, CREATE)
        if reply is not None and not reply.accepted:
            return self._answer(reply)
        self._letters[letter.id] = letter
        self._lives.read(letter)
        done = resource({"data": letter.resource()}, 201)
        if reply is None:
            return done
        lost(request, done)
        return None

    async def _send(self, request: Request, asked: Mapping[str, Any]) -> Response | None:
        letter = self._letters.get(request.path_params["letter"])
        if letter is None:
            return not_found()
        for name, allowed in CHOICES.items():
            if asked.get(name) not in allowed:
                return error(422, f"Allowed are {', '.join(sorted(allowed))}.", _pointer(name))
        if letter.status != "valid":
            return error(409, "The letter cannot be sent in its present state.")
        reply = self._reply(letter, SEND)
        if reply is not None and not reply.accepted:
            return self._answer(reply)
        self._lives.send_off(letter, asked)
        self._take(letter)
        done = resource({"data": letter.resource()})
        if reply is None:
            return done
        lost(request, done)
        return None

    def _take(self, letter: PracticeLetter) -> None:
        name = letter.attributes["file_original_name"]
        self._ledger.accepted.append(
            PracticeMessage(
                provider=PING,
                entry_id=name.rpartition("_")[2].removesuffix(".pdf"),
                recipient=letter.attributes["address"],
                provider_message_id=letter.id,
                scenario=letter.scenario.name,
                at=now_text(),
                attachments=((name, hashlib.sha256(letter.content).hexdigest()),),
            )
        )

    def _reply(self, letter: PracticeLetter, step: str) -> Reply | None:
        reply = letter.scenario.reply
        if reply is None or reply.step != step:
            return None
        return self._ledger.reply(letter.scenario, letter.attributes["address"])

    def _answer(self, reply: Reply) -> Response:
        if reply.html:
            return HTMLResponse("<html><h1>Server Error</h1></html>", reply.status)
        wait = math.ceil((reply.wait or 0.0) * self._scale)
        headers = {"Retry-After": str(wait)} if reply.wait is not None else {}
        return error(reply.status, reply.words, reply.field or "", headers)

    def _asked_for(self, request: Request) -> tuple[PracticeLetter | None, Response]:
        """The letter that a path names, or why it is not shown."""
        self._ledger.requests += 1
        if refused := self._unauthorised(request):
            return None, refused
        return self._letters.get(request.path_params["letter"]), not_found()

    def _unauthorised(self, request: Request) -> Response | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or given not in self._tokens:
            return error(401, "Unauthenticated.")
        organisation = request.path_params.get("organisation", self._account.ping_organisation)
        if organisation != self._account.ping_organisation:
            return error(403, "This organisation is not yours.")
        return None


def _unfit(asked: Mapping[str, Any], signature: str) -> Response | None:
    """What is wrong with the values of a draft."""
    name = str(asked.get("file_original_name", ""))
    checks = (
        (
            asked.get("file_url_signature") != signature,
            "The signature is not valid.",
            "file_url_signature",
        ),
        (not 5 <= len(name) <= 255, "It has to have 5 to 255 characters.", "file_original_name"),
        (asked.get("auto_send") is not False, "Only drafts are made here.", "auto_send"),
        (
            asked.get("address_position") not in ping_reading.WINDOWS,
            "It has to be left or right.",
            "address_position",
        ),
    )
    return next((error(422, words, _pointer(at)) for wrong, words, at in checks if wrong), None)


def _listed(items: list[dict[str, Any]]) -> Response:
    meta = {"current_page": 1, "last_page": 1, "per_page": 100, "total": len(items)}
    return resource({"data": items[:100], "links": {}, "meta": meta})


def _pointer(name: str) -> str:
    return f"/data/attributes/{name}"
