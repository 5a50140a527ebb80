"""What providers report: the raw signed request first, facts after, both until retention lets them go.

Facts are deduplicated by a hash of what they say, because providers send the same again under new ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from commtui.domain.fold import Fact
from commtui.domain.text import recipient_key, storable
from commtui.domain.vocabulary import FAILED_STATUSES, ErrorClass, Layer, Source, Status
from commtui.providers.base import DeliveryEvent, RawWebhook
from commtui.store import optouts, polls, tasks
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.tables import customer, entry, entry_text, inbox, provider_event

MATCH_AGAIN = timedelta(hours=72)
"""How long an event that fits no entry yet is tried again: it may have come before our own commit."""
WEAK_MATCH = timedelta(days=7)
"""How old an attempt may be that a bounce without any id is attributed to, by its recipient."""
EMPTY_PAYLOAD: dict[str, Any] = {
    "erased": True,
    "raw": {},
    "recipient": "",
    "status": None,
    "class": None,
    "code": "",
    "words": "",
    "entry": None,
    "layer": None,
    "task": "",
    "closes": [],
    "ask": False,
}
"""What is left of a fact about an erased customer: that there was one."""
PROVIDER_UNKNOWN_RANK = 15
"""A provider's own "I do not know": above accepted, below every definite outcome."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A webhook call that waits to be read."""

    id: str
    provider: str
    hook: RawWebhook


def store(database: Database, provider: str, hook: RawWebhook, headers: Mapping[str, str]) -> str:
    """Keep a verified call as it came; one commit, nothing else."""
    identifier = database.new_id(hook.received_at)
    with database.write() as connection:
        connection.execute(
            inbox.insert().values(
                id=identifier,
                provider=provider,
                path=hook.path,
                headers=dict(headers),
                body=hook.body,
                received_at=hook.received_at,
                state="new",
            )
        )
    return identifier


def waiting(database: Database, limit: int) -> list[Stored]:
    """Calls that were not read yet, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            sa.select(inbox).where(inbox.c.state == "new").order_by(inbox.c.id).limit(limit)
        ).all()
    return [
        Stored(row.id, row.provider, RawWebhook(row.path, row.headers, row.body, row.received_at))
        for row in rows
    ]


def mark(database: Database, identifier: str, state: str) -> None:
    """Close a stored call: done, or unreadable."""
    with database.write() as connection:
        connection.execute(inbox.update().where(inbox.c.id == identifier).values(state=state))


def fingerprint(provider: str, event: DeliveryEvent) -> str:
    """What two reports of one fact have in common; their own ids are not."""
    parts = (
        provider,
        event.provider_message_id,
        event.kind,
        event.at.isoformat() if event.timed else "",
        event.recipient.casefold(),
        event.entry_id or "",
        event.code,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def learn(
    database: Database,
    provider: str,
    events: Sequence[DeliveryEvent],
    source: Source = Source.EVENT,
) -> int:
    """Store new facts and fold them into their entries; returns how many were new."""
    now = database.now()
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        fresh = 0
        matches = [match(connection, provider, event) for event in events]
        known = [found for found, _ in matches if found]
        ledger.lock(_subjects(connection, known))
        erased = _of_erased(connection, known)
        new: list[tuple[str, DeliveryEvent]] = []
        for event, (entry_id, how) in zip(events, matches, strict=True):
            if entry_id in erased:
                event = replace(event, recipient="", words="", payload={})
            if not _insert(connection, database, provider, event, entry_id, how, now):
                continue
            fresh += 1
            if event.opt is not None:
                optouts.learn(connection, database, event.opt, event.recipient, event.at)
            if entry_id is not None:
                new.append((entry_id, event))
        _apply(database, connection, ledger, provider, new, source)
        ledger.close()
    return fresh


def _of_erased(connection: sa.Connection, entry_ids: Sequence[str]) -> set[str]:
    """Those of these entries whose customer was erased: what is said about them is kept without their words."""
    if not entry_ids:
        return set()
    rows = connection.execute(
        sa.select(entry.c.id)
        .join(customer, customer.c.id == entry.c.customer_id)
        .where(entry.c.id.in_(entry_ids), customer.c.erased_at.is_not(None))
    )
    return set(rows.scalars())


def _apply(
    database: Database,
    connection: sa.Connection,
    ledger: Ledger,
    provider: str,
    new: Sequence[tuple[str, DeliveryEvent]],
    source: Source,
) -> None:
    """Fold new facts into their entries, and do what they bring along: tasks, questions to ask."""
    now = database.now()
    ledger.apply([_change(entry_id, event, source) for entry_id, event in new])
    polls.hint(connection, provider, [entry_id for entry_id, event in new if event.ask], now)
    for entry_id, event in sorted(new, key=lambda item: item[1].at):
        tasks.close(connection, ledger, entry_id, event, source)
        tasks.make(database, connection, ledger, provider, entry_id, event)


def match(connection: sa.Connection, provider: str, event: DeliveryEvent) -> tuple[str | None, str]:
    """The entry an event is about, and how that was found."""
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
    tells = event.status is not None or event.ask or bool(event.task)
    return None, "waiting" if tells else "none"


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


def known_elsewhere(database: Database, provider: str, message_id: str, entry_id: str) -> bool:
    """Whether a provider's message id belongs to another entry already."""
    with database.read() as connection:
        found = connection.execute(
            sa.select(entry.c.id).where(
                entry.c.provider_message_id == message_id,
                entry.c.provider == provider,
                entry.c.id != entry_id,
            )
        ).first()
    return found is not None


