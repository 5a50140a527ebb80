"""The log's only door: entries, their history, lanes, overview lines, counters and journal move together.

A `Ledger` lives for one write transaction. Callers hand it facts; what they add up to is the fold's
business (domain.fold), and what an overview line says is domain.overview's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact
from commtui.domain.vocabulary import FAILED_STATUSES, OPEN_STATUSES, SYSTEM, Source, Status
from commtui.store import attempts, consequences
from commtui.store.engine import Database
from commtui.store.entries import (
    MOVING,
    Change,
    NewEntry,
    cell_of,
    cell_of_row,
    folded,
    history_row,
    sealed_words,
    won,
)
from commtui.store.overview import batches, lock_subjects, rewrite_lines
from commtui.store.settling import note_settled
from commtui.store.tables import (
    entry,
    entry_status,
    entry_status_text,
    entry_text,
    lane,
    outbox,
)
from commtui.store.writing import Writing

WORDS_LIMIT = 4_000
"""Characters of a provider's words that are kept."""


class Ledger:
    """Writes of one transaction; `close` before it commits."""

    def __init__(self, database: Database, connection: sa.Connection, now: datetime) -> None:
        self._writing = Writing(database, connection, now)

    def lock(self, subject_ids: Iterable[str]) -> None:
        """Lock subjects, in id order, before anything about them is read."""
        lock_subjects(self._writing.connection, set(subject_ids))

    def touch(self, subject_ids: Iterable[str]) -> None:
        """Have these subjects' overview lines recomputed."""
        self._writing.touched.update(subject_ids)

    def close(self) -> None:
        """Recompute lines and append counters; the ledger is done after this."""
        rewrite_lines(
            self._writing.connection, self._writing.touched, self._writing.tally, self._writing.now
        )
        self._writing.tally.write(self._writing.connection)
        self._writing.touched.clear()

    def add(self, new: Sequence[NewEntry]) -> None:
        """Write entries with their outbox rows. Raises Refused when a lane is on its way already.

        A task that stood in for what now goes out after all is withdrawn by it.
        """
        tasks = attempts.open_tasks(self._writing, new)
        attempts.add(self._writing, new)
        self.apply([_withdrawn(task, item, self._writing.now) for task, item in tasks])
        attempts.supersede(self._writing, tasks)

    # facts

    def apply(self, changes: Sequence[Change]) -> None:
        """Fold changes into their entries; those of unknown entries are left out."""
        if not changes:
            return
        ids = list(dict.fromkeys(change.entry_id for change in changes))
        self.lock(
            row.subject_id
            for batch in batches(ids)
            for row in self._writing.connection.execute(
                sa.select(entry.c.subject_id).where(entry.c.id.in_(batch))
            )
        )
        rows = {row.id: row for row in self._writing.entries(ids)}
        present = {key: dict(row._mapping) for key, row in rows.items()}
        history: list[tuple[Change, Status]] = []
        told: list[tuple[Change, bool]] = []
        for change in changes:
            if change.entry_id not in present:
                continue
            before = present[change.entry_id]
            after = folded(before, change, self._writing.now)
            told.append((change, won(before, after)))
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
        note_settled(self._writing, changed, changes)
        self._write_history(history)
        self._write_texts(told, rows)

    def _write_entries(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        if not changed:
            return
        self._writing.connection.execute(
            entry.update().where(entry.c.id == sa.bindparam("b_id")),
            [{"b_id": row.id, **{name: after[name] for name in MOVING}} for row, after in changed],
        )
        self._writing.connection.execute(
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
            self._writing.tally.move(cell_of_row(row), cell_of(after))
            self._writing.touched.add(row.subject_id)
        self._writing.note([row for row, _ in changed])
        consequences.follow(self._writing, changed)

    def _free_lanes(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        """An outcome that is no longer open gives its lane free."""
        closed = [row.id for row, after in changed if Status(after["status"]) not in OPEN_STATUSES]
        for ids in batches(closed):
            self._writing.connection.execute(outbox.delete().where(outbox.c.entry_id.in_(ids)))

    def _mark_twice(self, changed: list[tuple[Any, dict[str, Any]]]) -> None:
        """Both an attempt of unknown outcome and the one sent instead of it were delivered."""
        for row, after in changed:
            if row.delivered_at is not None or after["delivered_at"] is None:
                continue
            partner = row.settled_by or row.replaces_id
            found = self._writing.entries([partner]) if partner else []
            if not found or found[0].delivered_at is None:
                continue
            if row.settled_by is None and found[0].settled_by != row.id:
                continue
            for identifier in (row.id, partner):
                self._writing.connection.execute(
                    entry.update().where(entry.c.id == identifier).values(delivered_twice=True)
                )
            self._writing.note([*found, row])

    def _write_history(self, history: list[tuple[Change, Status]]) -> None:
        if not history:
            return
        rows, texts = [], []
        for change, status in history:
            words = (change.words or change.note)[:WORDS_LIMIT]
            words_hash, salt = sealed_words(words)
            row = history_row(self._writing.database.new_id(self._writing.now), change, status)
            rows.append({**row, "words_hash": words_hash})
            if words:
                texts.append({"entry_status_id": row["id"], "words": words, "salt": salt})
        self._writing.connection.execute(entry_status.insert(), rows)
        if texts:
            self._writing.connection.execute(entry_status_text.insert(), texts)

    def _write_texts(self, told: Sequence[tuple[Change, bool]], rows: dict[str, Any]) -> None:
        """Words that can be searched for, and those that are shown: of the change that counts."""
        found: list[tuple[str, str, str]] = []
        for change, counts in told:
            values = {}
            if change.words and change.fact.status in FAILED_STATUSES | {Status.QUEUED}:
                if counts:
                    values["error_words"] = change.words[:WORDS_LIMIT]
                found.append(
                    (rows[change.entry_id].subject_id, change.entry_id, change.words[:500])
                )
            if change.note:
                values["note"] = change.note[:WORDS_LIMIT]
                found.append((rows[change.entry_id].subject_id, change.entry_id, change.note[:500]))
            if values:
                self._writing.connection.execute(
                    entry_text.update()
                    .where(entry_text.c.entry_id == change.entry_id)
                    .values(**values)
                )
            if change.provider_message_id and not rows[change.entry_id].provider_message_id:
                subject_id = rows[change.entry_id].subject_id
                found.append((subject_id, change.entry_id, change.provider_message_id))
        self._writing.index(found)

    # ignoring

    def set_ignored(self, entry_ids: Sequence[str], ignored: bool) -> int:
        """Ignore attempts or bring them back; returns how many changed."""
        rows = [
            row
            for row in self._writing.entries(entry_ids)
            if (row.ignored_at is not None) != ignored
        ]
        values = [
            (row, {**row._mapping, "ignored_at": self._writing.now if ignored else None})
            for row in rows
        ]
        self._write_entries(values)
        return len(rows)


def _withdrawn(task: str, item: NewEntry, now: datetime) -> Change:
    return Change(
        task,
        Fact(Status.CANCELLED, now),
        Source.WORKER if item.author is SYSTEM else Source.OPERATOR,
        word="withdrawn",
        author=item.author,
    )
