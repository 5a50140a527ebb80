"""Which entries about to be sent somebody has refused meanwhile: the last look, in the transaction that begins them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from commtui.domain.optouts import OptOut, stopping
from commtui.domain.vocabulary import Channel, Purpose
from commtui.store import optouts
from commtui.store.overview import batches
from commtui.store.tables import communication, entry, entry_text


def refused(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, OptOut]:
    """The refusals that stop these entries, of their addresses and of their customers."""
    rows = [
        row
        for ids in batches(entry_ids)
        for row in connection.execute(
            sa.select(
                entry.c.id,
                entry.c.channel,
                entry.c.customer_id,
                entry_text.c.recipient_key,
                communication.c.purpose,
            )
            .join(entry_text, entry_text.c.entry_id == entry.c.id)
            .join(communication, communication.c.id == entry.c.communication_id)
            .where(entry.c.id.in_(ids))
        )
    ]
    by_address = optouts.of_addresses(connection, [row.recipient_key for row in rows])
    by_customer = optouts.of_customers(connection, [row.customer_id for row in rows])
    found = {}
    for row in rows:
        heard = [*by_customer.get(row.customer_id, ()), *by_address.get(row.recipient_key, ())]
        stopped = stopping(heard, Channel(row.channel), Purpose(row.purpose))
        if stopped is not None:
            found[row.id] = stopped
    return found
