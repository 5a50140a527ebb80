"""What providers report: the raw signed request first, facts after, both until retention lets them go.

Facts are deduplicated by a hash of what they say, because providers send the same again under new ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from commtui.domain.text import storable
from commtui.domain.vocabulary import Source
from commtui.providers.base import DeliveryEvent, RawWebhook
from commtui.store import facts, matching, optouts
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.ledger import Ledger
from commtui.store.tables import entry, inbox, provider_event

UNTIMED_AGAIN = timedelta(days=2)
"""How many days back a fact without a time of its own is known again."""


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
    heard = _unknown(database, provider, events)
    if not heard:
        return 0
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        matches = [matching.match(connection, provider, event) for event in heard.values()]
        known = [found for found, _ in matches if found]
        ledger.lock(_subjects(connection, known))
        erased = facts.of_erased(connection, known)
        # in one order: two workers with the same facts in different calls would wait for each other
        rows = sorted(zip(heard.items(), matches, strict=True), key=lambda item: item[0][0])
        fresh = []
        for (key, event), (entry_id, how) in rows:
            kept = facts.without_words(event) if entry_id in erased else event
            if _insert(connection, database, provider, key, kept, entry_id, how, now):
                fresh.append((kept, entry_id))
        fresh.sort(key=lambda item: item[0].at)
        for event, _ in fresh:
            if event.opt is not None:
                optouts.learn(connection, database, event.opt, event.recipient, event.at)
        new = [(entry_id, event) for event, entry_id in fresh if entry_id is not None]
        facts.apply(database, connection, ledger, provider, new, source)
        ledger.close()
    named = {event.provider_message_id for _, event in new if event.entry_id}
    matching.match_messages(database, provider, named - {""})
    return len(fresh)


_Key = tuple[date, str]
"""A fact's day and fingerprint."""


def _unknown(
    database: Database, provider: str, events: Sequence[DeliveryEvent]
) -> dict[_Key, DeliveryEvent]:
    """The facts that are not stored yet, each once: most of what comes has been heard before.

    A fact without a time of its own has the day of its arrival, and may come once more after midnight.
    """
    heard: dict[_Key, DeliveryEvent] = {}
    for event in events:
        heard.setdefault((event.at.date(), fingerprint(provider, event)), event)
    if not heard:
        return heard
    days = [day for day, _ in heard]
    query = sa.select(provider_event.c.day, provider_event.c.hash).where(
        provider_event.c.hash.in_([key for _, key in heard]),
        provider_event.c.day.between(min(days) - UNTIMED_AGAIN, max(days)),
    )
    with database.read() as connection:
        known = {(row.day, row.hash) for row in connection.execute(query)}
    back = [timedelta(days=days) for days in range(UNTIMED_AGAIN.days + 1)]
    return {
        (day, key): event
        for (day, key), event in heard.items()
        if not any((day - days, key) in known for days in (back[:1] if event.timed else back))
    }


def _insert(
    connection: sa.Connection,
    database: Database,
    provider: str,
    key: _Key,
    event: DeliveryEvent,
    entry_id: str | None,
    how: str,
    now: datetime,
) -> bool:
    day, hashed = key
    made = connection.execute(
        insert(connection, provider_event)
        .values(
            day=day,
            hash=hashed,
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


def _subjects(connection: sa.Connection, entry_ids: Sequence[str]) -> list[str]:
    if not entry_ids:
        return []
    rows = connection.execute(sa.select(entry.c.subject_id).where(entry.c.id.in_(entry_ids)))
    return list(rows.scalars())
