"""The journal as a feed: what changed since a cursor, in an order that never misses a late commit.

On PostgreSQL a row counts once every transaction that began before its own has ended (its id is below
the snapshot's xmin), so a slow transaction cannot slip in behind the cursor. SQLite has one writer.
"""

from __future__ import annotations

import sqlalchemy as sa

from commtui.domain.views import Changes
from commtui.store.tables import journal

LIMIT = 5_000


def cursor(connection: sa.Connection) -> str:
    """A cursor at the present end of the journal."""
    if connection.dialect.name == "postgresql":
        return f"{_horizon(connection)}.0"
    return f"0.{connection.execute(sa.select(sa.func.max(journal.c.seq))).scalar() or 0}"


def changes(connection: sa.Connection, since: str) -> Changes:
    """What changed after a cursor, at most LIMIT journal rows at a time."""
    xid, seq = (int(part) for part in since.split("."))
    query = sa.select(journal).order_by(journal.c.xid, journal.c.seq).limit(LIMIT)
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


def prune(connection: sa.Connection, keep: int, batch: int) -> int:
    """Drop a batch of the oldest journal rows beyond `keep`; the log itself is elsewhere."""
    newest = connection.execute(sa.select(sa.func.max(journal.c.seq))).scalar() or 0
    old = sa.select(journal.c.seq).where(journal.c.seq < newest - keep).limit(batch)
    return connection.execute(journal.delete().where(journal.c.seq.in_(old))).rowcount
