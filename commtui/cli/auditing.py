"""`audit`: who did what, from the audit trail."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from commtui.cli.opening import desk
from commtui.cli.output import say_json, table
from commtui.config import Settings
from commtui.domain.trail import AuditFilter, AuditRow
from commtui.errors import UsageError
from commtui.services.desk import Desk

PAGE = 500
_WIDTHS = (19, 18, 22, 36)
_HEADING = ("Time", "Operator", "Action", "To what", "Result, words")


def run_audit(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print rows of the audit trail, newest first."""
    with desk(settings) as opened:
        wanted = AuditFilter(
            operator=chosen.by or "",
            action=chosen.action or "",
            target=chosen.target or "",
            since=_moment("--since", chosen.since, opened.zone),
            until=_moment("--until", chosen.until, opened.zone, end=True),
            text=" ".join(chosen.query),
        )
        rows = _rows(opened, wanted, chosen.limit)
        if chosen.json:
            for row in rows:
                say_json(_record(row))
        else:
            table([_HEADING], _WIDTHS)
            table((_cells(row, opened.zone) for row in rows), _WIDTHS)
    return 0


def _rows(opened: Desk, wanted: AuditFilter, limit: int | None) -> Iterator[AuditRow]:
    before = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = opened.audits.search(wanted, size, before)
        yield from rows
        if len(rows) < size:
            return
        before = rows[-1].id
        left = None if left is None else left - len(rows)


def _moment(
    option: str, text: str | None, zone: tzinfo | None, *, end: bool = False
) -> datetime | None:
    """A date (its whole day when it is an end) or a moment, in the operator's zone unless it names one."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r}: it has to be a date or a moment, such as 2026-01-16 or 2026-01-16T10:42"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone) if zone else found.astimezone()
    return found + timedelta(days=1) if end and len(text) == len("2026-01-16") else found


def _record(row: AuditRow) -> dict[str, object]:
    named = dict(row.targets)
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "operator": row.operator,
        "operator_given": row.verified,
        "login_uid": row.login_uid,
        "process_uid": row.process_uid,
        "database_role": row.database_role,
        "action": row.action,
        "targets": [value for _, value in row.targets] if "" in named else named,
        "result": dict(row.result),
        "words": row.words,
    }


def _cells(row: AuditRow, zone: tzinfo | None) -> tuple[str, ...]:
    first = row.targets[0][1] if row.targets else ""
    more = f" +{len(row.targets) - 1}" if len(row.targets) > 1 else ""
    told = [*(f"{name} {value}" for name, value in row.result), row.words]
    return (
        row.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        row.operator + ("" if row.verified else " ?"),
        row.action,
        first[: 36 - len(more)] + more,
        ", ".join(filter(None, told)),
    )
