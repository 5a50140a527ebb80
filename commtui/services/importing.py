"""Import communications from JSON Lines: line by line, or all or nothing; nothing is sent by it.

Lines go in by small transactions of adapted size, so that a working worker never waits for them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from commtui.config import Settings
from commtui.domain.imported import Outcome, Refusal, line_of
from commtui.domain.vocabulary import Author
from commtui.services.import_documents import DocumentReader
from commtui.services.import_lines import LineParser, LineRefused, json_schema, plain_of
from commtui.store import import_staging as staging
from commtui.store.engine import Database
from commtui.store.imports import Verdict, write_batch

__all__ = ["ImportResult", "Importer", "Refusal", "finish_atomic", "json_schema"]

TARGET_SECONDS = 0.05
"""How long a write transaction is meant to take; 0.2 is what it may."""
FORGETTING = 0.8
"""A slow transaction makes the next ones small, and each of them weighs that much less."""
SMALLEST, FIRST, LARGEST = 10, 25, 300
"""Lines per transaction."""
HELD_BYTES = 1024 * 1024
"""Of lines that wait for being written."""
GAP_SECONDS = 0.026
"""Between transactions on SQLite: whoever waits for it tries again every 25 ms, so nobody misses the gap."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the lines; `refused` is in the order of the file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: tuple[Refusal, ...] = ()


class Importer:
    """Imports for one operator."""

    def __init__(self, database: Database, settings: Settings, author: Author) -> None:
        self._database = database
        self._release = settings.sending.release
        self._author = author

    def run(
        self,
        lines: Iterable[bytes],
        *,
        documents: Path | None,
        atomic: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> ImportResult:
        """Import lines, whose documents are in a folder; `progress` hears how many lines are read so far.

        Raises DatabaseAway: what went in by then stays in (nothing when atomic), and the same lines
        again are unchanged.
        """
        finish_atomic(self._database)
        reading = _Reading(DocumentReader(self._database, documents), progress)
        work = self._atomic if atomic else self._direct
        return work(lines, reading)

    def _direct(self, lines: Iterable[bytes], reading: _Reading) -> ImportResult:
        interrupted = {"interrupted": True}
        try:
            reading.pass_on(lines, _Direct(self._database, self._author, self._release))
            interrupted = {}
        finally:
            result = reading.result()
            staging.record_import(self._database, self._author, {**_counts(result), **interrupted})
        return result

    def _atomic(self, lines: Iterable[bytes], reading: _Reading) -> ImportResult:
        run_id = staging.open_run(self._database, self._author)
        result = ImportResult()
        switched = False
        try:
            reading.pass_on(lines, _Staged(self._database, run_id, self._release))
            result = reading.result()
            if not result.refused:
                staging.switch(self._database, run_id, self._author, _counts(result))
                switched = True
        finally:
            if not switched:
                _roll(self._database, run_id, staging.STAGED, _Pace(self._database))
        if not switched:
            nothing = ImportResult(refused=result.refused)
            staging.record_import(self._database, self._author, _counts(nothing))
            return nothing
        pace = _Pace(self._database)
        _, late = _roll(self._database, run_id, staging.SWITCHED, pace)
        _finish(self._database, pace)
        return replace(result, refused=late)


def finish_atomic(database: Database) -> int:
    """Roll interrupted imports forward and clear away what was never switched; returns how much was done."""
    return _finish(database, _Pace(database))


def _finish(database: Database, pace: _Pace) -> int:
    done = 0
    while found := staging.runs(database):
        for run_id, state in found:
            done += 1 + _roll(database, run_id, state, pace)[0]
    return done


def _roll(
    database: Database, run_id: str, state: str, pace: _Pace
) -> tuple[int, tuple[Refusal, ...]]:
    done, refused = 0, list[Refusal]()
    while step := staging.forward(database, run_id, state, pace.size):
        done += step.lines
        refused += step.refused
        pace.measured(step.lines, step.seconds)
        pace.wait()
    return done, tuple(refused)


def _counts(result: ImportResult) -> dict[str, int]:
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "refused": len(result.refused),
    }


