"""Addresses that were erased but are still refused: a keyed hash stands for each, and the address finds it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from commtui.store.engine import Database
from commtui.store.tables_wishes import signing_key
from commtui.store.wishes import key_of

_KEY = "erased addresses"
PREFIX = "erased:"


def hide(key: str, address: str) -> str:
    """What stands for a normalised address."""
    return PREFIX + hmac.new(key.encode(), address.encode(), hashlib.sha256).hexdigest()


def key(database: Database) -> str:
    """The key of these hashes, made on first use."""
    return key_of(database, _KEY)


def both(connection: sa.Connection, addresses: Sequence[str]) -> dict[str, str]:
    """These normalised addresses by what may be stored for them: themselves, and hashes once anybody was erased."""
    found = {address: address for address in addresses}
    query = sa.select(signing_key.c.key).where(signing_key.c.name == _KEY)
    secret = connection.execute(query).scalar()
    if secret is not None:
        found.update({hide(str(secret), address): address for address in addresses})
    return found


def is_hidden(stored: Iterable[str]) -> bool:
    """Whether one of these stored addresses is a hash."""
    return any(address.startswith(PREFIX) for address in stored)
