"""A customer's page as far as sending needs it: contact points, and an operator's corrections of them."""

from __future__ import annotations

import json
from dataclasses import replace

from commtui.config import Settings
from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting
from commtui.domain.imported import Contact, canonical
from commtui.domain.recipients import InvalidRecipient, email_address, phone_number
from commtui.domain.views import CustomerField, CustomerView
from commtui.domain.vocabulary import Author
from commtui.errors import Refused
from commtui.store import audits, contacts, import_follow, import_staging
from commtui.store.engine import Database
from commtui.store.sends import postal_lines

FOLLOW_BATCH = 100
"""Subjects per transaction that follow a corrected address."""


class Customers:
    """Reads and corrects customers for one operator."""

    def __init__(self, database: Database, settings: Settings, author: Author) -> None:
        self._database = database
        self._country = settings.sending.country
        self._author = author

    def get(self, customer_id: str) -> CustomerView:
        """A customer by the source's id. Raises NotFound."""
        with self._database.read() as connection:
            return contacts.view(connection, customer_id)

    def correct(self, customer_id: str, field: CustomerField, value: str) -> CustomerView:
        """Use another address until the source brings a new one; an empty value, or the source's own,
        takes the correction back. Raises NotFound, and Refused for an address that cannot be right."""
        with self._database.write() as connection:
            now = self._database.now()
            found = contacts.locked(connection, customer_id, field)
            old = found.contact
            new = self._corrected(old, field, value.strip(), found.country)
            if new != old:
                by, at = (self._author.name, now) if new.correction else ("", None)
                contacts.write(connection, found.customer_id, field, new, by, at)
                audits.write(
                    connection,
                    self._database,
                    self._author,
                    "customer corrected" if new.correction else "correction removed",
                    {"customer": found.customer_id, "field": field.value},
                    {},
                    f"{old.value} → {new.value}",
                )
            moves = bool(new.value) != bool(old.value)
            if moves:
                import_follow.queue_follow_up(
                    self._database, connection, [found.customer_id], self._author, now
                )
        if moves:
            self._follow()
        return self.get(customer_id)

    def _corrected(self, old: Contact, field: CustomerField, value: str, country: str) -> Contact:
        correction = self._checked(field, value, country) if value else ""
        printed = postal_lines(old.source_value) if field is CustomerField.ADDRESS else ""
        same = (old.source_value, printed or old.source_value)
        if correction in ("", *same):
            return replace(old, correction="", replaced_value="")
        if correction == old.correction:
            return old
        return replace(old, correction=correction, replaced_value=old.source_value)

    def _checked(self, field: CustomerField, value: str, country: str) -> str:
        try:
            if field is CustomerField.EMAIL:
                email_address(value)
            elif field is CustomerField.PHONE:
                phone_number(value, country or self._country)
        except InvalidRecipient as error:
            raise Refused(f"this {field.value} cannot be right: {error.words}") from None
        if field is CustomerField.ADDRESS and value.startswith("{"):
            return _canonical_address(value)
        if field is CustomerField.EINVOICE:
            return _canonical_routing(value)
        return "\n".join(line.strip() for line in value.splitlines())

    def _follow(self) -> None:
        """Let the channels and lines of the customer's subjects follow; what a crash leaves, a worker does."""
        for run_id, state in import_staging.runs(self._database):
            if state == import_follow.FOLLOW_UP:
                while import_staging.forward(self._database, run_id, state, FOLLOW_BATCH):
                    pass


def _canonical_address(value: str) -> str:
    try:
        parts = json.loads(value)
    except ValueError:
        raise Refused("this address is not valid JSON; write it as lines of text") from None
    if not all(isinstance(part, str) for part in parts.values()):
        raise Refused("every part of an address in JSON has to be a text")
    return canonical(parts)


def _canonical_routing(value: str) -> str:
    """A registration as JSON, from JSON or from the text that lists show ("peppol:0208:0202239951")."""
    try:
        found = einvoice.from_json(value) if value.startswith("{") else einvoice.parse(value)
    except InvalidRouting as error:
        raise Refused(
            f"this registration cannot be right: {error}; write peppol:0208:0202239951 or "
            "chorus:12345678200044;service=…;engagement=…"
        ) from None
    except (ValueError, AttributeError):
        raise Refused("this registration is not valid JSON; write peppol:0208:0202239951") from None
    return canonical(einvoice.to_json(found)) if found else ""
