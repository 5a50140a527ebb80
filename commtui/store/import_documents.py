"""Storing the bytes of documents, each once."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from commtui.store.engine import Database
from commtui.store.evidences import put_documents
from commtui.store.overview import batches
from commtui.store.tables import document


def store_documents(database: Database, contents: Mapping[str, bytes]) -> None:
    """Store documents by their SHA-256; what is there already stays."""
    hashes = sorted(contents)
    with database.read() as connection:
        known = {
            sha256
            for batch in batches(hashes)
            for sha256 in connection.execute(
                sa.select(document.c.sha256).where(
                    document.c.sha256.in_(batch),
                    sa.func.length(document.c.content) == document.c.size,
                )
            ).scalars()
        }
    rows = [
        {"sha256": sha256, "size": len(contents[sha256]), "content": contents[sha256]}
        for sha256 in hashes
        if sha256 not in known
    ]
    if rows:
        with database.write() as connection:
            put_documents(connection, rows)
