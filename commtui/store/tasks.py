"""Tasks that a provider's fact makes or closes: manual entries that say what has to be put right there.

A task stands in the communication's manual lane and names the entry that it is about. It closes itself when the
network reports that it is done; until then somebody has to do it, or to say that it was done.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import SYSTEM, Cause, Channel, Source, Status
from commtui.providers.base import DeliveryEvent
from commtui.store.engine import Database
from commtui.store.entries import Change, NewEntry
from commtui.store.ledger import Ledger
from commtui.store.tables import entry, entry_text, lane


def make(
    database: Database,
    connection: sa.Connection,
    ledger: Ledger,
    provider: str,
    entry_id: str,
    event: DeliveryEvent,
) -> None:
    """Write the task that an event asks for, unless the same one is open; another open one gives way to it."""
    if not event.task:
        return
    about = connection.execute(
        sa.select(entry, entry_text.c.recipient_name)
        .outerjoin(entry_text, entry_text.c.entry_id == entry.c.id)
        .where(entry.c.id == entry_id)
    ).one()
    if any(row.task == event.task for row in _open(connection, about.communication_id)):
        return
    now = database.now()
    for row in _open(connection, about.communication_id):
        ledger.apply([Change(row.id, Fact(Status.CANCELLED, now), Source.WORKER, word="replaced")])
    refused = Status(about.status) is Status.REJECTED
    ledger.add(
        [
            NewEntry(
                id=database.new_id(now),
                communication_id=about.communication_id,
                subject_id=about.subject_id,
                customer_id=about.customer_id,
                channel=Channel.MANUAL,
                provider=provider,
                cause=Cause.TASK,
                author=SYSTEM,
                category=about.category,
                location_group=about.location_group,
                recipient=about.recipient_name or "",
                recipient_key="",
                recipient_name=about.recipient_name or "",
                version=about.version,
                rendering=about.rendering,
                content_hash=about.content_hash,
                status=Status.NOT_SENT,
                due_at=now,
                status_at=event.at,
                replaces_id=entry_id,
                task=event.task,
                code=event.task,
                reason=f"{provider}: {event.code or event.kind}",
                from_lane=Channel(about.channel) if refused else None,
            )
        ]
    )


def close(
    connection: sa.Connection,
    ledger: Ledger,
    entry_id: str,
    event: DeliveryEvent,
    source: Source,
) -> None:
    """Close the open tasks that an event shows to be done."""
    if not event.closes:
        return
    communication_id = connection.execute(
        sa.select(entry.c.communication_id).where(entry.c.id == entry_id)
    ).scalar()
    for row in _open(connection, str(communication_id)):
        if row.task in event.closes and row.status_at <= event.at:
            ledger.apply(
                [
                    Change(
                        row.id,
                        Fact(Status.DONE, event.at),
                        source,
                        word=event.kind,
                        note=f"Reported as done: {event.code or event.kind}",
                    )
                ]
            )


def _open(connection: sa.Connection, communication_id: str) -> list[Any]:
    """The open task of a communication, at most one: the latest of its manual lane."""
    return list(
        connection.execute(
            sa.select(entry.c.id, entry.c.task, entry.c.status_at)
            .join(lane, lane.c.latest_entry_id == entry.c.id)
            .where(
                lane.c.communication_id == communication_id,
                lane.c.channel == Channel.MANUAL.value,
                entry.c.status == Status.NOT_SENT.value,
                entry.c.task != "",
            )
        )
    )
