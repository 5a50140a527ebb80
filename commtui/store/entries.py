"""What a change of the log consists of: new entries, facts about known ones, and the rows both become."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commtui.domain.fold import RANKS, EntryState, Fact, advance, worse
from commtui.domain.text import fingerprint
from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    SYSTEM,
    Author,
    Cause,
    Channel,
    Chip,
    ErrorClass,
    Layer,
    Source,
    Status,
    Tab,
    chip_of,
)
from commtui.store import counters


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A send attempt about to be written."""

    id: str
    communication_id: str
    subject_id: str
    customer_id: str
    channel: Channel
    provider: str
    cause: Cause
    author: Author
    category: str
    location_group: str
    recipient: str
    recipient_key: str
    """What all spellings of the recipient have in common."""
    recipient_name: str
    version: int
    rendering: int
    content_hash: str
    status: Status
    due_at: datetime
    status_at: datetime | None = None
    """Since when it stands so; None: since now."""
    priority: int = 0
    replaces_id: str | None = None
    bulk_run_id: str | None = None
    template_version: str = ""
    reason: str = ""
    """Why it goes this way."""
    task: str = ""
    """What a manual entry asks for, as a code of the provider that made it necessary."""
    code: str = ""
    """Of a skipped or a manual entry: why."""
    origin: Channel | None = None
    """The wanted channel that it stands for; None: its own."""
    from_lane: Channel | None = None
    """The lane that it takes over from."""

    @property
    def stands_for(self) -> Channel:
        """The wanted channel."""
        return self.origin or self.channel


@dataclass(frozen=True, slots=True)
class Change:
    """Something learnt about an entry, or a step our worker takes with it."""

    entry_id: str
    fact: Fact
    source: Source
    word: str = ""
    """What the history shows; our status word when empty."""
    words: str = ""
    """The provider's own, untrusted."""
    try_number: int = 0
    author: Author = SYSTEM
    provider_message_id: str = ""
    step: bool = False
    """A step of our own before any answer (queued, sending, unknown): it gives way to every fact."""
    record: bool = True
    """Whether it stands in the history even when the status does not change by it."""
    note: str = ""
    layer: Layer | None = None
    """Of a fact about an e-invoice."""


def salted(salt: str, *parts: str) -> str:
    """A hash that says nothing once its salt is gone."""
    return hashlib.sha256("\x1f".join((salt, *parts)).encode()).hexdigest()


NO_WORDS = "none"
"""Stands for the hash of words where there are none; an empty hash says nothing, for rows older than seals."""


def sealed_words(words: str) -> tuple[str, str]:
    """The hash of words for a row that is sealed, and the salt for the row beside it that holds them."""
    if not words:
        return NO_WORDS, ""
    salt = secrets.token_hex(8)
    return salted(salt, words), salt


MOVING = (
    "status",
    "chip",
    "status_at",
    "rank",
    "error_class",
    "error_code",
    "error_key",
    "sent_at",
    "delivered_at",
    "updated_at",
    "provider_message_id",
    "delivered_twice",
    "ignored_at",
)


def folded(row: dict[str, Any], change: Change, now: datetime) -> dict[str, Any]:
    """The entry's moving columns after a change; the same object when nothing moves."""
    state = EntryState(
        Status(row["status"]),
        row["status_at"],
        row["rank"],
        ErrorClass(row["error_class"]) if row["error_class"] else None,
        row["error_code"],
        row["sent_at"],
        row["delivered_at"],
    )
    merged = advance(state, change.fact, step=change.step)
    message_id = row["provider_message_id"] or change.provider_message_id
    if merged == state and message_id == row["provider_message_id"]:
        return row
    moved = {
        **row,
        "status": merged.status.value,
        "chip": (chip_of(merged.status) or Chip.NOT_SENT).value,
        "status_at": merged.at,
        "rank": merged.rank,
        "error_class": merged.error_class.value if merged.error_class else "",
        "error_code": merged.code,
        "sent_at": merged.sent_at,
        "delivered_at": merged.delivered_at,
        "provider_message_id": message_id,
        "updated_at": now,
        "delivered_twice": row["delivered_twice"],
    }
    if won(row, moved):
        failed = merged.status in FAILED_STATUSES
        moved["error_key"] = error_key(merged.code, change.words) if failed else ""
    if row["ignored_at"] is not None and worse(merged.status, state.status):
        moved["ignored_at"] = None
    return moved


