"""The outbox: what is to be sent, shared out between workers; a row is its lane's lock.

A claimed row stays `queued`, with worker and fence, so a dead worker's rows are simply free again. While a
provider's repeatable steps are taken it is `preparing`, which a dead worker's successor repeats. `sending` is
committed immediately before the call that cannot be taken back; only such a row can become unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import Source, Status
from commtui.providers.base import DeliveryEvent
from commtui.store import keeping, providers_state, quotas, refusing, steps
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.redirects import REDIRECTED
from commtui.store.tables import outbox, worker


@dataclass(frozen=True, slots=True)
class Claim:
    """A row this worker may send, as long as the fence is still its own."""

    entry_id: str
    provider: str
    fence: int
    tries: int
    probe: bool = False
    """Made to see whether a paused provider works again."""
    redirected_to: str = ""
    """In test mode, where it goes instead of to its recipient."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to."""

    claim: Claim
    change: Change | None
    """None: only the row waits; nothing happened that the history has to tell."""
    again_at: datetime | None = None
    """When to try the same entry again; None: not by itself."""
    reason: str = ""
    """Why it waits."""
    events: tuple[DeliveryEvent, ...] = ()
    """Facts that the provider's answer held."""


def live_workers(now: datetime) -> sa.Select[str]:
    """Ids of the workers that were heard of within their lease, by the database's clock."""
    return sa.select(worker.c.id).where(
        worker.c.kind == "worker", worker.c.stopped_at.is_(None), worker.c.alive_until > now
    )


def claim(
    database: Database,
    worker_id: str,
    limit: int,
    paused: Collection[str],
    limited: Collection[str] = (),
) -> list[Claim]:
    """Take up to `limit` due rows, most urgent first, and of limited providers no more than they take.

    Rows that a worker died with are left out: they are claimed alone.
    """
    due = _due(database, worker_id, outbox.c.deaths == 0, outbox.c.provider.not_in(sorted(paused)))
    due = due.limit(limit)
    if _nothing(database, due):
        return []
    with database.write() as connection:
        rows = connection.execute(due.with_for_update(skip_locked=True)).all()
        return _taken(connection, worker_id, _granted(connection, rows, limited, database.now()))


def suspect_due(
    connection: sa.Connection, database: Database, worker_id: str, paused: Collection[str]
) -> bool:
    """Whether a row is due that a worker died with."""
    return connection.execute(_suspects(database, worker_id, paused)).first() is not None


def claim_suspect(database: Database, worker_id: str, paused: Collection[str]) -> list[Claim]:
    """Take one due row that a worker died with; nothing else may be in flight while it is tried."""
    with database.write() as connection:
        due = _suspects(database, worker_id, paused).with_for_update(skip_locked=True)
        rows = connection.execute(due).all()
        return _taken(connection, worker_id, [row.entry_id for row in rows])


def claim_probe(database: Database, worker_id: str, provider: str, seconds: float) -> list[Claim]:
    """Take one due row for the one try that a provider's pause allows, if nobody else makes it."""
    due = _due(database, worker_id, outbox.c.deaths == 0, outbox.c.provider == provider).limit(1)
    with database.read() as connection:
        if connection.execute(due).first() is None:
            return []
    with database.write() as connection:
        rows = connection.execute(due.with_for_update(skip_locked=True)).all()
        if not rows or not providers_state.take_probe(
            connection, provider, database.now(), seconds
        ):
            return []
        return [
            replace(item, probe=True)
            for item in _taken(connection, worker_id, [row.entry_id for row in rows])
        ]


