"""The web receiver: takes providers' webhook calls in. Size, signature, one insert, 204; all else is later."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from commtui.bootstrap import Taking, open_taking
from commtui.config import Settings
from commtui.errors import BadSignature, DatabaseAway, NoRoom, NotFound
from commtui.providers.base import RawWebhook
from commtui.services.unsubscribing import PATH as UNSUBSCRIBE

log = logging.getLogger(__name__)

BODY_LIMIT = 1_048_576
"""Bytes of a webhook call, counted as they arrive: the header that announces a size is not believed."""


AWAY_SECONDS, FULL_SECONDS = 30, 300
"""When a provider is to call again: while the database is away, and while there is no room."""
SAID_AGAIN_SECONDS = 60.0


class _Saying:
    """Says the same once a minute: thousands of refused calls must not fill what room is left with their log."""

    def __init__(self) -> None:
        self._said = float("-inf")

    def warn(self, words: str, *values: object) -> None:
        """Log it, unless something was just said."""
        if time.monotonic() - self._said > SAID_AGAIN_SECONDS:
            self._said = time.monotonic()
            log.warning(words, *values)


def application(taking: Taking) -> Starlette:
    """The receiver's routes."""
    saying = _Saying()

    async def webhook(request: Request) -> Response:
        try:
            body = await _read(request)
        except ClientDisconnect:
            return PlainTextResponse("incomplete", 400)
        if body is None:
            return PlainTextResponse("too large", 413)
        try:
            await asyncio.to_thread(_take, taking, request, body)
        except BadSignature:
            return PlainTextResponse("signature does not fit", 403)
        except DatabaseAway as error:
            return later(error)
        return Response(status_code=204)

    def later(error: DatabaseAway) -> Response:
        """Have the provider keep the call; a disk takes longer to be put right than a database to restart."""
        full = isinstance(error, NoRoom)
        saying.warn("webhook call refused, %s: %s", "no room" if full else "database away", error)
        wait = FULL_SECONDS if full else AWAY_SECONDS
        return PlainTextResponse("try again later", 503, {"Retry-After": str(wait)})

    async def unsubscribe(request: Request) -> Response:
        """Looking shows a button; only the button, or a mail program's one click, unsubscribes."""
        token = request.path_params["token"]
        try:
            if request.method == "POST":
                await asyncio.to_thread(taking.unsubscribing.unsubscribe, token)
                return _page("You have been unsubscribed. No more marketing comes to this address.")
            await asyncio.to_thread(taking.unsubscribing.entry_of, token)
        except (BadSignature, NotFound):
            return _page("This link is not valid.", status=404)
        except DatabaseAway as error:
            saying.warn("unsubscribing refused, database away: %s", error)
            answer = _page("Please try again in a moment.", status=503)
            answer.headers["Retry-After"] = str(AWAY_SECONDS)
            return answer
        return _page("Do you want no more marketing at this address?", button="Unsubscribe")

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route(path, webhook, methods=["POST"]) for path in taking.receiving.paths]
    links = Route(f"{UNSUBSCRIBE}/{{token}}", unsubscribe, methods=["GET", "POST"])
    return Starlette(routes=[*routes, links, Route("/health", health)])


def _page(words: str, *, button: str = "", status: int = 200) -> Response:
    """A page of one sentence, ours to the letter, with a button or without."""
    form = f'<form method="post"><button>{button}</button></form>' if button else ""
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Unsubscribe</title>'
        f"<body><p>{words}</p>{form}</body></html>",
        status,
        {"Content-Security-Policy": "default-src 'none'; form-action 'self'"},
    )


def _take(taking: Taking, request: Request, body: bytes) -> None:
    """Keep a call; path and query as they were called, whatever the Host header says."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    headers = {name.lower(): value for name, value in request.headers.items()}
    called = f"{path}?{query}" if query else path
    taking.receiving.take(path, RawWebhook(called, headers, body, taking.now()))


async def _read(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)


class Server(uvicorn.Server):
    """Serves until told to stop, by a signal or through the database."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at SIGTERM, SIGINT and SIGHUP; uvicorn's own way raises them once more before we could say goodbye."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def beat(self, taking: Taking) -> None:
        """Renew the presence in the database."""
        while not self.should_exit:
            try:
                if not await asyncio.to_thread(taking.presence.beat):
                    self.should_exit = True
                await asyncio.to_thread(taking.receiving.note_room)
            except DatabaseAway as error:
                log.warning("heartbeat: database away: %s", error)
            for _ in range(50):
                if self.should_exit:
                    return
                await asyncio.sleep(taking.settings.worker.lease_seconds / 300)


def main(settings: Settings, host: str | None = None, port: int | None = None) -> int:
    """Run the web receiver in the foreground; returns the exit code."""
    return asyncio.run(
        _main(settings, host or settings.web.host, settings.web.port if port is None else port)
    )


async def _main(settings: Settings, host: str, port: int) -> int:
    taking = await asyncio.to_thread(open_taking, settings, f"{host}:{port}")
    config = uvicorn.Config(
        application(taking),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    beating = asyncio.create_task(server.beat(taking))
    try:
        await server.serve()
    finally:
        server.should_exit = True
        await beating
        await asyncio.to_thread(taking.close)
    return 0
