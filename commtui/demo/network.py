"""The practice network: all stand-ins behind one address, in this process or as one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from commtui.demo.callbacks import Callbacks, SigningKey
from commtui.demo.chorus_api import ChorusApi
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage
from commtui.demo.peppol_api import PeppolApi
from commtui.demo.peppol_directory import PracticeDns, PracticeSmp
from commtui.demo.ping_api import PingApi
from commtui.demo.sendgrid_api import SendGridApi
from commtui.demo.twilio_api import TwilioApi

_HANG_UP = "commtui.hang_up"


class _Protocol(H11Protocol):
    """uvicorn's protocol, which also lets the application close the connection without an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inner = self.app
        self.app = self._with_hang_up

    async def _with_hang_up(self, scope: Any, receive: Any, send: Any) -> None:
        scope[_HANG_UP] = self.transport.close
        await self._inner(scope, receive, send)


class _HangUp(Response):
    """No answer at all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        scope[_HANG_UP]()
        while (await receive())["type"] != "http.disconnect":
            continue


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever runs the network."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class PracticeNetwork:
    """Every provider for practice; use it as an async context manager, or with start and stop."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        account: PracticeAccount | None = None,
        key: SigningKey | None = None,
        dns_port: int = 0,
        scale: float = 1.0,
        retry_seconds: float = 0.5,
    ) -> None:
        self._dns = PracticeDns(host, dns_port)
        self.account = account or PracticeAccount()
        self.key = key or SigningKey()
        self.ledger = Ledger()
        self._host, self._port = host, port
        self._scale, self._retry_seconds = scale, retry_seconds
        self._web_url = self._public_url = ""
        self._callbacks: Callbacks | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The base URL of both APIs, once started."""
        return f"http://{self._host}:{self._port}"

    @property
    def dns(self) -> str:
        """Its name server, as `peppol.dns` takes it."""
        return self._dns.address

    @property
    def accepted(self) -> list[PracticeMessage]:
        """Everything that was taken, in order."""
        return self.ledger.accepted

    @property
    def idle(self) -> bool:
        """Every event has been delivered or given up."""
        return self._callbacks is None or self._callbacks.idle

    def connect(self, web_url: str, public_url: str = "") -> None:
        """Where the web receiver listens, and the public URL it is known by, if that is another."""
        self._web_url = web_url.rstrip("/")
        self._public_url = public_url.rstrip("/") or self._web_url
        if self._callbacks is not None:
            self._callbacks.web_url, self._callbacks.public_url = self._web_url, self._public_url

    async def start(self) -> None:
        """Listen, and return once requests are answered."""
        listening = socket.create_server((self._host, self._port), backlog=512)
        # asyncio leaves Nagle's algorithm on for a socket made elsewhere: 40 ms for every answer.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listening.getsockname()[1]
        self._dns.smp_url = f"{self.url}/smp"
        await self._dns.start()
        self._callbacks = Callbacks(
            self.key,
            self.account.twilio_token,
            scale=self._scale,
            retry_seconds=self._retry_seconds,
        )
        self.connect(self._web_url, self._public_url)
        config = uvicorn.Config(
            self._app(self._callbacks),
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop answering, and drop the events that are not delivered yet."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        if self._callbacks is not None:
            await self._callbacks.stop()
        await self._dns.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _app(self, callbacks: Callbacks) -> ASGIApp:
        account, ledger = self.account, self.ledger
        routes = [
            *SendGridApi(account, ledger, callbacks, self._scale).routes,
            *TwilioApi(account, ledger, callbacks).routes,
            *PingApi(account, ledger, callbacks, self._scale).routes,
            *ChorusApi(account, ledger, callbacks).routes,
            *PeppolApi(account, ledger, callbacks).routes,
            *PracticeSmp().routes,
        ]
        return Starlette(
            routes=[
                *(_hanging_up(route) for route in routes),
                Route("/health", self._health),
                Route("/practice/accepted", self._list_accepted),
                Route("/practice/account", self._show_account),
            ]
        )

    async def _health(self, _request: Request) -> Response:
        callbacks = self._callbacks
        return JSONResponse(
            {
                "status": "ok",
                "requests": self.ledger.requests,
                "accepted": len(self.accepted),
                "idle": self.idle,
                "callbacks_given_up": callbacks.failed if callbacks else 0,
            }
        )

    async def _list_accepted(self, _request: Request) -> Response:
        return JSONResponse([message.as_json() for message in self.accepted])

    async def _show_account(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "sendgrid": {
                    "api_key": self.account.sendgrid_key,
                    "webhook_public_key": self.key.public_key,
                },
                "twilio": {
                    "account_sid": self.account.twilio_sid,
                    "auth_token": self.account.twilio_token,
                },
                "ping": {
                    "client_id": self.account.ping_client_id,
                    "client_secret": self.account.ping_client_secret,
                    "organisation": self.account.ping_organisation,
                    "webhook_key": self.account.ping_webhook_key,
                },
                "chorus": {
                    "client_id": self.account.chorus_client_id,
                    "client_secret": self.account.chorus_client_secret,
                    "login": self.account.chorus_login,
                    "password": self.account.chorus_password,
                },
                "peppol": {
                    "api_key": self.account.peppol_api_key,
                    "sender_id": self.account.peppol_sender_id,
                    "webhook_secret": self.account.peppol_webhook_secret,
                    "dns": self.dns,
                },
            }
        )


def _hanging_up(route: Route) -> Route:
    """The same route, whose endpoint may return None to hang up."""
    endpoint = route.endpoint

    async def answer(request: Request) -> Response:
        found: Response | None = await endpoint(request)
        return found or _HangUp()

    return Route(route.path, answer, methods=list(route.methods or ()))


def run(
    host: str,
    port: int,
    *,
    web_url: str,
    public_url: str = "",
    dns_port: int = 0,
    scale: float = 1.0,
    key_file: Path | None = None,
    ready: Callable[[PracticeNetwork], None] = lambda _network: None,
) -> None:
    """Run the network in this process until SIGTERM, SIGINT or SIGHUP; `ready` is told once it answers."""

    async def serve() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stopping.set)
        key = SigningKey.kept_in(key_file) if key_file else None
        network = PracticeNetwork(host, port, key=key, dns_port=dns_port, scale=scale)
        network.connect(web_url, public_url)
        async with network:
            ready(network)
            await stopping.wait()

    asyncio.run(serve())