def _due(database: Database, worker_id: str, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Rows that this worker may claim now, most urgent first."""
    return (
        sa.select(outbox.c.entry_id, outbox.c.provider)
        .where(
            outbox.c.state == "queued",
            outbox.c.due_at <= database.now(),
            sa.or_(outbox.c.worker_id.is_(None), outbox.c.worker_id == worker_id),
            *conditions,
        )
        .order_by(outbox.c.priority, outbox.c.due_at)
    )


def _suspects(database: Database, worker_id: str, paused: Collection[str]) -> sa.Select[Any]:
    return _due(
        database, worker_id, outbox.c.deaths > 0, outbox.c.provider.not_in(sorted(paused))
    ).limit(1)


def _granted(
    connection: sa.Connection, rows: Sequence[Any], limited: Collection[str], now: datetime
) -> list[str]:
    """The rows that their providers still take."""
    wanted = Counter(row.provider for row in rows if row.provider in limited)
    left = {
        provider: quotas.take(connection, provider, number, now)
        for provider, number in sorted(wanted.items())
    }
    granted = []
    for row in rows:
        if left.get(row.provider, 1) > 0:
            granted.append(row.entry_id)
            if row.provider in left:
                left[row.provider] -= 1
    return granted


def _taken(connection: sa.Connection, worker_id: str, ids: Sequence[str]) -> list[Claim]:
    if not ids:
        return []
    rows = connection.execute(
        outbox.update()
        .where(outbox.c.entry_id.in_(ids))
        .values(worker_id=worker_id, fence=outbox.c.fence + 1)
        .returning(outbox.c.entry_id, outbox.c.provider, outbox.c.fence, outbox.c.tries)
    ).all()
    order = {identifier: position for position, identifier in enumerate(ids)}
    return sorted((Claim(*row) for row in rows), key=lambda item: order[item.entry_id])


def _nothing(database: Database, due: sa.Select[Any]) -> bool:
    """On SQLite, whether there is nothing to claim: an idle worker must not take the write lock."""
    if not database.sqlite:
        return False
    with database.read() as connection:
        return connection.execute(due.limit(1)).first() is None


def prepare(database: Database, claims: Sequence[Claim]) -> set[str]:
    """Commit `preparing` for rows whose fence still holds; returns the entries whose steps may be taken now."""
    now = database.now()
    with database.write() as connection:
        if keeping.held(connection):
            return set()
        begun = [
            item
            for item in claims
            if connection.execute(
                outbox.update()
                .where(
                    outbox.c.entry_id == item.entry_id,
                    outbox.c.fence == item.fence,
                    outbox.c.state == "queued",
                )
                .values(state="preparing", state_at=now, tries=outbox.c.tries + 1)
            ).rowcount
        ]
    return {item.entry_id for item in begun}


def begin(database: Database, claims: Sequence[Claim], *, prepared: bool = False) -> set[str]:
    """Commit `sending` for rows whose fence still holds; returns the entries that may be called now.

    Whoever refused such messages meanwhile is heard in the same transaction: those stay as they are.
    """
    now = database.now()
    entries = [item.entry_id for item in claims]
    with database.write() as connection:
        if keeping.held(connection):
            return set()
        ledger = Ledger(database, connection, now)
        ledger.lock(_subjects(connection, entries))
        refused = refusing.refused(connection, entries)
        begun = []
        for item in claims:
            if item.entry_id in refused:
                continue
            found = connection.execute(
                outbox.update()
                .where(
                    outbox.c.entry_id == item.entry_id,
                    outbox.c.fence == item.fence,
                    outbox.c.state == ("preparing" if prepared else "queued"),
                )
                .values(
                    state="sending",
                    state_at=now,
                    tries=outbox.c.tries + (0 if prepared else 1),
                    reason="",
                )
            )
            if found.rowcount:
                begun.append(item)
        ledger.apply(
            [
                Change(
                    item.entry_id,
                    Fact(Status.SENDING, now),
                    Source.WORKER,
                    try_number=item.tries + 1,
                    step=True,
                    note=_redirected(item),
                )
                for item in begun
            ]
        )
        ledger.close()
        for item in begun:
            if item.redirected_to:
                reference = {"to": item.redirected_to}
                steps.put(connection, item.entry_id, REDIRECTED, reference, now)
        if prepared:
            for item in begun:
                steps.keep_first(connection, item.entry_id, steps.BEGUN, {}, now)
    return {item.entry_id for item in begun}


def _redirected(item: Claim) -> str:
    """What a redirected entry says of itself."""
    to = item.redirected_to
    return f"Test mode: goes to {to} instead of to the recipient." if to else ""


def finish(database: Database, outcomes: Sequence[Outcome]) -> None:
    """Record what tries came to; a definite answer counts whoever holds the fence now.

    That nothing left, and the entry may be tried again, counts only while the row is still as that try left
    it: recorded a second time, after a commit whose answer was lost, it must not touch another worker's try.
    """
    now = database.now()
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        entries = [outcome.claim.entry_id for outcome in outcomes]
        ledger.lock(_subjects(connection, entries))
        counting = [
            outcome
            for outcome in outcomes
            if outcome.again_at is None or _queue_again(connection, outcome, now)
        ]
        ledger.apply([outcome.change for outcome in counting if outcome.change is not None])
        for outcome in counting:
            if outcome.change is not None and outcome.change.fact.status is Status.UNKNOWN:
                connection.execute(
                    outbox.update()
                    .where(outbox.c.entry_id == outcome.claim.entry_id)
                    .values(state="unknown", state_at=now, worker_id=None)
                )
        ledger.close()


def _subjects(connection: sa.Connection, entry_ids: Sequence[str]) -> list[str]:
    """Whom rows are about: subjects are locked before rows, by everybody."""
    query = sa.select(outbox.c.subject_id).where(outbox.c.entry_id.in_(entry_ids))
    return list(connection.execute(query).scalars())


def _queue_again(connection: sa.Connection, outcome: Outcome, now: datetime) -> bool:
    """Free a row for another try, unless somebody else has had it since; `recover` raises the fence once."""
    fence = outcome.claim.fence
    still_ours = sa.or_(
        outbox.c.fence == fence,
        sa.and_(outbox.c.state == "unknown", outbox.c.fence == fence + 1),
    )
    found = connection.execute(
        outbox.update()
        .where(outbox.c.entry_id == outcome.claim.entry_id, still_ours)
        .values(
            state="queued",
            state_at=now,
            due_at=outcome.again_at,
            reason=outcome.reason,
            worker_id=None,
            # the worker lived through it, whatever became of those before
            deaths=0,
        )
    )
    return found.rowcount == 1


def not_sent_after_all(database: Database, entry_id: str) -> None:
    """An unknown outcome whose provider has no such message, for certain: the same entry is tried again."""
    now = database.now()
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        ledger.lock(_subjects(connection, [entry_id]))
        found = connection.execute(
            outbox.update()
            .where(outbox.c.entry_id == entry_id, outbox.c.state == "unknown")
            .values(
                state="queued",
                state_at=now,
                due_at=now,
                worker_id=None,
                fence=outbox.c.fence + 1,
                reason="not_there",
            )
        )
        if found.rowcount:
            ledger.apply(
                [
                    Change(
                        entry_id,
                        Fact(Status.QUEUED, now, None, "not_there"),
                        Source.POLL,
                        word="try_again",
                        step=True,
                        words="The provider was asked and has no such message.",
                    )
                ]
            )
        ledger.close()


def due_count(connection: sa.Connection) -> int:
    """How many messages wait to be sent, whenever that may be."""
    waiting = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state != "unknown")
    return connection.execute(waiting).scalar_one()


def unknown_count(connection: sa.Connection) -> int:
    """How many outcomes nobody knows."""
    lost = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "unknown")
    return connection.execute(lost).scalar_one()


def not_called(connection: sa.Connection, now: datetime) -> set[str]:
    """The providers that nothing is sent to now: paused ones, and those that asked us to wait."""
    shut = providers_state.gates(connection, now).shut
    return {*shut, *(item.provider for item in quotas.waits(connection, now))}


def due_now(database: Database) -> bool:
    """Whether a row is due whose provider may be called, or is being sent."""
    now = database.now()
    with database.read() as connection:
        due = sa.and_(
            outbox.c.state == "queued",
            outbox.c.due_at <= now,
            outbox.c.provider.not_in(sorted(not_called(connection, now))),
        )
        query = sa.select(outbox.c.entry_id).where(
            sa.or_(due, outbox.c.state.in_(["preparing", "sending"]))
        )
        return connection.execute(query.limit(1)).first() is not None


def unknown_entries(
    database: Database,
    providers: Collection[str],
    asked_before: datetime,
    asked_before_if_new: datetime,
    new_since: datetime,
    limit: int,
) -> list[tuple[str, str, datetime]]:
    """Entry, provider and since when, of unknown outcomes nobody has asked the provider about lately.

    New ones are asked about again sooner; the longest not asked about come first.
    """
    late = sa.and_(outbox.c.state_at > new_since, outbox.c.asked_at < asked_before_if_new)
    with database.read() as connection:
        rows = connection.execute(
            sa.select(outbox.c.entry_id, outbox.c.provider, outbox.c.state_at)
            .where(
                outbox.c.state == "unknown",
                outbox.c.provider.in_(sorted(providers)),
                sa.or_(outbox.c.asked_at.is_(None), late, outbox.c.asked_at < asked_before),
            )
            .order_by(outbox.c.asked_at.nulls_first(), outbox.c.state_at)
            .limit(limit)
        ).all()
    return [(row.entry_id, row.provider, row.state_at) for row in rows]


def mark_asked(database: Database, entry_ids: Sequence[str]) -> None:
    """Note that the provider was asked about these unknown outcomes just now."""
    with database.write() as connection:
        for ids in batches(entry_ids):
            connection.execute(
                outbox.update().where(outbox.c.entry_id.in_(ids)).values(asked_at=database.now())
            )
