"""Proofs that networks and providers give of what was sent: kept with the entry, by SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.views import DocumentInfo
from commtui.domain.vocabulary import DocumentRole
from commtui.providers.base import Document
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.tables import document
from commtui.store.tables_delivery import evidence


def put_document(connection: sa.Connection, content: bytes) -> str:
    """Store bytes once; returns their SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    put_documents(connection, [{"sha256": sha256, "size": len(content), "content": content}])
    return sha256


def put_documents(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store documents, each once; one that an erasure has emptied is filled again."""
    statement = insert(connection, document)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[document.c.sha256],
            set_={"content": statement.excluded.content},
            where=sa.func.length(document.c.content) == 0,
        ),
        rows,
    )


def keep_evidence(
    connection: sa.Connection, entry_id: str, documents: Sequence[Document], now: datetime
) -> None:
    """Archive proofs with an entry; the same bytes once."""
    for item in documents:
        connection.execute(
            insert(connection, evidence)
            .values(
                entry_id=entry_id,
                sha256=put_document(connection, item.content),
                name=item.name,
                media_type=item.media_type,
                at=now,
            )
            .on_conflict_do_nothing()
        )


def of_entries(
    connection: sa.Connection, entry_ids: Sequence[str]
) -> dict[str, list[DocumentInfo]]:
    """The proofs of entries, without their bytes, oldest first."""
    found: dict[str, list[DocumentInfo]] = {identifier: [] for identifier in entry_ids}
    for ids in batches(entry_ids):
        query = (
            sa.select(evidence, document.c.size)
            .join(document, document.c.sha256 == evidence.c.sha256)
            .where(evidence.c.entry_id.in_(ids))
            .order_by(evidence.c.at)
        )
        for row in connection.execute(query):
            found[row.entry_id].append(
                DocumentInfo(
                    DocumentRole.ATTACHMENT, row.name, row.media_type, row.size, row.sha256
                )
            )
    return found
