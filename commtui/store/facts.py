"""A provider's facts in the log: folded into their entries, with the tasks and questions that they bring along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import Source, Status
from commtui.providers.base import DeliveryEvent
from commtui.store import polls, tasks
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.tables import customer, entry, provider_event

PROVIDER_UNKNOWN_RANK = 15
"""A provider's own "I do not know": above accepted, below every definite outcome."""

EMPTY_PAYLOAD: dict[str, Any] = {
    "erased": True,
    "raw": {},
    "recipient": "",
    "status": None,
    "class": None,
    "code": "",
    "words": "",
    "entry": None,
    "layer": None,
    "task": "",
    "closes": [],
    "ask": False,
}
"""What is left of a fact about an erased customer: that there was one."""


def of_erased(connection: sa.Connection, entry_ids: Sequence[str]) -> set[str]:
    """Those of these entries whose customer was erased: what is said about them is kept without their words."""
    if not entry_ids:
        return set()
    rows = connection.execute(
        sa.select(entry.c.id)
        .join(customer, customer.c.id == entry.c.customer_id)
        .where(entry.c.id.in_(entry_ids), customer.c.erased_at.is_not(None))
    )
    return set(rows.scalars())


def without_words(event: DeliveryEvent) -> DeliveryEvent:
    """A fact about an erased customer: what happened, and nothing that was said."""
    return replace(event, recipient="", words="", payload={})


def apply(
    database: Database,
    connection: sa.Connection,
    ledger: Ledger,
    provider: str,
    new: Sequence[tuple[str, DeliveryEvent]],
    source: Source,
) -> None:
    """Fold new facts into their entries, and do what they bring along."""
    ledger.apply([_change(entry_id, event, source) for entry_id, event in new])
    asking = [entry_id for entry_id, event in new if event.ask]
    polls.hint(connection, provider, asking, database.now())
    for entry_id, event in sorted(new, key=lambda item: item[1].at):
        tasks.close(connection, ledger, entry_id, event, source)
        if event.task and not _overtaken(connection, entry_id, event):
            tasks.make(database, connection, ledger, provider, entry_id, event)


def _overtaken(connection: sa.Connection, entry_id: str, event: DeliveryEvent) -> bool:
    """Whether a later event, which came earlier, has shown the task to be done or asked for another one."""
    later: Sequence[Any] = connection.execute(
        sa.select(provider_event.c.payload).where(
            provider_event.c.entry_id == entry_id, provider_event.c.at > event.at
        )
    ).all()
    return any(
        event.task in row.payload.get("closes", ()) or row.payload.get("task") for row in later
    )


def _change(entry_id: str, event: DeliveryEvent, source: Source) -> Change:
    """Informational events stand with the provider's facts only; they change nothing."""
    status = event.status or Status.NOT_SENT
    rank = PROVIDER_UNKNOWN_RANK if status is Status.UNKNOWN else None
    return Change(
        entry_id,
        Fact(status, event.at, event.error_class, event.code, -1 if event.status is None else rank),
        source,
        word=event.kind,
        words=event.words,
        provider_message_id=event.provider_message_id,
        record=event.layer is not None,
        layer=event.layer,
    )
