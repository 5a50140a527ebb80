"""Lanes of communications that nothing was sent of yet: they follow the wishes and the contacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from commtui.domain.vocabulary import Channel, Status
from commtui.store.overview import batches
from commtui.store.tables import lane


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as stored."""

    channel: str
    status: Status
    attempted: bool


def load_lanes(
    connection: sa.Connection, communication_ids: Sequence[str]
) -> dict[str, tuple[LaneRow, ...]]:
    """The lanes of communications."""
    found: dict[str, list[LaneRow]] = defaultdict(list)
    for batch in batches(communication_ids):
        for row in connection.execute(sa.select(lane).where(lane.c.communication_id.in_(batch))):
            attempted = row.attempts > 0 or row.latest_entry_id is not None
            found[row.communication_id].append(LaneRow(row.channel, Status(row.status), attempted))
    return {key: tuple(rows) for key, rows in found.items()}


def lane_changes(
    communication_id: str, lanes: Sequence[LaneRow], channels: Sequence[Channel]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows to delete and to insert so that it goes on these channels; a lane with an attempt stays."""
    wanted = {channel.value for channel in channels}
    present = {row.channel for row in lanes}
    gone = [row.channel for row in lanes if not row.attempted and row.channel not in wanted]
    made = [channel.value for channel in channels if channel.value not in present]
    return (
        [{"b_communication": communication_id, "b_channel": channel} for channel in gone],
        [
            {
                "communication_id": communication_id,
                "channel": channel,
                "status": Status.NOT_SENT.value,
            }
            for channel in made
        ],
    )


def write_lanes(
    connection: sa.Connection, gone: list[dict[str, Any]], made: list[dict[str, Any]]
) -> None:
    """Delete and insert lanes."""
    if gone:
        connection.execute(
            lane.delete().where(
                lane.c.communication_id == sa.bindparam("b_communication"),
                lane.c.channel == sa.bindparam("b_channel"),
            ),
            gone,
        )
    if made:
        connection.execute(lane.insert(), made)


def speak_again(connection: sa.Connection, communication_ids: Sequence[str]) -> None:
    """Refused lanes that a task took over from count again: the corrected content is to be sent on them."""
    for batch in batches(communication_ids):
        connection.execute(
            lane.update()
            .where(
                lane.c.communication_id.in_(batch),
                lane.c.status == Status.REJECTED.value,
                lane.c.superseded_by.is_not(None),
            )
            .values(superseded_by=None)
        )
