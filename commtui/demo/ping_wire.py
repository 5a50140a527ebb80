"""How the practice network's Ping answers: JSON:API, its errors, and the same again under an idempotency key."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/vnd.api+json"
KEY_LIMIT = 64

Work = Callable[[Request, Mapping[str, Any]], Awaitable[Response | None]]


class Keys:
    """What was done under which idempotency key."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[str, int, bytes]] = {}
        self._in_flight: set[str] = set()

    async def once(self, request: Request, work: Work) -> Response | None:
        """Do something, or answer as before for the same bytes; other bytes under the key are refused."""
        body = await request.body()
        key = request.headers.get("idempotency-key", "")
        place = f"{request.method} {request.url.path} ".encode()
        digest = hashlib.sha256(place + body).hexdigest()
        if refused := self._refusal(request, key, digest):
            return refused
        if key in self._done:
            _, status, answer = self._done[key]
            headers = {"Idempotent-Replayed": "true"}
            return Response(answer, status, headers, media_type=MEDIA_TYPE)
        asked = _attributes(body)
        if asked is None:
            return error(400, "The body has no attributes.")
        self._in_flight.update({key} - {""})
        try:
            answered = await work(request, asked)
        finally:
            self._in_flight.discard(key)
        done = answered or getattr(request.state, "lost", None)
        if key and done is not None and done.status_code < 300:
            self._done[key] = (digest, done.status_code, bytes(done.body))
        return answered

    def _refusal(self, request: Request, key: str, digest: str) -> Response | None:
        if not request.headers.get("content-type", "").startswith(MEDIA_TYPE):
            return error(415, f"The content type has to be {MEDIA_TYPE}.")
        if len(key) > KEY_LIMIT:
            return error(422, f"The idempotency key has more than {KEY_LIMIT} characters.")
        if key in self._in_flight:
            return error(409, "A request with this idempotency key is still at work.")
        if key in self._done and self._done[key][0] != digest:
            return error(422, "The idempotency key was used for another request.")
        return None


def lost(request: Request, done: Response) -> None:
    """Tell nobody what was done; whoever asks again under the same key hears it then."""
    request.state.lost = done


def resource(body: Mapping[str, Any], status: int = 200) -> Response:
    """An answer."""
    headers = {"X-Request-Id": str(uuid.uuid4())}
    return Response(json.dumps(body).encode(), status, headers, media_type=MEDIA_TYPE)


def error(
    status: int, detail: str, pointer: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """A refusal; `pointer` names the value that it is about."""
    said: dict[str, Any] = {"code": str(status), "title": "Request refused", "detail": detail}
    if pointer:
        said["source"] = {"pointer": pointer}
    content = json.dumps({"errors": [said]}).encode()
    return Response(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def not_found() -> Response:
    """There is no such thing."""
    return error(404, "The requested resource could not be found.")


def _attributes(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)["data"]["attributes"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None
