"""What dead workers left behind: free again, unknown, or set aside because several died with it.

A worker is dead when its lease ran out by the database's clock; one that ended as it was asked to is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import ErrorClass, Source, Status
from commtui.providers import registry
from commtui.store import steps
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.outbox import live_workers
from commtui.store.tables import outbox, worker
from commtui.store.tables_delivery import delivery_step

RECOVER_BATCH = 100
DEATHS_LIMIT = 3
"""A message that so many workers died with is tried no more."""
POISON = "worker_died"


def recover(database: Database) -> int:
    """Rows that dead workers left in `sending` become unknown: they may have been sent. Returns how many rows.

    What they had only claimed or prepared is free again, and so is what its provider may be asked once more
    without doing it twice.
    """
    return (
        _free(database, _claimed(), words="")
        + _free(database, _repeatable(database.now()), words=REPEATED)
        + _give_up(database)
    )


REPEATED = "The worker ended in the middle; the step is repeated."


def _claimed() -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.state == "queued", outbox.c.worker_id.is_not(None))


def _repeatable(now: datetime) -> sa.ColumnElement[bool]:
    """Prepared, or begun in a way that may be repeated."""
    return sa.or_(
        outbox.c.state == "preparing", sa.and_(outbox.c.state == "sending", _remembered(now))
    )


def _remembered(now: datetime) -> sa.ColumnElement[bool]:
    """Begun with a key that its provider still remembers."""
    known = [
        sa.exists().where(
            outbox.c.provider == key,
            delivery_step.c.entry_id == outbox.c.entry_id,
            delivery_step.c.name == steps.BEGUN,
            delivery_step.c.at > now - repeats_for,
        )
        for key, repeats_for in registry.repeatable().items()
    ]
    return sa.or_(*known, sa.false())


def _orphaned(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(outbox.c.worker_id.is_(None), outbox.c.worker_id.not_in(live_workers(now)))


def _left(
    database: Database, what: sa.ColumnElement[bool], now: datetime
) -> tuple[list[str], list[str]]:
    """Entries and subjects of rows that dead workers left in such a state."""
    query = (
        sa.select(outbox.c.entry_id, outbox.c.subject_id)
        .where(what, _orphaned(now))
        .order_by(outbox.c.entry_id)
        .limit(RECOVER_BATCH)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [row.entry_id for row in rows], [row.subject_id for row in rows]


def _free(database: Database, what: sa.ColumnElement[bool], words: str) -> int:
    """Rows of dead workers that another one may go on with; what too many died with is set aside."""
    now = database.now()
    ids, subjects = _left(database, what, now)
    if not ids:
        return 0
    ended = sa.select(worker.c.id).where(worker.c.stopped_at.is_not(None))
    died = sa.or_(outbox.c.worker_id.is_(None), outbox.c.worker_id.not_in(ended))
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        ledger.lock(subjects)
        rows = connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids), what, _orphaned(now))
            .values(
                state="queued",
                state_at=now,
                worker_id=None,
                fence=outbox.c.fence + 1,
                reason="worker_lost",
                deaths=outbox.c.deaths + sa.case((died, 1), else_=0),
            )
            .returning(outbox.c.entry_id, outbox.c.deaths)
        ).all()
        aside = [row.entry_id for row in rows if row.deaths >= DEATHS_LIMIT]
        if words:
            ledger.apply(
                [_again(row.entry_id, words, now) for row in rows if row.entry_id not in aside]
            )
        _set_aside(connection, ledger, aside, now)
        ledger.close()
    return len(rows)


def _set_aside(
    connection: sa.Connection, ledger: Ledger, ids: Sequence[str], now: datetime
) -> None:
    """Say of these that they were not sent; of what may have been sent, that nobody knows."""
    if not ids:
        return
    _, begun = steps.reached(connection, ids)
    ledger.apply([_poison(identifier, now) for identifier in ids if identifier not in begun])
    uncertain = [identifier for identifier in ids if identifier in begun]
    connection.execute(
        outbox.update()
        .where(outbox.c.entry_id.in_(uncertain))
        .values(state="unknown", state_at=now)
    )
    ledger.apply([_lost(identifier, now) for identifier in uncertain])


def _give_up(database: Database) -> int:
    now = database.now()
    what = sa.and_(outbox.c.state == "sending", sa.not_(_remembered(now)))
    ids, subjects = _left(database, what, now)
    if not ids:
        return 0
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        ledger.lock(subjects)
        found = connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids), what, _orphaned(now))
            .values(state="unknown", state_at=now, worker_id=None, fence=outbox.c.fence + 1)
            .returning(outbox.c.entry_id)
        ).scalars()
        lost = list(found)
        ledger.apply([_lost(identifier, now) for identifier in lost])
        ledger.close()
    return len(lost)


def _again(entry_id: str, words: str, now: datetime) -> Change:
    return Change(
        entry_id,
        Fact(Status.QUEUED, now, None, "worker_lost"),
        Source.WORKER,
        word="try_again",
        step=True,
        words=words,
    )


def _poison(entry_id: str, now: datetime) -> Change:
    return Change(
        entry_id,
        Fact(Status.FAILED, now, ErrorClass.TECHNICAL, POISON),
        Source.WORKER,
        words=f"{DEATHS_LIMIT} workers ended while they had it; it was not sent.",
    )


def _lost(entry_id: str, now: datetime) -> Change:
    return Change(
        entry_id,
        Fact(Status.UNKNOWN, now, ErrorClass.UNKNOWN, "worker_lost"),
        Source.WORKER,
        step=True,
        words="The worker ended between the call and its answer.",
    )
