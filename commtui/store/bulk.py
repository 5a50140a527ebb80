"""Bulk runs: the frozen set of what was confirmed, and its way into the log in small transactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain.views import Progress, RunResult, RunState
from commtui.domain.vocabulary import Author, Channel, Status
from commtui.errors import NotFound
from commtui.store.engine import Database
from commtui.store.tables import bulk_item, bulk_run, customer, entry, entry_text, subject

DRAFT_KEPT = timedelta(hours=1)
"""A dry run that nobody confirmed or cancelled is forgotten after this."""
_LIVE = tuple(state.value for state in RunState if state is not RunState.DRAFT)
_WITHDRAWN = (RunState.STOPPED.value, RunState.UNDONE.value)


@dataclass(frozen=True, slots=True)
class Item:
    """One lane of one communication in a run."""

    communication_id: str
    subject_id: str
    channel: Channel
    seen_entry: str | None
    """The lane's latest attempt as the operator saw it."""
    refused: str = ""
    """Why it will not go; such items stand in the result and are never sent."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An item to be turned into an entry."""

    run_id: str
    position: int
    communication_id: str
    channel: Channel
    seen_entry: str | None
    author: Author


def start_draft(
    connection: sa.Connection, run_id: str, author: Author, now: datetime, query: str
) -> None:
    """Begin a dry run."""
    connection.execute(
        bulk_run.insert().values(
            id=run_id,
            state=RunState.DRAFT.value,
            operator=author.name,
            operator_verified=author.verified,
            query=query,
            created_at=now,
            updated_at=now,
        )
    )


def add_items(connection: sa.Connection, run_id: str, first: int, items: Sequence[Item]) -> None:
    """Append items to a dry run."""
    if items:
        connection.execute(
            bulk_item.insert(),
            [
                {
                    "bulk_run_id": run_id,
                    "position": first + offset,
                    "communication_id": item.communication_id,
                    "subject_id": item.subject_id,
                    "channel": item.channel.value,
                    "seen_entry": item.seen_entry,
                    "state": "refused" if item.refused else "pending",
                    "reason": item.refused,
                }
                for offset, item in enumerate(items)
            ],
        )


def close_draft(
    connection: sa.Connection, run_id: str, lines: int, total: int, others: int
) -> None:
    """Write down what a dry run came to."""
    connection.execute(
        bulk_run.update()
        .where(bulk_run.c.id == run_id)
        .values(lines=lines, total=total, others=others)
    )


def switch(
    connection: sa.Connection,
    run_id: str,
    allowed: Sequence[RunState],
    to: RunState,
    now: datetime,
    begins_at: datetime | None = None,
) -> bool:
    """Move a run to another state, if it is in one of those allowed; a confirmed one begins at a moment."""
    values: dict[str, Any] = {"state": to.value, "updated_at": now}
    if RunState.DRAFT in allowed:
        values |= {"confirmed_at": now, "begins_at": begins_at}
    states = [state.value for state in allowed]
    found = connection.execute(
        bulk_run.update()
        .where(bulk_run.c.id == run_id, bulk_run.c.state.in_(states))
        .values(**values)
    )
    return found.rowcount == 1


def begun(connection: sa.Connection, run_id: str) -> int:
    """How many messages of a run are on their way; the run is locked, so that no more become so meanwhile."""
    connection.execute(sa.select(bulk_run.c.id).where(bulk_run.c.id == run_id).with_for_update())
    query = sa.select(sa.func.count()).where(
        bulk_item.c.bulk_run_id == run_id, bulk_item.c.entry_id.is_not(None)
    )
    return int(connection.execute(query).scalar_one())


def delete_draft(database: Database, run_id: str, batch: int = 2_000) -> None:
    """Forget a dry run that was not confirmed."""
    left = True
    while left:
        with database.write() as connection:
            state = connection.execute(
                sa.select(bulk_run.c.state).where(bulk_run.c.id == run_id)
            ).scalar()
            if state != RunState.DRAFT.value:
                return
            some = (
                sa.select(bulk_item.c.position)
                .where(bulk_item.c.bulk_run_id == run_id)
                .limit(batch)
            )
            left = bool(
                connection.execute(
                    bulk_item.delete().where(
                        bulk_item.c.bulk_run_id == run_id, bulk_item.c.position.in_(some)
                    )
                ).rowcount
            )
            if not left:
                connection.execute(bulk_run.delete().where(bulk_run.c.id == run_id))


def old_drafts(database: Database) -> list[str]:
    """Dry runs that were left alone."""
    with database.read() as connection:
        return list(
            connection.execute(
                sa.select(bulk_run.c.id).where(
                    bulk_run.c.state == RunState.DRAFT.value,
                    bulk_run.c.created_at < database.now() - DRAFT_KEPT,
                )
            ).scalars()
        )


def running(database: Database) -> list[str]:
    """Runs whose items may be expanded now: their delay is over."""
    begun_by = sa.or_(bulk_run.c.begins_at.is_(None), bulk_run.c.begins_at <= database.now())
    with database.read() as connection:
        return list(
            connection.execute(
                sa.select(bulk_run.c.id)
                .where(bulk_run.c.state == RunState.RUNNING.value, begun_by)
                .order_by(bulk_run.c.id)
            ).scalars()
        )


def ahead(connection: sa.Connection, run_id: str, limit: int) -> list[str]:
    """The communications of the next items of a run; nothing is locked."""
    query = (
        sa.select(bulk_item.c.communication_id)
        .where(bulk_item.c.bulk_run_id == run_id, bulk_item.c.state == "pending")
        .order_by(bulk_item.c.position)
        .limit(limit)
    )
    return list(dict.fromkeys(connection.scalars(query)))


