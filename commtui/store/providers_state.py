"""Whether providers are called at all: one breaker each, in the database, for the workers of all hosts.

It opens when a provider refuses our account or was out of order several times in a row, longer each time.
After that one worker may make one try; what comes of it closes the breaker or opens it again. An operator's own
pause stands beside it until an operator takes it back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from commtui.domain.text import line
from commtui.domain.vocabulary import SYSTEM, Author
from commtui.store import audits, quotas
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.tables import provider_state

PAUSE_CAP = 3600.0
"""Seconds."""
IN_A_ROW = timedelta(minutes=10)
"""Outages further apart than this are not one."""
REASON_LIMIT = 300


class Why(StrEnum):
    """What a provider is paused for."""

    ACCOUNT = "account"
    OUTAGE = "outage"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Pause:
    """A provider that is not called."""

    provider: str
    reason: str
    why: Why
    since: datetime
    until: datetime | None
    """When one try is made; None: when an operator releases it."""
    by: str = ""
    """The operator who paused it."""
    code: str = ""
    """Of the refusal of our account; empty: none is known."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Which providers may not be called, and which ones only for one try."""

    shut: frozenset[str]
    ajar: frozenset[str]


def pauses(connection: sa.Connection, now: datetime) -> list[Pause]:
    """The providers that are paused, also those whose one try is due and has not been made yet."""
    rows = connection.execute(
        sa.select(provider_state)
        .where(sa.or_(provider_state.c.since.is_not(None), provider_state.c.held_at.is_not(None)))
        .order_by(provider_state.c.provider)
    ).all()
    return [_pause(row, now) for row in rows]


def _pause(row: Any, now: datetime) -> Pause:
    if row.held_at is not None:
        return Pause(row.provider, row.held_reason, Why.OPERATOR, row.held_at, None, by=row.held_by)
    until = row.paused_until or now
    return Pause(row.provider, row.reason, Why(row.cause), row.since, until, code=row.code)


def gates(connection: sa.Connection, now: datetime) -> Gates:
    """What may be called now."""
    found = pauses(connection, now)
    shut = {pause.provider for pause in found if pause.until is None or pause.until > now}
    return Gates(frozenset(shut), frozenset({pause.provider for pause in found} - shut))


def take_probe(connection: sa.Connection, provider: str, now: datetime, seconds: float) -> bool:
    """Take the one try that a pause allows when it is over; whoever has it has so many seconds for it."""
    found = connection.execute(
        provider_state.update()
        .where(
            provider_state.c.provider == provider,
            provider_state.c.since.is_not(None),
            provider_state.c.held_at.is_(None),
            provider_state.c.paused_until <= now,
            sa.or_(
                provider_state.c.probe_until.is_(None),
                provider_state.c.probe_until <= now,
            ),
        )
        .values(probe_until=now + timedelta(seconds=seconds))
    )
    return found.rowcount == 1


def give_probe_back(database: Database, providers: Collection[str]) -> None:
    """The one try said nothing about the provider: somebody may make another one."""
    with database.write() as connection:
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider.in_(sorted(providers)))
            .values(probe_until=None)
        )


def pause(
    database: Database, provider: str, why: Why, reason: str, first_seconds: float, code: str = ""
) -> datetime:
    """Pause a provider, longer each time in a row; the first of a row is written to the audit."""
    with database.write() as connection:
        row = _row(connection, provider)
        return _open(connection, database, row, why, reason, first_seconds, code)


def outage(
    database: Database, provider: str, reason: str, limit: int, first_seconds: float
) -> bool:
    """Count a call that met with an outage; returns whether the provider is paused now.

    `limit` of them in a row pause it, and so does one after a pause.
    """
    now = database.now()
    with database.write() as connection:
        row = _row(connection, provider)
        recent = row.outage_at is not None and row.outage_at > now - IN_A_ROW
        outages = row.outages + 1 if recent else 1
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider == provider)
            .values(outages=outages, outage_at=now)
        )
        if outages < limit and row.since is None:
            return False
        _open(connection, database, row, Why.OUTAGE, reason, first_seconds)
        return True


