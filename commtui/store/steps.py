"""The steps that entries reached at their providers; each is committed before the next request is made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.text import storable
from commtui.domain.vocabulary import Layer, Source, Status
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.inserts import insert
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.tables_delivery import delivery_step

BEGUN = "begun"
"""The step that cannot be taken back; its time is that of its first try."""

Reached = dict[str, Mapping[str, Any]]


def reached(
    connection: sa.Connection, entry_ids: Sequence[str]
) -> tuple[dict[str, Reached], dict[str, datetime]]:
    """The references by entry and step, and when entries first began what cannot be taken back."""
    found: dict[str, Reached] = defaultdict(dict)
    begun: dict[str, datetime] = {}
    for ids in batches(entry_ids):
        query = sa.select(delivery_step).where(delivery_step.c.entry_id.in_(ids))
        for row in connection.execute(query):
            if row.name == BEGUN:
                begun[row.entry_id] = row.at
            else:
                found[row.entry_id][row.name] = row.reference
    return found, begun


def keep(
    database: Database, entry_id: str, step: str, reference: Mapping[str, Any], words: str
) -> None:
    """Commit a step; words of ours about it go into the entry's history."""
    now = database.now()
    with database.write() as connection:
        put(connection, entry_id, step, reference, now)
        if words:
            ledger = Ledger(database, connection, now)
            ledger.apply([_told(entry_id, step, words, now)])
            ledger.close()


def _told(entry_id: str, step: str, words: str, now: datetime) -> Change:
    """A line in the history that moves nothing."""
    return Change(
        entry_id,
        Fact(Status.NOT_SENT, now, rank=-1),
        Source.WORKER,
        word=step,
        words=words,
        layer=Layer.API,
    )


def put(
    connection: sa.Connection,
    entry_id: str,
    step: str,
    reference: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write a step's reference over an earlier one."""
    values = {"at": now, "reference": storable(dict(reference))}
    connection.execute(
        insert(connection, delivery_step)
        .values(entry_id=entry_id, name=step, **values)
        .on_conflict_do_update(index_elements=["entry_id", "name"], set_=values)
    )


def keep_first(
    connection: sa.Connection,
    entry_id: str,
    step: str,
    reference: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write a step unless it was reached before."""
    connection.execute(
        insert(connection, delivery_step)
        .values(entry_id=entry_id, name=step, at=now, reference=dict(reference))
        .on_conflict_do_nothing()
    )
