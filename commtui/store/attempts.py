"""Writing new attempts: the entry, its outbox row, the lane it is now the latest of, the one it replaces."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from commtui.domain.text import recipient_key
from commtui.domain.vocabulary import FAILED_STATUSES, SYSTEM, Source, Status
from commtui.errors import Refused
from commtui.store.entries import NewEntry, cell_of_row, entry_row, new_cell, outbox_row
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    entry,
    entry_status,
    entry_text,
    journal,
    lane,
    outbox,
)
from commtui.store.writing import Writing


def add(writing: Writing, new: Sequence[NewEntry]) -> None:
    """Write entries with their outbox rows. Raises Refused when a lane is on its way already."""
    if not new:
        return
    _refuse_locked(writing, new)
    _settle_previous(writing, new)
    _insert(writing, new)
    _raise_lanes(writing, new)
    writing.touched.update(item.subject_id for item in new)


def _refuse_locked(writing: Writing, new: Sequence[NewEntry]) -> None:
    wanted = {(item.communication_id, item.channel.value): item for item in new}
    for ids in batches([item.communication_id for item in new]):
        for row in writing.connection.execute(
            sa.select(outbox).where(outbox.c.communication_id.in_(ids))
        ):
            item = wanted.get((row.communication_id, row.channel))
            if item is None:
                continue
            if row.state == "unknown" and item.replaces_id == row.entry_id:
                writing.connection.execute(outbox.delete().where(outbox.c.entry_id == row.entry_id))
                continue
            raise Refused("this message is already on its way")


def _settle_previous(writing: Writing, new: Sequence[NewEntry]) -> None:
    latest: dict[str, NewEntry] = {}
    by_lane = {(item.communication_id, item.channel.value): item for item in new}
    for ids in batches([item.communication_id for item in new]):
        for row in writing.connection.execute(
            sa.select(lane).where(lane.c.communication_id.in_(ids))
        ):
            item = by_lane.get((row.communication_id, row.channel))
            if item is not None and row.latest_entry_id:
                latest[row.latest_entry_id] = item
    rows = [
        row
        for row in writing.entries(list(latest))
        if Status(row.status) in FAILED_STATUSES and row.settled_by is None
    ]
    for row in rows:
        values = {"settled_by": latest[row.id].id, "settled_at": writing.now}
        writing.connection.execute(entry.update().where(entry.c.id == row.id).values(**values))
        writing.tally.move(cell_of_row(row), cell_of_row(row, settled=True))
    writing.note(rows)


def _insert(writing: Writing, new: Sequence[NewEntry]) -> None:
    salts = {item.id: secrets.token_hex(8) for item in new}
    writing.connection.execute(
        entry.insert(), [entry_row(item, salts[item.id], writing.now) for item in new]
    )
    writing.connection.execute(
        entry_text.insert(),
        [
            {
                "entry_id": item.id,
                "recipient": item.recipient,
                "recipient_key": recipient_key(item.recipient),
                "recipient_name": item.recipient_name,
                "salt": salts[item.id],
            }
            for item in new
        ],
    )
    writing.connection.execute(
        entry_status.insert(),
        [
            {
                "id": writing.database.new_id(writing.now),
                "entry_id": item.id,
                "at": writing.now,
                "status": item.status.value,
                "word": item.cause.value,
                "source": Source.OPERATOR.value
                if item.author is not SYSTEM
                else Source.WORKER.value,
                "author": item.author.name,
                "author_verified": item.author.verified,
            }
            for item in new
        ],
    )
    writing.index([(item.subject_id, item.id, item.recipient) for item in new])
    queued = [item for item in new if item.status is Status.QUEUED]
    if queued:
        writing.connection.execute(
            outbox.insert(), [outbox_row(item, writing.now) for item in queued]
        )
    for item in new:
        writing.tally.move(None, new_cell(item))
    writing.connection.execute(
        journal.insert(),
        [{"subject_id": item.subject_id, "entry_id": item.id, "what": "new"} for item in new],
    )


def _raise_lanes(writing: Writing, new: Sequence[NewEntry]) -> None:
    for item in new:
        where = (
            lane.c.communication_id == item.communication_id,
            lane.c.channel == item.channel.value,
        )
        values = {
            "status": item.status.value,
            "latest_entry_id": item.id,
            "ignored": False,
            "error_class": "",
            "superseded_by": None,
        }
        found = writing.connection.execute(
            lane.update().where(*where).values(attempts=lane.c.attempts + 1, **values)
        )
        if not found.rowcount:
            writing.connection.execute(
                lane.insert().values(
                    communication_id=item.communication_id,
                    channel=item.channel.value,
                    attempts=1,
                    **values,
                )
            )
    for ids in batches([item.communication_id for item in new]):
        writing.connection.execute(
            communication.update()
            .where(communication.c.id.in_(ids))
            .values(started=True, ignored_at=None, updated_at=writing.now)
        )
