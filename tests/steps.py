"""Steps of one entry in memory: what a provider committed, in order, and when it began what cannot be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from commtui.domain.einvoice import Registration


@dataclass
class MemorySteps:
    """Keeps steps as the store does, and the order of everything that was committed."""

    reached: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    begun_at: datetime | None = None
    committed: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    registrations: list[Registration] = field(default_factory=list)

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        """Keep a step's reference."""
        self.reached[step] = dict(reference)
        self.committed.append(step)
        self.words.append(words)

    async def registered(self, check: Registration) -> None:
        """Keep a check of the recipient."""
        self.registrations.append(check)

    async def begin(self) -> None:
        """Note that the irreversible step comes next."""
        self.begun_at = self.begun_at or datetime.now(UTC)
        self.committed.append("begin")
