"""The journal as a feed: what changed since a cursor, in an order that never misses a late commit.

On PostgreSQL a row counts once every transaction that began before its own has ended (its id is below
the snapshot's xmin), so a slow transaction cannot slip in behind the cursor. SQLite has one writer.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from commtui.domain.views import Changes
from commtui.store.tables import journal
from commtui.store.tables_record import seal

LIMIT = 5_000
UNSEEN = ("status", "audit")
"""Rows for the seals: what they tell moves no line by itself."""


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A new row of a table whose rows are sealed."""

    xid: int
    seq: int
    what: str
    record_id: str


def cursor(connection: sa.Connection) -> str:
    """A cursor at the present end of the journal."""
    if connection.dialect.name == "postgresql":
        return f"{_horizon(connection)}.0"
    return f"0.{connection.execute(sa.select(sa.func.max(journal.c.seq))).scalar() or 0}"


def changes(connection: sa.Connection, since: str) -> Changes:
    """What changed after a cursor, at most LIMIT journal rows at a time."""
    xid, seq = (int(part) for part in since.split("."))
    query = (
        sa.select(journal)
        .where(journal.c.what.not_in(UNSEEN))
        .order_by(journal.c.xid, journal.c.seq)
        .limit(LIMIT)
    )
    if connection.dialect.name == "postgresql":
        horizon = _horizon(connection)
        query = query.where(
            sa.tuple_(journal.c.xid, journal.c.seq) > sa.tuple_(xid, seq), journal.c.xid < horizon
        )
    else:
        query = query.where(journal.c.seq > seq)
    rows = connection.execute(query).all()
    if not rows:
        return Changes(since, frozenset(), frozenset())
    return Changes(
        f"{rows[-1].xid}.{rows[-1].seq}",
        frozenset(row.subject_id for row in rows if row.subject_id),
        frozenset(row.entry_id for row in rows if row.entry_id),
        len(rows) == LIMIT,
    )


def _horizon(connection: sa.Connection) -> int:
    query = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return int(connection.execute(query).scalar_one())


def sealed_upto(connection: sa.Connection) -> tuple[int, int]:
    """Transaction and number of the last journal row that is sealed."""
    query = sa.select(seal.c.upto_xid, seal.c.upto_seq).order_by(seal.c.number.desc()).limit(1)
    found = connection.execute(query).first()
    return (found.upto_xid, found.upto_seq) if found else (0, 0)


def unsealed(connection: sa.Connection, limit: int) -> list[JournalRow]:
    """The oldest records that no seal holds yet and that no transaction can slip in before any more."""
    query = (
        sa.select(journal)
        .where(
            journal.c.record_id.is_not(None),
            sa.tuple_(journal.c.xid, journal.c.seq) > sa.tuple_(*sealed_upto(connection)),
        )
        .order_by(journal.c.xid, journal.c.seq)
        .limit(limit)
    )
    if connection.dialect.name == "postgresql":
        query = query.where(journal.c.xid < _horizon(connection))
    return [
        JournalRow(row.xid, row.seq, row.what, row.record_id) for row in connection.execute(query)
    ]


def waiting(connection: sa.Connection) -> list[JournalRow]:
    """Every record in the journal that no seal holds yet, however young."""
    query = sa.select(journal).where(
        journal.c.record_id.is_not(None),
        sa.tuple_(journal.c.xid, journal.c.seq) > sa.tuple_(*sealed_upto(connection)),
    )
    return [
        JournalRow(row.xid, row.seq, row.what, row.record_id) for row in connection.execute(query)
    ]


def prune(connection: sa.Connection, keep: int, batch: int) -> int:
    """Drop a batch of the oldest journal rows beyond `keep`; the log itself is elsewhere."""
    newest = connection.execute(sa.select(sa.func.max(journal.c.seq))).scalar() or 0
    sealed = sa.tuple_(journal.c.xid, journal.c.seq) <= sa.tuple_(*sealed_upto(connection))
    old = (
        sa.select(journal.c.seq)
        .where(journal.c.seq < newest - keep, sa.or_(journal.c.record_id.is_(None), sealed))
        .limit(batch)
    )
    return connection.execute(journal.delete().where(journal.c.seq.in_(old))).rowcount
