"""Failures that another channel may follow: waiting for a worker's decision, decided, or held for a person.

States: new, held, released (by a person: the cap does not count), done, none (with the reason), declined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain.views import FallbackHold
from commtui.domain.vocabulary import Channel
from commtui.store.engine import Database
from commtui.store.tables_delivery import fallback

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed entry that nothing was decided about yet."""

    entry_id: str
    communication_id: str
    cause: str
    """Provider and status: what the cap counts by."""
    released: bool


def waiting(database: Database, limit: int) -> list[Failure]:
    """Failures to decide about, oldest first."""
    query = (
        sa.select(fallback)
        .where(fallback.c.state.in_(["new", "released"]))
        .order_by(fallback.c.state, fallback.c.entry_id)
        .limit(limit)
    )
    with database.read() as connection:
        return [_failure(row) for row in connection.execute(query)]


def locked(connection: sa.Connection, entry_ids: Sequence[str]) -> list[Failure]:
    """Those of these failures that are still to be decided about, locked."""
    rows = connection.execute(
        sa.select(fallback)
        .where(fallback.c.entry_id.in_(entry_ids), fallback.c.state.in_(["new", "released"]))
        .order_by(fallback.c.entry_id)
        .with_for_update(skip_locked=True)
    )
    return [_failure(row) for row in rows]


def _failure(row: Any) -> Failure:
    return Failure(row.entry_id, row.communication_id, row.cause, row.state == "released")


def decide(
    connection: sa.Connection,
    entry_id: str,
    state: str,
    now: datetime,
    *,
    channel: Channel | None = None,
    paid: bool = False,
    reason: str = "",
) -> None:
    """Write down what was decided."""
    connection.execute(
        fallback.update()
        .where(fallback.c.entry_id == entry_id)
        .values(
            state=state,
            channel=channel.value if channel else "",
            paid=paid,
            reason=reason,
            decided_at=now,
        )
    )


def paid_lately(connection: sa.Connection, cause: str, now: datetime) -> int:
    """How many messages went to a paid channel by themselves for this cause within the hour."""
    query = (
        sa.select(sa.func.count())
        .select_from(fallback)
        .where(
            fallback.c.cause == cause,
            fallback.c.decided_at > now - HOUR,
            fallback.c.state == "done",
            fallback.c.paid,
            fallback.c.released_by == "",
        )
    )
    return int(connection.execute(query).scalar_one())


def holds(connection: sa.Connection) -> list[FallbackHold]:
    """What is held for a person, by cause, the most first; where it failed is not read here."""
    rows = connection.execute(
        sa.select(
            fallback.c.cause,
            fallback.c.channel,
            sa.func.count().label("number"),
            sa.func.min(fallback.c.at).label("first"),
            sa.func.max(fallback.c.at).label("last"),
        )
        .where(fallback.c.state == "held")
        .group_by(fallback.c.cause, fallback.c.channel)
    )
    by_cause: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_cause[row.cause].append(row)
    found = [_hold(cause, parts) for cause, parts in by_cause.items()]
    return sorted(found, key=lambda hold: (-hold.number, hold.cause))


def _hold(cause: str, parts: Sequence[Any]) -> FallbackHold:
    targets = sorted((-part.number, part.channel) for part in parts)
    return FallbackHold(
        cause,
        sum(part.number for part in parts),
        min(part.first for part in parts),
        max(part.last for part in parts),
        targets=tuple((Channel(channel), -number) for number, channel in targets),
    )


def switch(
    connection: sa.Connection, cause: str, to: str, author: str, now: datetime, limit: int
) -> int:
    """Release or decline some of what is held for a cause; returns how many."""
    some = (
        sa.select(fallback.c.entry_id)
        .where(fallback.c.state == "held", fallback.c.cause == cause)
        .order_by(fallback.c.entry_id)
        .limit(limit)
    )
    return connection.execute(
        fallback.update()
        .where(fallback.c.entry_id.in_(some), fallback.c.state == "held")
        .values(state=to, released_by=author, decided_at=now)
    ).rowcount


def due(database: Database) -> bool:
    """Whether anything is to be decided."""
    return bool(waiting(database, 1))
