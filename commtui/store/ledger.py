"""The log's only door: entries, their history, lanes, overview lines, counters and journal move together.

A `Ledger` lives for one write transaction. Callers hand it facts; what they add up to is the fold's
business (domain.fold), and what an overview line says is domain.overview's.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import RANKS, EntryState, Fact, merge, worse
from commtui.domain.text import fingerprint, fold
from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    OPEN_STATUSES,
    SYSTEM,
    Author,
    Cause,
    Channel,
    Chip,
    ErrorClass,
    Source,
    Status,
    Tab,
    chip_of,
)
from commtui.errors import Refused
from commtui.store import counters
from commtui.store.engine import Database
from commtui.store.overview import batches, lock_subjects, rewrite_lines
from commtui.store.tables import (
    communication,
    entry,
    entry_status,
    entry_status_text,
    entry_text,
    journal,
    lane,
    outbox,
    search_row,
)

WORDS_LIMIT = 4_000
"""Characters of a provider's words that are kept."""


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
    recipient_name: str
    version: int
    rendering: int
    content_hash: str
    status: Status
    due_at: datetime
    priority: int = 0
    replaces_id: str | None = None
    bulk_run_id: str | None = None


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


def salted(salt: str, *parts: str) -> str:
    """A hash that says nothing once its salt is gone."""
    return hashlib.sha256("\x1f".join((salt, *parts)).encode()).hexdigest()


