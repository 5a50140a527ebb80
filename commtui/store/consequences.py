"""What follows when entries change, in the same transaction: addresses marked, fallback queued, watches set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.vocabulary import FAILED_STATUSES, Channel, ErrorClass, Status
from commtui.providers import registry
from commtui.store import redirects, wishes
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.tables import entry_text
from commtui.store.tables_delivery import fallback, poll
from commtui.store.tables_wishes import address_mark
from commtui.store.wishes import Mark
from commtui.store.writing import Writing

Changed = Sequence[tuple[Any, dict[str, Any]]]
"""Rows as they were, and their columns as they are now."""
MARKED_CHANNELS = (Channel.EMAIL.value, Channel.SMS.value, Channel.POST.value)
OWN_CHECKS = ("missing_recipient", "invalid_recipient")
"""Codes of checks that look at the address itself: marking it would say nothing new."""


def follow(writing: Writing, changed: Changed) -> None:
    """Note everything that follows from these changes."""
    moved = [(row, after) for row, after in changed if after["status"] != row.status]
    failed = [(row, after) for row, after in moved if _failed(after)]
    delivered = [after for _, after in moved if after["status"] == Status.DELIVERED.value]
    # what became of a test says nothing about the customer's address
    elsewhere = redirects.redirected(
        writing.connection, [after["id"] for after in (*delivered, *(item for _, item in failed))]
    )
    _mark(writing, [(row, after) for row, after in failed if row.id not in elsewhere])
    _clear(writing, [after for after in delivered if after["id"] not in elsewhere])
    _queue(writing, failed)
    _forget(
        writing, [row.id for row, after in moved if not _failed(after) and _failed(row._mapping)]
    )
    _watch(writing, [after for row, after in moved if after["status"] == Status.SENT.value])
    _unwatch(writing, [after for _, after in moved])


def _failed(values: Any) -> bool:
    status = Status(values["status"])
    return status in FAILED_STATUSES and status is not Status.UNKNOWN


def _mark(writing: Writing, failed: Changed) -> None:
    """Addresses that do not work; a bounce marks the address, not the customer."""
    bad = {
        row.id: after
        for row, after in failed
        if after["channel"] in MARKED_CHANNELS
        and after["error_class"] == ErrorClass.PERMANENT.value
        and after["error_code"] not in OWN_CHECKS
    }
    for ids in batches(list(bad)):
        query = sa.select(entry_text.c.entry_id, entry_text.c.recipient_key)
        for row in writing.connection.execute(query.where(entry_text.c.entry_id.in_(ids))).all():
            after = bad[row.entry_id]
            wishes.mark(
                writing.connection,
                Mark(
                    Channel(after["channel"]),
                    row.recipient_key,
                    after["status_at"],
                    Status(after["status"]),
                    after["provider"],
                    after["error_code"],
                    row.entry_id,
                ),
            )


def _clear(writing: Writing, delivered: Sequence[dict[str, Any]]) -> None:
    """What was delivered to works: an older mark goes."""
    by_channel: dict[str, list[str]] = defaultdict(list)
    for after in delivered:
        if after["channel"] in MARKED_CHANNELS:
            by_channel[after["channel"]].append(after["id"])
    for channel, identifiers in by_channel.items():
        for ids in batches(identifiers):
            keys = sa.select(entry_text.c.recipient_key).where(entry_text.c.entry_id.in_(ids))
            writing.connection.execute(
                address_mark.delete().where(
                    address_mark.c.channel == channel, address_mark.c.address.in_(keys)
                )
            )


def _queue(writing: Writing, failed: Changed) -> None:
    """Have a worker decide what follows these failures; one that was decided already stays so."""
    rows = [
        {
            "entry_id": row.id,
            "communication_id": row.communication_id,
            "cause": f"{after['provider']} {after['status']}",
            "state": "new",
            "at": writing.now,
        }
        for row, after in failed
        if after["channel"] != Channel.MANUAL.value
    ]
    if rows:
        writing.connection.execute(
            insert(writing.connection, fallback).on_conflict_do_nothing(), rows
        )


def _forget(writing: Writing, ids: Sequence[str]) -> None:
    """What turned out not to have failed needs no fallback."""
    for batch in batches(ids):
        writing.connection.execute(
            fallback.delete().where(
                fallback.c.entry_id.in_(batch), fallback.c.state.in_(["new", "held"])
            )
        )


def _watch(writing: Writing, sent: Sequence[dict[str, Any]]) -> None:
    """Accepted messages of providers that can be asked are asked about after a while."""
    rows = []
    for after in sent:
        first = registry.first_poll(after["provider"])
        if first is not None:
            accepted: datetime = after["sent_at"] or writing.now
            rows.append(
                {
                    "entry_id": after["id"],
                    "provider": after["provider"],
                    "accepted_at": accepted,
                    "due_at": writing.now + first,
                }
            )
    if rows:
        writing.connection.execute(insert(writing.connection, poll).on_conflict_do_nothing(), rows)


def _unwatch(writing: Writing, moved: Sequence[dict[str, Any]]) -> None:
    """What a webhook has reported in the end is not asked about: the sweep is for what was lost."""
    told = [after["id"] for after in moved if registry.settles(after["provider"], after["status"])]
    for ids in batches(told):
        writing.connection.execute(poll.delete().where(poll.c.entry_id.in_(ids)))
