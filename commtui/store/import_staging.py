"""Imports that are all or nothing: staged, judged, switched by one small transaction, then rolled forward.

After the switch every line goes in, by whoever comes first: the importer, a worker, or the next importer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain.imported import ImportedLine, Known, Refusal, digest, judge, line_of
from commtui.domain.vocabulary import Author
from commtui.errors import Refused
from commtui.store import audits
from commtui.store.engine import Database
from commtui.store.import_follow import FOLLOW_UP, follow_up
from commtui.store.import_state import load_communications
from commtui.store.imports import Verdict, apply_lines, in_transaction
from commtui.store.tables import import_line, import_run

STAGED = "staged"
SWITCHED = "switched"
LEFT_AFTER = timedelta(hours=1)
"""A staged run that was not touched for so long was left by an importer that died."""


@dataclass(frozen=True, slots=True)
class StagedLine:
    """A line as it is staged: plain, because the release setting of now goes with it."""

    line: ImportedLine
    plain: Mapping[str, Any]


class Seen:
    """The ids of a file so far, packed: 65 bytes stand for each line."""

    def __init__(self) -> None:
        self._lines: dict[bytes, bytes] = {}

    def known(self, line: ImportedLine, stored: Known | None) -> Known | None:
        """What will be known about the line's id once the lines before it are in."""
        packed = self._lines.get(bytes.fromhex(digest(line.id)))
        if packed is None:
            return stored
        return replace(
            stored or Known("", "", False),
            subject_key=packed[:16].hex(),
            line_hash=packed[16:32].hex(),
            collecting=bool(packed[32]),
        )

    def add(self, line: ImportedLine) -> None:
        """Remember an accepted line."""
        self._lines[bytes.fromhex(digest(line.id))] = (
            bytes.fromhex(line.subject_key)
            + bytes.fromhex(line.line_hash)
            + bytes([line.collecting])
        )


def open_run(database: Database, author: Author) -> str:
    """Begin to stage; returns the run's id."""
    now = database.now()
    run_id = database.new_id(now)
    with database.write() as connection:
        connection.execute(
            import_run.insert().values(
                id=run_id, state=STAGED, operator=author.name, created_at=now, updated_at=now
            )
        )
    return run_id


def stage(
    database: Database,
    run_id: str,
    start: int,
    lines: Sequence[StagedLine],
    seen: Seen,
    release: str,
) -> tuple[list[Verdict], float]:
    """Judge lines and stage those that may go in, from position `start` on; also the seconds it took."""
    with database.read() as connection:
        stored = load_communications(connection, [item.line.id for item in lines])
    verdicts: list[Verdict] = []
    for item in lines:
        state = stored.get(item.line.id)
        verdict = judge(item.line, seen.known(item.line, state.known if state else None))
        if not isinstance(verdict, Refusal):
            seen.add(item.line)
        verdicts.append(verdict)
    rows = [
        {
            "import_run_id": run_id,
            "position": start + offset,
            "number": item.line.number,
            "line": {
                "plain": dict(item.plain),
                "line_hash": item.line.line_hash,
                "content_hash": item.line.content_hash,
                "release": release,
            },
        }
        for offset, (item, verdict) in enumerate(zip(lines, verdicts, strict=True))
        if not isinstance(verdict, Refusal)
    ]

    def write(connection: sa.Connection) -> None:
        if rows:
            connection.execute(import_line.insert(), rows)
        _touch(connection, run_id, database)

    _, seconds = in_transaction(database, write)
    return verdicts, seconds


def _touch(connection: sa.Connection, run_id: str, database: Database, **values: Any) -> int:
    return connection.execute(
        import_run.update()
        .where(import_run.c.id == run_id)
        .values(updated_at=database.now(), **values)
    ).rowcount


def switch(database: Database, run_id: str, author: Author, result: Mapping[str, Any]) -> None:
    """From here on the run's lines count; `result` goes into the audit trail with it."""

    def write(connection: sa.Connection) -> None:
        if _touch(connection, run_id, database, state=SWITCHED) != 1:
            raise Refused("the import took too long and was cleared away; import the file again")
        audits.write(connection, database, author, "import", ["atomic"], dict(result))

    in_transaction(database, write)


def record_import(database: Database, author: Author, result: Mapping[str, Any]) -> None:
    """Write an import that is over into the audit trail."""

    def write(connection: sa.Connection) -> None:
        audits.write(connection, database, author, "import", [], dict(result))

    in_transaction(database, write)


def runs(database: Database) -> list[tuple[str, str]]:
    """Id and state of the runs that are to be rolled forward, oldest first, and of those to be removed."""
    left = database.now() - LEFT_AFTER
    with database.read() as connection:
        found = connection.execute(
            sa.select(import_run.c.id, import_run.c.state)
            .where(
                import_run.c.state.in_((SWITCHED, FOLLOW_UP))
                | ((import_run.c.state == STAGED) & (import_run.c.updated_at < left))
            )
            .order_by(import_run.c.id)
        )
        return [(row.id, row.state) for row in found]


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of rolling forward."""

    lines: int
    refused: tuple[Refusal, ...]
    """Lines that had been accepted and became impossible since."""
    seconds: float


def forward(database: Database, run_id: str, state: str, size: int) -> Step | None:
    """One transaction of rolling a switched or follow-up run forward, or removing a staged one; None: it is done."""
    if state == FOLLOW_UP:
        done, seconds = in_transaction(
            database, lambda connection: follow_up(database, connection, run_id, size)
        )
        return Step(done, (), seconds) if done else None
    (lines, refused), seconds = in_transaction(
        database, lambda connection: _forward(database, connection, run_id, state, size)
    )
    return Step(lines, refused, seconds) if lines else None


def _forward(
    database: Database, connection: sa.Connection, run_id: str, state: str, size: int
) -> tuple[int, tuple[Refusal, ...]]:
    run = connection.execute(
        sa.select(import_run)
        .where(import_run.c.id == run_id, import_run.c.state == state)
        .with_for_update()
    ).one_or_none()
    if run is None:
        return 0, ()
    rows = connection.execute(
        sa.select(import_line)
        .where(import_line.c.import_run_id == run_id)
        .order_by(import_line.c.position)
        .limit(size)
    ).all()
    if not rows:
        connection.execute(import_run.delete().where(import_run.c.id == run_id))
        return 0, ()
    refused: list[Refusal] = []
    if state == SWITCHED:
        lines = [
            line_of(
                row.number, row.line["plain"], (row.line["line_hash"], row.line["content_hash"])
            )
            for row in rows
        ]
        release = rows[0].line["release"]
        verdicts, _ = apply_lines(database, connection, lines, Author(run.operator), release)
        refused = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
        if refused:
            late = [{"line": item.line, "field": item.field} for item in refused]
            author = Author(run.operator)
            audits.write(connection, database, author, "import", ["atomic"], {"refused_late": late})
    last = rows[-1].position
    connection.execute(
        import_line.delete().where(
            import_line.c.import_run_id == run_id, import_line.c.position <= last
        )
    )
    _touch(connection, run_id, database, position=last)
    return len(rows), tuple(refused)
