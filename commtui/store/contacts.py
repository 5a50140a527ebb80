"""Customers and how to reach them: the source's values, and operators' corrections of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting
from commtui.domain.imported import Contact
from commtui.domain.views import ContactView, CustomerField, CustomerView
from commtui.errors import NotFound, Refused
from commtui.store.sends import postal_lines
from commtui.store.tables import contact, customer, journal, subject


@dataclass(frozen=True, slots=True)
class ContactNow:
    """A customer's contact as it stands; both texts as stored."""

    customer_id: str
    """Ours."""
    country: str
    contact: Contact


def own_id(connection: sa.Connection, external_id: str) -> str:
    """Our id of a customer. Raises NotFound."""
    return str(_customer(connection, external_id).id)


def living_id(connection: sa.Connection, external_id: str) -> str:
    """Our id of a customer whom something may still be noted about. Raises NotFound, Refused."""
    return str(_living(connection, external_id).id)


def _living(connection: sa.Connection, external_id: str) -> Any:
    owner = _customer(connection, external_id)
    if owner.erased_at is not None:
        raise Refused(f"customer {external_id} was erased on {owner.erased_at:%Y-%m-%d}")
    return owner


def view(connection: sa.Connection, external_id: str) -> CustomerView:
    """A customer by the source's id; addresses as lines to print. Raises NotFound."""
    row = _customer(connection, external_id)
    rows = connection.execute(sa.select(contact).where(contact.c.customer_id == row.id))
    stored = {item.field: item for item in rows}
    return CustomerView(
        id=row.external_id,
        name=row.name,
        language=row.language,
        country=row.country,
        location_group=row.location_group,
        contacts=tuple(_view(field, stored.get(field.value)) for field in CustomerField),
    )


def _customer(connection: sa.Connection, external_id: str) -> Any:
    row = connection.execute(
        sa.select(customer).where(customer.c.external_id == external_id)
    ).first()
    if row is None:
        raise NotFound(f"there is no customer {external_id}")
    return row


def _view(field: CustomerField, row: Any) -> ContactView:
    if row is None:
        return ContactView(field, "", "", "", None)
    printed = {CustomerField.ADDRESS: postal_lines, CustomerField.EINVOICE: routing_text}.get(
        field, str
    )
    return ContactView(
        field,
        printed(row.source_value),
        printed(row.correction),
        row.corrected_by,
        row.corrected_at,
    )


def routing_text(stored: str) -> str:
    """A stored registration for e-invoices as one text; one that cannot be right as it stands."""
    try:
        found = einvoice.from_json(stored)
    except InvalidRouting:
        return stored
    return found.recipient if found else ""


def locked(connection: sa.Connection, external_id: str, field: CustomerField) -> ContactNow:
    """One contact, its customer locked against imports and other corrections. Raises NotFound, Refused."""
    owner = _living(connection, external_id)
    connection.execute(
        sa.select(customer.c.id).where(customer.c.id == owner.id).with_for_update(key_share=True)
    )
    row = connection.execute(
        sa.select(contact).where(contact.c.customer_id == owner.id, contact.c.field == field.value)
    ).first()
    stored = Contact(row.source_value, row.correction, row.replaced_value) if row else Contact()
    return ContactNow(owner.id, owner.country, stored)


def write(
    connection: sa.Connection,
    customer_id: str,
    field: CustomerField,
    value: Contact,
    corrected_by: str,
    corrected_at: datetime | None,
) -> None:
    """Write one contact, and say in the journal that the customer's lines without an attempt read differently."""
    values = {
        "source_value": value.source_value,
        "correction": value.correction,
        "replaced_value": value.replaced_value,
        "corrected_by": corrected_by,
        "corrected_at": corrected_at,
    }
    found = connection.execute(
        contact.update()
        .where(contact.c.customer_id == customer_id, contact.c.field == field.value)
        .values(**values)
    )
    if not found.rowcount:
        connection.execute(
            contact.insert().values(customer_id=customer_id, field=field.value, **values)
        )
    shown = sa.select(subject.c.id, sa.literal("line")).where(
        subject.c.customer_id == customer_id, subject.c.visible, subject.c.entry_id.is_(None)
    )
    connection.execute(journal.insert().from_select(["subject_id", "what"], shown))
