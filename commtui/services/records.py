"""Lines as records for scripts and spreadsheets: the field names that others rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from commtui.domain.lines import Line

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