def _open(
    connection: sa.Connection,
    database: Database,
    row: Any,
    why: Why,
    reason: str,
    first_seconds: float,
    code: str = "",
) -> datetime:
    """Open the breaker, unless it is open; returns until when it is."""
    now = database.now()
    if row.paused_until is not None and row.paused_until > now:
        known: datetime = row.paused_until
        return known
    seconds = min(first_seconds * 2.0 ** min(row.failures, 20), PAUSE_CAP)
    until = now + timedelta(seconds=seconds)
    connection.execute(
        provider_state.update()
        .where(provider_state.c.provider == row.provider)
        .values(
            paused_until=until,
            cause=why.value,
            reason=line(reason, REASON_LIMIT),
            code=line(code, 60),
            failures=row.failures + 1,
            since=row.since or now,
            probe_until=None,
        )
    )
    if not row.failures:
        audits.write(
            connection,
            database,
            SYSTEM,
            "provider paused",
            [row.provider],
            {"because": why.value},
            line(reason, REASON_LIMIT),
        )
    return until


_CLOSED: dict[str, Any] = {
    "paused_until": None,
    "cause": "",
    "reason": "",
    "code": "",
    "failures": 0,
    "since": None,
    "outages": 0,
    "outage_at": None,
    "probe_until": None,
}


def works(database: Database, providers: Collection[str]) -> None:
    """These providers answered as they should: they are paused no more, and what went wrong before is over."""
    troubled = sa.or_(provider_state.c.since.is_not(None), provider_state.c.outages > 0)
    wanted = provider_state.c.provider.in_(sorted(providers))
    with database.read() as connection:
        known = connection.execute(
            sa.select(provider_state.c.provider).where(wanted, troubled)
        ).first()
    if known is None:
        return
    with database.write() as connection:
        rows = connection.execute(
            sa.select(provider_state)
            .where(wanted, troubled)
            .order_by(provider_state.c.provider)
            .with_for_update()
        ).all()
        for row in rows:
            _close(connection, row.provider)
            if row.since is not None:
                audits.write(
                    connection,
                    database,
                    SYSTEM,
                    "provider works again",
                    [row.provider],
                    {"paused since": row.since.isoformat()},
                )


def _close(connection: sa.Connection, provider: str) -> None:
    connection.execute(
        provider_state.update().where(provider_state.c.provider == provider).values(**_CLOSED)
    )


def hold(database: Database, provider: str, author: Author, reason: str) -> bool:
    """Pause a provider until somebody releases it; returns False when somebody has done so already."""
    now = database.now()
    with database.write() as connection:
        if _row(connection, provider).held_at is not None:
            return False
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider == provider)
            .values(held_by=author.name, held_at=now, held_reason=line(reason, REASON_LIMIT))
        )
        audits.write(connection, database, author, "provider pause", [provider], {}, reason)
    return True


def release(database: Database, provider: str, author: Author, reason: str) -> bool:
    """Take every pause of a provider back; returns False when there is none."""
    with database.write() as connection:
        row = _row(connection, provider)
        if row.held_at is None and row.since is None:
            return False
        _close(connection, provider)
        connection.execute(
            provider_state.update()
            .where(provider_state.c.provider == provider)
            .values(held_by="", held_at=None, held_reason="")
        )
        quotas.forget(connection, provider)
        audits.write(connection, database, author, "provider release", [provider], {}, reason)
    return True


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


def _row(connection: sa.Connection, provider: str) -> Any:
    """The provider's row, locked, and made if missing; concurrent makers meet in the upsert."""
    connection.execute(
        insert(connection, provider_state).values(provider=provider).on_conflict_do_nothing()
    )
    query = sa.select(provider_state).where(provider_state.c.provider == provider).with_for_update()
    return connection.execute(query).one()
