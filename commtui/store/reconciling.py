"""What waits in a restored database: it may have been sent after the back-up was taken, so a person has to say."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.views import RunState
from commtui.domain.vocabulary import Author, ErrorClass, Release, Source, Status
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.tables import bulk_run, communication, outbox
from commtui.store.tables_delivery import fallback

CODE = "restored"
BATCH = 100
_OPEN = ("queued", "preparing", "sending")
_GOING = (RunState.RUNNING.value, RunState.PAUSED.value)


def waiting(connection: sa.Connection) -> dict[str, int]:
    """How much would be sent by a worker, by what becomes of it."""
    queries = {
        "unknown": sa.select(sa.func.count()).where(outbox.c.state.in_(_OPEN)),
        "released by hand only": sa.select(sa.func.count()).where(_releasable()),
        "bulk sends stopped": sa.select(sa.func.count()).where(bulk_run.c.state.in_(_GOING)),
        "fallbacks held": sa.select(sa.func.count()).where(
            fallback.c.state.in_(["new", "released"])
        ),
    }
    return {name: int(connection.execute(query).scalar_one()) for name, query in queries.items()}


def _releasable() -> sa.ColumnElement[bool]:
    return sa.and_(
        communication.c.release == Release.AUTO.value,
        ~communication.c.started,
        ~communication.c.collecting,
    )


def outbox_unknown(database: Database, author: Author) -> int:
    """Some of what is queued becomes unknown; returns how many."""
    now = database.now()
    with database.write() as connection:
        ids = list(
            connection.execute(
                sa.select(outbox.c.entry_id)
                .where(outbox.c.state.in_(_OPEN))
                .order_by(outbox.c.entry_id)
                .limit(BATCH)
            ).scalars()
        )
        if not ids:
            return 0
        ledger = Ledger(database, connection, now)
        ledger.apply([_unknown(identifier, now, author) for identifier in ids])
        connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids))
            .values(state="unknown", state_at=now, worker_id=None, fence=outbox.c.fence + 1)
        )
        ledger.close()
    return len(ids)


def _unknown(entry_id: str, now: datetime, author: Author) -> Change:
    return Change(
        entry_id,
        Fact(Status.UNKNOWN, now, ErrorClass.UNKNOWN, CODE),
        Source.OPERATOR,
        word=CODE,
        words="It waited in a back-up that was restored; it may have been sent since.",
        author=author,
        step=True,
    )


def release_by_hand(database: Database) -> int:
    """Some of what would leave by itself waits for a person; returns how many."""
    with database.write() as connection:
        some = sa.select(communication.c.id).where(_releasable()).limit(BATCH)
        ids = list(connection.execute(some).scalars())
        ledger = Ledger(database, connection, database.now())
        subjects = sa.select(communication.c.subject_id).where(communication.c.id.in_(ids))
        touched = set(connection.execute(subjects).scalars())
        ledger.lock(touched)
        connection.execute(
            communication.update()
            .where(communication.c.id.in_(ids))
            .values(release=Release.HOLD.value)
        )
        ledger.touch(touched)
        ledger.close()
    return len(ids)


def stop_runs(connection: sa.Connection, now: datetime) -> int:
    """Bulk sends that are not through go no further."""
    return connection.execute(
        bulk_run.update()
        .where(bulk_run.c.state.in_(_GOING))
        .values(state=RunState.STOPPED.value, updated_at=now)
    ).rowcount


def hold_fallbacks(database: Database) -> int:
    """Some of the failures that another channel would follow wait for a person; returns how many."""
    with database.write() as connection:
        some = (
            sa.select(fallback.c.entry_id)
            .where(fallback.c.state.in_(["new", "released"]))
            .limit(BATCH)
        )
        ids = list(connection.execute(some).scalars())
        connection.execute(
            fallback.update().where(fallback.c.entry_id.in_(ids)).values(state="held")
        )
    return len(ids)
