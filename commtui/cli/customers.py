"""`customer show` and `customer set`."""

from __future__ import annotations

import argparse

from commtui.cli.opening import desk
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.domain.text import line
from commtui.domain.views import CustomerField, CustomerView
from commtui.errors import NotFound, UsageError
from commtui.services import identify
from commtui.services.desk import Desk
from commtui.services.records import instant


def run_customer(chosen: argparse.Namespace, settings: Settings) -> int:
    """Show a customer, or correct how to reach them."""
    changes = {
        field: value
        for field in CustomerField
        if (value := getattr(chosen, field.value)) is not None
    }
    if bool(changes) != (chosen.action == "set"):
        raise UsageError("`customer set` takes --email, --phone or --address; `customer show` none")
    with desk(settings) as opened:
        view = _customer(opened, chosen.id)
        for field, value in changes.items():
            view = opened.correct(view.id, field, value)
    if chosen.json:
        say_json(_record(view), indent=2)
    else:
        _text(view)
    return 0


def _customer(opened: Desk, text: str) -> CustomerView:
    """By the source's id, else by the id of something that is the customer's."""
    try:
        return opened.customer(text)
    except NotFound:
        return opened.customer(identify.customer(opened.database, text))


def _record(view: CustomerView) -> dict[str, object]:
    return {
        "id": view.id,
        "name": view.name,
        "language": view.language,
        "country": view.country,
        "location_group": view.location_group,
        **{contact.field.value: contact.value for contact in view.contacts},
        "contacts": {
            contact.field.value: {
                "value": contact.value,
                "source_value": contact.source_value,
                "correction": contact.correction,
                "corrected_by": contact.corrected_by,
                "corrected_at": instant(contact.corrected_at),
            }
            for contact in view.contacts
        },
    }


def _text(view: CustomerView) -> None:
    say(f"{line(view.name)} ({line(view.id)})")
    for contact in view.contacts:
        words = line(contact.value.replace("\n", ", ")) or "none"
        if contact.correction:
            source = line(contact.source_value.replace("\n", ", ")) or "nothing"
            words += f" (corrected by {line(contact.corrected_by)}; the source says {source})"
        say(f"{contact.field:<9}{words}")
