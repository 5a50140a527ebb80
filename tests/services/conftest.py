"""An office: a database with an operator's services, and shortcuts that put messages into any state."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.config import Secret, SendGrid, Settings, Twilio, Ui
from commtui.domain.fold import Fact
from commtui.domain.lines import Line, Query, Selection, Sort
from commtui.domain.vocabulary import (
    Author,
    Cause,
    Channel,
    Chip,
    ErrorClass,
    Ignored,
    Source,
    Status,
    Tab,
)
from commtui.providers.base import DeliveryEvent
from commtui.services.attention import Attention
from commtui.services.customers import Customers
from commtui.services.details import Details
from commtui.services.dispatch import Dispatch
from commtui.services.downloads import Downloads
from commtui.services.importing import Importer, ImportResult
from commtui.services.lists import Lists
from commtui.services.resending import Resending
from commtui.store import inbox, prospects
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.tables import audit, audit_text

ROSA = Author("rosa", True)
SETTINGS = Settings(
    ui=Ui(timezone="Europe/Paris"),
    sendgrid=SendGrid(api_key=Secret("key"), from_email="billing@example.com"),
    twilio=Twilio(account_sid="AC1", auth_token=Secret("token"), from_="+33700000000"),
)


class Office:
    """One operator at work."""

    def __init__(self, database: Database, author: Author = ROSA) -> None:
        self.database = database
        self.author = author
        self.dispatch = Dispatch(database, SETTINGS)
        self.lists = Lists(database)
        self.details = Details(database, self.dispatch.rendering, SETTINGS.zone)
        self.resending = Resending(database, SETTINGS, author, self.dispatch)
        self.attention = Attention(database, author, self.resending)
        self.customers = Customers(database, SETTINGS, author)
        self.downloads = Downloads(database, author)

    def bring(self, reference: str = "12345", **changes: Any) -> ImportResult:
        """Import a communication about an invoice; its id is `C-<reference>` unless it is said."""
        customer = {"id": "K-1", "name": "Léa Martin", "email": "lea@example.com"}
        line = {
            "id": changes.pop("id", f"C-{reference}"),
            "subject": {"type": "invoice", "reference": reference, "title": "January"},
            "customer": {**customer, **changes.pop("customer", {})},
            "kind": "invoice",
            "content": {"subject": "Your invoice", "text": "Hello"},
            **changes,
        }
        importer = Importer(self.database, SETTINGS, self.author)
        result = importer.run([json.dumps(line).encode()], documents=None)
        assert not result.refused
        return result

    def lines(self, tab: Tab = Tab.OVERVIEW, **query: Any) -> list[Line]:
        """The lines of a list, newest first; ignored ones too."""
        asked = Query(**{"ignored": Ignored.ALSO, **query})
        return list(self.lists.page(tab, asked, Sort(), limit=1000).lines)

    def line(self, reference: str = "12345") -> Line:
        """The overview line of an invoice."""
        return next(line for line in self.lines() if line.reference == reference)

    def send(
        self,
        reference: str = "12345",
        channel: Channel = Channel.EMAIL,
        *facts: tuple[Status, ErrorClass | None, str, str],
    ) -> str:
        """An attempt on a channel of the shown communication, and what became of it; returns the entry."""
        with self.database.write() as connection:
            now = self.database.now()
            communication_id = self.line(reference).communication_id
            prospect = prospects.load(connection, [communication_id])[communication_id]
            new = self.dispatch.entry(
                prospect, channel, cause=Cause.INITIAL, author=self.author, now=now
            )
            ledger = Ledger(self.database, connection, now)
            ledger.add([new])
            ledger.close()
        for status, error_class, code, words in facts:
            self.learn(new.id, status, error_class, code, words)
        return new.id

    def learn(
        self,
        entry_id: str,
        status: Status,
        error_class: ErrorClass | None = None,
        code: str = "",
        words: str = "",
        *,
        at: datetime | None = None,
        **change: Any,
    ) -> None:
        """A fact about an entry."""
        with self.database.write() as connection:
            now = self.database.now()
            ledger = Ledger(self.database, connection, now)
            fact = Fact(status, at or now, error_class, code)
            ledger.apply([Change(entry_id, fact, Source.WORKER, words=words, **change)])
            ledger.close()

    def lose(self, entry_id: str) -> None:
        """The answer to a request is lost: the outcome is unknown and the lane stays locked."""
        self.learn(entry_id, Status.UNKNOWN, ErrorClass.UNKNOWN, "no_answer", step=True)
        with self.database.write() as connection:
            connection.execute(
                sa.text("UPDATE outbox SET state = 'unknown' WHERE entry_id = :entry").bindparams(
                    sa.bindparam("entry", entry_id, sa.Uuid(as_uuid=False))
                )
            )

    def report(self, entry_id: str, kind: str, at: datetime, **event: Any) -> None:
        """A provider's event about an entry."""
        made = DeliveryEvent(kind, at, entry_id, "message-1", "lea@example.com", **event)
        inbox.learn(self.database, "sendgrid", [made])

    def bounced(self, reference: str = "12345") -> str:
        """An email that bounced; returns the entry."""
        self.bring(reference)
        return self.send(
            reference,
            Channel.EMAIL,
            (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "550 no such user"),
        )

    def audits(self) -> list[tuple[str, str, str]]:
        """Operator, action and words of the audit trail, imports left out."""
        query = (
            sa.select(audit.c.operator, audit.c.action, audit_text.c.words)
            .outerjoin(audit_text, audit_text.c.audit_id == audit.c.id)
            .where(audit.c.action != "import")
            .order_by(audit.c.id)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [(row.operator, row.action, row.words or "") for row in rows]


@pytest.fixture
def office(database: Database) -> Office:
    """An empty office on each engine."""
    return Office(database)


def selected(*lines: Line, tab: Tab = Tab.OVERVIEW) -> Selection:
    """These lines, marked."""
    return Selection(tab, tuple(line.id for line in lines))


def chips(office: Office, tab: Tab = Tab.OVERVIEW) -> dict[Chip, int]:
    """The numbers beside the chips."""
    counts = office.lists.counts(tab, Query())
    return {chip: counts.of(chip) for chip in Chip}
