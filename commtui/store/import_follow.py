"""Following up on changed customers: their other subjects' lines and lanes, in transactions of bounded size.

What is to do is queued in the transaction that changed the customer, so an importer that dies loses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.imported import Contact, Known
from commtui.domain.vocabulary import Author, DocumentRole
from commtui.store import wishes
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
    communication_document,
    contact,
    content,
    import_line,
    import_run,
    journal,
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
    """Do at most `limit` subjects of a queued run; returns how many were done, 0 when the run is gone."""
    run = connection.execute(
        sa.select(import_run).where(import_run.c.id == run_id).with_for_update(key_share=True)
    ).one_or_none()
    if run is None:
        return 0
    items = connection.execute(
        sa.select(import_line)
        .where(import_line.c.import_run_id == run_id)
        .order_by(import_line.c.position)
        .limit(limit)
    ).all()
    if not items:
        connection.execute(import_run.delete().where(import_run.c.id == run_id))
        return 0
    taken: list[Any] = []
    subjects: list[str] = []
    for item in items:
        room = limit - len(subjects)
        if room <= 0:
            break
        ids = _next_subjects(connection, item, room)
        subjects += ids
        if len(ids) == room:
            _leave_rest(connection, item, ids[-1])
        else:
            taken.append(item)
    customers = [item.line["customer_id"] for item in items]
    bring_up_to_date(database, connection, customers, subjects, database.now())
    connection.execute(
        import_line.delete().where(
            import_line.c.import_run_id == run_id,
            import_line.c.position.in_([item.position for item in taken]),
        )
    )
    return max(len(subjects), len(taken))


def _next_subjects(connection: sa.Connection, item: Any, limit: int) -> Sequence[str]:
    query = sa.select(subject.c.id).where(subject.c.customer_id == item.line["customer_id"])
    if item.line["after"]:
        query = query.where(subject.c.id > item.line["after"])
    return connection.execute(query.order_by(subject.c.id).limit(limit)).scalars().all()


def _leave_rest(connection: sa.Connection, item: Any, after: str) -> None:
    connection.execute(
        import_line.update()
        .where(
            import_line.c.import_run_id == item.import_run_id,
            import_line.c.position == item.position,
        )
        .values(line={"customer_id": item.line["customer_id"], "after": after})
    )


def bring_up_to_date(
    database: Database,
    connection: sa.Connection,
    customer_ids: Sequence[str],
    subject_ids: Sequence[str],
    now: datetime,
) -> None:
    """Recompute the lanes without attempts, and the lines, of some subjects of these customers."""
    ledger = Ledger(database, connection, now)
    ledger.lock(subject_ids)
    contacts = _contacts(connection, customer_ids)
    orders = wishes.preferences(connection, customer_ids)
    gone: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for state in _untried(connection, subject_ids):
        owner = CustomerState(
            state.customer_id,
            "",
            {},
            False,
            contacts[state.customer_id],
            wishes=orders.get(state.customer_id, {}),
        )
        less, more = lane_changes(state.id, state.lanes, channels_for(state, owner))
        gone += less
        made += more
    write_lanes(connection, gone, made)
    ledger.touch(subject_ids)
    ledger.close()
    note_lines(connection, subject_ids)


def note_lines(connection: sa.Connection, subject_ids: Sequence[str]) -> None:
    """Tell those who watch that these subjects' lines read differently now."""
    if subject_ids:
        noted = [{"subject_id": subject_id, "what": "line"} for subject_id in subject_ids]
        connection.execute(journal.insert(), noted)


def _contacts(
    connection: sa.Connection, customer_ids: Sequence[str]
) -> dict[str, dict[str, Contact]]:
    found: dict[str, dict[str, Contact]] = defaultdict(dict)
    for batch in batches(customer_ids):
        for row in connection.execute(sa.select(contact).where(contact.c.customer_id.in_(batch))):
            found[row.customer_id][row.field] = Contact(
                row.source_value, row.correction, row.replaced_value
            )
    return found


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
    roles = _roles(connection, rows)
    return [
        CommunicationState(
            row.id,
            row.subject_id,
            row.customer_id,
            Known("", "", False, kind=row.kind, purpose=row.purpose),
            row.version,
            has_text=row.texts > 0 or row.context is not None,
            has_sms=row.sms > 0 or row.context is not None,
            has_letter=DocumentRole.LETTER.value in roles[row.id] or row.context is not None,
            has_einvoice=DocumentRole.EINVOICE.value in roles[row.id],
            lanes=lanes.get(row.id, ()),
        )
        for row in rows
    ]


def _roles(connection: sa.Connection, rows: Sequence[Any]) -> dict[str, set[str]]:
    """The roles of the documents of communications' present versions."""
    found: dict[str, set[str]] = defaultdict(set)
    versions = {row.id: row.version for row in rows}
    for batch in batches(list(versions)):
        query = sa.select(
            communication_document.c.communication_id,
            communication_document.c.version,
            communication_document.c.role,
        ).where(communication_document.c.communication_id.in_(batch))
        for row in connection.execute(query):
            if row.version == versions[row.communication_id]:
                found[row.communication_id].add(row.role)
    return found
