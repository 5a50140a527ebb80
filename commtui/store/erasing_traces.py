"""What no id leads to: rows by address, texts that name the customer, search rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from commtui.domain.text import fold
from commtui.store import facts, hidden
from commtui.store.engine import Database
from commtui.store.erasing_scope import Scope
from commtui.store.import_search import forget
from commtui.store.overview import batches
from commtui.store.tables import (
    audit,
    audit_text,
    bulk_item,
    bulk_run,
    entry,
    provider_event,
    search_row,
    subject,
)
from commtui.store.tables import inbox as calls
from commtui.store.tables_delivery import errand, registration
from commtui.store.tables_wishes import address_mark, opt_out

READ = 200
"""Rows read at once where every text has to be looked at."""


def by_address(connection: sa.Connection, scope: Scope) -> dict[str, int]:
    """How many rows hang on an address of this customer that is nobody else's."""
    found = dict.fromkeys(("marks", "registrations", "errands", "refusals"), 0)
    for ids in batches(sorted(scope.addresses)):
        for name, condition in _address_rows(ids).items():
            query = sa.select(sa.func.count()).where(condition)
            found[name] += int(connection.execute(query).scalar_one())
    return found


def _address_rows(addresses: Sequence[str]) -> dict[str, sa.ColumnElement[bool]]:
    return {
        "marks": address_mark.c.address.in_(addresses),
        "registrations": registration.c.recipient.in_(addresses),
        "errands": errand.c.address.in_(addresses),
        "refusals": opt_out.c.address.in_(addresses),
    }


def erase_by_address(connection: sa.Connection, scope: Scope, key: str) -> dict[str, int]:
    """Marks and registrations go, errands are emptied, refusals of the addresses stay as hashes of them."""
    found = dict.fromkeys(("marks", "registrations", "errands", "refusals"), 0)
    for ids in batches(sorted(scope.addresses)):
        rows = _address_rows(ids)
        found["marks"] += connection.execute(address_mark.delete().where(rows["marks"])).rowcount
        found["registrations"] += connection.execute(
            registration.delete().where(rows["registrations"])
        ).rowcount
        found["errands"] += connection.execute(
            errand.update()
            .where(rows["errands"])
            .values(address="", reason="", words="", state="erased")
        ).rowcount
    for address in sorted(scope.addresses):
        found["refusals"] += connection.execute(
            opt_out.update()
            .where(opt_out.c.address == address)
            .values(address=hidden.hide(key, address), note="")
        ).rowcount
    return found


def audit_rows(database: Database, scope: Scope) -> Iterator[str]:
    """Audit rows with words about this customer: their target is theirs, or the words name them."""
    after = ""
    while True:
        with database.read() as connection:
            rows = connection.execute(
                sa.select(audit_text.c.audit_id, audit_text.c.words, audit.c.targets)
                .join(audit, audit.c.id == audit_text.c.audit_id)
                .where(audit_text.c.words != "", *_later(audit_text.c.audit_id, after))
                .order_by(audit_text.c.audit_id)
                .limit(READ)
            ).all()
        for row in rows:
            if not scope.ids.isdisjoint(map(str, row.targets)) or scope.named_in(row.words):
                yield row.audit_id
        if len(rows) < READ:
            return
        after = rows[-1].audit_id


def erase_audit(connection: sa.Connection, audit_ids: Sequence[str]) -> int:
    """Empty the words of audit rows; the rows themselves stand."""
    statement = (
        audit_text.update().where(audit_text.c.audit_id.in_(audit_ids)).values(words="", salt="")
    )
    return connection.execute(statement).rowcount


def bulk_queries(database: Database, scope: Scope) -> list[str]:
    """Bulk sends whose filter names this customer, or that had something of theirs."""
    with database.read() as connection:
        rows = connection.execute(
            sa.select(bulk_run.c.id, bulk_run.c.query).where(bulk_run.c.query != "")
        ).all()
        theirs = {
            identifier
            for ids in batches(scope.subjects)
            for identifier in connection.execute(
                sa.select(bulk_item.c.bulk_run_id).where(bulk_item.c.subject_id.in_(ids)).distinct()
            ).scalars()
        }
    return [row.id for row in rows if row.id in theirs or scope.named_in(row.query)]


