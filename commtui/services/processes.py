"""Worker and web beside the console: started detached, one of each per database, and stopped again.

They outlive the console and the SSH session that started them, so they are sessions of their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import platformdirs

from commtui.config import Settings
from commtui.domain.vocabulary import Author
from commtui.secrecy import private_folder, refuse_wide
from commtui.store import workers
from commtui.store.engine import Database

KINDS = ("worker", "web")
STOP_SECONDS = 45.0
RESTART_SECONDS = 1.0


def log_folder() -> Path:
    """Where detached processes write."""
    return private_folder(
        Path(platformdirs.user_log_dir("commtui", appauthor=False)), "holds our logs"
    )


def start_missing(database: Database, settings: Settings, config: Path | None) -> list[str]:
    """Start what no living process of this database does yet, detached; returns the kinds started."""
    with database.read() as connection:
        living = {process.kind for process in workers.alive(connection, database.now())}
    missing = [kind for kind in KINDS if kind not in living]
    for kind in missing:
        path = log_folder() / f"{kind}.log"
        refuse_wide(path, "is a log", missing=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            subprocess.Popen(
                [*_command(kind, config), "--single"],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                cwd="/",
                env=_environment(settings),
            )
        finally:
            os.close(descriptor)
    return missing


def _command(kind: str, config: Path | None) -> list[str]:
    options = ["--config", str(config.resolve())] if config else []
    return [sys.executable, "-m", "commtui", *options, kind]


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with the database named: a default path may depend on where we are."""
    return {**os.environ, "COMMTUI_DATABASE__URL": settings.database_url}


@contextlib.contextmanager
def only_one(settings: Settings, kind: str) -> Iterator[bool]:
    """Hold the lock of this kind for this database and machine; yields False when another process has it."""
    folder = private_folder(
        Path(platformdirs.user_state_dir("commtui", appauthor=False)), "holds our locks"
    )
    name = hashlib.sha256(settings.database_url.encode()).hexdigest()[:16]
    descriptor = os.open(folder / f"{kind}-{name}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def up(settings: Settings, config: Path | None) -> int:
    """Run worker and web in the foreground and start them again when they die; returns the exit code."""
    wanted = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal wanted
        wanted = False

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    environment = _environment(settings)
    children: dict[str, subprocess.Popen[bytes]] = {}
    while wanted:
        for kind in KINDS:
            if kind not in children or children[kind].poll() is not None:
                children[kind] = subprocess.Popen(_command(kind, config), env=environment)
        _wait(RESTART_SECONDS, list(children.values()))
        asked = [child for child in children.values() if child.poll() == 0]
        wanted = wanted and not asked
    return _end(list(children.values()))


def _wait(seconds: float, children: Sequence[subprocess.Popen[bytes]]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        children[0].wait(seconds)


def _end(children: Sequence[subprocess.Popen[bytes]]) -> int:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    return 0


def down(database: Database, author: Author) -> tuple[int, int]:
    """Ask every process of this database to stop and wait for it; returns how many were asked, how many stay."""
    asked = workers.request_stop(database, author)
    here = socket.gethostname()
    for process in asked:
        if process.host == here:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        with database.read() as connection:
            living = {item.id for item in workers.alive(connection, database.now())}
        if not living & {process.id for process in asked}:
            return len(asked), 0
        time.sleep(0.2)
    return len(asked), len(living & {process.id for process in asked})
