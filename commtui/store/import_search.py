"""Search rows of subjects and customers: replaced when their texts change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from commtui.domain.text import fold
from commtui.store.overview import batches
from commtui.store.tables import search_row

_FORGET = sa.text(
    "INSERT INTO search_fts(search_fts, rowid, folded) VALUES ('delete', :id, :folded)"
)


def index_subjects(
    connection: sa.Connection, texts: Mapping[str, str], changed: Collection[str]
) -> None:
    """Write the search rows of subjects; those `changed` had others, which go."""
    _replace(connection, search_row.c.subject_id, texts, changed)


def index_customers(
    connection: sa.Connection, texts: Mapping[str, str], changed: Collection[str]
) -> None:
    """Write the search rows of customers; those `changed` had others, which go."""
    _replace(connection, search_row.c.customer_id, texts, changed)


def _replace(
    connection: sa.Connection,
    owner: sa.Column[str],
    texts: Mapping[str, str],
    changed: Collection[str],
) -> None:
    for batch in batches(sorted(changed)):
        own = (owner.in_(batch), search_row.c.entry_id.is_(None))
        forget(
            connection,
            connection.execute(
                sa.select(search_row.c.id, search_row.c.folded, search_row.c.indexed).where(*own)
            ).all(),
        )
    if texts:
        connection.execute(
            search_row.insert(),
            [{owner.name: key, "folded": fold(text)} for key, text in texts.items()],
        )


def forget(connection: sa.Connection, rows: Sequence[Any]) -> None:
    """Delete search rows (id, folded, indexed) and what the index knows of them."""
    indexed = [{"id": row.id, "folded": row.folded} for row in rows if row.indexed]
    if indexed and connection.dialect.name == "sqlite":
        connection.execute(_FORGET, indexed)
    for ids in batches([row.id for row in rows]):
        connection.execute(search_row.delete().where(search_row.c.id.in_(ids)))
