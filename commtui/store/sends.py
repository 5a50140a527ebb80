"""Customers' contact points in use, and which communications a send is about."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.sending import ContactPoints
from commtui.domain.vocabulary import FAILED_STATUSES, Release
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    contact,
    entry,
    lane,
    subject,
)


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
            einvoice=fields.get("einvoice", ""),
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
