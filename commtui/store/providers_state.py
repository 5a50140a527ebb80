"""What all workers know of a provider: whether it is paused, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from commtui.domain.text import line
from commtui.domain.vocabulary import SYSTEM
from commtui.store import audits
from commtui.store.engine import Database
from commtui.store.tables import provider_state

PAUSE_CAP = 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A provider that refuses our account."""

    provider: str
    reason: str
    until: datetime
    code: str = ""
    """Of the refusal; empty: none is known."""


def paused(connection: sa.Connection, now: datetime) -> list[Pause]:
    """The providers that are paused now."""
    rows = connection.execute(
        sa.select(provider_state).where(provider_state.c.paused_until > now)
    ).all()
    return [Pause(row.provider, row.reason, row.paused_until, row.code) for row in rows]


def pause(
    database: Database, provider: str, reason: str, first_seconds: float, code: str = ""
) -> datetime:
    """Pause a provider, longer each time in a row; the first of a row is written to the audit."""
    now = database.now()
    with database.write() as connection:
        row = _row(connection, provider)
        if row.paused_until is not None and row.paused_until > now:
            until: datetime = row.paused_until
            return until
        seconds = min(first_seconds * 2.0 ** min(row.failures, 20), PAUSE_CAP)
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider == provider)
            .values(
                paused_until=now + timedelta(seconds=seconds),
                reason=line(reason, 300),
                code=line(code, 60),
                failures=provider_state.c.failures + 1,
                since=row.since or now,
            )
        )
        if not row.failures:
            audits.write(
                connection, database, SYSTEM, "provider paused", [provider], {}, line(reason, 300)
            )
        return now + timedelta(seconds=seconds)


def works(database: Database, provider: str) -> None:
    """A provider accepted something again: it is paused no more."""
    with database.read() as connection:
        known = connection.execute(
            sa.select(provider_state.c.failures).where(provider_state.c.provider == provider)
        ).scalar()
    if known:
        with database.write() as connection:
            connection.execute(
                provider_state.update()
                .where(provider_state.c.provider == provider)
                .values(paused_until=None, reason="", code="", failures=0, since=None)
            )


def count_bad_signature(database: Database, provider: str) -> None:
    """Count a webhook call whose signature did not fit; nothing of it is stored."""
    with database.write() as connection:
        _row(connection, provider)
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider == provider)
            .values(
                bad_signatures=provider_state.c.bad_signatures + 1, bad_signature_at=database.now()
            )
        )


def bad_signatures(connection: sa.Connection, provider: str) -> int:
    """How many webhook calls were refused for their signature."""
    query = sa.select(provider_state.c.bad_signatures).where(provider_state.c.provider == provider)
    return connection.execute(query).scalar() or 0


def _row(connection: sa.Connection, provider: str) -> sa.Row[*tuple[object, ...]]:
    """The provider's row, made if missing; concurrent makers meet in the upsert."""
    _upsert(connection, provider)
    query = sa.select(provider_state).where(provider_state.c.provider == provider).with_for_update()
    return connection.execute(query).one()


def _upsert(connection: sa.Connection, provider: str) -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        module.insert(provider_state).values(provider=provider).on_conflict_do_nothing()
    )
