"""Whom an erasure is about: a customer's rows, and the texts by which they are found where no id leads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting
from commtui.domain.recipients import address_key
from commtui.domain.text import fold, recipient_key
from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound
from commtui.store.overview import batches
from commtui.store.sends import postal_lines
from commtui.store.tables import communication, contact, customer, entry, entry_text, subject

ERASED_NAME = "Erased customer"
SHORTEST = 4
"""Characters of a text that is looked for where no id leads; a shorter one would fit anything."""
_DIGITS = 7
_CHANNELS = {"email": Channel.EMAIL, "phone": Channel.SMS, "address": Channel.POST}


@dataclass(frozen=True, slots=True)
class Scope:
    """One customer."""

    id: str
    external_id: str
    erased_at: datetime | None
    subjects: tuple[str, ...]
    communications: tuple[str, ...]
    entries: tuple[str, ...]
    addresses: frozenset[str]
    """Normalised, and nobody else's."""
    texts: frozenset[str]
    """Names and addresses as they are written, with what stands for them in addresses of web pages and JSON."""

    @property
    def ids(self) -> frozenset[str]:
        """Everything that an audit row may name."""
        own = {self.id, self.external_id}
        return frozenset(own.union(self.subjects, self.communications, self.entries))

    @property
    def needles(self) -> tuple[bytes, ...]:
        """The texts as they may stand in a provider's call, in lower case."""
        found = set()
        for text in self.texts:
            for spelling in (text, quote(text), quote(text, safe=""), json.dumps(text)[1:-1]):
                found.add(spelling.lower().encode())
            digits = re.sub(r"\D", "", text)
            if text.startswith("+") and len(digits) >= _DIGITS:
                found.add(digits.encode())
        return tuple(sorted(found))

    def named_in(self, text: str) -> bool:
        """Whether one of the texts stands in this one, as words of its own."""
        folded = fold(text)
        return any(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded)
            for word in map(fold, self.texts)
            if len(word) >= SHORTEST
        )

    def told_in(self, body: bytes) -> bool:
        """Whether a provider's call, or a fact of one, is about this customer."""
        lower = body.lower()
        return any(needle in lower for needle in self.needles)


def load(connection: sa.Connection, external_id: str, country: str) -> Scope:
    """A customer by the source's id; `country` is for numbers that name none. Raises NotFound."""
    owner = connection.execute(
        sa.select(customer).where(customer.c.external_id == external_id)
    ).first()
    if owner is None:
        raise NotFound(f"there is no customer {external_id}")
    entries = _ids(connection, entry, owner.id)
    contacts = connection.execute(sa.select(contact).where(contact.c.customer_id == owner.id)).all()
    names = set() if owner.erased_at and owner.name == ERASED_NAME else {owner.name}
    addresses, texts = set[str](), names
    for row in contacts:
        for value in (row.source_value, row.correction, row.replaced_value):
            keys, words = _contact(row.field, value, owner.country or country)
            addresses |= keys
            texts |= words
    for ids in batches(entries):
        for sent in connection.execute(
            sa.select(
                entry_text.c.recipient, entry_text.c.recipient_key, entry_text.c.recipient_name
            ).where(entry_text.c.entry_id.in_(ids))
        ):
            addresses |= {sent.recipient_key, sent.recipient}
            texts |= {sent.recipient_name, *_words(sent.recipient)}
    addresses = {item for item in addresses if item}
    return Scope(
        id=owner.id,
        external_id=external_id,
        erased_at=owner.erased_at,
        subjects=_ids(connection, subject, owner.id),
        communications=_ids(connection, communication, owner.id),
        entries=entries,
        addresses=frozenset(addresses - _of_others(connection, owner.id, addresses)),
        texts=frozenset(text for text in texts if len(text) >= SHORTEST and text != ERASED_NAME),
    )


def _ids(connection: sa.Connection, table: sa.Table, customer_id: str) -> tuple[str, ...]:
    query = sa.select(table.c.id).where(table.c.customer_id == customer_id).order_by(table.c.id)
    return tuple(connection.execute(query).scalars())


def _contact(field: str, value: str, country: str) -> tuple[set[str], set[str]]:
    """The normalised spellings of a contact, and the texts it is recognised by."""
    if not value:
        return set(), set()
    if field == "einvoice":
        try:
            found = einvoice.from_json(value)
        except InvalidRouting:
            found = None
        return ({found.recipient}, {found.recipient}) if found else (set(), set())
    text = postal_lines(value) if field == "address" else value
    keys = {recipient_key(text), address_key(_CHANNELS[field], text, country)}
    return keys, _words(text) | (keys if field != "address" else set())


def _words(address: str) -> set[str]:
    """An address of several lines is recognised as a whole, and by its street."""
    lines = address.splitlines()
    if len(lines) < 2:
        return {address}
    street = [line for line in lines if re.search(r"\d", line) and not re.match(r"\s*\d{4,}", line)]
    return {address, ", ".join(lines), *street}


def _of_others(connection: sa.Connection, customer_id: str, addresses: set[str]) -> set[str]:
    """Those of these addresses that another customer has, or was written to at."""
    found: set[str] = set()
    for ids in batches(sorted(addresses)):
        sent = (
            sa.select(entry_text.c.recipient_key)
            .join(entry, entry.c.id == entry_text.c.entry_id)
            .where(entry_text.c.recipient_key.in_(ids), entry.c.customer_id != customer_id)
        )
        found.update(connection.execute(sent).scalars())
        for column in (contact.c.source_value, contact.c.correction):
            had = sa.select(sa.func.lower(column)).where(
                sa.func.lower(column).in_(ids), contact.c.customer_id != customer_id
            )
            found.update(connection.execute(had).scalars())
    return found