_FACT = ("status", "status_at", "rank", "error_class", "error_code")


def won(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a change is what the entry now goes by: of two failures the words of the one that counts are shown."""
    return any(before[name] != after[name] for name in _FACT)


def error_key(code: str, words: str) -> str:
    """A short key of a failure's cause, without personal text."""
    return hashlib.sha256(fingerprint(code, words).encode()).hexdigest()[:16]


def cell_of_row(row: Any, *, settled: bool | None = None) -> counters.Cell:
    """The cell of the log that a row is counted in."""
    values = dict(row._mapping)
    if settled is not None:
        values["settled_by"] = "settled" if settled else None
    return cell_of(values)


def cell_of(values: dict[str, Any]) -> counters.Cell:
    """The cell of the log for an entry's columns."""
    return counters.cell(
        Tab.LOG,
        values["id"],
        channel=Channel(values["channel"]),
        category=values["category"],
        location_group=values["location_group"],
        status=Status(values["status"]),
        chip=Chip(values["chip"]),
        ignored=values["ignored_at"] is not None,
        settled=values["settled_by"] is not None,
    )


def new_cell(item: NewEntry) -> counters.Cell:
    """The cell of the log that a new entry is counted in."""
    return counters.cell(
        Tab.LOG,
        item.id,
        channel=item.channel,
        category=item.category,
        location_group=item.location_group,
        status=item.status,
        chip=chip_of(item.status) or Chip.NOT_SENT,
        ignored=False,
    )


def entry_row(item: NewEntry, salt: str, now: datetime) -> dict[str, Any]:
    """The columns of a new entry."""
    return {
        "id": item.id,
        "communication_id": item.communication_id,
        "subject_id": item.subject_id,
        "customer_id": item.customer_id,
        "channel": item.channel.value,
        "provider": item.provider,
        "cause": item.cause.value,
        "author": item.author.name,
        "author_verified": item.author.verified,
        "replaces_id": item.replaces_id,
        "bulk_run_id": item.bulk_run_id,
        "version": item.version,
        "rendering": item.rendering,
        "recipient_hash": salted(salt, item.recipient),
        "content_hash": item.content_hash,
        "template_version": item.template_version,
        "category": item.category,
        "location_group": item.location_group,
        "created_at": now,
        "reason": item.reason,
        "task": item.task,
        "error_code": item.code,
        "status": item.status.value,
        "chip": (chip_of(item.status) or Chip.NOT_SENT).value,
        "status_at": item.status_at or now,
        "rank": RANKS[item.status],
        "updated_at": now,
    }


def first_status_row(identifier: str, item: NewEntry, now: datetime) -> dict[str, Any]:
    """The columns of the first row of a new entry's history: what the fold begins with."""
    source = Source.WORKER if item.author is SYSTEM else Source.OPERATOR
    return {
        "id": identifier,
        "entry_id": item.id,
        "at": item.status_at or now,
        "status": item.status.value,
        "word": item.cause.value,
        "source": source.value,
        "error_code": item.code,
        "author": item.author.name,
        "author_verified": item.author.verified,
        "fact": item.status.value,
        "rank": RANKS[item.status],
        "step": True,
        "words_hash": NO_WORDS,
    }


def history_row(identifier: str, change: Change, status: Status) -> dict[str, Any]:
    """The columns of a change in its entry's history, without its words."""
    fact = change.fact
    return {
        "id": identifier,
        "entry_id": change.entry_id,
        "at": fact.at,
        "status": status.value,
        "word": change.word or fact.status.value,
        "source": change.source.value,
        "try_number": change.try_number,
        "error_class": fact.error_class or "",
        "error_code": fact.code,
        "author": change.author.name,
        "author_verified": change.author.verified,
        "layer": change.layer.value if change.layer else "",
        "fact": fact.status.value,
        "rank": fact.weight,
        "step": change.step,
        "provider_message_id": change.provider_message_id,
    }


def outbox_row(item: NewEntry, now: datetime) -> dict[str, Any]:
    """The columns of its outbox row."""
    return {
        "communication_id": item.communication_id,
        "channel": item.channel.value,
        "entry_id": item.id,
        "subject_id": item.subject_id,
        "provider": item.provider,
        "state": "queued",
        "due_at": item.due_at,
        "priority": item.priority,
        "state_at": now,
    }
