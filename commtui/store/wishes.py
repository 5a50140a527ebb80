"""What is known of customers' addresses and wishes: marks that failures left, preferences, registrations, our keys."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.text import storable
from commtui.domain.vocabulary import Channel, Status
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.tables_delivery import registration
from commtui.store.tables_wishes import address_mark, preference, signing_key

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Mark:
    """An address that does not work: the failure that said so."""

    channel: Channel
    address: str
    """Normalised."""
    at: datetime
    status: Status
    provider: str
    code: str
    entry_id: str | None


def mark(connection: sa.Connection, item: Mark) -> None:
    """Mark an address as one that does not work; a newer failure replaces an older mark."""
    values = {
        "channel": item.channel.value,
        "address": item.address,
        "at": item.at,
        "status": item.status.value,
        "provider": item.provider,
        "code": item.code,
        "entry_id": item.entry_id,
    }
    statement = insert(connection, address_mark).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["channel", "address"],
            set_={name: values[name] for name in ("at", "status", "provider", "code", "entry_id")},
            where=address_mark.c.at <= statement.excluded.at,
        )
    )


def clear_mark(
    connection: sa.Connection, channel: Channel, address: str, before: datetime | None = None
) -> bool:
    """Take a mark off an address, if it is older than `before` when that is given; returns whether there was one."""
    where = [address_mark.c.channel == channel.value, address_mark.c.address == address]
    if before is not None:
        where.append(address_mark.c.at < before)
    return connection.execute(address_mark.delete().where(*where)).rowcount > 0


def marks(
    connection: sa.Connection, addresses: Sequence[tuple[Channel, str]]
) -> dict[tuple[Channel, str], Mark]:
    """The marks of these normalised addresses."""
    keys = sorted({address for _, address in addresses if address})
    wanted = set(addresses)
    found = {}
    for batch in batches(keys):
        for row in connection.execute(
            sa.select(address_mark).where(address_mark.c.address.in_(batch))
        ):
            key = (Channel(row.channel), row.address)
            if key in wanted:
                found[key] = Mark(
                    *key, row.at, Status(row.status), row.provider, row.code, row.entry_id
                )
    return found


def preferences(
    connection: sa.Connection, customer_ids: Sequence[str]
) -> dict[str, dict[str, tuple[Channel, ...]]]:
    """Customers' channel orders by kind of message; the empty kind is for all."""
    found: dict[str, dict[str, tuple[Channel, ...]]] = defaultdict(dict)
    for batch in batches(sorted(set(customer_ids))):
        query = sa.select(preference).where(preference.c.customer_id.in_(batch))
        for row in connection.execute(query):
            found[row.customer_id][row.kind] = tuple(Channel(name) for name in row.channels)
    return found


def set_preference(
    connection: sa.Connection,
    customer_id: str,
    kind: str,
    channels: Sequence[Channel],
    author: str,
    now: datetime,
) -> None:
    """Set a customer's channel order for a kind of message; no channels: back to the usual order."""
    connection.execute(
        preference.delete().where(
            preference.c.customer_id == customer_id, preference.c.kind == kind
        )
    )
    if channels:
        connection.execute(
            preference.insert().values(
                customer_id=customer_id,
                kind=kind,
                channels=[channel.value for channel in channels],
                author=author,
                at=now,
            )
        )


def registrations(connection: sa.Connection, recipients: Sequence[str]) -> dict[str, Registration]:
    """The last checks of these recipients of e-invoices."""
    found = {}
    for batch in batches(sorted(set(filter(None, recipients)))):
        query = sa.select(registration).where(registration.c.recipient.in_(batch))
        for row in connection.execute(query):
            found[row.recipient] = Registration(
                Reachability(row.outcome), row.at, row.words, row.details
            )
    return found


def keep_registration(connection: sa.Connection, recipient: str, check: Registration) -> None:
    """Keep the last check of a recipient."""
    values: Mapping[str, Any] = {
        "outcome": check.outcome.value,
        "at": check.at,
        "words": str(storable(check.words)),
        "details": storable(dict(check.details)),
    }
    statement = insert(connection, registration).values(recipient=recipient, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["recipient"], set_=dict(values))
    )


def key_of(database: Database, name: str) -> str:
    """Our own signing key of this name, made on first use; it is worth nothing outside this database's links."""
    query = sa.select(signing_key.c.key).where(signing_key.c.name == name)
    with database.read() as connection:
        found = connection.execute(query).scalar()
    if found is not None:
        return str(found)
    with database.write() as connection:
        connection.execute(
            insert(connection, signing_key)
            .values(name=name, key=secrets.token_hex(_KEY_BYTES), created_at=database.now())
            .on_conflict_do_nothing()
        )
        return str(connection.execute(query).scalar_one())
