"""Feedback that found no message: events whose three days are over, and calls that could not be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.views import Orphan
from commtui.store.engine import Database
from commtui.store.matching import MATCH_AGAIN, WAITING
from commtui.store.tables import inbox, provider_event

COUNTED = 1_000
"""Orphans are counted no further."""
PAYLOAD_LIMIT = 20_000
"""Characters of a payload that are shown."""
UNUSABLE = {"unreadable": "unreadable call", "failed": "call that could not be applied"}


def orphans(database: Database, limit: int) -> list[Orphan]:
    """The newest orphans, newest first; they leave with the other provider events."""
    with database.read() as connection:
        events = connection.execute(
            sa.select(provider_event)
            .where(_given_up(database))
            .order_by(provider_event.c.id.desc())
            .limit(limit)
        ).all()
        calls = connection.execute(
            sa.select(inbox)
            .where(inbox.c.state.in_(sorted(UNUSABLE)))
            .order_by(inbox.c.id.desc())
            .limit(limit)
        ).all()
    found = [_event(row) for row in events] + [_call(row) for row in calls]
    return sorted(found, key=lambda item: item.id, reverse=True)[:limit]


def count(connection: sa.Connection, database: Database) -> int:
    """How many orphans there are, counted no further than a thousand."""
    events = sa.select(provider_event.c.id).where(_given_up(database)).limit(COUNTED)
    calls = sa.select(inbox.c.id).where(inbox.c.state.in_(sorted(UNUSABLE))).limit(COUNTED)
    numbers = [
        connection.execute(sa.select(sa.func.count()).select_from(part.subquery())).scalar_one()
        for part in (events, calls)
    ]
    return min(sum(numbers), COUNTED)


def _given_up(database: Database) -> sa.ColumnElement[bool]:
    """Ids are made when an event is stored, so that they say how long it has waited."""
    return sa.and_(
        provider_event.c.matched == WAITING,
        provider_event.c.id <= id_at(database.now() - MATCH_AGAIN),
    )


def _event(row: Any) -> Orphan:
    return Orphan(
        id=row.id,
        provider=row.provider,
        kind=row.kind,
        at=row.at,
        received_at=row.received_at,
        provider_message_id=row.provider_message_id,
        recipient=str(row.payload.get("recipient") or ""),
        payload=_shown(row.payload.get("raw")),
    )


def _shown(raw: object) -> str:
    found = raw if isinstance(raw, Mapping) else {"value": raw}
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)[:PAYLOAD_LIMIT]


def _call(row: Any) -> Orphan:
    return Orphan(
        id=row.id,
        provider=row.provider,
        kind=UNUSABLE[row.state],
        at=row.received_at,
        received_at=row.received_at,
        provider_message_id="",
        recipient="",
        payload=bytes(row.body).decode("utf-8", "replace")[:PAYLOAD_LIMIT],
    )
