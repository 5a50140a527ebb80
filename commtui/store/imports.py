"""Writing batches of imported lines: decided in memory in the order of the file, written by many rows at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from commtui.domain.imported import (
    Contact,
    ImportedLine,
    Known,
    Outcome,
    Refusal,
    judge,
)
from commtui.domain.vocabulary import Author, DocumentRole
from commtui.errors import DatabaseAway
from commtui.store import import_rows
from commtui.store.engine import Database
from commtui.store.import_state import (
    CommunicationState,
    CustomerState,
    SubjectState,
    channels_for,
    load_communications,
    load_customers,
    load_subjects,
)
from commtui.store.ledger import Ledger
from commtui.store.overview import batches
from commtui.store.tables import communication

TRIES = 5
"""Of a batch that another importer's batch collided with."""

Verdict = Outcome | Refusal
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    verdicts: tuple[Verdict, ...]
    seconds: float
    """How long its write transaction took; 0 when none was needed."""
    follow_up: bool = False
    """Whether customers changed so that their other subjects have to follow."""


def write_batch(
    database: Database, lines: Sequence[ImportedLine], author: Author, release: str
) -> Written:
    """Apply lines in their order, each whole or not at all; `release` is for lines that do not say."""
    verdicts: dict[int, Verdict] = dict.fromkeys(_unchanged(database, lines), Outcome.UNCHANGED)
    rest = [line for position, line in enumerate(lines) if position not in verdicts]
    if not rest:
        return Written(tuple(verdicts.values()), 0.0)

    def write(connection: sa.Connection) -> tuple[list[Verdict], bool]:
        return apply_lines(database, connection, rest, author, release)

    (found, follow_up), seconds = in_transaction(database, write)
    answers = iter(found)
    ordered = tuple(verdicts.get(p) or next(answers) for p in range(len(lines)))
    return Written(ordered, seconds, follow_up)


def in_transaction(
    database: Database, work: Callable[[sa.Connection], Result]
) -> tuple[Result, float]:
    """Run work that may be repeated, again when it collides with another writer; also its seconds."""
    for tried in range(1, TRIES):
        try:
            return _timed(database, work)
        except (exc.IntegrityError, DatabaseAway):
            time.sleep(0.05 * 2**tried)
    return _timed(database, work)


def _timed(database: Database, work: Callable[[sa.Connection], Result]) -> tuple[Result, float]:
    with database.write() as connection:
        started = time.monotonic()
        result = work(connection)
    return result, time.monotonic() - started


def _unchanged(database: Database, lines: Sequence[ImportedLine]) -> list[int]:
    """Positions of lines that are stored just so, and whose id is not twice among them."""
    ids = [line.id for line in lines]
    stored: dict[str, str] = {}
    with database.read() as connection:
        for batch in batches(ids):
            rows = connection.execute(
                sa.select(communication.c.external_id, communication.c.line_hash).where(
                    communication.c.external_id.in_(batch)
                )
            )
            stored.update((row.external_id, row.line_hash) for row in rows)
    if not stored:
        return []
    twice = {key for key in ids if ids.count(key) > 1} if len(set(ids)) < len(ids) else set()
    return [
        position
        for position, line in enumerate(lines)
        if stored.get(line.id) == line.line_hash and line.id not in twice
    ]


def apply_lines(
    database: Database,
    connection: sa.Connection,
    lines: Sequence[ImportedLine],
    author: Author,
    release: str,
) -> tuple[list[Verdict], bool]:
    """The same within a transaction of the caller's; also whether customers need following up."""
    batch = _Batch(database, connection, author, release)
    verdicts = batch.apply(lines)
    return verdicts, batch.write()