class Ledger:
    """Writes of one transaction; `close` before it commits."""

    def __init__(self, database: Database, connection: sa.Connection, now: datetime) -> None:
        self._database = database
        self._connection = connection
        self._now = now
        self._tally = counters.Tally()
        self._touched: set[str] = set()

    def lock(self, subject_ids: Iterable[str]) -> None:
        """Lock subjects, in id order, before anything about them is read."""
        lock_subjects(self._connection, set(subject_ids))

    def touch(self, subject_ids: Iterable[str]) -> None:
        """Have these subjects' overview lines recomputed."""
        self._touched.update(subject_ids)

    def close(self) -> None:
        """Recompute lines and append counters; the ledger is done after this."""
        rewrite_lines(self._connection, self._touched, self._tally, self._now)
        self._tally.write(self._connection)
        self._touched.clear()

    # entries

    def add(self, new: Sequence[NewEntry]) -> None:
        """Write entries with their outbox rows. Raises Refused when a lane is on its way already."""
        if not new:
            return
        self._refuse_locked(new)
        self._settle_previous(new)
        self._insert(new)
        self._raise_lanes(new)
        self.touch(item.subject_id for item in new)

    def _refuse_locked(self, new: Sequence[NewEntry]) -> None:
        wanted = {(item.communication_id, item.channel.value): item for item in new}
        for ids in batches([item.communication_id for item in new]):
            for row in self._connection.execute(
                sa.select(outbox).where(outbox.c.communication_id.in_(ids))
            ):
                item = wanted.get((row.communication_id, row.channel))
                if item is None:
                    continue
                if row.state == "unknown" and item.replaces_id == row.entry_id:
                    self._connection.execute(
                        outbox.delete().where(outbox.c.entry_id == row.entry_id)
                    )
                    continue
                raise Refused("this message is already on its way")

    def _settle_previous(self, new: Sequence[NewEntry]) -> None:
        latest: dict[str, NewEntry] = {}
        by_lane = {(item.communication_id, item.channel.value): item for item in new}
        for ids in batches([item.communication_id for item in new]):
            for row in self._connection.execute(
                sa.select(lane).where(lane.c.communication_id.in_(ids))
            ):
                item = by_lane.get((row.communication_id, row.channel))
                if item is not None and row.latest_entry_id:
                    latest[row.latest_entry_id] = item
        rows = [
            row
            for row in self._entries(list(latest))
            if Status(row.status) in FAILED_STATUSES and row.settled_by is None
        ]
        for row in rows:
            values = {"settled_by": latest[row.id].id, "settled_at": self._now}
            self._connection.execute(entry.update().where(entry.c.id == row.id).values(**values))
            self._tally.move(_cell(row), _cell(row, settled=True))
        self._note(rows)

    def _insert(self, new: Sequence[NewEntry]) -> None:
        salts = {item.id: secrets.token_hex(8) for item in new}
        self._connection.execute(
            entry.insert(), [_entry_row(item, salts[item.id], self._now) for item in new]
        )
        self._connection.execute(
            entry_text.insert(),
            [
                {
                    "entry_id": item.id,
                    "recipient": item.recipient,
                    "recipient_name": item.recipient_name,
                    "salt": salts[item.id],
                }
                for item in new
            ],
        )
        self._connection.execute(
            entry_status.insert(),
            [
                {
                    "id": self._database.new_id(self._now),
                    "entry_id": item.id,
                    "at": self._now,
                    "status": item.status.value,
                    "word": item.cause.value,
                    "source": Source.OPERATOR.value
                    if item.author is not SYSTEM
                    else Source.WORKER.value,
                    "author": item.author.name,
                    "author_verified": item.author.verified,
                }
                for item in new
            ],
        )
        self._index([(item.subject_id, item.id, item.recipient) for item in new])
        queued = [item for item in new if item.status is Status.QUEUED]
        if queued:
            self._connection.execute(
                outbox.insert(), [_outbox_row(item, self._now) for item in queued]
            )
        for item in new:
            self._tally.move(None, _new_cell(item))
        self._connection.execute(
            journal.insert(),
            [{"subject_id": item.subject_id, "entry_id": item.id, "what": "new"} for item in new],
        )

    def _raise_lanes(self, new: Sequence[NewEntry]) -> None:
        for item in new:
            where = (
                lane.c.communication_id == item.communication_id,
                lane.c.channel == item.channel.value,
            )
            values = {
                "status": item.status.value,
                "latest_entry_id": item.id,
                "ignored": False,
                "error_class": "",
                "superseded_by": None,
            }
            found = self._connection.execute(
                lane.update().where(*where).values(attempts=lane.c.attempts + 1, **values)
            )
            if not found.rowcount:
                self._connection.execute(
                    lane.insert().values(
                        communication_id=item.communication_id,
                        channel=item.channel.value,
                        attempts=1,
                        **values,
                    )
                )
        for ids in batches([item.communication_id for item in new]):
            self._connection.execute(
                communication.update()
                .where(communication.c.id.in_(ids))
                .values(started=True, ignored_at=None, updated_at=self._now)
            )

    # facts

    def apply(self, changes: Sequence[Change]) -> None:
        """Fold changes into their entries; those of unknown entries are left out."""
        if not changes:
            return
        ids = list(dict.fromkeys(change.entry_id for change in changes))
        self.lock(
            row.subject_id
            for batch in batches(ids)
            for row in self._connection.execute(
                sa.select(entry.c.subject_id).where(entry.c.id.in_(batch))
            )
        )
        rows = {row.id: row for row in self._entries(ids)}
        present = {key: dict(row._mapping) for key, row in rows.items()}
        history: list[tuple[Change, Status]] = []
        for change in changes:
            if change.entry_id not in present:
                continue
            before = present[change.entry_id]
            after = _folded(before, change, self._now)
            if after is not before or change.record:
                history.append((change, Status(after["status"])))
            present[change.entry_id] = after
        changed = [
            (rows[key], after)
            for key, after in present.items()
            if after != dict(rows[key]._mapping)
        ]
        self._write_entries(changed)
        self._free_lanes(changed)
        self._mark_twice(changed)
        self._write_history(history)
        self._write_texts([change for change in changes if change.entry_id in rows], rows)

    def _write_entries(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        if not changed:
            return
        self._connection.execute(
            entry.update().where(entry.c.id == sa.bindparam("b_id")),
            [{"b_id": row.id, **{name: after[name] for name in _MOVING}} for row, after in changed],
        )
        self._connection.execute(
            lane.update().where(
                lane.c.communication_id == sa.bindparam("b_communication"),
                lane.c.channel == sa.bindparam("b_channel"),
                lane.c.latest_entry_id == sa.bindparam("b_id"),
            ),
            [
                {
                    "b_communication": row.communication_id,
                    "b_channel": row.channel,
                    "b_id": row.id,
                    "status": after["status"],
                    "error_class": after["error_class"],
                    "ignored": after["ignored_at"] is not None,
                }
                for row, after in changed
            ],
        )
        for row, after in changed:
            self._tally.move(_cell(row), _cell_of(after))
            self._touched.add(row.subject_id)
        self._note([row for row, _ in changed])

    def _free_lanes(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        """An outcome that is no longer open gives its lane free."""
        closed = [row.id for row, after in changed if Status(after["status"]) not in OPEN_STATUSES]
        for ids in batches(closed):
            self._connection.execute(outbox.delete().where(outbox.c.entry_id.in_(ids)))

    def _mark_twice(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        """Both an attempt of unknown outcome and the one sent instead of it were delivered."""
        for row, after in changed:
            if row.delivered_at is not None or after["delivered_at"] is None:
                continue
            partner = row.settled_by or row.replaces_id
            found = self._entries([partner]) if partner else []
            if not found or found[0].delivered_at is None:
                continue
            if row.settled_by is None and found[0].settled_by != row.id:
                continue
            for identifier in (row.id, partner):
                self._connection.execute(
                    entry.update().where(entry.c.id == identifier).values(delivered_twice=True)
                )
            self._note([*found, row])

    def _write_history(self, history: list[tuple[Change, Status]]) -> None:
        if not history:
            return
        ids = [self._database.new_id(self._now) for _ in history]
        self._connection.execute(
            entry_status.insert(),
            [
                {
                    "id": identifier,
                    "entry_id": change.entry_id,
                    "at": change.fact.at,
                    "status": status.value,
                    "word": change.word or change.fact.status.value,
                    "source": change.source.value,
                    "try_number": change.try_number,
                    "error_class": change.fact.error_class or "",
                    "error_code": change.fact.code,
                    "author": change.author.name,
                    "author_verified": change.author.verified,
                }
                for identifier, (change, status) in zip(ids, history, strict=True)
            ],
        )
        texts = [
            {"entry_status_id": identifier, "words": (change.words or change.note)[:WORDS_LIMIT]}
            for identifier, (change, _) in zip(ids, history, strict=True)
            if change.words or change.note
        ]
        if texts:
            self._connection.execute(entry_status_text.insert(), texts)

    def _write_texts(self, changes: Sequence[Change], rows: dict[str, Any]) -> None:
        found: list[tuple[str, str, str]] = []
        for change in changes:
            values = {}
            if change.words and change.fact.status in FAILED_STATUSES | {Status.QUEUED}:
                values["error_words"] = change.words[:WORDS_LIMIT]
                found.append(
                    (rows[change.entry_id].subject_id, change.entry_id, change.words[:500])
                )
            if change.note:
                values["note"] = change.note[:WORDS_LIMIT]
                found.append((rows[change.entry_id].subject_id, change.entry_id, change.note[:500]))
            if values:
                self._connection.execute(
                    entry_text.update()
                    .where(entry_text.c.entry_id == change.entry_id)
                    .values(**values)
                )
            if change.provider_message_id and not rows[change.entry_id].provider_message_id:
                subject_id = rows[change.entry_id].subject_id
                found.append((subject_id, change.entry_id, change.provider_message_id))
        self._index(found)

    # ignoring

    def set_ignored(self, entry_ids: Sequence[str], ignored: bool) -> int:
        """Ignore attempts or bring them back; returns how many changed."""
        rows = [row for row in self._entries(entry_ids) if (row.ignored_at is not None) != ignored]
        values = [
            (row, {**row._mapping, "ignored_at": self._now if ignored else None}) for row in rows
        ]
        self._write_entries(values)
        return len(rows)

    # pieces

    def _entries(self, ids: Sequence[str]) -> list[Any]:
        return [
            row
            for batch in batches(ids)
            for row in self._connection.execute(sa.select(entry).where(entry.c.id.in_(batch)))
        ]

    def _index(self, found: Sequence[tuple[str, str, str]]) -> None:
        rows = [
            {"subject_id": subject_id, "entry_id": entry_id, "folded": fold(text)}
            for subject_id, entry_id, text in found
            if text
        ]
        if rows:
            self._connection.execute(search_row.insert(), rows)

    def _note(self, rows: Iterable[Any]) -> None:
        noted = [
            {"subject_id": row.subject_id, "entry_id": row.id, "what": "entry"} for row in rows
        ]
        if noted:
            self._connection.execute(journal.insert(), noted)


_MOVING = (
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


def _folded(row: dict[str, Any], change: Change, now: datetime) -> dict[str, Any]:
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
    fact = change.fact
    if change.step:
        gives_way = state.rank > RANKS[Status.UNKNOWN]
        merged = state if gives_way else _step(state, fact)
    else:
        merged = merge(state, fact)
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
    if merged.status is not state.status or merged.code != state.code:
        failed = merged.status in FAILED_STATUSES
        moved["error_key"] = error_key(merged.code, change.words) if failed else ""
    if row["ignored_at"] is not None and worse(merged.status, state.status):
        moved["ignored_at"] = None
    return moved


def _step(state: EntryState, fact: Fact) -> EntryState:
    return EntryState(
        fact.status,
        fact.at,
        fact.weight,
        fact.error_class,
        fact.code,
        state.sent_at,
        state.delivered_at,
    )


def error_key(code: str, words: str) -> str:
    """A short key of a failure's cause, without personal text."""
    return hashlib.sha256(fingerprint(code, words).encode()).hexdigest()[:16]


def _cell(row: Any, *, settled: bool | None = None) -> counters.Cell:
    values = dict(row._mapping)
    if settled is not None:
        values["settled_by"] = "settled" if settled else None
    return _cell_of(values)


def _cell_of(values: dict[str, Any]) -> counters.Cell:
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


def _new_cell(item: NewEntry) -> counters.Cell:
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


def _entry_row(item: NewEntry, salt: str, now: datetime) -> dict[str, Any]:
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
        "category": item.category,
        "location_group": item.location_group,
        "created_at": now,
        "status": item.status.value,
        "chip": (chip_of(item.status) or Chip.NOT_SENT).value,
        "status_at": now,
        "rank": RANKS[item.status],
        "updated_at": now,
    }


def _outbox_row(item: NewEntry, now: datetime) -> dict[str, Any]:
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
