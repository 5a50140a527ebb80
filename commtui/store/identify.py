"""What an id that somebody typed belongs to: a subject, a communication or an entry."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from commtui.domain.vocabulary import Channel, Status
from commtui.store.tables import communication, customer, entry, lane, subject

PREFIX_LENGTH = 8
"""Hexadecimal digits that an abbreviated id has at least."""
LISTED = 6
_HEXADECIMAL = re.compile(r"[0-9a-fA-F-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that an id belongs to."""

    kind: str
    """subject, communication or entry"""
    id: str
    subject_id: str
    words: str
    """For telling it from others; untrusted."""


@dataclass(frozen=True, slots=True)
class LatestEntry:
    """The latest attempt of a lane."""

    entry_id: str
    channel: Channel
    status: Status


def candidates(connection: sa.Connection, text: str) -> list[Found]:
    """What this text may mean: whole ids before the source's names, those before abbreviated ids."""
    whole = _whole(text)
    if whole is not None and (found := _between(connection, whole, whole)):
        return found
    if found := _named(connection, text):
        return found
    bounds = _bounds(text)
    return _between(connection, *bounds) if bounds else []


def _whole(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _bounds(text: str) -> tuple[str, str] | None:
    digits = text.replace("-", "")
    fits = PREFIX_LENGTH <= len(digits) < 32 and _HEXADECIMAL.fullmatch(text)
    if not fits:
        return None
    return str(uuid.UUID(digits.ljust(32, "0"))), str(uuid.UUID(digits.ljust(32, "f")))


def _between(connection: sa.Connection, low: str, high: str) -> list[Found]:
    found = []
    for kind, table, subject_id in (
        ("subject", subject, subject.c.id),
        ("communication", communication, communication.c.subject_id),
        ("entry", entry, entry.c.subject_id),
    ):
        statement = _described(kind, table.c.id, subject_id).where(table.c.id.between(low, high))
        found += [_found(row) for row in connection.execute(statement.limit(LISTED))]
    return found


def _named(connection: sa.Connection, text: str) -> list[Found]:
    """By the source's id of a communication, and by the reference of a subject."""
    by_id = _described("communication", communication.c.id, communication.c.subject_id).where(
        communication.c.external_id == text
    )
    by_reference = _described("subject", subject.c.id, subject.c.id).where(
        subject.c.reference == text
    )
    communications = [_found(row) for row in connection.execute(by_id)]
    subjects = [_found(row) for row in connection.execute(by_reference.limit(LISTED))]
    if communications:
        subjects = [item for item in subjects if item.id != communications[0].subject_id]
    return communications + subjects


def _described(kind: str, identifier: Any, subject_id: Any) -> sa.Select[Any]:
    statement = sa.select(
        sa.literal(kind).label("kind"),
        identifier.label("found"),
        subject_id.label("about"),
        subject.c.type,
        subject.c.reference,
        customer.c.name,
    )
    if kind == "subject":
        statement = statement.select_from(subject)
    else:
        statement = statement.join(subject, subject.c.id == subject_id)
    return statement.join(customer, customer.c.id == subject.c.customer_id)


def _found(row: Any) -> Found:
    return Found(row.kind, row.found, row.about, f"{row.type} {row.reference}, {row.name}")


def communication_of(connection: sa.Connection, found: Found) -> str | None:
    """The communication that is meant: an entry's, itself, or the one that a subject shows."""
    if found.kind == "communication":
        return found.id
    if found.kind == "entry":
        query = sa.select(entry.c.communication_id).where(entry.c.id == found.id)
    else:
        query = sa.select(subject.c.communication_id).where(
            subject.c.id == found.id, subject.c.visible
        )
    return connection.execute(query).scalar()


def shown_by(connection: sa.Connection, subject_id: str) -> str | None:
    """The communication that a subject's overview line shows; None when it is on no list."""
    query = sa.select(subject.c.communication_id).where(
        subject.c.id == subject_id, subject.c.visible
    )
    return connection.execute(query).scalar()


def latest_entries(connection: sa.Connection, communication_id: str) -> list[LatestEntry]:
    """The latest attempt of each lane that has one."""
    query = (
        sa.select(lane.c.latest_entry_id, lane.c.channel, lane.c.status)
        .where(lane.c.communication_id == communication_id, lane.c.latest_entry_id.is_not(None))
        .order_by(lane.c.channel)
    )
    return [
        LatestEntry(row.latest_entry_id, Channel(row.channel), Status(row.status))
        for row in connection.execute(query)
    ]


def customer_of(connection: sa.Connection, subject_id: str) -> str:
    """The source's id of a subject's customer."""
    query = (
        sa.select(customer.c.external_id)
        .join(subject, subject.c.customer_id == customer.c.id)
        .where(subject.c.id == subject_id)
    )
    found: str = connection.execute(query).scalar_one()
    return found
