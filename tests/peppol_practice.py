"""The practice Peppol by itself: access point, SMP, name server and a receiver of webhooks, all on loopback."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from commtui.config import Peppol, Secret, Settings
from commtui.demo.callbacks import Callbacks, SigningKey
from commtui.demo.ledger import Ledger, PracticeAccount
from commtui.demo.network import _hanging_up, _Protocol, _Server
from commtui.demo.peppol_api import PeppolApi
from commtui.demo.peppol_directory import PracticeDns, PracticeSmp
from commtui.domain.einvoice import parse
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose
from commtui.providers.base import Document, RawWebhook, SendRequest, Watch
from commtui.providers.http import Http
from commtui.providers.peppol import SPEC, PeppolProvider

FIXTURE = Path(__file__).parent / "fixtures" / "einvoice" / "peppol_min.xml"


def invoice(recipient: str, number: str = "INV-2026-0001") -> bytes:
    """The fixture's invoice to another recipient, with another number."""
    scheme, _, value = parse(recipient).id.partition(":")
    return (
        FIXTURE.read_bytes()
        .replace(
            b'schemeID="0088">4012345000009',
            f'schemeID="{scheme}">{value}'.encode(),
        )
        .replace(b"INV-2026-0001", number.encode())
    )


def request_to(recipient: str, content: bytes | None = None, **values: Any) -> SendRequest:
    """A request to send an invoice to a recipient."""
    number = f"INV-{uuid.uuid4().hex[:10]}"
    written = invoice(recipient, number) if content is None else content
    document = Document(DocumentRole.EINVOICE, f"{number}.xml", "application/xml", written)
    defaults: dict[str, Any] = {
        "entry_id": str(uuid.uuid4()),
        "channel": Channel.EINVOICE,
        "recipient": recipient,
        "recipient_name": "Customer",
        "subject": "Invoice",
        "text": "",
        "html": "",
        "documents": (document,),
        "kind": "invoice",
        "purpose": Purpose.TRANSACTIONAL,
        "country": "BE",
        "created_at": datetime.now(UTC),
        "reference": number,
        "routing": parse(recipient),
    }
    return SendRequest(**{**defaults, **values})


def watch_of(request: SendRequest, reference: str, **values: Any) -> Watch:
    """A watch over an accepted request."""
    made = Watch(request.entry_id, reference, datetime.now(UTC), 0, {}, False, request.documents)
    return replace(made, **values)


@dataclass
class PeppolPractice:
    """Everything that stands in for the network."""

    url: str
    api: PeppolApi
    dns: PracticeDns
    ledger: Ledger
    account: PracticeAccount
    http: Http
    hooks: list[RawWebhook] = field(default_factory=list)

    def settings(self, **values: Any) -> Settings:
        """Settings that point at it."""
        section: dict[str, Any] = {
            "api_key": Secret(self.account.peppol_api_key),
            "sender_id": self.account.peppol_sender_id,
            "webhook_secret": Secret(self.account.peppol_webhook_secret),
            "base_url": self.url,
            "dns": self.dns.address,
            "zone": self.dns.zone,
        }
        return Settings(peppol=Peppol(**{**section, **values}))

    def provider(self, **values: Any) -> PeppolProvider:
        """The provider as the registry makes it."""
        assert SPEC.create is not None
        made = SPEC.create(self.settings(**values), self.http)
        assert isinstance(made, PeppolProvider)
        return made

    def taken(self, request: SendRequest) -> list[str]:
        """The ids of the documents that were sent for an entry."""
        return [
            item.provider_message_id
            for item in self.ledger.accepted
            if item.entry_id == request.entry_id
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to come true; the test's time limit ends a wait in vain."""
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(routes: list[Route], socket_host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The base URL of a server with these routes, whose endpoints may hang up."""
    config = uvicorn.Config(
        Starlette(routes=[_hanging_up(route) for route in routes]),
        host=socket_host,
        port=0,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    try:
        yield f"http://{socket_host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def practising(scale: float = 0.02) -> AsyncIterator[PeppolPractice]:
    """A running practice Peppol."""
    account, ledger = PracticeAccount(), Ledger()
    callbacks = Callbacks(SigningKey(), "", scale=scale, retry_seconds=0.01)
    api, dns = PeppolApi(account, ledger, callbacks), PracticeDns()
    hooks: list[RawWebhook] = []

    async def receive(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        hooks.append(RawWebhook(request.url.path, headers, await request.body(), datetime.now(UTC)))
        return Response(status_code=204)

    hook = Route("/webhooks/peppol", receive, methods=["POST"])
    http = Http(4, 5.0)
    await dns.start()
    async with serving([*api.routes, *PracticeSmp().routes, hook]) as url:
        callbacks.web_url, dns.smp_url = url, f"{url}/smp"
        yield PeppolPractice(url, api, dns, ledger, account, http, hooks)
        await callbacks.stop()
    await http.aclose()
    await dns.stop()
