"""Back-ups: one moment's content of the database while everything runs, and a restore that sends nothing by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from commtui.config import Settings
from commtui.domain.vocabulary import Author
from commtui.errors import Refused
from commtui.store import copies, keeping, schema, workers
from commtui.store.engine import Database, split_password

_BY_HAND = (
    "PostgreSQL's own programs are needed for this: install the client programs of the server's version "
    "(pg_dump, pg_restore), or take the back-up where they are: pg_dump -Fc"
)


def backup(database: Database, target: Path) -> int:
    """Write a back-up to a new file, readable by its owner only; returns its bytes. Raises Refused."""
    if target.exists():
        raise Refused(f"{target} exists already; name a new file")
    if not target.parent.is_dir():
        raise Refused(f"{target.parent} is not a folder; make it first")
    if database.sqlite:
        copies.take(database, target)
    else:
        _dump(database, target)
    return target.stat().st_size


def _dump(database: Database, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _run(database, "pg_dump", "--format=custom", f"--file={part}")
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def restore(settings: Settings, author: Author, source: Path) -> tuple[Path | None, dict[str, int]]:
    """Put a back-up in the place that the settings name, held: nothing is sent from it.

    Returns where the database that was there is now, and rows whose other half is missing (none in a whole
    back-up). Raises Refused while a process uses that database, when PostgreSQL's is not empty, or for no back-up.
    """
    if not source.is_file():
        raise Refused(f"{source} is not a file")
    if settings.database_url.startswith("sqlite:"):
        old = _put_file(settings, source)
    else:
        old = None
        _fill(settings, source)
    database = Database(settings.database_url)
    try:
        schema.prepare(database)
        keeping.identify(database)
        with database.write() as connection:
            keeping.hold(connection, database, "it was restored from a back-up")
            keeping.note_restored(connection, database, author)
        with database.read() as connection:
            return old, copies.half_there(connection)
    finally:
        database.close()


def _put_file(settings: Settings, source: Path) -> Path | None:
    copies.check(source)
    target = Path(settings.database_url.removeprefix("sqlite:///"))
    if target.exists():
        if target.samefile(source):
            raise Refused(f"{source} is the database itself; name a back-up of it")
        _refuse_in_use(settings)
    return copies.put(source, target, f"before-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def _refuse_in_use(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        living = []
        if schema.is_there(database):
            with database.read() as connection:
                living = workers.alive(connection, database.now())
    finally:
        database.close()
    if living:
        names = ", ".join(sorted({process.kind for process in living}))
        raise Refused(f"this database is in use ({names}); commtui down first")


def _fill(settings: Settings, source: Path) -> None:
    database = Database(settings.database_url)
    try:
        if schema.is_there(database):
            raise Refused(
                "the database that database.url names is not empty; make a new one, name that, and restore into it"
            )
        _run(
            database,
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            str(source),
        )
    finally:
        database.close()


def _run(database: Database, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on a database; its password goes through the environment only."""
    found = shutil.which(program)
    if found is None:
        raise Refused(f"{program} was not found; {_BY_HAND}")
    url, password = split_password(database.url)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command: Sequence[str] = (found, "--no-password", f"--dbname={url}", *arguments)
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip() or f"code {done.returncode}"
        raise Refused(f"{program} failed: {_first(words)}")


def _first(words: str) -> str:
    """The line that says why, without what psql-like programs put before it."""
    lines = [line for line in words.splitlines() if "error" in line.lower()] or words.splitlines()
    version = next((line for line in words.splitlines() if "mismatch" in line), "")
    return re.sub(r"\s+", " ", (version and f"{version}; {_BY_HAND}") or lines[0])[:1_000]
