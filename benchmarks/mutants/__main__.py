"""Makes mutants, lets the tests judge them, keeps what is judged, and says which survived."""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutants.equivalents import EQUIVALENTS
from benchmarks.mutants.making import mutants
from benchmarks.mutants.running import KILLED, TIME_OUT, judge, preload, reach
from benchmarks.mutants.targets import TARGETS, Target

STATE = Path(".mutants") / "state.json"
LEAST_SHARE = 0.85

Verdicts = dict[str, str]
State = dict[str, dict[str, str]]


def main() -> int:
    """Judge what is not judged yet; returns the exit code."""
    chosen = _arguments()
    targets = [target for target in TARGETS if not chosen.only or target.name in chosen.only]
    state: State = {}
    if chosen.how and STATE.exists():
        state = json.loads(STATE.read_text(encoding="utf-8"))
    preload(targets)
    wrong = False
    for target in targets:
        verdicts = _judge_all(target, state, chosen)
        wrong = _tell(target, verdicts) or wrong
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument(
        "how",
        nargs="?",
        choices=("continue", "survivors"),
        help="go on where it stopped, or judge only what survived once more",
    )
    names = [target.name for target in TARGETS]
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--sample", type=int, help="so many mutants of each module, by chance")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _judge_all(target: Target, state: State, chosen: argparse.Namespace) -> Verdicts:
    """Verdicts by mutant; those of a module that changed since are forgotten."""
    source = Path(target.path).read_text(encoding="utf-8")
    key = f"{target.name} {hashlib.sha256(source.encode()).hexdigest()[:16]}"
    verdicts = state.setdefault(key, {})
    for stale in [name for name in state if name.split()[0] == target.name and name != key]:
        del state[stale]
    if chosen.how == "survivors":
        for name in [name for name, said in verdicts.items() if said not in (KILLED, TIME_OUT)]:
            del verdicts[name]
    tree = ast.parse(source)
    wanted = mutants(tree)
    if chosen.sample and chosen.sample < len(wanted):
        wanted = random.Random(f"{chosen.seed}/{target.name}").sample(wanted, chosen.sample)
    waiting = [mutant for mutant in wanted if mutant.name not in verdicts]
    if waiting:
        known = reach(target)
        print(f"{target.name}: {len(waiting)} mutants, {len(known.lines)} tests", flush=True)
        for mutant in waiting:
            verdicts[mutant.name] = said = judge(target, tree, mutant, known)
            _save(state)
            if said not in (KILLED, TIME_OUT):
                print(f"  {said}: {target.path}:{mutant.first} {mutant.name}", flush=True)
    return {mutant.name: verdicts[mutant.name] for mutant in wanted}


def _save(state: State) -> None:
    STATE.parent.mkdir(exist_ok=True)
    whole = STATE.with_suffix(".part")
    whole.write_text(json.dumps(state, indent=1, ensure_ascii=False), encoding="utf-8")
    whole.replace(STATE)


def _tell(target: Target, verdicts: Verdicts) -> bool:
    """Print what became of a module's mutants; returns whether too many survived."""
    counts = Counter(verdicts.values())
    dead = counts[KILLED] + counts[TIME_OUT]
    left = [name for name, said in verdicts.items() if said not in (KILLED, TIME_OUT)]
    known = EQUIVALENTS.get(target.name, {})
    share = dead / max(len(verdicts), 1)
    print(
        f"{target.name}: {dead} of {len(verdicts)} killed, {share:.1%}"
        f" ({counts[TIME_OUT]} by time-out); {len(left)} left, {_known(left, known)} known to change nothing"
    )
    for name in left:
        print(f"  {'=' if name in known else '✗'} {name}{_because(known.get(name, ''))}")
    for name in known:
        if verdicts.get(name) in (KILLED, TIME_OUT):
            print(f"  ! known to change nothing, and yet killed: {name}")
    return share < LEAST_SHARE


def _known(left: Sequence[str], known: dict[str, str]) -> int:
    return sum(name in known for name in left)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


if __name__ == "__main__":
    sys.exit(main())
