"""Writing overview lines: a subject's line is recomputed in the transaction that moved it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.overview import CommunicationState, LaneState, SubjectLine, subject_line
from commtui.domain.vocabulary import Channel, Chip, Status, Tab
from commtui.store import counters
from commtui.store.tables import communication, customer, entry, journal, lane, subject

IN_LIMIT = 500
"""Ids per IN list: below every engine's limit of parameters."""


def batches(items: Sequence[str], size: int = IN_LIMIT) -> list[Sequence[str]]:
    """Slices of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def lock_subjects(connection: sa.Connection, subject_ids: Collection[str]) -> None:
    """Lock subjects in id order, so that transactions that share some cannot deadlock."""
    if connection.dialect.name != "postgresql":
        return
    for batch in batches(sorted(subject_ids)):
        connection.execute(
            sa.select(subject.c.id)
            .where(subject.c.id.in_(batch))
            .order_by(subject.c.id)
            .with_for_update()
        )


def rewrite_lines(
    connection: sa.Connection, subject_ids: Collection[str], tally: counters.Tally, now: datetime
) -> None:
    """Recompute the lines of these (locked) subjects, with counters and journal."""
    for batch in batches(sorted(subject_ids)):
        _rewrite(connection, batch, tally, now)


def _rewrite(
    connection: sa.Connection, subject_ids: Sequence[str], tally: counters.Tally, now: datetime
) -> None:
    lines = {key: subject_line(value) for key, value in states(connection, subject_ids).items()}
    shown = [line.entry_id for line in lines.values() if line and line.entry_id]
    keys = {
        row.id: row.error_key
        for row in connection.execute(
            sa.select(entry.c.id, entry.c.error_key).where(entry.c.id.in_(shown))
        )
    }
    present = connection.execute(
        sa.select(subject, customer.c.location_group.label("group_now"))
        .join(customer, customer.c.id == subject.c.customer_id)
        .where(subject.c.id.in_(subject_ids))
    ).all()
    changed = []
    for old in present:
        new = _columns(lines.get(old.id), keys, old.group_now)
        if all(getattr(old, name) == value for name, value in new.items()):
            continue
        tally.move(_cell(old.type, dict(old._mapping)), _cell(old.type, new))
        changed.append({"b_id": old.id, "updated_at": now, **new})
    if changed:
        connection.execute(
            subject.update().where(subject.c.id == sa.bindparam("b_id")),
            changed,
        )
        connection.execute(
            journal.insert(), [{"subject_id": row["b_id"], "what": "line"} for row in changed]
        )


def states(
    connection: sa.Connection, subject_ids: Sequence[str]
) -> dict[str, list[CommunicationState]]:
    """The communications of subjects with their lanes; collecting ones are left out."""
    communications = connection.execute(
        sa.select(communication.c.id, communication.c.subject_id, communication.c.ignored_at).where(
            communication.c.subject_id.in_(subject_ids), ~communication.c.collecting
        )
    ).all()
    lanes: dict[str, list[LaneState]] = defaultdict(list)
    for ids in batches([row.id for row in communications]):
        for row in connection.execute(sa.select(lane).where(lane.c.communication_id.in_(ids))):
            lanes[row.communication_id].append(
                LaneState(
                    row.communication_id,
                    Channel(row.channel),
                    Status(row.status),
                    row.latest_entry_id,
                    row.attempts,
                    row.ignored,
                    row.superseded_by is not None,
                )
            )
    states: dict[str, list[CommunicationState]] = {key: [] for key in subject_ids}
    for row in communications:
        if lanes[row.id]:
            states[row.subject_id].append(
                CommunicationState(row.id, row.ignored_at is not None, tuple(lanes[row.id]))
            )
    return states


def _columns(line: SubjectLine | None, keys: dict[str, str], group: str) -> dict[str, Any]:
    if line is None:
        return {"visible": False}
    return {
        "visible": True,
        "communication_id": line.communication_id,
        "entry_id": line.entry_id,
        "sort_id": line.sort_id,
        "channel": line.channel.value,
        "status": line.status.value,
        "chip": line.chip.value,
        "error_key": keys.get(line.entry_id or "", ""),
        "attempts": line.attempts,
        "others": line.others,
        "ignored": line.ignored,
        "location_group": group,
    }


def _cell(category: str, row: dict[str, Any]) -> counters.Cell | None:
    if not row["visible"]:
        return None
    return counters.cell(
        Tab.OVERVIEW,
        row["sort_id"],
        channel=Channel(row["channel"]),
        category=category,
        location_group=row["location_group"],
        status=Status(row["status"]),
        chip=Chip(row["chip"]),
        ignored=row["ignored"],
    )
