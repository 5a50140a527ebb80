"""The web receiver: takes providers' webhook calls in. Size, signature, one insert, 204; all else is later."""

from __future__ import annotations

import asyncio
import logging

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from commtui.bootstrap import Taking, open_taking
from commtui.config import Settings
from commtui.errors import BadSignature, DatabaseAway
from commtui.providers.base import RawWebhook

log = logging.getLogger(__name__)

BODY_LIMIT = 1_048_576
"""Bytes of a webhook call, counted as they arrive: the header that announces a size is not believed."""


def application(taking: Taking) -> Starlette:
    """The receiver's routes."""

    async def webhook(request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return PlainTextResponse("too large", 413)
        path = request.url.path
        called = f"{path}?{request.url.query}" if request.url.query else path
        headers = {name.lower(): value for name, value in request.headers.items()}
        hook = RawWebhook(called, headers, body, taking.now())
        try:
            await asyncio.to_thread(taking.receiving.take, path, hook)
        except BadSignature:
            return PlainTextResponse("signature does not fit", 403)
        except DatabaseAway as error:
            log.warning("webhook call refused, database away: %s", error)
            return PlainTextResponse("try again later", 503, {"Retry-After": "30"})
        return Response(status_code=204)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route(path, webhook, methods=["POST"]) for path in taking.receiving.paths]
    return Starlette(routes=[*routes, Route("/health", health)])


async def _read(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)


class Server(uvicorn.Server):
    """Serves until told to stop, by a signal or through the database."""

    async def beat(self, taking: Taking) -> None:
        """Renew the presence in the database."""
        while not self.should_exit:
            try:
                if not await asyncio.to_thread(taking.presence.beat):
                    self.should_exit = True
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
