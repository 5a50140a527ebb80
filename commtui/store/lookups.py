"""What belongs to whom when a provider was asked for a message whose answer was lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import sqlalchemy as sa

from commtui.domain.vocabulary import Status
from commtui.store.engine import Database
from commtui.store.tables import entry, entry_text

RIVALS_WITHIN = timedelta(days=7)
"""An older attempt that we know no message of cannot have made one just now."""
_MAY_HAVE_LEFT = sorted(
    status.value
    for status in (Status.SENDING, Status.UNKNOWN, Status.SENT, Status.DELIVERED, Status.FAILED)
)


def unclaimed(
    database: Database, provider: str, message_ids: Collection[str], entry_id: str
) -> set[str]:
    """Those of a provider's message ids that no other entry has."""
    with database.read() as connection:
        claimed = connection.execute(
            sa.select(entry.c.provider_message_id).where(
                entry.c.provider_message_id.in_(sorted(message_ids)),
                entry.c.provider == provider,
                entry.c.id != entry_id,
            )
        ).scalars()
        return set(message_ids) - set(claimed)


def has_rival(database: Database, entry_id: str) -> bool:
    """Whether another attempt at the same provider and recipient may have made a message that we do not know of."""
    other, other_text = entry.alias(), entry_text.alias()
    rival = (
        sa.select(other.c.id)
        .select_from(entry)
        .join(entry_text, entry_text.c.entry_id == entry.c.id)
        .join(other_text, other_text.c.recipient_key == entry_text.c.recipient_key)
        .join(other, other.c.id == other_text.c.entry_id)
        .where(
            entry.c.id == entry_id,
            other.c.id != entry_id,
            other.c.provider == entry.c.provider,
            other.c.provider_message_id == "",
            other.c.status.in_(_MAY_HAVE_LEFT),
            other.c.created_at > database.now() - RIVALS_WITHIN,
        )
        .limit(1)
    )
    with database.read() as connection:
        return connection.execute(rival).first() is not None
