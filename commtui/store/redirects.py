"""Which messages went to a test address instead of to their recipient."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from commtui.store.overview import batches
from commtui.store.tables_delivery import delivery_step

REDIRECTED = "redirected"
"""The step that marks such a message; the address is its reference's `to`."""


def redirected(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, str]:
    """The test addresses that these entries went to; the others are left out."""
    found: dict[str, str] = {}
    for ids in batches(entry_ids):
        query = sa.select(delivery_step.c.entry_id, delivery_step.c.reference).where(
            delivery_step.c.entry_id.in_(ids), delivery_step.c.name == REDIRECTED
        )
        found |= {row.entry_id: str(row.reference["to"]) for row in connection.execute(query)}
    return found
