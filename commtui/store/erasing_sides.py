"""The side tables that hold what is personal, and what an erasure does to their rows: empty them, or let them go.

`PERSONAL` and `IMPERSONAL` together name every table; a test sees to it, so that a new table has to be thought about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from commtui.store import facts
from commtui.store.erasing_scope import Scope
from commtui.store.overview import batches
from commtui.store.tables import (
    bulk_item,
    communication_document,
    contact,
    content,
    document,
    entry_status,
    entry_status_text,
    entry_text,
    provider_event,
    subject_text,
)
from commtui.store.tables_delivery import delivery_step, errand, evidence, fallback, poll
from commtui.store.tables_wishes import opt_out, preference, rendered_document

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Side:
    """The rows of one table that belong to a customer."""

    words: str
    """What an operator reads."""
    table: sa.Table
    of: Callable[[Scope], Sequence[str]]
    where: Callable[[Sequence[str]], Condition]
    empty: Mapping[str, Any] | None = None
    """The columns that are emptied; None: the rows go."""
    holding: Condition | None = None
    """What a row that is not empty yet fulfils."""

    def chosen(self, ids: Sequence[str]) -> Condition:
        """The rows of these owners that something is to be done to."""
        return self.where(ids) if self.holding is None else sa.and_(self.where(ids), self.holding)


def _entries(scope: Scope) -> Sequence[str]:
    return scope.entries


def _communications(scope: Scope) -> Sequence[str]:
    return scope.communications


def _subjects(scope: Scope) -> Sequence[str]:
    return scope.subjects


def _customer(scope: Scope) -> Sequence[str]:
    return (scope.id,)


def _filled(table: sa.Table, *names: str) -> Condition:
    return sa.or_(*(table.c[name] != "" for name in names))


def _blank(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


_SENT = ("recipient", "recipient_key", "recipient_name", "salt", "error_words", "note")
_ASKED = ("address", "reason", "words")
_TEXTS = ("subject", "text", "html", "sms", "letter_for")

SIDES: tuple[Side, ...] = (
    Side(
        "recipients, their salts, providers' words and notes",
        entry_text,
        _entries,
        entry_text.c.entry_id.in_,
        _blank(*_SENT),
        _filled(entry_text, *_SENT),
    ),
    Side(
        "words in the history",
        entry_status_text,
        _entries,
        lambda ids: entry_status_text.c.entry_status_id.in_(
            sa.select(entry_status.c.id).where(entry_status.c.entry_id.in_(ids))
        ),
        _blank("words", "salt"),
        _filled(entry_status_text, "words", "salt"),
    ),
    Side(
        "provider events",
        provider_event,
        _entries,
        provider_event.c.entry_id.in_,
        {"payload": facts.EMPTY_PAYLOAD},
        sa.cast(provider_event.c.payload, sa.Text).not_like('%"erased"%'),
    ),
    Side("steps at providers", delivery_step, _entries, delivery_step.c.entry_id.in_),
    Side("questions to providers", poll, _entries, poll.c.entry_id.in_),
    Side("proofs", evidence, _entries, evidence.c.entry_id.in_),
    Side(
        "fallbacks",
        fallback,
        _entries,
        fallback.c.entry_id.in_,
        {"reason": "erased", "state": "none"},
        sa.or_(fallback.c.reason != "erased", fallback.c.state != "none"),
    ),
    Side(
        "errands about messages",
        errand,
        _entries,
        errand.c.entry_id.in_,
        {**_blank(*_ASKED), "state": "erased"},
        errand.c.state != "erased",
    ),
    Side(
        "texts of messages",
        content,
        _communications,
        content.c.communication_id.in_,
        {**_blank(*_TEXTS), "context": sa.null()},
        sa.or_(_filled(content, *_TEXTS), content.c.context.is_not(None)),
    ),
    Side(
        "attached documents",
        communication_document,
        _communications,
        communication_document.c.communication_id.in_,
        _blank("name"),
        _filled(communication_document, "name"),
    ),
    Side(
        "letters made from templates",
        rendered_document,
        _communications,
        rendered_document.c.communication_id.in_,
    ),
    Side(
        "titles",
        subject_text,
        _subjects,
        subject_text.c.subject_id.in_,
        _blank("title"),
        _filled(subject_text, "title"),
    ),
    Side(
        "reasons in bulk sends",
        bulk_item,
        _subjects,
        bulk_item.c.subject_id.in_,
        _blank("reason"),
        _filled(bulk_item, "reason"),
    ),
    Side("orders of channels", preference, _customer, preference.c.customer_id.in_),
    Side(
        "notes on refusals",
        opt_out,
        _customer,
        opt_out.c.customer_id.in_,
        _blank("note"),
        _filled(opt_out, "note"),
    ),
    Side("contact points", contact, _customer, contact.c.customer_id.in_),
)

ELSEWHERE = (
    "customer",
    "communication",
    "search_row",
    "document",
    "audit_text",
    "bulk_run",
    "inbox",
    "address_mark",
    "registration",
    "import_line",
)
"""Personal as well, each with a way of its own: erasing_traces, erasing_customer."""
PERSONAL = frozenset({side.table.name for side in SIDES} | set(ELSEWHERE))
IMPERSONAL = {
    "entry": "the log: ids, salted hashes, statuses and times",
    "entry_status": "the history: statuses, times and codes",
    "audit": "who did what to which ids",
    "subject": "type and reference, which the source system keeps as well",
    "lane": "statuses, and the way that was chosen",
    "outbox": "ids; emptied by withdrawing what waits",
    "journal": "ids",
    "counter": "numbers",
    "counter_delta": "numbers",
    "worker": "processes",
    "provider_state": "what a provider says about our account",
    "import_run": "states of imports",
    "template": "texts for everybody",
    "signing_key": "our own keys",
    "account_check": "what providers say about our own accounts",
    "provider_quota": "numbers",
    "finding": "what is wrong with feedback, by provider",
    "seal": "ids and hashes",
    "database_state": "which database this is",
}
"""Why these hold nothing personal."""


NAMING = (communication_document, rendered_document, evidence)
"""The tables that name documents."""


def count(connection: sa.Connection, side: Side, ids: Sequence[str]) -> int:
    """How many rows of these owners would be emptied or go."""
    query = sa.select(sa.func.count()).select_from(side.table).where(side.chosen(ids))
    return int(connection.execute(query).scalar_one())


def erase(connection: sa.Connection, side: Side, ids: Sequence[str]) -> int:
    """Empty or delete the rows of these owners; returns how many. Documents that nobody names any more are emptied."""
    hashes = []
    if side.table in NAMING:
        named = sa.select(side.table.c.sha256).where(side.chosen(ids)).distinct()
        hashes = list(connection.execute(named).scalars())
    if side.empty is None:
        number = connection.execute(side.table.delete().where(side.chosen(ids))).rowcount
    else:
        statement = side.table.update().where(side.chosen(ids)).values(**side.empty)
        number = connection.execute(statement).rowcount
    if hashes:
        unnamed = [
            ~sa.exists().where(table.c.sha256 == document.c.sha256, _names(table))
            for table in NAMING
        ]
        connection.execute(
            document.update().where(document.c.sha256.in_(hashes), *unnamed).values(content=b"")
        )
    return number


def _names(table: sa.Table) -> Condition:
    """Whether a row still names its document: one of an erased customer stands there without its name."""
    return sa.true() if table is not communication_document else table.c.name != ""


def documents(connection: sa.Connection, scope: Scope) -> int:
    """How many documents only this customer's messages name."""
    mine: set[str] = set()
    others: set[str] = set()
    own = frozenset((*scope.communications, *scope.entries))
    for table in NAMING:
        owner = owner_of(table)
        for ids in batches(sorted(own)):
            query = sa.select(table.c.sha256).where(owner.in_(ids), _names(table))
            mine.update(connection.execute(query).scalars())
    for table in NAMING:
        for ids in batches(sorted(mine)):
            query = sa.select(table.c.sha256, owner_of(table).label("owner"))
            rows = connection.execute(query.where(table.c.sha256.in_(ids), _names(table)))
            others.update(row.sha256 for row in rows if row.owner not in own)
    return len(mine - others)


def owner_of(table: sa.Table) -> sa.ColumnElement[str]:
    """The column that says whose document it is."""
    return table.c.entry_id if table is evidence else table.c.communication_id
