"""Writing new attempts: the entry, its outbox row, the lane it is now the latest of, the one it replaces."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from commtui.domain.vocabulary import FAILED_STATUSES, Channel, Status
from commtui.errors import Refused
from commtui.store.entries import (
    NewEntry,
    cell_of_row,
    entry_row,
    first_status_row,
    new_cell,
    outbox_row,
)
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    entry,
    entry_status,
    entry_text,
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
    for item in new:
        _raise_lane(writing, item)
        _leave_lane(writing, item)
    _start(writing, new)
    writing.touched.update(item.subject_id for item in new)


def open_tasks(writing: Writing, new: Sequence[NewEntry]) -> list[tuple[str, NewEntry]]:
    """Manual entries that stood in for what is now sent after all, with the entry that makes them needless."""
    sending = {
        (item.communication_id, item.stands_for.value): item
        for item in new
        if item.channel is not Channel.MANUAL and item.status is not Status.SKIPPED
    }
    found = []
    for ids in batches(sorted({identifier for identifier, _ in sending})):
        rows = writing.connection.execute(
            sa.select(entry.c.id, lane.c.communication_id, lane.c.origin)
            .join(lane, lane.c.latest_entry_id == entry.c.id)
            .where(
                lane.c.communication_id.in_(ids),
                lane.c.channel == Channel.MANUAL.value,
                entry.c.status == Status.NOT_SENT.value,
                entry.c.task == "",
            )
        )
        found += [
            (row.id, sending[(row.communication_id, row.origin)])
            for row in rows
            if (row.communication_id, row.origin) in sending
        ]
    return found


def supersede(writing: Writing, tasks: Sequence[tuple[str, NewEntry]]) -> None:
    """Lanes of tasks that were withdrawn speak no more."""
    for task, item in tasks:
        writing.connection.execute(
            lane.update().where(lane.c.latest_entry_id == task).values(superseded_by=item.id)
        )


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
    """Failed attempts that are replaced by these, in their own lane or in the one that they take over from."""
    latest: dict[str, NewEntry] = {}
    by_lane = {
        (item.communication_id, channel.value): item
        for item in new
        for channel in (item.channel, item.from_lane)
        if channel is not None
    }
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
                "recipient_key": item.recipient_key,
                "recipient_name": item.recipient_name,
                "salt": salts[item.id],
            }
            for item in new
        ],
    )
    writing.connection.execute(
        entry_status.insert(),
        [first_status_row(writing.database.new_id(writing.now), item, writing.now) for item in new],
    )
    writing.index([(item.subject_id, item.id, item.recipient) for item in new])
    queued = [item for item in new if item.status is Status.QUEUED]
    if queued:
        writing.connection.execute(
            outbox.insert(), [outbox_row(item, writing.now) for item in queued]
        )
    for item in new:
        writing.tally.move(None, new_cell(item))


def _raise_lane(writing: Writing, item: NewEntry) -> None:
    """Make an entry the latest of its lane."""
    values = {
        "status": item.status.value,
        "latest_entry_id": item.id,
        "ignored": False,
        "error_class": "",
        "superseded_by": None,
        "reason": item.reason,
        "origin": item.stands_for.value,
    }
    found = writing.connection.execute(
        lane.update()
        .where(
            lane.c.communication_id == item.communication_id,
            lane.c.channel == item.channel.value,
        )
        .values(attempts=lane.c.attempts + 1, **values)
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


def _leave_lane(writing: Writing, item: NewEntry) -> None:
    """The lane that an entry takes over from speaks no more; one that nothing was tried in is gone."""
    if item.from_lane is None or item.from_lane is item.channel:
        return
    left = (
        lane.c.communication_id == item.communication_id,
        lane.c.channel == item.from_lane.value,
    )
    writing.connection.execute(lane.delete().where(*left, lane.c.latest_entry_id.is_(None)))
    writing.connection.execute(lane.update().where(*left).values(superseded_by=item.id))


def _start(writing: Writing, new: Sequence[NewEntry]) -> None:
    for ids in batches([item.communication_id for item in new]):
        writing.connection.execute(
            communication.update()
            .where(communication.c.id.in_(ids))
            .values(started=True, ignored_at=None, updated_at=writing.now)
        )
