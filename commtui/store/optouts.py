"""Opt-outs in the database: of addresses, also of those nobody has yet, and of customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.optouts import OptChange, OptOut, OptSource, Scope
from commtui.domain.text import recipient_key
from commtui.domain.vocabulary import Channel
from commtui.store import hidden
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables_wishes import opt_out

WORDS_LIMIT = 500


def learn(
    connection: sa.Connection, database: Database, change: OptChange, address: str, at: datetime
) -> bool:
    """Note that an address opted out, or lift what the same source set; returns whether anything changed.

    An older word than one already known changes nothing: events come late and in any order.
    """
    key = recipient_key(address)
    if not key:
        return False
    spellings = list(hidden.both(connection, [key]))
    same = (
        opt_out.c.address.in_(spellings),
        opt_out.c.channel == change.channel.value,
        opt_out.c.source == change.source.value,
        opt_out.c.scope == change.scope.value,
    )
    rows = connection.execute(sa.select(opt_out).where(*same)).all()
    if hidden.is_hidden(row.address for row in rows):
        # the address was erased once: what is learnt about it later stays as hidden
        key = spellings[-1]
    latest = max((row.lifted_at or row.at for row in rows), default=None)
    if latest is not None and latest >= at:
        return False
    in_force = [row.id for row in rows if row.lifted_at is None]
    if not change.out:
        if not in_force:
            # kept as lifted, so that the refusal it answers cannot come in force behind it
            connection.execute(
                opt_out.insert().values(**_row(database, change, key, at, lifted=at))
            )
            return False
        connection.execute(
            opt_out.update()
            .where(opt_out.c.id.in_(in_force))
            .values(lifted_at=at, lifted_by=change.source.value)
        )
        return True
    if in_force:
        # the latest word counts: a consent from between the two must not lift it
        connection.execute(opt_out.update().where(opt_out.c.id.in_(in_force)).values(at=at))
        return False
    connection.execute(opt_out.insert().values(**_row(database, change, key, at)))
    return True


def _row(
    database: Database,
    change: OptChange,
    key: str,
    at: datetime,
    *,
    lifted: datetime | None = None,
) -> dict[str, Any]:
    return {
        "id": database.new_id(),
        "address": key,
        "channel": change.channel.value,
        "scope": change.scope.value,
        "source": change.source.value,
        "at": at,
        "lifted_at": lifted,
        "lifted_by": change.source.value if lifted else "",
    }


def add(connection: sa.Connection, database: Database, item: OptOut, customer_id: str) -> None:
    """Write a customer's refusal as an operator or the source told it."""
    connection.execute(
        opt_out.insert().values(
            id=database.new_id(),
            customer_id=customer_id,
            channel=item.channel.value if item.channel else "",
            scope=item.scope.value,
            source=item.source.value,
            at=item.at,
            note=item.note[:WORDS_LIMIT],
            author=item.author,
        )
    )


def lift(
    connection: sa.Connection,
    customer_id: str,
    channel: Channel | None,
    scope: Scope,
    sources: Collection[OptSource],
    now: datetime,
    author: str,
) -> int:
    """Take a customer's refusals of this scope and from these sources back; returns how many.

    Those of addresses stay.
    """
    return connection.execute(
        opt_out.update()
        .where(
            opt_out.c.customer_id == customer_id,
            opt_out.c.channel == (channel.value if channel else ""),
            opt_out.c.scope == scope.value,
            opt_out.c.source.in_([source.value for source in sources]),
            opt_out.c.lifted_at.is_(None),
        )
        .values(lifted_at=now, lifted_by=author)
    ).rowcount


def follow_source(
    connection: sa.Connection,
    database: Database,
    customer_id: str,
    refused: Sequence[str],
    now: datetime,
) -> None:
    """Let a customer's refusals that the source told be these: "marketing", or a channel's word for all of it."""
    wanted = {"" if word == "marketing" else word: word for word in refused}
    mine = (
        opt_out.c.customer_id == customer_id,
        opt_out.c.source == OptSource.IMPORT.value,
        opt_out.c.lifted_at.is_(None),
    )
    known = set(connection.execute(sa.select(opt_out.c.channel).where(*mine)).scalars())
    gone = sorted(known - set(wanted))
    if gone:
        connection.execute(
            opt_out.update()
            .where(*mine, opt_out.c.channel.in_(gone))
            .values(lifted_at=now, lifted_by=OptSource.IMPORT.value)
        )
    for channel in sorted(set(wanted) - known):
        item = OptOut(
            Channel(channel) if channel else None,
            Scope.ALL if channel else Scope.MARKETING,
            OptSource.IMPORT,
            now,
        )
        add(connection, database, item, customer_id)


def of_addresses(connection: sa.Connection, keys: Sequence[str]) -> dict[str, list[OptOut]]:
    """The refusals in force of these normalised addresses, oldest first."""
    found: dict[str, list[OptOut]] = defaultdict(list)
    for batch in batches(sorted(set(filter(None, keys)))):
        spellings = hidden.both(connection, batch)
        query = sa.select(opt_out).where(
            opt_out.c.address.in_(list(spellings)),
            opt_out.c.customer_id.is_(None),
            opt_out.c.lifted_at.is_(None),
        )
        for row in connection.execute(query.order_by(opt_out.c.at)):
            address = spellings[row.address]
            found[address].append(replace(_optout(row), address=address))
    return found


def of_customers(connection: sa.Connection, customer_ids: Sequence[str]) -> dict[str, list[OptOut]]:
    """The refusals in force of these customers (our ids), oldest first."""
    found: dict[str, list[OptOut]] = defaultdict(list)
    for batch in batches(sorted(set(customer_ids))):
        query = sa.select(opt_out).where(
            opt_out.c.customer_id.in_(batch), opt_out.c.lifted_at.is_(None)
        )
        for row in connection.execute(query.order_by(opt_out.c.at)):
            found[row.customer_id].append(_optout(row))
    return found


def _optout(row: Any) -> OptOut:
    return OptOut(
        channel=Channel(row.channel) if row.channel else None,
        scope=Scope(row.scope),
        source=OptSource(row.source),
        at=row.at,
        address=row.address,
        note=row.note,
        author=row.author,
    )
