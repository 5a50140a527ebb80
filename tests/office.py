"""An office on one database: imports, sends and reports through the public services, with a scripted provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from commtui.config import Fallback, Secret, SendGrid, Sending, Settings, Twilio, Web, Worker
from commtui.domain.lines import Counts, Line, Query, Selection, Sort
from commtui.domain.views import Plan
from commtui.domain.vocabulary import Author, Channel, ErrorClass, Status, Tab
from commtui.providers.base import Accepted, DeliveryEvent, Provider, SendRequest
from commtui.services.bulk import Bulk, Expansion
from commtui.services.delivery import Delivery
from commtui.services.dispatch import Dispatch
from commtui.services.housekeeping import Housekeeping
from commtui.services.importing import Importer, ImportResult
from commtui.services.lists import Lists
from commtui.services.release import AutomaticRelease
from commtui.store import inbox
from commtui.store.engine import Database
from commtui.store.workers import Presence

OPERATOR = Author("rosa", True)
SETTINGS = Settings(
    sendgrid=SendGrid(api_key=Secret("SG.test"), from_email="billing@example.com"),
    twilio=Twilio(account_sid="AC0", auth_token=Secret("token"), from_="+33639981200"),
    sending=Sending(grace_seconds=0.0),
    web=Web(public_url="https://hooks.example.com"),
    worker=Worker(lease_seconds=30.0, retry_seconds=0.001, pause_seconds=0.001),
    fallback=Fallback(automatic=False),
)
"""Every message stays on its channel: what becomes of one there is seen without another way out."""

Script = Callable[[SendRequest], Accepted | Exception]


class ScriptedProvider:
    """Answers as the script says and remembers every request that it was handed."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or (lambda request: Accepted(f"m-{request.entry_id}"))
        self.requests: list[SendRequest] = []

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """Only an address without an @ is refused."""
        if request.channel is Channel.EMAIL and "@" not in request.recipient:
            return "invalid_recipient", "This is not an email address."
        return None

    async def send(self, request: SendRequest) -> Accepted:
        """What the script answers."""
        self.requests.append(request)
        answer = self.script(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Office:
    """Everything a test needs of one database."""

    def __init__(self, database: Database, settings: Settings = SETTINGS) -> None:
        self.database = database
        self.settings = settings
        self.dispatch = Dispatch(database, settings)
        self.lists = Lists(database)
        self.bulk = Bulk(database, settings, OPERATOR, self.dispatch)
        self.expansion = Expansion(database, self.dispatch)
        self.release = AutomaticRelease(database, self.dispatch)
        self.housekeeping = Housekeeping(database)
        self.provider = ScriptedProvider()

    # in

    def put(self, *lines: dict[str, Any]) -> ImportResult:
        """Import lines; each is completed by `message`."""
        importer = Importer(self.database, self.settings, OPERATOR)
        return importer.run([json.dumps(item).encode() for item in lines], documents=None)

    # lists

    def lines(self, tab: Tab = Tab.OVERVIEW, **query: Any) -> list[Line]:
        """Matching lines, newest first."""
        return list(self.lists.page(tab, Query(**query), Sort(), limit=10_000).lines)

    def line(self, reference: str = "12345") -> Line:
        """The overview line of one subject."""
        return next(line for line in self.lines() if line.reference == reference)

    def attempts(self, reference: str = "12345") -> list[Line]:
        """The log's lines of one subject, newest first."""
        return [line for line in self.lines(Tab.LOG) if line.reference == reference]

    def counts(self, tab: Tab = Tab.OVERVIEW, **query: Any) -> Counts:
        """The numbers beside the chips."""
        return self.lists.counts(tab, Query(**query))

    # sending

    def plan(self, *references: str, **options: Any) -> Plan:
        """A dry run of these subjects, or of everything."""
        chosen = [
            line.id for line in self.lines() if not references or line.reference in references
        ]
        return self.bulk.prepare(Selection(Tab.OVERVIEW, tuple(chosen), **options))

    def queue(self, *references: str, **options: Any) -> Plan:
        """Confirm a bulk send and expand it."""
        plan = self.plan(*references, **options)
        self.bulk.confirm(plan.run_id)
        self.expand()
        return plan

    def expand(self) -> None:
        """Turn all confirmed items into entries."""
        while self.expansion.step():
            pass

    def delivery(self, provider: Provider | None = None) -> tuple[Delivery, Presence]:
        """The sending part of a worker of its own."""
        presence = Presence(self.database, "worker", self.settings.worker.lease_seconds)
        used = provider or self.provider
        both = {"sendgrid": used, "twilio": used}
        return Delivery(self.database, self.settings, both, presence.id), presence

    def work(self, script: Script | None = None, rounds: int = 10) -> ScriptedProvider:
        """Send what is due, with this script, until nothing is left or the rounds are over."""
        provider = ScriptedProvider(script) if script else self.provider
        delivery, presence = self.delivery(provider)

        async def run() -> None:
            for _ in range(rounds):
                if not await delivery.step():
                    break
                await delivery.drain()

        asyncio.run(run())
        presence.end()
        return provider

    def send(self, *references: str, script: Script | None = None) -> None:
        """Bulk send these subjects and work until it is done."""
        self.queue(*references)
        self.work(script)

    # events

    def event(self, entry: str, status: Status | None, /, **fields: Any) -> DeliveryEvent:
        """A provider's event about an entry."""
        values: dict[str, Any] = {
            "kind": (status or "open"),
            "at": self.database.now(),
            "entry_id": entry,
            "provider_message_id": f"m-{entry}",
            "recipient": "lea@example.com",
            "status": status,
        }
        if status in (Status.BOUNCED, Status.DROPPED, Status.UNDELIVERED):
            values |= {
                "error_class": ErrorClass.PERMANENT,
                "code": "5.1.1",
                "words": "no such user",
            }
        return DeliveryEvent(**{**values, **fields})

    def report(self, *events: DeliveryEvent, provider: str = "sendgrid") -> int:
        """Have the worker learn these events; returns how many were new."""
        return inbox.learn(self.database, provider, events)

    def report_on(self, reference: str, status: Status, **fields: Any) -> None:
        """The provider reports on the newest attempt of a subject."""
        newest = self.attempts(reference)[0]
        self.report(self.event(newest.id, status, **fields), provider=newest.provider)


def message(reference: str = "12345", **changes: Any) -> dict[str, Any]:
    """A line to import: an invoice by email, with anything replaced."""
    line: dict[str, Any] = {
        "id": f"C-{reference}",
        "subject": {"type": "invoice", "reference": reference, "title": f"Invoice {reference}"},
        "customer": {"id": "K-1", "name": "Léa Martin", "email": "lea@example.com"},
        "kind": "invoice",
        "content": {"subject": "Your invoice", "text": "Hello", "sms": "Your invoice is ready"},
    }
    customer = {**line["customer"], **changes.pop("customer", {})}
    return {**line, **changes, "customer": customer}


def later(moment: datetime, seconds: float) -> datetime:
    """A moment some seconds on."""
    return moment + timedelta(seconds=seconds)


def references(lines: Sequence[Line]) -> list[str]:
    """The subjects' references of these lines."""
    return [line.reference for line in lines]
