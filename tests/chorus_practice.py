"""The practice Chorus Pro by itself on loopback, requests for it, and an entry's state as its facts add up to it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from commtui.config import Chorus, Secret, Settings
from commtui.demo.callbacks import Callbacks, SigningKey
from commtui.demo.chorus_api import ChorusApi
from commtui.demo.invoices import chorus_invoice
from commtui.demo.ledger import Ledger, PracticeAccount
from commtui.demo.network import _hanging_up, _Protocol, _Server
from commtui.domain.einvoice import parse
from commtui.domain.fold import EntryState, Fact, merge
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose, Status
from commtui.providers.base import DeliveryEvent, Document, SendRequest, Watch
from commtui.providers.chorus import SPEC, ChorusProvider
from commtui.providers.http import Http

PLAIN = "chorus:12345678200051"
"""A recipient of the qualification that wants nothing."""


def request_to(
    recipient: str, content: bytes | None = None, number: str = "", **values: Any
) -> SendRequest:
    """A request to send an invoice to a recipient."""
    number = number or f"FA{uuid.uuid4().hex[:10]}"
    written = chorus_invoice(number, parse(recipient)) if content is None else content
    document = Document(DocumentRole.EINVOICE, f"{number}.xml", "application/xml", written)
    defaults: dict[str, Any] = {
        "entry_id": str(uuid.uuid4()),
        "channel": Channel.EINVOICE,
        "recipient": recipient,
        "recipient_name": "Commune",
        "subject": "Invoice",
        "text": "",
        "html": "",
        "documents": (document,),
        "kind": "invoice",
        "purpose": Purpose.TRANSACTIONAL,
        "country": "FR",
        "created_at": datetime.now(UTC),
        "reference": number,
        "routing": parse(recipient),
    }
    return SendRequest(**{**defaults, **values})


def watch_of(request: SendRequest, flow: str, **values: Any) -> Watch:
    """A watch over an accepted request."""
    made = Watch(request.entry_id, flow, datetime.now(UTC), 0, {}, False, request.documents)
    return replace(made, **values)


@dataclass
class Standing:
    """An entry as the facts about it add up, with the tasks that they made and closed."""

    state: EntryState
    open_tasks: list[str]
    done_tasks: list[str]


def folded(*batches: Iterable[DeliveryEvent]) -> Standing:
    """The state that facts lead to, in the way of the store: answer by answer, with one open task at a time."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    standing = Standing(EntryState(Status.SENDING, start, 2), [], [])
    opened: dict[str, datetime] = {}
    for event in (event for batch in batches for event in sorted(batch, key=lambda item: item.at)):
        if event.status is not None:
            fact = Fact(event.status, event.at, event.error_class, event.code)
            standing.state = merge(standing.state, fact)
        for task in event.closes:
            if task in opened and opened[task] <= event.at:
                standing.done_tasks.append(task)
                del opened[task]
        if event.task and event.task not in opened:
            opened = {event.task: event.at}
    standing.open_tasks = list(opened)
    return standing


@dataclass
class ChorusPractice:
    """Everything that stands in for Chorus Pro and PISTE."""

    url: str
    api: ChorusApi
    ledger: Ledger
    account: PracticeAccount
    callbacks: Callbacks
    http: Http

    def settings(self, **values: Any) -> Settings:
        """Settings that point at it."""
        section: dict[str, Any] = {
            "client_id": self.account.chorus_client_id,
            "client_secret": Secret(self.account.chorus_client_secret),
            "login": self.account.chorus_login,
            "password": Secret(self.account.chorus_password),
            "base_url": self.url,
            "token_url": f"{self.url}/api/oauth/token",
        }
        return Settings(chorus=Chorus(**{**section, **values}))

    def provider(self, **values: Any) -> ChorusProvider:
        """The provider as the registry makes it."""
        assert SPEC.create is not None
        made = SPEC.create(self.settings(**values), self.http)
        assert isinstance(made, ChorusProvider)
        return made

    def taken(self, request: SendRequest) -> list[str]:
        """The flow numbers of what was deposited for an entry."""
        return [
            item.provider_message_id
            for item in self.ledger.accepted
            if item.entry_id == request.entry_id
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to come true; the test's time limit ends a wait in vain."""
        while not condition():
            await asyncio.sleep(0.005)

    async def settled(self) -> None:
        """Wait until everything that follows deposits has happened."""
        await self.until(lambda: self.callbacks.idle)


@asynccontextmanager
async def serving(routes: list[Route]) -> AsyncIterator[str]:
    """The base URL of a server with these routes, whose endpoints may hang up."""
    config = uvicorn.Config(
        Starlette(routes=[_hanging_up(route) for route in routes]),
        host="127.0.0.1",
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
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def practising(scale: float = 0.02) -> AsyncIterator[ChorusPractice]:
    """A running practice Chorus Pro."""
    account, ledger = PracticeAccount(), Ledger()
    callbacks = Callbacks(SigningKey(), "token", scale=scale, retry_seconds=0.01)
    api = ChorusApi(account, ledger, callbacks)
    http = Http(4, 5.0)
    async with serving(api.routes) as url:
        yield ChorusPractice(url, api, ledger, account, callbacks, http)
        await http.aclose()
    await callbacks.stop()
