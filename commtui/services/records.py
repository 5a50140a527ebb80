"""Lines and customers as records for scripts and spreadsheets: the field names that others rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from commtui.domain import einvoice
from commtui.domain.lines import Line
from commtui.domain.optouts import OptOut
from commtui.domain.views import ContactHealth, CustomerPage, ErrandView

_FORMULA = ("=", "+", "-", "@")


def record(line: Line) -> dict[str, Any]:
    """A line as JSON takes it; times in UTC."""
    return {
        "id": line.id,
        "subject_id": line.subject_id,
        "communication_id": line.communication_id,
        "entry_id": line.entry_id,
        "subject": {"type": line.category, "reference": line.reference, "title": line.title},
        "customer": {"id": line.customer_id, "name": line.customer_name},
        "kind": line.kind,
        "category": line.category,
        "channel": line.channel.value,
        "provider": line.provider,
        "recipient": line.recipient,
        "status": line.status.value,
        "chip": line.chip.value,
        "error": {
            "class": line.error_class.value if line.error_class else None,
            "code": line.error_code,
            "message": line.error_message,
        },
        "created_at": instant(line.created_at),
        "sent_at": instant(line.sent_at),
        "updated_at": instant(line.updated_at),
        "ignored": line.ignored,
        "attempts": line.attempts,
        "others": line.others,
        "settled_at": instant(line.settled_at),
        "after_delivery": line.after_delivery,
        "delivered_twice": line.delivered_twice,
        "note": line.note,
        "location_group": line.location_group,
        "reason": line.reason,
    }


def customer(page: CustomerPage) -> dict[str, Any]:
    """A customer's page as JSON takes it; the key "" of `order` is for every kind of message."""
    view, check = page.customer, page.registration
    return {
        "id": view.id,
        "name": view.name,
        "language": view.language,
        "country": view.country,
        "location_group": view.location_group,
        **{contact.field.value: contact.value for contact in view.contacts},
        "contacts": {item.contact.field.value: _contact(item) for item in page.contacts},
        "order": {
            kind: [channel.value for channel in channels] for kind, channels in page.preferences
        },
        "optouts": [_optout(item) for item in page.optouts],
        "routing": einvoice.to_json(page.routing) if page.routing else None,
        "routing_problem": page.routing_problem,
        "registration": check
        and {"outcome": check.outcome.value, "at": instant(check.at), "words": check.words},
        "lines": [record(line) for line in page.lines],
        "total": page.total,
    }


def _contact(item: ContactHealth) -> dict[str, Any]:
    contact = item.contact
    return {
        "value": contact.value,
        "source_value": contact.source_value,
        "correction": contact.correction,
        "corrected_by": contact.corrected_by,
        "corrected_at": instant(contact.corrected_at),
        "last_delivered": instant(item.last_delivered),
        "last_failed": instant(item.last_failed),
        "failed_words": item.failed_words,
        "marked": item.marked,
        "marked_at": instant(item.marked_at),
        "liftable": item.liftable,
        "optouts": [_optout(refused) for refused in item.refused],
        "errands": [errand(asked) for asked in item.errands],
    }


def _optout(item: OptOut) -> dict[str, Any]:
    return {
        "channel": item.channel.value if item.channel else None,
        "scope": item.scope.value,
        "source": item.source.value,
        "at": instant(item.at),
        "address": item.address,
        "note": item.note,
        "author": item.author,
    }


def errand(item: ErrandView) -> dict[str, Any]:
    """What a provider was asked to do as JSON takes it."""
    return {
        "kind": item.kind,
        "provider": item.provider,
        "address": item.address,
        "reason": item.reason,
        "operator": item.operator,
        "at": instant(item.at),
        "state": item.state,
        "words": item.words,
        "done_at": instant(item.done_at),
    }


def instant(at: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flat(record: Mapping[str, Any]) -> dict[str, str]:
    """A record as the cells of one row of a spreadsheet; nested names are joined by `_`."""
    cells: dict[str, str] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            cells.update((f"{name}_{key}", inner) for key, inner in flat(value).items())
        else:
            cells[name] = cell(value)
    return cells


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    risky = text.startswith(("\t", "\r")) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if risky else text
