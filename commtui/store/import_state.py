"""What is stored about the customers, subjects and communications of a batch of imported lines.

Customers are locked before subjects and subjects before communications, so importers cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from commtui.domain.imported import Contact, ImportedCustomer, ImportedLine, Known, subject_key
from commtui.domain.sending import ContactPoints, decide_channels
from commtui.domain.text import fold
from commtui.domain.vocabulary import STARTED_STATUSES, Channel
from commtui.store.engine import Database
from commtui.store.import_lanes import LaneRow, load_lanes
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    contact,
    customer,
    subject,
    subject_text,
)

DETAILS = ("name", "language", "country", "location_group")
FOLDED_LIMIT = 200
"""Characters of a folded name: it stands in an index, whose rows have a limit."""


def folded_name(details: Mapping[str, str]) -> str:
    """The name as lists sort by it."""
    return fold(details.get("name", ""))[:FOLDED_LIMIT]


@dataclass(slots=True)
class CustomerState:
    """A customer while a batch changes it."""

    id: str
    external_id: str
    details: dict[str, str]
    new: bool
    contacts: dict[str, Contact] = field(default_factory=dict)
    stored_details: Mapping[str, str] = field(default_factory=dict)
    stored_contacts: Mapping[str, Contact] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """The contact in use, or an empty text."""
        found = self.contacts.get(name)
        return found.value if found else ""


@dataclass(slots=True)
class SubjectState:
    """A subject while a batch changes it."""

    id: str
    customer_id: str
    category: str
    reference: str
    title: str
    new: bool
    stored_title: str = ""


@dataclass(slots=True)
class CommunicationState:
    """A communication while a batch changes it."""

    id: str
    subject_id: str
    customer_id: str
    known: Known
    version: int
    has_text: bool = False
    has_sms: bool = False
    lanes: tuple[LaneRow, ...] = ()
    stored_channels: tuple[str, ...] = ()

    @property
    def attempted(self) -> bool:
        """Whether anything was ever tried to be sent."""
        return any(row.attempted for row in self.lanes)


def channels_for(state: CommunicationState, owner: CustomerState) -> tuple[Channel, ...]:
    """The channels that a communication goes on, by its wishes and its customer's contacts."""
    wanted = [Channel(channel) for channel in state.known.channels]
    points = ContactPoints(owner.value("email"), owner.value("phone"))
    decision = decide_channels(wanted, points, has_text=state.has_text, has_sms=state.has_sms)
    return decision.channels


def load_communications(
    connection: sa.Connection, external_ids: Sequence[str]
) -> dict[str, CommunicationState]:
    """The communications that have these ids in the source system, by that id."""
    rows = [
        row
        for batch in batches(external_ids)
        for row in connection.execute(
            sa.select(
                communication,
                subject.c.type,
                subject.c.reference,
                customer.c.external_id.label("customer_external_id"),
            )
            .join(subject, subject.c.id == communication.c.subject_id)
            .join(customer, customer.c.id == communication.c.customer_id)
            .where(communication.c.external_id.in_(batch))
        )
    ]
    lanes = load_lanes(connection, [row.id for row in rows])
    return {row.external_id: _communication(row, lanes.get(row.id, ())) for row in rows}


def _communication(row: Any, lanes: tuple[LaneRow, ...]) -> CommunicationState:
    started = (item.status for item in lanes if item.status in STARTED_STATUSES)
    known = Known(
        subject_key=subject_key(row.customer_external_id, row.type, row.reference),
        line_hash=row.line_hash,
        collecting=row.collecting,
        started=next(started, None),
        kind=row.kind,
        purpose=row.purpose,
        channels=tuple(row.wanted),
        release=row.release,
        send_at=row.send_at,
        expires_at=row.expires_at,
        content_hash=row.content_hash,
    )
    return CommunicationState(
        row.id,
        row.subject_id,
        row.customer_id,
        known,
        row.version,
        lanes=lanes,
        stored_channels=known.channels,
    )


def load_customers(
    database: Database, connection: sa.Connection, lines: Iterable[ImportedLine], now: datetime
) -> dict[str, CustomerState]:
    """The customers of these lines, locked, by their id in the source system; missing ones are made."""
    first: dict[str, ImportedCustomer] = {}
    for line in lines:
        first.setdefault(line.customer.id, line.customer)
    made: set[str] = set()
    rows: dict[str, Any] = {}
    insert = sqlite.insert if database.sqlite else postgresql.insert
    while missing := sorted(set(first) - set(rows)):
        for batch in batches(missing):
            found = connection.execute(
                sa.select(customer)
                .where(customer.c.external_id.in_(batch))
                .order_by(customer.c.id)
                .with_for_update(key_share=True)
            )
            rows.update((row.external_id, row) for row in found)
        new = [
            {
                "id": database.new_id(now),
                "external_id": key,
                **{name: first[key].details.get(name, "") for name in DETAILS},
                "name_folded": folded_name(first[key].details),
                "created_at": now,
                "updated_at": now,
            }
            for key in missing
            if key not in rows
        ]
        if new:
            connection.execute(insert(customer).on_conflict_do_nothing(), new)
            made.update(str(row["id"]) for row in new)
    states = {
        row.id: CustomerState(
            row.id,
            row.external_id,
            {name: getattr(row, name) for name in DETAILS},
            row.id in made,
            stored_details={name: getattr(row, name) for name in DETAILS},
        )
        for row in rows.values()
    }
    _load_contacts(connection, states)
    return {state.external_id: state for state in states.values()}


def _load_contacts(connection: sa.Connection, states: dict[str, CustomerState]) -> None:
    for batch in batches([key for key, state in states.items() if not state.new]):
        for row in connection.execute(sa.select(contact).where(contact.c.customer_id.in_(batch))):
            states[row.customer_id].contacts[row.field] = Contact(
                row.source_value, row.correction, row.replaced_value
            )
    for state in states.values():
        state.stored_contacts = dict(state.contacts)


def load_subjects(
    connection: sa.Connection, keys: Collection[tuple[str, str, str]]
) -> dict[tuple[str, str, str], SubjectState]:
    """The subjects that exist, by customer, type and reference."""
    found = {}
    wanted = sorted(keys)
    columns = (subject.c.customer_id, subject.c.type, subject.c.reference)
    for start in range(0, len(wanted), 150):
        for row in connection.execute(
            sa.select(subject.c.id, *columns, subject_text.c.title)
            .outerjoin(subject_text, subject_text.c.subject_id == subject.c.id)
            .where(sa.tuple_(*columns).in_(wanted[start : start + 150]))
        ):
            title = row.title or ""
            found[(row.customer_id, row.type, row.reference)] = SubjectState(
                row.id, row.customer_id, row.type, row.reference, title, False, title
            )
    return found
