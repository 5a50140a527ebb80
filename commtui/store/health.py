"""What became of messages to an address, and what waits for it: read from the log when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.vocabulary import FAILED_STATUSES, Channel, Status
from commtui.errors import Refused
from commtui.store.details import StoredEntry, stored_entry
from commtui.store.tables import communication, entry, entry_text, lane, subject

WAITING_LIMIT = 2_000
_FAILED = sorted(status.value for status in FAILED_STATUSES - {Status.UNKNOWN})


@dataclass(frozen=True, slots=True)
class AddressHealth:
    """The last delivery to an address, and the last failure at it."""

    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    failed_status: Status | None = None
    failed_provider: str = ""
    failed_code: str = ""


def of_address(
    connection: sa.Connection, customer_id: str, channel: Channel, key: str
) -> AddressHealth:
    """How a customer's normalised address did."""
    if not key:
        return AddressHealth()
    base = (
        sa.select(entry)
        .join(entry_text, entry_text.c.entry_id == entry.c.id)
        .where(
            entry.c.customer_id == customer_id,
            entry.c.channel == channel.value,
            entry_text.c.recipient_key == key,
        )
        .order_by(entry.c.id.desc())
        .limit(1)
    )
    delivered = connection.execute(base.where(entry.c.delivered_at.is_not(None))).first()
    failed = connection.execute(base.where(entry.c.status.in_(_FAILED))).first()
    return AddressHealth(
        delivered_at=delivered.delivered_at if delivered else None,
        failed_at=failed.status_at if failed else None,
        failed_status=Status(failed.status) if failed else None,
        failed_provider=failed.provider if failed else "",
        failed_code=failed.error_code if failed else "",
    )


def subjects(connection: sa.Connection, customer_id: str) -> int:
    """How many lines a customer has on the overview."""
    query = sa.select(sa.func.count()).where(
        subject.c.customer_id == customer_id, subject.c.visible
    )
    return int(connection.execute(query).scalar_one())


def waiting_for(connection: sa.Connection, customer_id: str, channel: Channel) -> list[str]:
    """Communications of a customer that failed on a channel, or that a task stands in for on it, newest first."""
    query = (
        sa.select(communication.c.id)
        .join(lane, lane.c.communication_id == communication.c.id)
        .where(
            communication.c.customer_id == customer_id,
            ~communication.c.collecting,
            sa.or_(
                sa.and_(lane.c.channel == channel.value, lane.c.status.in_(_FAILED)),
                sa.and_(
                    lane.c.channel == Channel.MANUAL.value,
                    lane.c.origin == channel.value,
                    lane.c.status == Status.NOT_SENT.value,
                    lane.c.latest_entry_id.is_not(None),
                ),
            ),
        )
        .group_by(communication.c.id)
        .order_by(communication.c.id.desc())
        .limit(WAITING_LIMIT)
    )
    return list(connection.execute(query).scalars())


def cancellable(connection: sa.Connection, entry_id: str) -> StoredEntry:
    """An entry that its provider has accepted and may still stop. Raises NotFound, Refused."""
    found = stored_entry(connection, entry_id)
    if found.status is not Status.SENT or not found.provider_message_id:
        raise Refused("only what the provider has accepted and not delivered yet can be cancelled")
    return found
