"""The overview line: a subject's state from its communications, theirs from their lanes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from commtui.domain.vocabulary import FAILED_STATUSES, STATUS_LOOKS, Channel, Chip, Status, chip_of


@dataclass(frozen=True, slots=True)
class LaneState:
    """A communication on one channel: its latest attempt, or none yet."""

    communication_id: str
    channel: Channel
    status: Status
    latest_entry_id: str | None
    attempts: int
    ignored: bool
    superseded: bool = False
    """A fallback on another channel took over: this lane no longer speaks for the communication."""


@dataclass(frozen=True, slots=True)
class CommunicationState:
    """A communication with its lanes; collecting ones are left out before this point."""

    id: str
    ignored: bool
    """Ignored before any attempt was made."""
    lanes: tuple[LaneState, ...]

    @property
    def speaking(self) -> tuple[LaneState, ...]:
        """The lanes that count."""
        return tuple(lane for lane in self.lanes if not lane.superseded) or self.lanes

    @property
    def worst(self) -> LaneState:
        """The lane whose latest attempt is the communication's status."""
        return max(
            self.speaking,
            key=lambda lane: (STATUS_LOOKS[lane.status].severity, lane.latest_entry_id or ""),
        )

    @property
    def newest(self) -> str:
        """What "newest" goes by: the latest attempt, before one the communication."""
        return max((lane.latest_entry_id or "" for lane in self.lanes), default="") or self.id

    @property
    def attempts(self) -> int:
        """How many attempts were made on all lanes."""
        return sum(lane.attempts for lane in self.lanes)

    @property
    def wants_attention(self) -> bool:
        """A lane failed and nobody has said to ignore it."""
        return any(lane.status in FAILED_STATUSES and not lane.ignored for lane in self.speaking)

    @property
    def is_ignored(self) -> bool:
        """Its latest attempts are ignored, or before any the communication is."""
        tried = [lane for lane in self.speaking if lane.latest_entry_id]
        return all(lane.ignored for lane in tried) if tried else self.ignored


@dataclass(frozen=True, slots=True)
class SubjectLine:
    """What a subject's overview line says."""

    communication_id: str
    entry_id: str | None
    channel: Channel
    status: Status
    chip: Chip
    attempts: int
    others: int
    ignored: bool
    sort_id: str


def subject_line(communications: Iterable[CommunicationState]) -> SubjectLine | None:
    """The line of a subject, or None when everything is still collecting.

    A line is in exactly one chip: other communications that need attention put it under Failed,
    so every communication that needs attention can be reached from there.
    """
    known = list(communications)
    if not known:
        return None
    shown = max(known, key=lambda communication: communication.newest)
    others = sum(1 for other in known if other is not shown and other.wants_attention)
    worst = shown.worst
    chip = Chip.FAILED if others else chip_of(worst.status)
    if chip is None:
        return None
    return SubjectLine(
        communication_id=shown.id,
        entry_id=worst.latest_entry_id,
        channel=worst.channel,
        status=worst.status,
        chip=chip,
        attempts=shown.attempts,
        others=others,
        ignored=shown.is_ignored and not others,
        sort_id=shown.newest,
    )
