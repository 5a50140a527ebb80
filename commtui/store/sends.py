"""What a send needs to know of communications: their customers, contact points and lanes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.sending import ContactPoints
from commtui.domain.vocabulary import FAILED_STATUSES, Channel, ErrorClass, Release, Status
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    contact,
    customer,
    entry,
    entry_text,
    lane,
    outbox,
    subject,
)


@dataclass(frozen=True, slots=True)
class LaneNow:
    """A lane as it stands."""

    channel: Channel
    status: Status
    latest_entry_id: str | None
    error_class: ErrorClass | None
    locked: bool
    used_recipient: str
    """The address of its latest attempt; empty before one."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A communication that may be sent."""

    communication_id: str
    subject_id: str
    customer_id: str
    customer_name: str
    category: str
    reference: str
    location_group: str
    country: str
    collecting: bool
    release: Release
    send_at: datetime | None
    expires_at: datetime | None
    version: int
    content_hash: str
    contacts: ContactPoints
    lanes: tuple[LaneNow, ...]

    def lane(self, channel: Channel) -> LaneNow | None:
        """Its lane on a channel."""
        return next((item for item in self.lanes if item.channel is channel), None)

    def recipient(self, channel: Channel) -> str:
        """The customer's present address for a channel."""
        return {
            Channel.EMAIL: self.contacts.email,
            Channel.SMS: self.contacts.phone,
            Channel.POST: self.contacts.postal,
        }.get(channel, self.customer_name)


def load(connection: sa.Connection, communication_ids: Sequence[str]) -> dict[str, Prospect]:
    """Prospects by communication id; unknown ids are left out."""
    found: dict[str, Prospect] = {}
    for ids in batches(communication_ids):
        rows = connection.execute(
            sa.select(
                communication,
                subject.c.type,
                subject.c.reference,
                customer.c.name,
                customer.c.location_group,
                customer.c.country,
            )
            .join(subject, subject.c.id == communication.c.subject_id)
            .join(customer, customer.c.id == communication.c.customer_id)
            .where(communication.c.id.in_(ids))
        ).all()
        points = contact_points(connection, [row.customer_id for row in rows])
        lanes = _lanes(connection, ids)
        for row in rows:
            found[row.id] = Prospect(
                communication_id=row.id,
                subject_id=row.subject_id,
                customer_id=row.customer_id,
                customer_name=row.name,
                category=row.type,
                reference=row.reference,
                location_group=row.location_group,
                country=row.country,
                collecting=row.collecting,
                release=Release(row.release),
                send_at=row.send_at,
                expires_at=row.expires_at,
                version=row.version,
                content_hash=row.content_hash,
                contacts=points.get(row.customer_id, ContactPoints()),
                lanes=tuple(lanes[row.id]),
            )
    return found


def _lanes(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, list[LaneNow]]:
    lanes: dict[str, list[LaneNow]] = defaultdict(list)
    query = (
        sa.select(lane, outbox.c.entry_id.label("holder"), entry_text.c.recipient)
        .outerjoin(
            outbox,
            sa.and_(
                outbox.c.communication_id == lane.c.communication_id,
                outbox.c.channel == lane.c.channel,
            ),
        )
        .outerjoin(entry_text, entry_text.c.entry_id == lane.c.latest_entry_id)
        .where(lane.c.communication_id.in_(ids))
        .order_by(lane.c.communication_id, lane.c.channel)
    )
    for row in connection.execute(query):
        lanes[row.communication_id].append(
            LaneNow(
                Channel(row.channel),
                Status(row.status),
                row.latest_entry_id,
                ErrorClass(row.error_class) if row.error_class else None,
                row.holder is not None,
                row.recipient or "",
            )
        )
    return lanes


def contact_points(
    connection: sa.Connection, customer_ids: Sequence[str]
) -> dict[str, ContactPoints]:
    """Customers' contact points in use: an operator's correction before the source's value."""
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for ids in batches(sorted(set(customer_ids))):
        for row in connection.execute(sa.select(contact).where(contact.c.customer_id.in_(ids))):
            values[row.customer_id][row.field] = row.correction or row.source_value
    return {
        key: ContactPoints(
            email=fields.get("email", ""),
            phone=fields.get("phone", ""),
            postal=postal_lines(fields.get("address", "")),
        )
        for key, fields in values.items()
    }


def postal_lines(stored: str) -> str:
    """A stored address (JSON object, or lines an operator wrote) as lines to print."""
    if not stored.startswith("{"):
        return stored
    parts: dict[str, str] = json.loads(stored)
    street = " ".join(filter(None, (parts.get("street"), parts.get("number"))))
    town = " ".join(filter(None, (parts.get("zip"), parts.get("city"))))
    lines = (
        parts.get("company"),
        parts.get("name"),
        street,
        parts.get("pobox"),
        town,
        parts.get("country"),
    )
    return "\n".join(item for item in lines if item)


def releasable(connection: sa.Connection, now: datetime, after: str, limit: int) -> list[str]:
    """Communications that leave by themselves, are complete, due and have no attempt yet."""
    return list(
        connection.execute(
            sa.select(communication.c.id)
            .where(
                communication.c.release == Release.AUTO.value,
                ~communication.c.started,
                ~communication.c.collecting,
                communication.c.ignored_at.is_(None),
                sa.or_(communication.c.send_at.is_(None), communication.c.send_at <= now),
                sa.or_(communication.c.expires_at.is_(None), communication.c.expires_at > now),
                communication.c.id > after,
            )
            .order_by(communication.c.id)
            .limit(limit)
        ).scalars()
    )


def shown_communications(connection: sa.Connection, subject_ids: Sequence[str]) -> list[str]:
    """The communications that the overview lines of these subjects show."""
    found = {
        row.id: row.communication_id
        for ids in batches(subject_ids)
        for row in connection.execute(
            sa.select(subject.c.id, subject.c.communication_id).where(
                subject.c.id.in_(ids), subject.c.visible
            )
        )
    }
    return [found[key] for key in dict.fromkeys(subject_ids) if key in found]


def other_failed(connection: sa.Connection, subject_ids: Sequence[str]) -> list[str]:
    """Communications of these subjects that need attention besides the shown ones."""
    failed = [status.value for status in FAILED_STATUSES]
    return [
        identifier
        for ids in batches(subject_ids)
        for identifier in connection.execute(
            sa.select(communication.c.id)
            .join(subject, subject.c.id == communication.c.subject_id)
            .where(
                subject.c.id.in_(ids),
                subject.c.others > 0,
                communication.c.id != subject.c.communication_id,
                ~communication.c.collecting,
                sa.exists().where(
                    lane.c.communication_id == communication.c.id,
                    lane.c.status.in_(failed),
                    ~lane.c.ignored,
                    lane.c.superseded_by.is_(None),
                ),
            )
            .order_by(communication.c.id)
        ).scalars()
    ]


def author_of(connection: sa.Connection, entry_id: str) -> tuple[str, datetime] | None:
    """Who made an entry, and when."""
    row = connection.execute(
        sa.select(entry.c.author, entry.c.created_at).where(entry.c.id == entry_id)
    ).first()
    return (row.author, row.created_at) if row else None
