"""Which entry a provider's event is about: found at once, or tried again for three days, or an orphan after that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.text import recipient_key
from commtui.domain.vocabulary import FAILED_STATUSES, ErrorClass, Layer, Source, Status
from commtui.providers.base import DeliveryEvent
from commtui.store import facts
from commtui.store.engine import Database
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.tables import entry, entry_text, provider_event

MATCH_AGAIN = timedelta(hours=72)
"""How long an event that fits no entry yet is tried again: it may have come before our own commit."""
WEAK_MATCH = timedelta(days=7)
"""How old an attempt may be that a bounce without any id is attributed to, by its recipient."""
WAITING = "waiting"
PAGE = 500


def match(connection: sa.Connection, provider: str, event: DeliveryEvent) -> tuple[str | None, str]:
    """The entry an event is about, and how that was found."""
    if event.inbound:
        return None, "none"
    if event.entry_id:
        found = connection.execute(
            sa.select(entry.c.id).where(entry.c.id == event.entry_id, entry.c.provider == provider)
        ).scalar()
        if found:
            return found, "entry"
    if event.provider_message_id:
        found = connection.execute(
            sa.select(entry.c.id)
            .where(
                entry.c.provider_message_id == event.provider_message_id,
                entry.c.provider == provider,
            )
            .order_by(entry.c.id.desc())
            .limit(1)
        ).scalar()
        if found:
            return found, "message"
    elif event.status in FAILED_STATUSES and event.recipient and not event.entry_id:
        found = _by_recipient(connection, provider, event)
        if found:
            return found, "recipient"
    # a webhook may be quicker than the answer that says which message it is about
    named = bool(event.entry_id or event.provider_message_id)
    tells = event.status is not None or event.ask or bool(event.task)
    return None, WAITING if named or tells else "none"


def _by_recipient(connection: sa.Connection, provider: str, event: DeliveryEvent) -> str | None:
    """An asynchronous bounce may bring no id at all: the newest message to that address is meant."""
    found: str | None = connection.execute(
        sa.select(entry.c.id)
        .join(entry_text, entry_text.c.entry_id == entry.c.id)
        .where(
            entry_text.c.recipient_key == recipient_key(event.recipient),
            entry.c.provider == provider,
            entry.c.created_at > event.at - WEAK_MATCH,
            entry.c.created_at <= event.at + timedelta(minutes=5),
            entry.c.sent_at.is_not(None),
        )
        .order_by(entry.c.id.desc())
        .limit(1)
    ).scalar()
    return found


def match_again(database: Database, after: str = "", limit: int = PAGE) -> tuple[int, str]:
    """Try a page of the events that fitted no entry when they came, those behind `after`.

    Returns how many fit one now, and where the next page begins; empty: at the first one again.
    """
    oldest = id_at(database.now() - MATCH_AGAIN)
    with database.read() as connection:
        rows = connection.execute(
            sa.select(provider_event)
            .where(provider_event.c.matched == WAITING, provider_event.c.id > max(after, oldest))
            .order_by(provider_event.c.id)
            .limit(limit)
        ).all()
        fitting = [row for row in rows if match(connection, row.provider, restored(row))[0]]
    matched = sum(_attribute(database, row) for row in fitting)
    return matched, rows[-1].id if len(rows) == limit else ""


def match_messages(database: Database, provider: str, message_ids: Collection[str]) -> int:
    """Attribute the events that waited for these message ids, now that entries have them; returns how many."""
    fitting: list[Any] = []
    with database.read() as connection:
        for ids in batches(sorted(set(message_ids))):
            fitting += connection.execute(
                sa.select(provider_event)
                .where(
                    provider_event.c.matched == WAITING,
                    provider_event.c.provider_message_id.in_(ids),
                    provider_event.c.provider == provider,
                )
                .order_by(provider_event.c.id)
            ).all()
    return sum(_attribute(database, row) for row in fitting)


def _attribute(database: Database, row: Any) -> bool:
    """Apply a waiting event to its entry, once: whoever takes it off the waiting list does."""
    event = restored(row)
    with database.write() as connection:
        entry_id, how = match(connection, row.provider, event)
        if entry_id is None:
            return False
        ledger = Ledger(database, connection, database.now())
        ledger.lock(_subjects(connection, [entry_id]))
        taken = connection.execute(
            provider_event.update()
            .where(
                provider_event.c.day == row.day,
                provider_event.c.hash == row.hash,
                provider_event.c.matched == WAITING,
            )
            .values(entry_id=entry_id, matched=how)
        )
        if not taken.rowcount:
            return False
        facts.apply(database, connection, ledger, row.provider, [(entry_id, event)], Source.EVENT)
        ledger.close()
    return True


def restored(row: Any) -> DeliveryEvent:
    """The event that a stored row was made from."""
    kept = row.payload
    return DeliveryEvent(
        kind=row.kind,
        at=row.at,
        entry_id=kept["entry"],
        provider_message_id=row.provider_message_id,
        recipient=kept["recipient"],
        status=Status(kept["status"]) if kept["status"] else None,
        error_class=ErrorClass(kept["class"]) if kept["class"] else None,
        code=kept["code"],
        words=kept["words"],
        layer=Layer(kept["layer"]) if kept["layer"] else None,
        task=kept["task"],
        closes=tuple(kept["closes"]),
        ask=kept["ask"],
    )


def _subjects(connection: sa.Connection, entry_ids: Sequence[str]) -> list[str]:
    rows = connection.execute(sa.select(entry.c.subject_id).where(entry.c.id.in_(entry_ids)))
    return list(rows.scalars())
