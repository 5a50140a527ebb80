"""The rows that a batch of imported lines adds up to, written table by table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.imported import Contact, ImportedLine
from commtui.domain.vocabulary import Author, Channel
from commtui.store import audits, optouts
from commtui.store.engine import Database
from commtui.store.import_follow import note_lines, queue_follow_up
from commtui.store.import_lanes import lane_changes, speak_again, write_lanes
from commtui.store.import_search import index_customers, index_subjects
from commtui.store.import_state import CommunicationState, CustomerState, SubjectState, folded_name
from commtui.store.tables import (
    communication,
    communication_document,
    contact,
    content,
    customer,
    subject,
    subject_text,
)

NOTED_LIMIT = 500
"""Lines of renamed customers that are noted at once; more have to wait for transactions of their own."""
_REACH = ("email", "phone", "address", "einvoice")
"""Contacts that the choice of a channel depends on."""


class Rows:
    """Collects what one batch writes about communications."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.communications: dict[str, CommunicationState] = {}
        self.new: dict[str, str] = {}
        """Id in the source system, by our own, of communications that did not exist."""
        self.dropped: list[tuple[str, str, Contact, str]] = []
        """Customer, field, contact before, value that came: corrections that no longer hold."""
        self.corrected: list[str] = []
        """Communications whose content was replaced: what was refused of them is to be sent again."""
        self._contents: list[dict[str, Any]] = []
        self._documents: list[dict[str, Any]] = []
        self._lanes: list[dict[str, Any]] = []
        self._lanes_gone: list[dict[str, Any]] = []

    def add_content(self, line: ImportedLine, state: CommunicationState) -> None:
        """A new version of a communication's content and documents."""
        key = {"communication_id": state.id, "version": state.version}
        texts = line.content
        self._contents.append(
            {
                **key,
                "rendering": 0,
                "subject": texts.subject,
                "text": texts.text,
                "html": texts.html,
                "sms": texts.sms,
                "context": texts.context,
                "created_at": self.now,
            }
        )
        self._documents.extend(
            {
                **key,
                "position": position,
                "role": document.role.value,
                "name": document.name,
                "media_type": document.media_type,
                "sha256": document.sha256,
            }
            for position, document in enumerate(line.documents)
        )

    def set_lanes(self, state: CommunicationState, channels: Sequence[Channel]) -> None:
        """Let a communication go on these channels; a lane with an attempt stays."""
        gone, made = lane_changes(state.id, state.lanes, channels)
        self._lanes_gone += gone
        self._lanes += made

    def write_communications(self, connection: sa.Connection) -> None:
        """Write all of it."""
        rows = [
            {**_communication_row(state), "id": state.id, "updated_at": self.now}
            for state in self.communications.values()
        ]
        fixed = {
            state.id: {"subject_id": state.subject_id, "customer_id": state.customer_id}
            for state in self.communications.values()
        }
        new = [
            {**row, **fixed[row["id"]], "external_id": self.new[row["id"]], "created_at": self.now}
            for row in rows
            if row["id"] in self.new
        ]
        new.sort(key=lambda row: row["external_id"])
        _insert(connection, communication, new)
        old = [{**row, "b_id": row.pop("id")} for row in rows if row["id"] not in self.new]
        if old:
            connection.execute(
                communication.update().where(communication.c.id == sa.bindparam("b_id")), old
            )
        with_context = [row for row in self._contents if row["context"] is not None]
        plain = [row for row in self._contents if row["context"] is None]
        for row in plain:
            del row["context"]
        _insert(connection, content, plain)
        _insert(connection, content, with_context)
        _insert(connection, communication_document, self._documents)
        write_lanes(connection, self._lanes_gone, self._lanes)
        speak_again(connection, self.corrected)


def _communication_row(state: CommunicationState) -> dict[str, Any]:
    known = state.known
    return {
        "kind": known.kind,
        "purpose": known.purpose,
        "wanted": list(known.channels),
        "release": known.release,
        "send_at": known.send_at,
        "expires_at": known.expires_at,
        "collecting": known.collecting,
        "version": state.version,
        "line_hash": known.line_hash,
        "content_hash": known.content_hash,
    }