class _Pace:
    """How many lines go into a transaction, from how long the last ones took, and when the next may start."""

    def __init__(self, database: Database) -> None:
        self.size = FIRST
        self._gap = GAP_SECONDS if database.sqlite else 0.0
        self._next = 0.0
        self._slowest = 0.0

    def wait(self) -> None:
        """Leave others their gap."""
        time.sleep(max(0.0, self._next - time.monotonic()))

    def measured(self, lines: int, seconds: float) -> None:
        """Learn from a transaction that just ended."""
        if seconds > 0:
            self._slowest = max(seconds / lines, self._slowest * FORGETTING)
            fitting = int(TARGET_SECONDS / self._slowest)
            self.size = max(SMALLEST, min(fitting, self.size * 2, LARGEST))
            self._next = time.monotonic() + self._gap


class _Target(Protocol):
    """Where checked lines go."""

    pace: _Pace

    def put(self, lines: list[staging.StagedLine]) -> Sequence[Verdict]:
        """Take lines, in one transaction."""
        ...


class _Direct:
    """Lines go in at once."""

    def __init__(self, database: Database, author: Author, release: str) -> None:
        self.pace = _Pace(database)
        self._follow_pace = _Pace(database)
        self._database = database
        self._author = author
        self._release = release

    def put(self, lines: list[staging.StagedLine]) -> Sequence[Verdict]:
        """Write lines, and what follows from them."""
        plain = [item.line for item in lines]
        written = write_batch(self._database, plain, self._author, self._release)
        self.pace.measured(len(lines), written.seconds)
        if written.follow_up:
            self.pace.wait()
            _finish(self._database, self._follow_pace)
        return written.verdicts


class _Staged:
    """Lines wait for the switch."""

    def __init__(self, database: Database, run_id: str, release: str) -> None:
        self.pace = _Pace(database)
        self._database = database
        self._run_id = run_id
        self._release = release
        self._position = 1
        self._seen = staging.Seen()

    def put(self, lines: list[staging.StagedLine]) -> Sequence[Verdict]:
        """Judge and stage lines."""
        verdicts, seconds = staging.stage(
            self._database, self._run_id, self._position, lines, self._seen, self._release
        )
        self._position += len(lines)
        self.pace.measured(len(lines), seconds)
        return verdicts


class _Reading:
    """One pass over a file: parses, reads documents, hands on batches, counts."""

    def __init__(self, documents: DocumentReader, progress: Callable[[int], None] | None) -> None:
        self._parser = LineParser()
        self._documents = documents
        self._progress = progress
        self._waiting: list[staging.StagedLine] = []
        self._counts: Counter[Outcome] = Counter()
        self._refused: list[Refusal] = []

    def result(self) -> ImportResult:
        """What became of the lines so far."""
        return ImportResult(
            self._counts[Outcome.CREATED],
            self._counts[Outcome.UPDATED],
            self._counts[Outcome.UNCHANGED],
            tuple(sorted(self._refused, key=lambda refusal: refusal.line)),
        )

    def pass_on(self, lines: Iterable[bytes], target: _Target) -> None:
        """Read all lines into a target."""
        number, held = 0, 0
        for number, raw in enumerate(lines, 1):
            if not raw or raw.isspace():
                continue
            held += len(raw)
            try:
                self._waiting.append(self._read(number, raw))
            except LineRefused as refused:
                self._refused.append(Refusal(number, refused.field, refused.message))
            if len(self._waiting) >= target.pace.size or held >= HELD_BYTES:
                self._put(target, number)
                held = 0
        self._put(target, number)

    def _read(self, number: int, raw: bytes) -> staging.StagedLine:
        parsed = self._parser.parse(raw)
        plain = plain_of(parsed, self._documents.read(parsed.documents))
        return staging.StagedLine(line_of(number, plain), plain)

    def _put(self, target: _Target, number: int) -> None:
        self._documents.flush()
        if self._waiting:
            target.pace.wait()
            for verdict in target.put(self._waiting):
                if isinstance(verdict, Refusal):
                    self._refused.append(verdict)
                else:
                    self._counts[verdict] += 1
            self._waiting = []
        if self._progress is not None:
            self._progress(number)