def match_again(database: Database, limit: int = 200) -> int:
    """Try to attribute events that fitted no entry when they came; returns how many now do."""
    now = database.now()
    with database.read() as connection:
        rows = connection.execute(
            sa.select(provider_event)
            .where(
                provider_event.c.matched == "waiting",
                provider_event.c.received_at > now - MATCH_AGAIN,
            )
            .order_by(provider_event.c.id)
            .limit(limit)
        ).all()
    matched = 0
    for row in rows:
        event = _restored(row)
        with database.write() as connection:
            entry_id, how = match(connection, row.provider, event)
            if entry_id is None:
                continue
            ledger = Ledger(database, connection, now)
            _apply(database, connection, ledger, row.provider, [(entry_id, event)], Source.EVENT)
            ledger.close()
            connection.execute(
                provider_event.update()
                .where(provider_event.c.day == row.day, provider_event.c.hash == row.hash)
                .values(entry_id=entry_id, matched=how)
            )
            matched += 1
    return matched


def _insert(
    connection: sa.Connection,
    database: Database,
    provider: str,
    event: DeliveryEvent,
    entry_id: str | None,
    how: str,
    now: datetime,
) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = connection.execute(
        dialect.insert(provider_event)
        .values(
            day=event.at.date(),
            hash=fingerprint(provider, event),
            id=database.new_id(now),
            provider=provider,
            kind=event.kind,
            at=event.at,
            received_at=now,
            entry_id=entry_id,
            matched=how,
            provider_message_id=event.provider_message_id,
            event_id=event.event_id,
            payload={
                "raw": storable(event.payload),
                "recipient": event.recipient,
                "status": event.status,
                "class": event.error_class,
                "code": event.code,
                "words": event.words,
                "entry": event.entry_id,
                "layer": event.layer,
                "task": event.task,
                "closes": list(event.closes),
                "ask": event.ask,
            },
        )
        .on_conflict_do_nothing(index_elements=["day", "hash"])
        .returning(provider_event.c.hash)
    )
    return made.first() is not None


def _restored(row: Any) -> DeliveryEvent:
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


def _change(entry_id: str, event: DeliveryEvent, source: Source) -> Change:
    """Informational events stand with the provider's facts only; they change nothing."""
    status = event.status or Status.NOT_SENT
    rank = PROVIDER_UNKNOWN_RANK if status is Status.UNKNOWN else None
    return Change(
        entry_id,
        Fact(status, event.at, event.error_class, event.code, -1 if event.status is None else rank),
        source,
        word=event.kind,
        words=event.words,
        provider_message_id=event.provider_message_id,
        record=event.layer is not None,
        layer=event.layer,
    )


def _subjects(connection: sa.Connection, entry_ids: Sequence[str]) -> list[str]:
    if not entry_ids:
        return []
    rows = connection.execute(sa.select(entry.c.subject_id).where(entry.c.id.in_(entry_ids)))
    return list(rows.scalars())
