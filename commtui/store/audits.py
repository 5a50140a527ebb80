"""The audit trail: who did what to what, and what came of it; rows are written once and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from commtui.domain.vocabulary import Author
from commtui.store.engine import Database
from commtui.store.tables import audit, audit_text


def write(
    connection: sa.Connection,
    database: Database,
    author: Author,
    action: str,
    targets: Sequence[str] | Mapping[str, str],
    result: Mapping[str, object],
    words: str = "",
) -> None:
    """Write one row in the transaction of what it tells; personal text goes into `words` only."""
    now = database.now()
    identifier = database.new_id(now)
    connection.execute(
        audit.insert().values(
            id=identifier,
            at=now,
            operator=author.name,
            operator_verified=author.verified,
            action=action,
            targets=list(targets.values() if isinstance(targets, Mapping) else targets),
            result=dict(result),
        )
    )
    if words:
        connection.execute(audit_text.insert().values(audit_id=identifier, words=words))
