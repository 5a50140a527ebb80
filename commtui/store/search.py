"""Search by substring, folded: references, titles, customers, recipients, provider ids and error texts.

Rows are found at once and indexed later: inserting into SQLite's trigram index is some fifteen times slower
than inserting the row, so a worker catches up and what is pending is scanned.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from commtui.domain.text import fold
from commtui.domain.vocabulary import Tab
from commtui.store.engine import Database
from commtui.store.tables import entry, search_row, subject

FEW = 2_000
"""Up to so many hits are looked up by id; more are common enough to be met on the way."""
INDEX_BATCH = 400
_TRIGRAM = 3
_FTS = sa.table("search_fts", sa.column("rowid"))


def terms(text: str) -> list[str]:
    """The words of a search, folded; every one of them has to be found."""
    return fold(text).split()


def condition(
    connection: sa.Connection, tab: Tab, text: str, *, walk: bool
) -> sa.ColumnElement[bool] | None:
    """What a line has to fulfil to match a search text, or None when there is nothing to search for.

    Few hits are looked up by id. Of many, a page meets enough on its way down the list (`walk`), while a
    count collects them first.
    """
    wanted = sorted(terms(text), key=len, reverse=True)
    if not wanted:
        return None
    key = subject.c.id if tab is Tab.OVERVIEW else entry.c.id
    conditions: list[sa.ColumnElement[bool]] = []
    for number, term in enumerate(wanted):
        few = _few(connection, tab, term)
        if few is not None and not few:
            return sa.false()
        if few is not None:
            conditions.append(key.in_(few))
        elif walk:
            conditions.append(_met(tab, term))
        else:
            conditions.append(key.in_(_hits(connection, tab, term, f"found_{number}")))
    return sa.and_(*conditions)


def _few(connection: sa.Connection, tab: Tab, term: str) -> list[str] | None:
    """The lines with this term when there are few, else None; stops at the first sign of many."""
    rows = connection.execute(_rows(connection, term).limit(FEW + 1)).all()
    if len(rows) > FEW:
        return None
    customers = [row.customer_id for row in rows if row.customer_id]
    if tab is Tab.OVERVIEW:
        found = {row.subject_id for row in rows if row.subject_id}
        wider: tuple[Any, ...] = ((subject.c.id, subject.c.customer_id, customers),)
    else:
        found = {row.entry_id for row in rows if row.entry_id}
        subjects = [row.subject_id for row in rows if row.subject_id and not row.entry_id]
        wider = (
            (entry.c.id, entry.c.customer_id, customers),
            (entry.c.id, entry.c.subject_id, subjects),
        )
    for key, column, wanted in wider:
        if wanted:
            belonging = sa.select(key).where(column.in_(wanted)).limit(FEW + 1)
            found.update(connection.execute(belonging).scalars())
    return sorted(found) if len(found) <= FEW else None


def _met(tab: Tab, term: str) -> sa.ColumnElement[bool]:
    """The same asked of one line at a time, through the texts that belong to it."""
    table = subject if tab is Tab.OVERVIEW else entry
    contains = _position(term) > 0
    if tab is Tab.OVERVIEW:
        own = search_row.c.subject_id == subject.c.id
    else:
        own = sa.and_(
            search_row.c.subject_id == entry.c.subject_id,
            sa.or_(search_row.c.entry_id.is_(None), search_row.c.entry_id == entry.c.id),
        )
    of_customer = search_row.c.customer_id == table.c.customer_id
    return sa.or_(
        sa.exists().where(own, contains).correlate(table),
        sa.exists().where(of_customer, contains).correlate(table),
    )


def _hits(
    connection: sa.Connection, tab: Tab, term: str, name: str
) -> sa.Select[str] | sa.CompoundSelect[str]:
    # kept whole: pushed into its parts, a condition would tempt SQLite to a worse index
    found = _rows(connection, term).cte(name).prefix_with("MATERIALIZED")
    if tab is Tab.OVERVIEW:
        return sa.union(
            sa.select(found.c.subject_id).where(found.c.subject_id.is_not(None)),
            sa.select(subject.c.id).join(found, found.c.customer_id == subject.c.customer_id),
        )
    of_subject = sa.and_(found.c.subject_id == entry.c.subject_id, found.c.entry_id.is_(None))
    return sa.union(
        sa.select(found.c.entry_id).where(found.c.entry_id.is_not(None)),
        sa.select(entry.c.id).join(found, of_subject),
        sa.select(entry.c.id).join(found, found.c.customer_id == entry.c.customer_id),
    )


class _Position(FunctionElement[int]):
    """Where a text starts within another; 0 when it does not occur."""

    inherit_cache = True
    type = sa.Integer()


@compiles(_Position)
def _instr(element: Any, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_Position, "postgresql")
def _strpos(element: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


def _position(term: str) -> sa.ColumnElement[int]:
    return _Position(search_row.c.folded, sa.literal(term))


def _rows(connection: sa.Connection, term: str) -> Any:
    """The search rows with this term, as a statement that can stop early."""
    columns = (search_row.c.subject_id, search_row.c.customer_id, search_row.c.entry_id)
    if connection.dialect.name == "postgresql":
        escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return sa.select(*columns).where(search_row.c.folded.like(f"%{escaped}%"))
    contains = _position(term) > 0
    if len(term) < _TRIGRAM:
        return sa.select(*columns).where(contains)
    indexed = (
        sa.select(*columns)
        .select_from(_FTS.join(search_row, search_row.c.id == _FTS.c.rowid))
        .where(sa.literal_column("search_fts").op("MATCH")(_trigrams(term)), contains)
    )
    pending = sa.select(*columns).where(~search_row.c.indexed, contains)
    return sa.union_all(indexed, pending)


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
