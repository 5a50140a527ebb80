"""The two lists, page by page by key: a page costs the same at a thousand lines and at ten million."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting
from commtui.domain.ids import time_of
from commtui.domain.lines import Line, Page, PageKey, Query, Selection, Sort, SortKey
from commtui.domain.vocabulary import Channel, Chip, ErrorClass, Status, Tab
from commtui.store import filters
from commtui.store.overview import batches
from commtui.store.sends import postal_lines
from commtui.store.tables import (
    communication,
    contact,
    customer,
    entry,
    entry_text,
    outbox,
    subject,
    subject_text,
)

ID_BATCH = 1_000


def page(
    connection: sa.Connection,
    tab: Tab,
    query: Query,
    sort: Sort,
    *,
    limit: int,
    after: PageKey | None = None,
    before: PageKey | None = None,
    offset: int = 0,
    backwards: bool = False,
) -> Page:
    """Lines following `after`, preceding `before`, or (backwards) the last ones; in list order always."""
    reverse = backwards or before is not None
    value, tie = _sort_columns(tab, sort)
    descending = sort.descending != reverse
    statement = _keys(connection, tab, query, value, tie)
    boundary = before if before is not None else after
    if boundary is not None:
        statement = statement.where(_beyond(value, tie, boundary, descending=descending))
    order = [column.desc() if descending else column.asc() for column in _columns(value, tie)]
    rows = connection.execute(statement.order_by(*order).limit(limit).offset(offset)).all()
    if reverse:
        rows = rows[::-1]
    if not rows:
        return Page((), None, None)
    found = {line.id: line for line in by_ids(connection, tab, [row.id for row in rows])}
    lines = tuple(found[row.id] for row in rows if row.id in found)
    return Page(lines, _key(rows[0]), _key(rows[-1]))


def _keys(
    connection: sa.Connection, tab: Tab, query: Query, value: Any, tie: Any
) -> sa.Select[Any, Any, Any]:
    table = subject if tab is Tab.OVERVIEW else entry
    statement = sa.select(table.c.id, value.label("value"), tie.label("tie"))
    if value.table is customer:
        statement = statement.join(customer, customer.c.id == table.c.customer_id)
    elif value.table is not table:
        statement = statement.join(subject, subject.c.id == entry.c.subject_id)
    return statement.where(*filters.live(connection, tab, query, walk=True))


def _sort_columns(tab: Tab, sort: Sort) -> tuple[Any, Any]:
    """The column a list is sorted by and the unique one that breaks ties."""
    table, tie = (subject, subject.c.sort_id) if tab is Tab.OVERVIEW else (entry, entry.c.id)
    column = {
        SortKey.TIME: tie,
        SortKey.REFERENCE: subject.c.reference,
        SortKey.CUSTOMER: customer.c.name_folded,
        SortKey.STATUS: table.c.status,
    }[sort.key]
    return column, tie


def _columns(value: Any, tie: Any) -> tuple[Any, ...]:
    return (tie,) if value is tie else (value, tie)


def _beyond(value: Any, tie: Any, key: PageKey, *, descending: bool) -> sa.ColumnElement[bool]:
    if value is tie:
        return (tie < key.id) if descending else (tie > key.id)  # type: ignore[no-any-return]
    left = sa.tuple_(value, tie)
    right = sa.tuple_(sa.literal(key.value, value.type), sa.literal(key.id, tie.type))
    return left < right if descending else left > right


def _key(row: Any) -> PageKey:
    return PageKey(str(row.value), row.tie)


def ids(connection: sa.Connection, selection: Selection) -> Iterator[str]:
    """The lines of a selection, in one snapshot; marked ones as they were marked, all that match newest first."""
    if selection.query is None:
        yield from selection.ids
        return
    tab = selection.tab
    key, order = (
        (subject.c.id, subject.c.sort_id) if tab is Tab.OVERVIEW else (entry.c.id, entry.c.id)
    )
    base = sa.select(key, order).where(*filters.live(connection, tab, selection.query))
    bound = selection.up_to
    inclusive = True
    while True:
        statement = base.order_by(order.desc()).limit(ID_BATCH)
        if bound is not None:
            statement = statement.where(order <= bound if inclusive else order < bound)
        rows = connection.execute(statement).all()
        for row in rows:
            if row[0] not in selection.excluded:
                yield row[0]
        if len(rows) < ID_BATCH:
            return
        bound, inclusive = rows[-1][1], False


def by_ids(connection: sa.Connection, tab: Tab, wanted: Sequence[str]) -> list[Line]:
    """The present state of lines; unknown ids are left out, order is not kept."""
    select, build = (_overview, _overview_line) if tab is Tab.OVERVIEW else (_log, _log_line)
    return [
        build(row)
        for batch in batches(list(wanted))
        for row in connection.execute(select(batch)).mappings()
    ]


_CONTACT_FIELD = {
    Channel.EMAIL: "email",
    Channel.SMS: "phone",
    Channel.POST: "address",
    Channel.EINVOICE: "einvoice",
}


def _present_recipient() -> sa.ScalarSelect[Any]:
    """The address that would be used, for a line without an attempt."""
    field = sa.case(
        {channel.value: name for channel, name in _CONTACT_FIELD.items()},
        value=subject.c.channel,
        else_="",
    )
    in_use = sa.case(
        (contact.c.correction != "", contact.c.correction), else_=contact.c.source_value
    )
    return (
        sa.select(in_use)
        .where(contact.c.customer_id == subject.c.customer_id, contact.c.field == field)
        .correlate(subject)
        .scalar_subquery()
    )


_ENTRY_COLUMNS = (
    entry.c.provider,
    entry.c.error_class,
    entry.c.error_code,
    entry.c.sent_at,
    entry.c.delivered_at,
    entry.c.delivered_twice,
    entry.c.reason,
    entry_text.c.recipient,
    entry_text.c.error_words,
    entry_text.c.note,
    outbox.c.reason.label("outbox_reason"),
    outbox.c.due_at,
)
_SHARED_COLUMNS = (
    subject.c.type,
    subject.c.reference,
    subject_text.c.title,
    customer.c.external_id.label("customer_external_id"),
    customer.c.name.label("customer_name"),
    communication.c.kind,
    communication.c.release,
    communication.c.send_at,
)


def _overview(wanted: Sequence[str]) -> sa.Select[Any]:
    return (
        sa.select(
            *_SHARED_COLUMNS,
            *_ENTRY_COLUMNS,
            subject.c.id,
            subject.c.communication_id,
            subject.c.entry_id,
            subject.c.sort_id,
            subject.c.channel,
            subject.c.status,
            subject.c.chip,
            subject.c.error_key,
            subject.c.attempts,
            subject.c.others,
            subject.c.ignored,
            subject.c.location_group,
            subject.c.updated_at,
            communication.c.created_at,
            _present_recipient().label("present_recipient"),
        )
        .join(customer, customer.c.id == subject.c.customer_id)
        .join(communication, communication.c.id == subject.c.communication_id)
        .outerjoin(subject_text, subject_text.c.subject_id == subject.c.id)
        .outerjoin(entry, entry.c.id == subject.c.entry_id)
        .outerjoin(entry_text, entry_text.c.entry_id == subject.c.entry_id)
        .outerjoin(outbox, outbox.c.entry_id == subject.c.entry_id)
        .where(subject.c.id.in_(wanted), subject.c.visible)
    )


def _log(wanted: Sequence[str]) -> sa.Select[Any]:
    return (
        sa.select(
            *_SHARED_COLUMNS,
            *_ENTRY_COLUMNS,
            entry.c.id,
            entry.c.subject_id,
            entry.c.communication_id,
            entry.c.channel,
            entry.c.status,
            entry.c.chip,
            entry.c.error_key,
            entry.c.ignored_at,
            entry.c.location_group,
            entry.c.created_at,
            entry.c.updated_at,
            entry.c.settled_at,
            _attempt_number().label("attempts"),
        )
        .join(subject, subject.c.id == entry.c.subject_id)
        .join(customer, customer.c.id == entry.c.customer_id)
        .join(communication, communication.c.id == entry.c.communication_id)
        .outerjoin(subject_text, subject_text.c.subject_id == entry.c.subject_id)
        .outerjoin(entry_text, entry_text.c.entry_id == entry.c.id)
        .outerjoin(outbox, outbox.c.entry_id == entry.c.id)
        .where(entry.c.id.in_(wanted))
    )


def _attempt_number() -> sa.ScalarSelect[Any]:
    """Which attempt of its lane an entry is."""
    other = entry.alias("other")
    return (
        sa.select(sa.func.count())
        .where(
            other.c.communication_id == entry.c.communication_id,
            other.c.channel == entry.c.channel,
            other.c.id <= entry.c.id,
        )
        .correlate(entry)
        .scalar_subquery()
    )


def _overview_line(row: Any) -> Line:
    return _line(
        row,
        subject_id=row["id"],
        entry_id=row["entry_id"],
        recipient=row["recipient"] if row["entry_id"] else _present(row),
        acted_at=time_of(row["sort_id"]),
        ignored=row["ignored"],
        sort_id=row["sort_id"],
        others=row["others"],
    )


def _present(row: Any) -> str:
    """The address that would be used, as it would stand on an entry."""
    stored = row["present_recipient"] or ""
    if row["channel"] == Channel.POST.value:
        return postal_lines(stored)
    if row["channel"] == Channel.EINVOICE.value:
        try:
            found = einvoice.from_json(stored)
        except InvalidRouting:
            return ""
        return found.recipient if found else ""
    return str(stored)


def _log_line(row: Any) -> Line:
    return _line(
        row,
        subject_id=row["subject_id"],
        entry_id=row["id"],
        recipient=row["recipient"] or "",
        acted_at=row["created_at"],
        ignored=row["ignored_at"] is not None,
        sort_id=row["id"],
        settled_at=row["settled_at"],
    )


def _line(row: Any, **own: Any) -> Line:
    status = Status(row["status"])
    failed_later = row["delivered_at"] is not None and Chip(row["chip"]) is Chip.FAILED
    return Line(
        id=row["id"],
        communication_id=row["communication_id"],
        category=row["type"],
        reference=row["reference"],
        title=row["title"] or "",
        customer_id=row["customer_external_id"],
        customer_name=row["customer_name"],
        kind=row["kind"],
        channel=Channel(row["channel"]),
        provider=row["provider"] or "",
        status=status,
        chip=Chip(row["chip"]),
        error_class=ErrorClass(row["error_class"]) if row["error_class"] else None,
        error_code=row["error_code"] or "",
        error_message=(row["error_words"] or "") if _shows_words(status) else "",
        error_key=row["error_key"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        updated_at=row["updated_at"],
        attempts=row["attempts"],
        after_delivery=failed_later and status not in (Status.UNKNOWN, Status.DONE),
        delivered_twice=bool(row["delivered_twice"]),
        note=_note(row, status, has_entry=own["entry_id"] is not None),
        location_group=row["location_group"],
        reason=row["reason"] or "",
        **own,
    )


def _shows_words(status: Status) -> bool:
    """A provider's words about an earlier try are no error once the message went out."""
    return status not in (Status.SENT, Status.DELIVERED, Status.DONE)


def _note(row: Any, status: Status, *, has_entry: bool) -> str:
    if status is Status.NOT_SENT and has_entry:
        return "manual action required"
    if status is Status.NOT_SENT:
        if row["send_at"] is not None and row["release"] == "auto":
            return f"waits for its date, {row['send_at'].astimezone(UTC):%Y-%m-%d}"
        return "waiting for release" if row["release"] == "hold" else "leaves by itself"
    if status is Status.QUEUED and row["outbox_reason"]:
        return f"tried again soon ({row['outbox_reason']})"
    return row["note"] or ""
