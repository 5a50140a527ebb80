"""Sealing: records that nobody can slip in before any more become the next link of the chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain import sealing
from commtui.domain.sealing import Kind, Member, Seal
from commtui.errors import Refused
from commtui.store import feed
from commtui.store.engine import Database
from commtui.store.feed import JournalRow
from commtui.store.overview import batches
from commtui.store.tables import audit, entry, entry_status
from commtui.store.tables_record import seal

INTERVAL = 2_000
"""Records in one seal at most."""
TABLES = {Kind.ENTRY: entry, Kind.STATUS: entry_status, Kind.AUDIT: audit}
KINDS = {"new": Kind.ENTRY, "status": Kind.STATUS, "audit": Kind.AUDIT}
"""Kinds of records by what the journal calls a new one."""


def head(connection: sa.Connection) -> Seal | None:
    """The last seal."""
    row = connection.execute(sa.select(seal).order_by(seal.c.number.desc()).limit(1)).first()
    return _seal(row) if row else None


def chain(connection: sa.Connection) -> Iterator[Seal]:
    """Every seal, oldest first; one at a time."""
    number: int | None = None
    while True:
        query = sa.select(seal).order_by(seal.c.number).limit(1)
        row = connection.execute(
            query if number is None else query.where(seal.c.number > number)
        ).first()
        if row is None:
            return
        number = row.number
        yield _seal(row)


def seal_next(database: Database, every: timedelta = timedelta(0)) -> Seal | None:
    """Seal the oldest records that are not yet; None when there are none, or another worker was faster.

    A part of an interval waits until the last seal is `every` old. Raises Refused when a record is gone.
    """
    with database.read() as connection:
        last = head(connection)
        rows = feed.unsealed(connection, INTERVAL)
        early = last is not None and database.now() - last.at < every
        if not rows or (early and len(rows) < INTERVAL):
            return None
        made = link(connection, last, rows, database.now())
    return made if append(database, made) else None


def link(
    connection: sa.Connection, last: Seal | None, rows: Sequence[JournalRow], at: datetime
) -> Seal:
    """The seal over these rows of the journal that follows on the last one. Raises Refused when a record is gone."""
    keys = [(KINDS[row.what], row.record_id) for row in rows]
    hashes = hashes_of(connection, keys)
    gone = [identifier for kind, identifier in keys if (kind, identifier) not in hashes]
    if gone:
        raise Refused(
            f"nothing is sealed: {len(gone)} records that the journal names are gone, the first one is {gone[0]}; "
            "see commtui db verify"
        )
    members = [
        Member(kind, identifier, row.seq, hashes[kind, identifier])
        for (kind, identifier), row in zip(keys, rows, strict=True)
    ]
    made = Seal(
        number=last.number + 1 if last else 1,
        at=at,
        upto=(rows[-1].xid, rows[-1].seq),
        records=len(members),
        members=sealing.pack(members),
        digest=sealing.digest(hashes[key] for key in keys),
        previous=last.hash if last else "",
        hash="",
    )
    return replace(made, hash=made.computed)


def hashes_of(
    connection: sa.Connection, keys: Sequence[tuple[Kind, str]], form: int = sealing.FORMAT
) -> dict[tuple[Kind, str], bytes]:
    """The hashes of records as they stand now; missing ones are left out."""
    found: dict[tuple[Kind, str], bytes] = {}
    for kind, table in TABLES.items():
        ids = [identifier for of, identifier in keys if of is kind]
        for batch in batches(ids):
            for row in connection.execute(sa.select(table).where(table.c.id.in_(batch))):
                found[kind, row.id] = sealing.record_hash(kind, dict(row._mapping), form)
    return found


def append(database: Database, made: Seal) -> bool:
    """Add a link to the chain, unless it has grown meanwhile."""
    values = {
        "number": made.number,
        "format": made.format,
        "at": made.at,
        "upto_xid": made.upto[0],
        "upto_seq": made.upto[1],
        "records": made.records,
        "members": made.members,
        "digest": made.digest,
        "previous": made.previous,
        "hash": made.hash,
    }
    try:
        with database.write() as connection:
            connection.execute(seal.insert().values(**values))
    except sa.exc.IntegrityError:
        return False
    return True


def _seal(row: Any) -> Seal:
    return Seal(
        number=row.number,
        at=row.at,
        upto=(row.upto_xid, row.upto_seq),
        records=row.records,
        members=bytes(row.members),
        digest=row.digest,
        previous=row.previous,
        hash=row.hash,
        format=row.format,
    )
