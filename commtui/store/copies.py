"""Copies of a SQLite database: taken while others write, checked, and put in its place."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from commtui.errors import Refused
from commtui.store import keeping
from commtui.store.engine import Database, sqlite_module


def take(database: Database, target: Path) -> None:
    """Write one moment's content to a new file, without what was deleted; nobody has to wait for it."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with database.maintain() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(part),))
        _hold(part, f"it was restored from the back-up of {database.now():%Y-%m-%d %H:%M} UTC")
        _finish(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _hold(file: Path, reason: str) -> None:
    """Whoever works with this file holds it first."""
    copy = Database(f"sqlite:///{file}", wal=False)
    try:
        keeping.identify(copy)
        with copy.write() as connection:
            keeping.hold(connection, copy, reason)
    finally:
        copy.close()


def _finish(part: Path, target: Path) -> None:
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check(file: Path) -> None:
    """Raises Refused when a file is no whole database of ours."""
    module, _ = sqlite_module()
    connection = module.connect(f"file:{file}?mode=ro", uri=True)
    try:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        ours = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name IN ('entry', 'outbox', 'schema_version')"
        ).fetchone()[0]
    except module.DatabaseError as error:
        raise Refused(f"{file} is not a database: {error}") from None
    finally:
        connection.close()
    if ours != 3:
        raise Refused(f"{file} is not a database of commtui")
    if found != ["ok"] or broken:
        raise Refused(
            f"{file} is damaged: {found[0] if found != ['ok'] else 'rows lack their owner'}"
        )


def put(source: Path, target: Path, aside: str) -> Path | None:
    """Put a copy in the place of a database that nobody uses; returns where the old one is now."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    module, _ = sqlite_module()
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    copy = module.connect(f"file:{source}?mode=ro", uri=True)
    into = module.connect(str(part))
    try:
        copy.backup(into)
    finally:
        into.close()
        copy.close()
    old = None
    if target.exists():
        old = target.with_name(f"{target.name}.{aside}")
        # what stands in its write-ahead log belongs to it, and would be played into the copy
        for suffix in ("", "-wal", "-shm", "-journal"):
            file = target.with_name(target.name + suffix)
            if file.exists():
                file.rename(target.with_name(f"{target.name}.{aside}{suffix}"))
    _finish(part, target)
    return old


def half_there(connection: sa.Connection) -> dict[str, int]:
    """Rows whose other half is missing, by what they are; a consistent copy has none. Works on both engines."""
    found = {
        name: int(connection.execute(sa.text(query)).scalar_one())
        for name, query in _HALVES.items()
    }
    return {name: number for name, number in found.items() if number}


_HALVES = {
    "entries without their text": "SELECT count(*) FROM entry e "
    "WHERE NOT EXISTS (SELECT 1 FROM entry_text t WHERE t.entry_id = e.id)",
    "waiting rows without their entry": "SELECT count(*) FROM outbox o "
    "WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.id = o.entry_id)",
    "waiting rows whose entry does not wait": "SELECT count(*) FROM outbox o "
    "JOIN entry e ON e.id = o.entry_id WHERE e.status NOT IN ('queued', 'sending', 'unknown')",
    "entries that wait without a row": "SELECT count(*) FROM entry e "
    "WHERE e.status IN ('queued', 'sending', 'unknown') "
    "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.entry_id = e.id)",
    "lanes without their attempt": "SELECT count(*) FROM lane l WHERE l.latest_entry_id IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.id = l.latest_entry_id)",
    "lanes that say something else": "SELECT count(*) FROM lane l "
    "JOIN entry e ON e.id = l.latest_entry_id WHERE e.status <> l.status",
    "history without its entry": "SELECT count(*) FROM entry_status s "
    "WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.id = s.entry_id)",
}
