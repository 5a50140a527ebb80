"""The practice Ping by itself, with a receiver of webhooks, and letters to send through it; all on loopback."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import typst
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from commtui.config import Ping, Secret, Settings
from commtui.demo.callbacks import Callbacks, SigningKey
from commtui.demo.ledger import Ledger, PracticeAccount
from commtui.demo.ping_api import PingApi
from commtui.domain import postal
from commtui.domain.fold import EntryState, Fact, merge
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose, Status
from commtui.errors import (
    AccountTrouble,
    NotSent,
    NotYet,
    ProviderError,
    UnknownOutcome,
)
from commtui.providers.base import Accepted, DeliveryEvent, Document, RawWebhook, SendRequest, Watch
from commtui.providers.http import Http
from commtui.providers.ping import SPEC, PingProvider
from tests.peppol_practice import serving
from tests.steps import MemorySteps

ADDRESS = "Zoé Lefèvre\n12 rue de la Forêt\n75011 Paris\nFR"
TRIES = 80


def letter(address: str, page: str = 'paper: "a4"', pages: int = 1, window: str = "") -> bytes:
    """A letter of our own making: sender above, address in the window, text below."""
    found = postal.parse(address, "FR")
    left = 110 if (window or postal.window(found.country)) == "right" else 22
    lines = " \\ ".join(f"#{_quoted(line)}" for line in address.splitlines())
    source = (
        f"#set page({page}, margin: 0mm)\n"
        "#place(top + left, dx: 22mm, dy: 12mm)[Aurore Énergie, 1 quai du Rhône, 69001 Lyon]\n"
        f"#place(top + left, dx: {left}mm, dy: 58mm, box(width: 80mm)[{lines}])\n"
        "#place(top + left, dx: 22mm, dy: 120mm)[Please pay by the end of the month.]\n"
        + "#pagebreak() Page\n"
        * (pages - 1)
    )
    made = typst.compile(source.encode(), ignore_system_fonts=True)
    assert isinstance(made, bytes)
    return made


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def request_to(recipient: str, content: bytes | None = None, **values: Any) -> SendRequest:
    """A request to send a letter to an address."""
    written = letter(recipient) if content is None else content
    defaults: dict[str, Any] = {
        "entry_id": str(uuid.uuid4()),
        "channel": Channel.POST,
        "recipient": recipient,
        "recipient_name": "Customer",
        "subject": "",
        "text": "",
        "html": "",
        "documents": (Document(DocumentRole.LETTER, "letter.pdf", "application/pdf", written),),
        "kind": "invoice",
        "purpose": Purpose.TRANSACTIONAL,
        "country": "FR",
        "created_at": datetime.now(UTC),
        "reference": "F2026/0001",
    }
    return SendRequest(**{**defaults, **values})


@dataclass
class PingPractice:
    """Everything that stands in for Ping."""

    url: str
    api: PingApi
    ledger: Ledger
    account: PracticeAccount
    callbacks: Callbacks
    http: Http
    hooks: list[RawWebhook] = field(default_factory=list)

    def settings(self, **values: Any) -> Settings:
        """Settings that point at it."""
        section: dict[str, Any] = {
            "client_id": self.account.ping_client_id,
            "client_secret": Secret(self.account.ping_client_secret),
            "organisation": self.account.ping_organisation,
            "webhook_key": Secret(self.account.ping_webhook_key),
            "base_url": self.url,
            "identity_url": self.url,
        }
        return Settings(ping=Ping(**{**section, **values}))

    def provider(self, **values: Any) -> PingProvider:
        """A new provider, as a worker makes it when it starts."""
        assert SPEC.create is not None
        made = SPEC.create(self.settings(**values), self.http)
        assert isinstance(made, PingProvider)
        return made

    def taken(self, request: SendRequest) -> list[str]:
        """The ids of the letters that were sent off for an entry."""
        return [
            item.provider_message_id
            for item in self.ledger.accepted
            if item.entry_id == request.entry_id
        ]

    def drafts(self, request: SendRequest) -> list[str]:
        """The ids of all letters that were made for an entry, sent off or not."""
        return [
            item.id
            for item in self.api.letters
            if request.entry_id in item.attributes["file_original_name"]
        ]

    def heard(self, request: SendRequest) -> list[DeliveryEvent]:
        """What verified webhooks said about an entry."""
        assert SPEC.receiver is not None
        receiver = SPEC.receiver(self.settings())
        events = []
        for hook in self.hooks:
            receiver.verify(hook)
            events += [it for it in receiver.parse(hook) if it.entry_id == request.entry_id]
        return events

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to come true; the test's time limit ends a wait in vain."""
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def practising(
    scale: float = 0.02, request_seconds: float = 5.0
) -> AsyncIterator[PingPractice]:
    """A running practice Ping whose webhooks arrive."""
    hooks: list[RawWebhook] = []

    async def receive(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.body()
        hooks.append(RawWebhook(request.url.path, headers, body, datetime.now(UTC)))
        return Response(status_code=204)

    account, ledger = PracticeAccount(), Ledger()
    callbacks = Callbacks(SigningKey(), "token", scale=scale, retry_seconds=0.01)
    api = PingApi(account, ledger, callbacks, scale)
    http = Http(4, request_seconds)
    receiver = Route("/webhooks/ping", receive, methods=["POST"])
    async with serving([*api.routes, receiver]) as url:
        callbacks.web_url = url
        yield PingPractice(url, api, ledger, account, callbacks, http, hooks)
        await callbacks.stop()
        await http.aclose()


@dataclass
class Played:
    """How an entry went, from its first try to the provider's last word."""

    steps: MemorySteps
    first: Accepted | ProviderError | None = None
    """What the first try came to that had to do with more than waiting."""
    last: Accepted | ProviderError | None = None


async def play(
    practice: PingPractice, request: SendRequest, steps: MemorySteps | None = None
) -> Played:
    """Go on with an entry as workers do, a new one for each try, until it is accepted or refused."""
    played = Played(steps or MemorySteps())
    for _ in range(TRIES):
        try:
            outcome: Accepted | ProviderError = await practice.provider().advance(
                request, played.steps
            )
        except ProviderError as error:
            outcome = error
        if isinstance(outcome, NotYet):
            await asyncio.sleep(0.005)
            continue
        played.first = played.first or outcome
        played.last = outcome
        if not isinstance(outcome, NotSent | AccountTrouble | UnknownOutcome):
            return played
    raise AssertionError(f"no end: {played.last!r}")


def watch_of(request: SendRequest, letter_id: str, **values: Any) -> Watch:
    """A watch over a letter that was accepted two hours ago."""
    made = Watch(request.entry_id, letter_id, datetime.now(UTC) - timedelta(hours=2), 0, {})
    return replace(made, **values)


def folded(events: Sequence[DeliveryEvent]) -> EntryState:
    """What an accepted entry comes to by these facts."""
    at = datetime.now(UTC)
    state = merge(EntryState(Status.QUEUED, at, 1), Fact(Status.SENT, at))
    for event in events:
        if event.status is not None:
            state = merge(state, Fact(event.status, event.at, event.error_class, event.code))
    return state
