"""Following up on changed customers: their other subjects' lines and lanes, in transactions of bounded size.

What is to do is queued in the transaction that changed the customer, so an importer that dies loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.imported import Contact, Known
from commtui.domain.vocabulary import Author
from commtui.store.engine import Database
from commtui.store.import_lanes import lane_changes, load_lanes, write_lanes
from commtui.store.import_state import (
    CommunicationState,
    CustomerState,
    channels_for,
)
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    contact,
    content,
    import_line,
    import_run,
    subject,
)

FOLLOW_UP = "follow-up"
"""State of an import run that holds customers to follow up on instead of lines."""


def queue_follow_up(
    database: Database,
    connection: sa.Connection,
    customer_ids: Sequence[str],
    author: Author,
    now: datetime,
) -> None:
    """Have the lines and lanes of these customers' subjects brought up to date."""
    if not customer_ids:
        return
    run_id = database.new_id(now)
    connection.execute(
        import_run.insert().values(
            id=run_id, state=FOLLOW_UP, operator=author.name, created_at=now, updated_at=now
        )
    )
    connection.execute(
        import_line.insert(),
        [
            {
                "import_run_id": run_id,
                "position": position,
                "number": 0,
                "line": {"customer_id": customer_id, "after": None},
            }
            for position, customer_id in enumerate(customer_ids, 1)
        ],
    )


def follow_up(database: Database, connection: sa.Connection, run_id: str, limit: int) -> int:
    """Do at most `limit` subjects of a queued run, and return how many; 0 when the run is done and gone."""
    now = database.now()
    run = connection.execute(
        sa.select(import_run).where(import_run.c.id == run_id).with_for_update()
    ).one_or_none()
    done = 0
    while run is not None and done < limit:
        item = connection.execute(
            sa.select(import_line)
            .where(import_line.c.import_run_id == run_id)
            .order_by(import_line.c.position)
            .limit(1)
        ).one_or_none()
        if item is None:
            break
        done += _customer(database, connection, item, limit - done, now)
    if run is not None and not done:
        connection.execute(import_line.delete().where(import_line.c.import_run_id == run_id))
        connection.execute(import_run.delete().where(import_run.c.id == run_id))
    return done


def _customer(
    database: Database, connection: sa.Connection, item: Any, limit: int, now: datetime
) -> int:
    customer_id, after = item.line["customer_id"], item.line["after"]
    query = sa.select(subject.c.id).where(subject.c.customer_id == customer_id)
    if after:
        query = query.where(subject.c.id > after)
    ids = connection.execute(query.order_by(subject.c.id).limit(limit)).scalars().all()
    bring_up_to_date(database, connection, customer_id, ids, now)
    this = (
        import_line.c.import_run_id == item.import_run_id,
        import_line.c.position == item.position,
    )
    if len(ids) < limit:
        connection.execute(import_line.delete().where(*this))
    else:
        rest = {"customer_id": customer_id, "after": ids[-1]}
        connection.execute(import_line.update().where(*this).values(line=rest))
    return len(ids)


def bring_up_to_date(
    database: Database,
    connection: sa.Connection,
    customer_id: str,
    subject_ids: Sequence[str],
    now: datetime,
) -> None:
    """Recompute the lanes without attempts, and the lines, of some of a customer's subjects."""
    ledger = Ledger(database, connection, now)
    ledger.lock(subject_ids)
    owner = CustomerState(customer_id, "", {}, False, _contacts(connection, customer_id))
    for state in _untried(connection, subject_ids):
        gone, made = lane_changes(state.id, state.lanes, channels_for(state, owner))
        write_lanes(connection, gone, made)
    ledger.touch(subject_ids)
    ledger.close()


def _contacts(connection: sa.Connection, customer_id: str) -> dict[str, Contact]:
    rows = connection.execute(sa.select(contact).where(contact.c.customer_id == customer_id))
    return {
        row.field: Contact(row.source_value, row.correction, row.replaced_value) for row in rows
    }


def _untried(connection: sa.Connection, subject_ids: Collection[str]) -> list[CommunicationState]:
    """Communications of these subjects that leave the channel to us and of which nothing was sent."""
    length = sa.func.length
    rows = [
        row
        for batch in batches(list(subject_ids))
        for row in connection.execute(
            sa.select(
                communication,
                (length(content.c.text) + length(content.c.html)).label("texts"),
                length(content.c.sms).label("sms"),
                content.c.context,
            )
            .join(
                content,
                (content.c.communication_id == communication.c.id)
                & (content.c.version == communication.c.version)
                & (content.c.rendering == 0),
            )
            .where(
                communication.c.subject_id.in_(batch),
                ~communication.c.started,
                ~communication.c.collecting,
            )
        )
        if not row.wanted
    ]
    lanes = load_lanes(connection, [row.id for row in rows])
    return [
        CommunicationState(
            row.id,
            row.subject_id,
            row.customer_id,
            Known("", "", False),
            row.version,
            has_text=row.texts > 0 or row.context is not None,
            has_sms=row.sms > 0 or row.context is not None,
            lanes=lanes.get(row.id, ()),
        )
        for row in rows
    ]
