"""How much each provider still takes: what its own headers say, shared by the workers of all hosts.

Only a quota that is half used up is kept here: before that nobody has to ask anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.providers.http import Quota
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.tables_sending import provider_quota

WAIT_CAP = 600.0
"""Seconds; of a wait that the provider gave no length of."""
ASKED_CAP = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Wait:
    """A provider that asked everybody to wait, or that has taken all it takes for now."""

    provider: str
    until: datetime


def waits(connection: sa.Connection, now: datetime) -> list[Wait]:
    """The providers that nothing is sent to before a moment of theirs."""
    found = []
    for row in connection.execute(sa.select(provider_quota).order_by(provider_quota.c.provider)):
        ends = [at for at in (row.wait_until, _used_up(row)) if at is not None and at > now]
        if ends:
            found.append(Wait(row.provider, max(ends)))
    return found


def _used_up(row: Any) -> datetime | None:
    if row.remaining is None or row.remaining > 0:
        return None
    until: datetime | None = row.resets_at
    return until


def limited(connection: sa.Connection, now: datetime) -> frozenset[str]:
    """The providers whose remaining calls are counted now."""
    query = sa.select(provider_quota.c.provider).where(
        provider_quota.c.remaining.is_not(None), provider_quota.c.resets_at > now
    )
    return frozenset(connection.execute(query).scalars())


def take(connection: sa.Connection, provider: str, wanted: int, now: datetime) -> int:
    """Take up to so many of the calls that are left; returns how many may be made."""
    row = connection.execute(
        sa.select(provider_quota).where(provider_quota.c.provider == provider).with_for_update()
    ).first()
    if row is None or row.remaining is None or row.resets_at <= now:
        return wanted
    granted: int = min(wanted, max(row.remaining, 0))
    connection.execute(
        provider_quota.update()
        .where(provider_quota.c.provider == provider)
        .values(remaining=row.remaining - granted)
    )
    return granted


def observe(database: Database, said: Mapping[str, Quota]) -> None:
    """Keep what headers said. Within one period the smaller number holds: calls are on their way meanwhile."""
    if not said:
        return
    now = database.now()
    with database.write() as connection:
        for provider, quota in sorted(said.items()):
            row = _row(connection, provider)
            same = row.resets_at is not None and row.remaining is not None and row.resets_at > now
            left = min(row.remaining, quota.remaining) if same else quota.remaining
            connection.execute(
                provider_quota.update()
                .where(provider_quota.c.provider == provider)
                .values(remaining=left, resets_at=now + timedelta(seconds=quota.seconds))
            )


def wait(database: Database, provider: str, asked: float | None, first_seconds: float) -> datetime:
    """The provider asked to be left alone: all workers wait, longer each time when it does not say how long."""
    now = database.now()
    with database.write() as connection:
        row = _row(connection, provider)
        if row.wait_until is not None and row.wait_until > now and asked is None:
            known: datetime = row.wait_until
            return known
        seconds = min(first_seconds * 2.0 ** min(row.waits, 20), WAIT_CAP)
        if asked is not None:
            seconds = min(max(asked, 0.0), ASKED_CAP)
        until = max(now + timedelta(seconds=seconds), row.wait_until or now)
        connection.execute(
            provider_quota.update()
            .where(provider_quota.c.provider == provider)
            .values(wait_until=until, waits=row.waits + 1)
        )
        return until


def accepted(database: Database, providers: Collection[str]) -> None:
    """These took something: the next wait is a first one again."""
    wanted = provider_quota.c.provider.in_(sorted(providers))
    # while a wait lasts, what was on its way before it still comes in
    over = sa.and_(provider_quota.c.waits > 0, provider_quota.c.wait_until <= database.now())
    with database.read() as connection:
        if (
            connection.execute(sa.select(provider_quota.c.provider).where(wanted, over)).first()
            is None
        ):
            return
    with database.write() as connection:
        connection.execute(
            provider_quota.update().where(wanted, over).values(waits=0, wait_until=None)
        )


def forget(connection: sa.Connection, provider: str) -> None:
    """An operator wants it to be called again."""
    connection.execute(
        provider_quota.update()
        .where(provider_quota.c.provider == provider)
        .values(remaining=None, resets_at=None, wait_until=None, waits=0)
    )


def _row(connection: sa.Connection, provider: str) -> Any:
    connection.execute(
        insert(connection, provider_quota).values(provider=provider).on_conflict_do_nothing()
    )
    query = sa.select(provider_quota).where(provider_quota.c.provider == provider).with_for_update()
    return connection.execute(query).one()
