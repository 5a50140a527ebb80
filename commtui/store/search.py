"""Search by substring, folded: references, titles, customers, recipients, provider ids and error texts.

Rows are found at once and indexed later: inserting into SQLite's trigram index is some fifteen times slower
than inserting the row, so a worker catches up and what is pending is scanned.
"""

from __future__ import annotations

import sqlalchemy as sa

from commtui.domain.text import fold
from commtui.domain.vocabulary import Tab
from commtui.store.engine import Database
from commtui.store.tables import entry, search_row, subject

FEW = 2_000
"""Up to so many hits are looked up by id; more are common enough to be met on the way."""
INDEX_BATCH = 400
_TRIGRAM = 3


def terms(text: str) -> list[str]:
    """The words of a search, folded; every one of them has to be found."""
    return fold(text).split()


def condition(connection: sa.Connection, tab: Tab, text: str) -> sa.ColumnElement[bool] | None:
    """What a line has to fulfil to match a search text, or None when there is nothing to search for."""
    wanted = terms(text)
    if not wanted:
        return None
    key = subject.c.id if tab is Tab.OVERVIEW else entry.c.id
    conditions = []
    for number, term in enumerate(wanted):
        hits = _hits(connection, tab, term, f"found_{number}")
        few = list(connection.execute(hits.limit(FEW + 1)).scalars())
        conditions.append(key.in_(few) if len(few) <= FEW else key.in_(hits))
    return sa.and_(*conditions)


def _hits(
    connection: sa.Connection, tab: Tab, term: str, name: str
) -> sa.Select[str] | sa.CompoundSelect[str]:
    found = _rows(connection, term).cte(name)
    customers = sa.select(found.c.customer_id).where(found.c.customer_id.is_not(None))
    if tab is Tab.OVERVIEW:
        return sa.union(
            sa.select(found.c.subject_id).where(found.c.subject_id.is_not(None)),
            sa.select(subject.c.id).where(subject.c.customer_id.in_(customers)),
        )
    subjects = sa.select(found.c.subject_id).where(
        found.c.subject_id.is_not(None), found.c.entry_id.is_(None)
    )
    return sa.union(
        sa.select(found.c.entry_id).where(found.c.entry_id.is_not(None)),
        sa.select(entry.c.id).where(entry.c.subject_id.in_(subjects)),
        sa.select(entry.c.id).where(entry.c.customer_id.in_(customers)),
    )


def _rows(connection: sa.Connection, term: str) -> sa.Select[str, str, str]:
    columns = (search_row.c.subject_id, search_row.c.customer_id, search_row.c.entry_id)
    if connection.dialect.name == "postgresql":
        escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return sa.select(*columns).where(search_row.c.folded.like(f"%{escaped}%"))
    contains = sa.func.instr(search_row.c.folded, term) > 0
    if len(term) < _TRIGRAM:
        return sa.select(*columns).where(contains)
    indexed = sa.text("SELECT rowid FROM search_fts WHERE search_fts MATCH :trigrams").bindparams(
        sa.bindparam("trigrams", _trigrams(term), unique=True)
    )
    pending = sa.select(search_row.c.id).where(~search_row.c.indexed)
    return sa.select(*columns).where(
        sa.or_(
            search_row.c.id.in_(indexed.columns(sa.column("rowid")).scalar_subquery()),
            search_row.c.id.in_(pending),
        ),
        contains,
    )


def _trigrams(term: str) -> str:
    """An FTS5 expression that every text with this term fulfils; the substring itself is checked after."""
    pieces = dict.fromkeys(term[at : at + _TRIGRAM] for at in range(len(term) - _TRIGRAM + 1))
    return " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def index_pending(database: Database) -> int:
    """Index a batch of rows that are only scanned so far; returns how many. PostgreSQL indexes by itself."""
    if not database.sqlite:
        return 0
    pending = (
        sa.select(search_row.c.id)
        .where(~search_row.c.indexed)
        .order_by(search_row.c.id)
        .limit(INDEX_BATCH)
    )
    with database.read() as connection:
        if connection.execute(pending.limit(1)).first() is None:
            return 0
    with database.write() as connection:
        ids = list(connection.execute(pending).scalars())
        if not ids:
            return 0
        span = search_row.c.id.in_(ids)
        connection.exec_driver_sql(
            "INSERT INTO search_fts(rowid, folded) SELECT id, folded FROM search_row "
            f"WHERE id IN ({','.join(map(str, ids))})"
        )
        connection.execute(search_row.update().where(span).values(indexed=True))
    return len(ids)