def any_running(database: Database) -> bool:
    """Whether a run has items to expand, now or after its delay."""
    query = sa.select(bulk_run.c.id).where(bulk_run.c.state == RunState.RUNNING.value)
    with database.read() as connection:
        return connection.execute(query.limit(1)).first() is not None


def take(connection: sa.Connection, run_id: str, limit: int) -> list[Pending]:
    """Lock the next items of a running run; another worker takes others.

    The run is locked as well, together with other workers: who pauses, stops or undoes it waits for this
    transaction, and what comes after them expands nothing.
    """
    author = connection.execute(
        sa.select(bulk_run.c.operator, bulk_run.c.operator_verified)
        .where(bulk_run.c.id == run_id, bulk_run.c.state == RunState.RUNNING.value)
        .with_for_update(read=True)
    ).first()
    if author is None:
        return []
    rows = connection.execute(
        sa.select(bulk_item)
        .where(bulk_item.c.bulk_run_id == run_id, bulk_item.c.state == "pending")
        .order_by(bulk_item.c.position)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return [
        Pending(
            run_id,
            row.position,
            row.communication_id,
            Channel(row.channel),
            row.seen_entry,
            Author(*author),
        )
        for row in rows
    ]


def settle(
    connection: sa.Connection, item: Pending, *, entry_id: str | None = None, reason: str = ""
) -> None:
    """An item became an entry, or was skipped for a reason."""
    connection.execute(
        bulk_item.update()
        .where(bulk_item.c.bulk_run_id == item.run_id, bulk_item.c.position == item.position)
        .values(state="skipped" if reason else "sent", reason=reason, entry_id=entry_id)
    )


def finish_if_empty(database: Database, run_id: str) -> None:
    """Close a run whose items are all decided."""
    with database.write() as connection:
        left = connection.execute(
            sa.select(bulk_item.c.position)
            .where(bulk_item.c.bulk_run_id == run_id, bulk_item.c.state == "pending")
            .limit(1)
        ).first()
        if left is None:
            switch(connection, run_id, [RunState.RUNNING], RunState.DONE, database.now())


def progress(connection: sa.Connection, run_id: str) -> Progress:
    """How far a run is. Raises NotFound."""
    run = connection.execute(sa.select(bulk_run).where(bulk_run.c.id == run_id)).first()
    if run is None:
        raise NotFound(f"there is no bulk run {run_id}")
    items: Counter[str] = Counter()
    statuses: Counter[Status] = Counter()
    statement = (
        sa.select(bulk_item.c.state, entry.c.status, sa.func.count())
        .outerjoin(entry, entry.c.id == bulk_item.c.entry_id)
        .where(bulk_item.c.bulk_run_id == run_id)
        .group_by(bulk_item.c.state, entry.c.status)
    )
    for state, status, number in connection.execute(statement):
        items[state] += number
        if status is not None:
            statuses[Status(status)] += number
    withdrawn = run.state in _WITHDRAWN
    return Progress(
        run_id=run_id,
        state=RunState(run.state),
        operator=run.operator,
        confirmed_at=run.confirmed_at or run.created_at,
        begins_at=run.begins_at,
        total=run.total,
        waiting=0 if withdrawn else items["pending"],
        withdrawn=items["pending"] if withdrawn else 0,
        expanded=items["sent"],
        skipped=items["skipped"],
        by_status=tuple(sorted(statuses.items())),
    )


def query_of(connection: sa.Connection, run_id: str) -> str:
    """The filter a run was made from, in words."""
    words: str = connection.execute(
        sa.select(bulk_run.c.query).where(bulk_run.c.id == run_id)
    ).scalar_one()
    return words


def recent(connection: sa.Connection, limit: int) -> list[Progress]:
    """The newest confirmed runs."""
    rows = connection.execute(
        sa.select(bulk_run.c.id)
        .where(bulk_run.c.state.in_(_LIVE))
        .order_by(bulk_run.c.id.desc())
        .limit(limit)
    ).scalars()
    return [progress(connection, identifier) for identifier in rows.all()]


def results(connection: sa.Connection, run_id: str, limit: int) -> list[RunResult]:
    """What became of each item: what needs somebody first."""
    statement = (
        sa.select(
            bulk_item,
            subject.c.reference,
            customer.c.name,
            entry.c.status,
            entry_text.c.error_words,
        )
        .join(subject, subject.c.id == bulk_item.c.subject_id)
        .join(customer, customer.c.id == subject.c.customer_id)
        .outerjoin(entry, entry.c.id == bulk_item.c.entry_id)
        .outerjoin(entry_text, entry_text.c.entry_id == bulk_item.c.entry_id)
        .where(bulk_item.c.bulk_run_id == run_id)
        .order_by(
            sa.case(
                (entry.c.status == Status.UNKNOWN.value, 0),
                (entry.c.chip == "failed", 1),
                (bulk_item.c.state == "skipped", 2),
                else_=3,
            ),
            bulk_item.c.position,
        )
        .limit(limit)
    )
    state = connection.execute(sa.select(bulk_run.c.state).where(bulk_run.c.id == run_id)).scalar()
    pending = "withdrawn" if state in _WITHDRAWN else "waiting"
    return [
        RunResult(
            reference=row.reference,
            customer_name=row.name,
            channel=Channel(row.channel),
            status=Status(row.status) if row.status else None,
            words=row.reason or row.error_words or (pending if row.state == "pending" else ""),
        )
        for row in connection.execute(statement)
    ]