def erase_queries(connection: sa.Connection, run_ids: Sequence[str]) -> int:
    """Empty the filters of bulk sends."""
    statement = bulk_run.update().where(bulk_run.c.id.in_(run_ids)).values(query="")
    return connection.execute(statement).rowcount


def stray_events(database: Database, scope: Scope) -> Iterator[tuple[Any, str]]:
    """Provider events that fit no entry but tell of this customer: their keys."""
    after = ""
    while True:
        with database.read() as connection:
            rows = connection.execute(
                sa.select(provider_event)
                .where(provider_event.c.entry_id.is_(None), *_later(provider_event.c.id, after))
                .order_by(provider_event.c.id)
                .limit(READ)
            ).all()
        for row in rows:
            if scope.told_in(json.dumps(row.payload, ensure_ascii=False).encode()):
                yield row.day, row.hash
        if len(rows) < READ:
            return
        after = rows[-1].id


def erase_event(connection: sa.Connection, day: Any, fingerprint: str) -> int:
    """Empty an event that fits no entry; it is not tried to be matched any more."""
    return connection.execute(
        provider_event.update()
        .where(provider_event.c.day == day, provider_event.c.hash == fingerprint)
        .values(payload=facts.EMPTY_PAYLOAD, matched="none")
    ).rowcount


def raw_calls(database: Database, scope: Scope) -> Iterator[str]:
    """Raw webhook calls, read already, that tell of this customer."""
    after = ""
    while True:
        with database.read() as connection:
            rows = connection.execute(
                sa.select(calls.c.id, calls.c.body)
                .where(calls.c.state != "new", *_later(calls.c.id, after))
                .order_by(calls.c.id)
                .limit(READ)
            ).all()
        for row in rows:
            if scope.told_in(row.body):
                yield row.id
        if len(rows) < READ:
            return
        after = rows[-1].id


def _later(column: sa.ColumnElement[Any], after: str) -> list[sa.ColumnElement[bool]]:
    return [column > after] if after else []


def erase_calls(connection: sa.Connection, call_ids: Sequence[str]) -> int:
    """Empty raw calls; others they may tell of keep their facts."""
    statement = calls.update().where(calls.c.id.in_(call_ids)).values(body=b"", path="")
    return connection.execute(statement).rowcount


def search_rows(scope: Scope) -> sa.ColumnElement[bool]:
    """Everything that this customer can be found by."""
    of_subjects = sa.select(subject.c.id).where(subject.c.customer_id == scope.id)
    return sa.or_(search_row.c.customer_id == scope.id, search_row.c.subject_id.in_(of_subjects))


def erase_search(connection: sa.Connection, scope: Scope, limit: int) -> int:
    """Forget some of the search rows; returns how many."""
    rows = connection.execute(
        sa.select(search_row.c.id, search_row.c.folded, search_row.c.indexed)
        .where(search_rows(scope))
        .limit(limit)
    ).all()
    forget(connection, rows)
    return len(rows)


def index_again(connection: sa.Connection, scope: Scope) -> None:
    """References, the source's id and providers' ids still find the lines."""
    made = [
        {"subject_id": row.id, "customer_id": None, "entry_id": None, "folded": fold(row.reference)}
        for row in connection.execute(
            sa.select(subject.c.id, subject.c.reference).where(subject.c.customer_id == scope.id)
        )
    ]
    made.append(
        {
            "subject_id": None,
            "customer_id": scope.id,
            "entry_id": None,
            "folded": fold(scope.external_id),
        }
    )
    made += [
        {
            "subject_id": row.subject_id,
            "customer_id": None,
            "entry_id": row.id,
            "folded": fold(row.provider_message_id),
        }
        for row in connection.execute(
            sa.select(entry.c.id, entry.c.subject_id, entry.c.provider_message_id).where(
                entry.c.customer_id == scope.id, entry.c.provider_message_id != ""
            )
        )
    ]
    connection.execute(search_row.insert(), made)
