"""What is stored about the customers, subjects and communications of a batch of imported lines.

Customers are locked before subjects and subjects before communications, so importers cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.channels import Case, first
from commtui.domain.imported import Contact, ImportedCustomer, ImportedLine, Known, subject_key
from commtui.domain.text import fold
from commtui.domain.vocabulary import STARTED_STATUSES, Channel, Purpose
from commtui.store.engine import Database
from commtui.store.import_lanes import LaneRow, load_lanes
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    contact,
    customer,
    subject,
    subject_text,
)
from commtui.store.wishes import preferences

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
    wishes: Mapping[str, Sequence[Channel]] = field(default_factory=dict)
    """Its own order of channels by kind of message."""
    opt_out: tuple[str, ...] | None = None
    """What the source says that it refuses; None: it said nothing."""
    erased_at: datetime | None = None

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
    has_letter: bool = False
    has_einvoice: bool = False
    lanes: tuple[LaneRow, ...] = ()
    stored_channels: tuple[str, ...] = ()

    @property
    def attempted(self) -> bool:
        """Whether anything was ever tried to be sent."""
        return any(row.attempted for row in self.lanes)


def channels_for(state: CommunicationState, owner: CustomerState) -> tuple[Channel, ...]:
    """The channels that a communication is wanted on, one lane each; without a wish, the first that could reach.

    Only presence is looked at here; whether the wanted channel can carry it is decided when it is sent.
    """
    if state.known.channels:
        return tuple(dict.fromkeys(Channel(name) for name in state.known.channels))
    missing = {
        Channel.EINVOICE: (state.has_einvoice, "einvoice"),
        Channel.EMAIL: (state.has_text, "email"),
        Channel.SMS: (state.has_sms, "phone"),
        Channel.POST: (state.has_letter, "address"),
    }

    def why_not(channel: Channel) -> str:
        has_content, field_name = missing[channel]
        if not has_content:
            return "no content for it"
        return "" if owner.value(field_name) else "no address"

    case = Case(Purpose(state.known.purpose or "transactional"), state.known.kind, owner.wishes)
    found = first(case, why_not, registered=bool(owner.value("einvoice")))
    return (found.channel or Channel.EMAIL,)


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
            connection.execute(insert(connection, customer).on_conflict_do_nothing(), new)
            made.update(str(row["id"]) for row in new)
    states = {
        row.id: CustomerState(
            row.id,
            row.external_id,
            {name: getattr(row, name) for name in DETAILS},
            row.id in made,
            stored_details={name: getattr(row, name) for name in DETAILS},
            erased_at=row.erased_at,
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
    orders = preferences(connection, [key for key, state in states.items() if not state.new])
    for state in states.values():
        state.stored_contacts = dict(state.contacts)
        state.wishes = orders.get(state.id, {})


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
