"""The audit trail: who did what to what, and what came of it; rows are written once and never changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from commtui.domain.text import fold
from commtui.domain.trail import AuditFilter, AuditRow
from commtui.domain.vocabulary import Author
from commtui.store.engine import Database
from commtui.store.entries import sealed_words
from commtui.store.tables import audit, audit_text

LOGIN_UID = Path("/proc/self/loginuid")
PAGE = 500
UNSET_UID = 2**32 - 1
"""What the kernel says where nobody has logged in: a service."""


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
    words_hash, salt = sealed_words(words)
    connection.execute(
        audit.insert().values(
            id=identifier,
            at=now,
            operator=author.name,
            operator_verified=author.verified,
            action=action,
            targets=dict(targets) if isinstance(targets, Mapping) else list(targets),
            result=dict(result),
            login_uid=login_uid(LOGIN_UID),
            process_uid=os.getuid(),
            words_hash=words_hash,
        )
    )
    if words:
        connection.execute(audit_text.insert().values(audit_id=identifier, words=words, salt=salt))


def search(
    connection: sa.Connection,
    wanted: AuditFilter,
    limit: int,
    before: str | None = None,
    newest: int | None = None,
) -> list[AuditRow]:
    """Rows that fit, newest first, from before an id on; looks through so many of the `newest` only, if given."""
    found: list[AuditRow] = []
    looked = 0
    while len(found) < limit and (newest is None or looked < newest):
        rows = connection.execute(_query(wanted, before).limit(PAGE)).all()
        found += [shown for row in rows if _says(shown := _shown(row), wanted.text)]
        if len(rows) < PAGE:
            break
        before = rows[-1].id
        looked += len(rows)
    return found[:limit]


def _query(wanted: AuditFilter, before: str | None) -> sa.Select[Any]:
    query = (
        sa.select(audit, audit_text.c.words)
        .outerjoin(audit_text, audit_text.c.audit_id == audit.c.id)
        .order_by(audit.c.id.desc())
    )
    if before is not None:
        query = query.where(audit.c.id < before)
    if wanted.operator:
        query = query.where(audit.c.operator == wanted.operator)
    if wanted.action:
        query = query.where(audit.c.action.startswith(wanted.action, autoescape=True))
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    if wanted.target:
        written = sa.cast(audit.c.targets, sa.Text)
        query = query.where(written.contains(wanted.target, autoescape=True))
    return query


def _shown(row: Any) -> AuditRow:
    targets = row.targets
    pairs = targets.items() if isinstance(targets, dict) else (("", item) for item in targets)
    return AuditRow(
        id=row.id,
        at=row.at,
        operator=row.operator,
        verified=row.operator_verified,
        action=row.action,
        targets=tuple((str(name), str(value)) for name, value in pairs),
        result=tuple((str(name), value) for name, value in row.result.items()),
        words=row.words or "",
        login_uid=row.login_uid,
        process_uid=row.process_uid,
        database_role=row.database_role,
    )


def _says(row: AuditRow, text: str) -> bool:
    """Whether every word of a text stands somewhere in a row."""
    if not text:
        return True
    parts = (row.operator, row.action, row.words, row.database_role)
    pairs = (*row.targets, *row.result)
    said = fold(" ".join((*parts, *(str(part) for pair in pairs for part in pair))))
    return all(word in said for word in fold(text).split())


@cache
def login_uid(source: Path) -> int | None:
    """The user who logged in, as the kernel knows it: it stays through su and sudo; None where it is not known."""
    try:
        found = int(source.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if found == UNSET_UID else found
