"""Verification of references: what a row names has to be there, and has to be what it says."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from commtui.domain.sealing import Finding
from commtui.store.tables import (
    audit,
    audit_text,
    bulk_run,
    communication_document,
    document,
    entry,
    entry_status,
    entry_status_text,
    entry_text,
    lane,
    outbox,
)
from commtui.store.tables_delivery import evidence

LIMIT = 100
"""Rows named of one kind; a thousand more would not say more."""

_OTHER = entry.alias("other")
_REFERENCES = (
    (entry_status, entry_status.c.id, entry_status.c.entry_id, entry.c.id, "status"),
    (entry_text, entry_text.c.entry_id, entry_text.c.entry_id, entry.c.id, "text of entry"),
    (
        entry_status_text,
        entry_status_text.c.entry_status_id,
        entry_status_text.c.entry_status_id,
        entry_status.c.id,
        "text of status",
    ),
    (audit_text, audit_text.c.audit_id, audit_text.c.audit_id, audit.c.id, "text of audit"),
    (outbox, outbox.c.entry_id, outbox.c.entry_id, entry.c.id, "outbox row of entry"),
    (lane, lane.c.communication_id, lane.c.latest_entry_id, entry.c.id, "lane of communication"),
    (evidence, evidence.c.entry_id, evidence.c.entry_id, entry.c.id, "proof of entry"),
    (
        communication_document,
        communication_document.c.communication_id,
        communication_document.c.sha256,
        document.c.sha256,
        "document of communication",
    ),
    (entry, entry.c.id, entry.c.replaces_id, _OTHER.c.id, "entry"),
    (entry, entry.c.id, entry.c.settled_by, _OTHER.c.id, "entry"),
    (entry, entry.c.id, entry.c.bulk_run_id, bulk_run.c.id, "entry"),
)


def references(connection: sa.Connection) -> Iterator[Finding]:
    """Rows that name something that is not there."""
    for table, key, naming, named, words in _REFERENCES:
        query = (
            sa.select(key, naming.label("named"))
            .select_from(table)
            .where(naming.is_not(None), ~sa.exists().where(named == naming))
            .order_by(key)
            .limit(LIMIT)
        )
        for row in connection.execute(query):
            yield Finding(
                f"{words} {row[0]}", f"names {naming.name} {row.named}, which is not there"
            )


def settlements(connection: sa.Connection) -> Iterator[Finding]:
    """A settled entry was replaced within its communication, at the moment the other one was written."""
    query = (
        sa.select(entry.c.id)
        .join(_OTHER, _OTHER.c.id == entry.c.settled_by)
        .where(
            sa.or_(
                entry.c.settled_at.is_(None),
                entry.c.settled_at != _OTHER.c.created_at,
                entry.c.communication_id != _OTHER.c.communication_id,
            )
        )
        .limit(LIMIT)
    )
    for row in connection.execute(query):
        yield Finding(f"entry {row.id}", "is settled by an entry that did not replace it")
    alone = sa.select(entry.c.id).where(
        sa.or_(
            sa.and_(entry.c.settled_by.is_(None), entry.c.settled_at.is_not(None)),
            sa.and_(entry.c.delivered_twice, entry.c.delivered_at.is_(None)),
        )
    )
    for row in connection.execute(alone.limit(LIMIT)):
        yield Finding(
            f"entry {row.id}", "says that it is settled, or delivered twice, without cause"
        )


def lanes(connection: sa.Connection) -> Iterator[Finding]:
    """A lane shows the status of its latest entry."""
    query = (
        sa.select(lane.c.communication_id, lane.c.channel, lane.c.status, entry.c.status)
        .join(entry, entry.c.id == lane.c.latest_entry_id)
        .where(lane.c.status != entry.c.status)
        .limit(LIMIT)
    )
    for row in connection.execute(query):
        yield Finding(
            f"lane {row.communication_id} {row.channel}",
            f"says {row[2]}, and its latest entry says {row[3]}",
        )
