"""The outbox: what is to be sent, shared out between workers; a row is its lane's lock.

A claimed row stays `queued`, with worker and fence, so a dead worker's rows are simply free again. While a
provider's repeatable steps are taken it is `preparing`, which a dead worker's successor repeats. `sending` is
committed immediately before the call that cannot be taken back; only such a row can become unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import ErrorClass, Source, Status
from commtui.providers import registry
from commtui.providers.base import DeliveryEvent
from commtui.store import providers_state, refusing, steps
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.redirects import REDIRECTED
from commtui.store.tables import outbox, worker
from commtui.store.tables_delivery import delivery_step

RECOVER_BATCH = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """A row this worker may send, as long as the fence is still its own."""

    entry_id: str
    provider: str
    fence: int
    tries: int
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


def claim(database: Database, worker_id: str, limit: int, paused: Collection[str]) -> list[Claim]:
    """Take up to `limit` due rows, most urgent first."""
    now = database.now()
    free = sa.or_(
        outbox.c.worker_id.is_(None),
        outbox.c.worker_id == worker_id,
        outbox.c.worker_id.not_in(live_workers(now)),
    )
    due = (
        sa.select(outbox.c.entry_id)
        .where(
            outbox.c.state == "queued",
            outbox.c.due_at <= now,
            outbox.c.provider.not_in(sorted(paused)),
            free,
        )
        .order_by(outbox.c.priority, outbox.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if _nothing(database, due):
        return []
    with database.write() as connection:
        ids = connection.execute(due).scalars().all()
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


def _nothing(database: Database, due: sa.Select[str]) -> bool:
    """On SQLite, whether there is nothing to claim: an idle worker must not take the write lock."""
    if not database.sqlite:
        return False
    with database.read() as connection:
        return connection.execute(due.limit(1)).first() is None


def prepare(database: Database, claims: Sequence[Claim]) -> set[str]:
    """Commit `preparing` for rows whose fence still holds; returns the entries whose steps may be taken now."""
    now = database.now()
    with database.write() as connection:
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
    with database.write() as connection:
        refused = refusing.refused(connection, [item.entry_id for item in claims])
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
        ledger = Ledger(database, connection, now)
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
        ledger.lock(
            connection.execute(
                sa.select(outbox.c.subject_id).where(outbox.c.entry_id.in_(entries))
            ).scalars()
        )
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
        )
    )
    return found.rowcount == 1


def recover(database: Database) -> int:
    """Rows that dead workers left in `sending` become unknown: they may have been sent. Returns how many.

    What they only prepared is free again, and so is what its provider may be asked once more without doing it twice.
    """
    return _free(database) + _give_up(database)


def _free(database: Database) -> int:
    """Rows of dead workers that another one may go on with."""
    now = database.now()
    repeatable = sa.or_(
        *(
            sa.and_(
                outbox.c.provider == key,
                delivery_step.c.at > now - repeats_for,
            )
            for key, repeats_for in registry.repeatable().items()
        ),
        sa.false(),
    )
    left = (
        sa.select(outbox.c.entry_id)
        .outerjoin(
            delivery_step,
            sa.and_(
                delivery_step.c.entry_id == outbox.c.entry_id, delivery_step.c.name == steps.BEGUN
            ),
        )
        .where(
            sa.or_(outbox.c.state == "preparing", sa.and_(outbox.c.state == "sending", repeatable)),
            sa.or_(outbox.c.worker_id.is_(None), outbox.c.worker_id.not_in(live_workers(now))),
        )
        .order_by(outbox.c.entry_id)
        .limit(RECOVER_BATCH)
        .with_for_update(skip_locked=True, of=outbox)
    )
    if _nothing(database, left):
        return 0
    with database.write() as connection:
        ids = list(connection.execute(left).scalars())
        if not ids:
            return 0
        connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids))
            .values(
                state="queued",
                state_at=now,
                worker_id=None,
                fence=outbox.c.fence + 1,
                reason="worker_lost",
            )
        )
        ledger = Ledger(database, connection, now)
        ledger.apply([_left(identifier, now) for identifier in ids])
        ledger.close()
    return len(ids)


def _left(entry_id: str, now: datetime) -> Change:
    return Change(
        entry_id,
        Fact(Status.QUEUED, now, None, "worker_lost"),
        Source.WORKER,
        word="try_again",
        step=True,
        words="The worker ended in the middle; the step is repeated.",
    )


def _give_up(database: Database) -> int:
    now = database.now()
    stranded = (
        sa.select(outbox.c.entry_id)
        .where(
            outbox.c.state == "sending",
            sa.or_(
                outbox.c.worker_id.is_(None),
                outbox.c.worker_id.not_in(live_workers(now)),
            ),
        )
        .order_by(outbox.c.entry_id)
        .limit(RECOVER_BATCH)
        .with_for_update(skip_locked=True)
    )
    if _nothing(database, stranded):
        return 0
    with database.write() as connection:
        ids = list(connection.execute(stranded).scalars())
        if not ids:
            return 0
        connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids))
            .values(state="unknown", state_at=now, worker_id=None, fence=outbox.c.fence + 1)
        )
        ledger = Ledger(database, connection, now)
        ledger.apply([_lost(identifier, now) for identifier in ids])
        ledger.close()
    return len(ids)


def _lost(entry_id: str, now: datetime) -> Change:
    return Change(
        entry_id,
        Fact(Status.UNKNOWN, now, ErrorClass.UNKNOWN, "worker_lost"),
        Source.WORKER,
        step=True,
        words="The worker ended between the call and its answer.",
    )


def not_sent_after_all(database: Database, entry_id: str) -> None:
    """An unknown outcome whose provider has no such message, for certain: the same entry is tried again."""
    now = database.now()
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
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


def due_now(database: Database) -> bool:
    """Whether a row is due whose provider is not paused, or is being sent."""
    now = database.now()
    with database.read() as connection:
        pauses = [item.provider for item in providers_state.paused(connection, now)]
        due = sa.and_(
            outbox.c.state == "queued",
            outbox.c.due_at <= now,
            outbox.c.provider.not_in(pauses),
        )
        query = sa.select(outbox.c.entry_id).where(
            sa.or_(due, outbox.c.state.in_(["preparing", "sending"]))
        )
        return connection.execute(query.limit(1)).first() is not None


def unknown_entries(
    database: Database, asked_before: datetime, limit: int
) -> list[tuple[str, str, datetime]]:
    """Entry, provider and since when, of unknown outcomes nobody has asked the provider about lately."""
    with database.read() as connection:
        rows = connection.execute(
            sa.select(outbox.c.entry_id, outbox.c.provider, outbox.c.state_at)
            .where(
                outbox.c.state == "unknown",
                sa.or_(outbox.c.asked_at.is_(None), outbox.c.asked_at < asked_before),
            )
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
