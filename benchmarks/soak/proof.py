"""What a proof is, what it is given for a round, and what it gives back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Round:
    """One round: a database of its own, a folder, and chance that is the same whenever the seed is."""

    number: int
    engine: str
    url: str
    folder: Path
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Result:
    """What a round came to; `figures` are added up, `problems` are what must not be."""

    figures: dict[str, int]
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof by name; its rounds take turns between the databases."""

    name: str
    rounds: int
    """Unless the command line says another number."""
    play: Callable[[Round], Result]