class _Batch:
    """The state of one batch: loaded, changed line by line, written."""

    def __init__(
        self, database: Database, connection: sa.Connection, author: Author, release: str
    ) -> None:
        self._database = database
        self._connection = connection
        self._author = author
        self._release = release
        self._now: datetime = database.now()
        self._ledger = Ledger(database, connection, self._now)
        self._customers: dict[str, CustomerState] = {}
        self._subjects: dict[tuple[str, str, str], SubjectState] = {}
        self._communications: dict[str, CommunicationState] = {}
        self._rows = import_rows.Rows(self._now)

    def apply(self, lines: Sequence[ImportedLine]) -> list[Verdict]:
        """Decide every line and collect what it changes."""
        self._load(lines)
        return [self._line(line) for line in lines]

    def _load(self, lines: Sequence[ImportedLine]) -> None:
        ids = list(dict.fromkeys(line.id for line in lines))
        self._communications = load_communications(self._connection, ids)
        placed = [line for line in lines if self._fits(line)]
        self._customers = load_customers(self._database, self._connection, placed, self._now)
        self._subjects = load_subjects(self._connection, {self._key(line) for line in placed})
        self._ledger.lock(state.id for state in self._subjects.values())
        if not self._database.sqlite:
            self._communications = load_communications(self._connection, ids)

    def _fits(self, line: ImportedLine) -> bool:
        """Not about another subject than before, which would be refused: its customer is not made."""
        state = self._communications.get(line.id)
        return state is None or state.known.subject_key == line.subject_key

    def _key(self, line: ImportedLine) -> tuple[str, str, str]:
        return (self._customers[line.customer.id].id, line.category, line.reference)

    def _line(self, line: ImportedLine) -> Verdict:
        state = self._communications.get(line.id)
        verdict = judge(line, state.known if state else None)
        if isinstance(verdict, Refusal) or verdict is Outcome.UNCHANGED:
            return verdict
        erased_at = self._customers[line.customer.id].erased_at
        if erased_at is not None:
            return Refusal(
                line.number,
                "customer.id",
                f"this customer was erased on {erased_at:%Y-%m-%d}; "
                "whoever is a customer again needs an id of their own",
            )
        owner = self._customer(line)
        about = self._subject(line)
        if state is None:
            state = self._new_communication(line, owner, about)
        else:
            self._change_communication(line, state)
        state.known = state.known.with_line(line)
        content = line.content
        state.has_text = bool(content.text or content.html or content.context is not None)
        state.has_sms = bool(content.sms or content.context is not None)
        roles = {document.role for document in line.documents}
        state.has_letter = DocumentRole.LETTER in roles or content.context is not None
        state.has_einvoice = DocumentRole.EINVOICE in roles
        self._rows.communications[state.id] = state
        self._ledger.touch([about.id])
        return verdict

    def _customer(self, line: ImportedLine) -> CustomerState:
        state = self._customers[line.customer.id]
        state.details.update(line.customer.details)
        if line.customer.opt_out is not None:
            state.opt_out = line.customer.opt_out
        for name, value in line.customer.contacts.items():
            old = state.contacts.get(name, Contact())
            new = old.brought(value)
            if old.correction and not new.correction:
                self._rows.dropped.append((state.external_id, name, old, value))
            if new != old or (value and name not in state.contacts):
                state.contacts[name] = new
        return state

    def _subject(self, line: ImportedLine) -> SubjectState:
        key = self._key(line)
        state = self._subjects.get(key)
        if state is None:
            identifier = self._database.new_id(self._now)
            state = SubjectState(identifier, key[0], line.category, line.reference, "", True)
            self._subjects[key] = state
        if line.title is not None:
            state.title = line.title
        return state

    def _new_communication(
        self, line: ImportedLine, owner: CustomerState, about: SubjectState
    ) -> CommunicationState:
        known = Known(line.subject_key, "", line.collecting, release=self._release)
        identifier = self._database.new_id(self._now)
        state = CommunicationState(identifier, about.id, owner.id, known, version=1)
        self._communications[line.id] = state
        self._rows.new[identifier] = line.id
        self._rows.add_content(line, state)
        return state

    def _change_communication(self, line: ImportedLine, state: CommunicationState) -> None:
        if state.known.content_hash != line.content_hash:
            state.version += 1
            self._rows.add_content(line, state)
            self._rows.corrected.append(state.id)

    def write(self) -> bool:
        """Write what was collected; returns whether customers need following up."""
        self._decide_lanes()
        follow_up = import_rows.write(
            self._database,
            self._connection,
            self._rows,
            list(self._customers.values()),
            list(self._subjects.values()),
            self._author,
        )
        self._ledger.close()
        return follow_up

    def _decide_lanes(self) -> None:
        owners = {state.id: state for state in self._customers.values()}
        for state in self._rows.communications.values():
            if state.known.collecting:
                continue
            wanted_changed = state.known.channels != state.stored_channels
            if state.attempted and not wanted_changed:
                continue
            self._rows.set_lanes(state, channels_for(state, owners[state.customer_id]))