def write(
    database: Database,
    connection: sa.Connection,
    rows: Rows,
    customers: Sequence[CustomerState],
    subjects: Sequence[SubjectState],
    author: Author,
) -> bool:
    """Write a batch; returns whether customers were queued for following up."""
    _write_customers(connection, customers, rows.now)
    _write_contacts(connection, customers)
    for state in customers:
        if state.opt_out is not None:
            optouts.follow_source(connection, database, state.id, state.opt_out, rows.now)
    _write_subjects(connection, subjects, rows.now)
    rows.write_communications(connection)
    _audit_dropped(database, connection, rows, author)
    follow = [state.id for state in customers if not state.new and _moves_lines(state)]
    follow += _note_renamed(connection, customers, follow)
    queue_follow_up(database, connection, follow, author, rows.now)
    return bool(follow)


def _moves_lines(state: CustomerState) -> bool:
    before = state.stored_contacts
    reach = [(bool(state.value(n)), bool(before[n].value if n in before else "")) for n in _REACH]
    group = state.details["location_group"] != state.stored_details["location_group"]
    return group or any(new != old for new, old in reach)


def _note_renamed(
    connection: sa.Connection, customers: Sequence[CustomerState], follow: Sequence[str]
) -> list[str]:
    """Note the lines of renamed customers; when they are too many, returns the customers instead."""
    renamed = [
        state.id
        for state in customers
        if not state.new
        and state.id not in follow
        and state.details["name"] != state.stored_details["name"]
    ]
    if not renamed:
        return []
    lines = sa.select(subject.c.id).where(subject.c.customer_id.in_(renamed)).limit(NOTED_LIMIT + 1)
    found = connection.execute(lines).scalars().all()
    if len(found) > NOTED_LIMIT:
        return renamed
    note_lines(connection, found)
    return []


def _write_customers(
    connection: sa.Connection, customers: Sequence[CustomerState], now: datetime
) -> None:
    changed = [state for state in customers if state.details != state.stored_details]
    if changed:
        connection.execute(
            customer.update().where(customer.c.id == sa.bindparam("b_id")),
            [
                {
                    "b_id": state.id,
                    **state.details,
                    "name_folded": folded_name(state.details),
                    "updated_at": now,
                }
                for state in changed
            ],
        )
    named = [
        state
        for state in customers
        if state.new or state.details["name"] != state.stored_details["name"]
    ]
    texts = {state.id: f"{state.details['name']} {state.external_id}" for state in named}
    index_customers(connection, texts, [state.id for state in named if not state.new])


def _write_contacts(connection: sa.Connection, customers: Sequence[CustomerState]) -> None:
    new, old = [], []
    for state in customers:
        for name, value in state.contacts.items():
            row = {
                "source_value": value.source_value,
                "correction": value.correction,
                "replaced_value": value.replaced_value,
            }
            before = state.stored_contacts.get(name)
            if before is None:
                new.append({"customer_id": state.id, "field": name, **row})
            elif before != value:
                old.append((before.correction != value.correction, state.id, name, row))
    _insert(connection, contact, new)
    statement = contact.update().where(
        contact.c.customer_id == sa.bindparam("b_customer"),
        contact.c.field == sa.bindparam("b_field"),
    )
    for dropped, customer_id, name, row in old:
        cleared = {"corrected_by": "", "corrected_at": None} if dropped else {}
        connection.execute(
            statement, {"b_customer": customer_id, "b_field": name, **row, **cleared}
        )


def _write_subjects(
    connection: sa.Connection, subjects: Sequence[SubjectState], now: datetime
) -> None:
    new = [state for state in subjects if state.new]
    _insert(
        connection,
        subject,
        [
            {
                "id": state.id,
                "customer_id": state.customer_id,
                "type": state.category,
                "reference": state.reference,
                "created_at": now,
            }
            for state in new
        ],
    )
    _insert(
        connection, subject_text, [{"subject_id": state.id, "title": state.title} for state in new]
    )
    changed = [state for state in subjects if not state.new and state.title != state.stored_title]
    if changed:
        connection.execute(
            subject_text.update().where(subject_text.c.subject_id == sa.bindparam("b_id")),
            [{"b_id": state.id, "title": state.title} for state in changed],
        )
    texts = {state.id: f"{state.reference} {state.title}" for state in (*new, *changed)}
    retitled = [state.id for state in changed]
    index_subjects(connection, texts, retitled)
    note_lines(connection, retitled)


def _audit_dropped(
    database: Database, connection: sa.Connection, rows: Rows, author: Author
) -> None:
    for customer_id, field, before, value in rows.dropped:
        audits.write(
            connection,
            database,
            author,
            "correction dropped",
            [customer_id, field],
            {"reason": "the source brought a new value"},
            f"corrected to {before.correction}; the source now says {value}",
        )


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)
