"""What is sent, exactly as stored: the content of an entry's version and its documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting, Registration, Routing
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose
from commtui.providers.base import Document, SendRequest
from commtui.store import wishes
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    communication_document,
    content,
    customer,
    document,
    entry,
    entry_text,
    subject,
)
from commtui.store.tables_wishes import rendered_document


def load(database: Database, entry_ids: Sequence[str]) -> dict[str, SendRequest]:
    """The requests of these entries, with their documents' bytes."""
    with database.read() as connection:
        rows = [pair for ids in batches(entry_ids) for pair in _rows(connection, ids)]
        checks = wishes.registrations(
            connection,
            [row.recipient for row, _ in rows if row.channel == Channel.EINVOICE.value],
        )
        return {row.id: _request(row, found, checks.get(row.recipient)) for row, found in rows}


def _rows(connection: sa.Connection, ids: Sequence[str]) -> list[tuple[Any, tuple[Document, ...]]]:
    query = (
        sa.select(
            entry.c.id,
            entry.c.channel,
            entry.c.communication_id,
            entry.c.version,
            entry.c.rendering,
            entry.c.created_at,
            entry_text.c.recipient,
            entry_text.c.recipient_name,
            content.c.subject,
            content.c.text,
            content.c.html,
            content.c.sms,
            communication.c.kind,
            communication.c.purpose,
            communication.c.expires_at,
            customer.c.country,
            subject.c.reference,
        )
        .join(entry_text, entry_text.c.entry_id == entry.c.id)
        .join(communication, communication.c.id == entry.c.communication_id)
        .join(customer, customer.c.id == entry.c.customer_id)
        .join(subject, subject.c.id == entry.c.subject_id)
        .join(
            content,
            sa.and_(
                content.c.communication_id == entry.c.communication_id,
                content.c.version == entry.c.version,
                content.c.rendering == entry.c.rendering,
            ),
        )
        .where(entry.c.id.in_(ids))
    )
    rows = list(connection.execute(query))
    found = documents(connection, [(row.communication_id, row.version) for row in rows])
    made = rendered(
        connection, [(row.communication_id, row.version, row.rendering) for row in rows]
    )
    return [
        (
            row,
            (
                *found[(row.communication_id, row.version)],
                *made.get((row.communication_id, row.version, row.rendering), ()),
            ),
        )
        for row in rows
    ]


def rendered(
    connection: sa.Connection, renderings: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int, int], tuple[Document, ...]]:
    """The letters that templates made, by communication, version and rendering."""
    wanted = {key for key in renderings if key[2]}
    found: dict[tuple[str, int, int], tuple[Document, ...]] = {}
    for ids in batches(sorted({identifier for identifier, _, _ in wanted})):
        query = (
            sa.select(rendered_document, document.c.content)
            .join(document, document.c.sha256 == rendered_document.c.sha256)
            .where(rendered_document.c.communication_id.in_(ids))
        )
        for row in connection.execute(query):
            key = (row.communication_id, row.version, row.rendering)
            if key in wanted:
                found[key] = (
                    Document(DocumentRole(row.role), row.name, row.media_type, row.content),
                )
    return found


def documents(
    connection: sa.Connection, versions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[Document, ...]]:
    """The documents of versions of communications, in their order."""
    found: dict[tuple[str, int], list[Document]] = defaultdict(list)
    wanted = set(versions)
    for ids in batches(sorted({identifier for identifier, _ in wanted})):
        query = (
            sa.select(communication_document, document.c.content)
            .join(document, document.c.sha256 == communication_document.c.sha256)
            .where(communication_document.c.communication_id.in_(ids))
            .order_by(communication_document.c.position)
        )
        for row in connection.execute(query):
            if (row.communication_id, row.version) in wanted:
                found[(row.communication_id, row.version)].append(
                    Document(DocumentRole(row.role), row.name, row.media_type, row.content)
                )
    return {key: tuple(found[key]) for key in wanted}


def _request(
    row: Any, attached: tuple[Document, ...], registration: Registration | None
) -> SendRequest:
    values = row._mapping
    channel = Channel(str(values["channel"]))
    text = values["sms"] if channel is Channel.SMS else values["text"]
    return SendRequest(
        entry_id=values["id"],
        channel=channel,
        recipient=values["recipient"],
        recipient_name=values["recipient_name"],
        subject=values["subject"],
        text=text,
        html=values["html"],
        documents=tuple(item for item in attached if _travels(item, channel)),
        kind=values["kind"],
        purpose=Purpose(values["purpose"]),
        country=values["country"],
        created_at=values["created_at"],
        expires_at=values["expires_at"],
        reference=values["reference"],
        routing=_routing(values["recipient"]) if channel is Channel.EINVOICE else None,
        registration=registration,
    )


def _routing(recipient: str) -> Routing | None:
    try:
        return einvoice.parse(recipient)
    except InvalidRouting:
        return None


def _travels(item: Document, channel: Channel) -> bool:
    """An email carries what is meant to be read, post the letter, an e-invoice the invoice, a text message nothing."""
    readable = item.role in (DocumentRole.ATTACHMENT, DocumentRole.LETTER) or (
        item.role is DocumentRole.EINVOICE and item.media_type == "application/pdf"
    )
    return {
        Channel.SMS: False,
        Channel.POST: item.role is DocumentRole.LETTER,
        Channel.EINVOICE: item.role is DocumentRole.EINVOICE,
    }.get(channel, readable)
