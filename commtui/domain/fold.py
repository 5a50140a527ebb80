"""The fold: an entry's state from its facts, in any order and any number of times.

Every fact has a rank; the highest wins and the earliest breaks a tie, so merging is commutative,
associative and idempotent. States that only our own worker moves through (queued, sending, a retry)
are not facts of the fold: they are written under the outbox row's fence, at ranks below any fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from commtui.domain.vocabulary import FAILED_STATUSES, ErrorClass, Status

RANKS: dict[Status, int] = {
    Status.NOT_SENT: 0,
    Status.QUEUED: 1,
    Status.SENDING: 2,
    Status.UNKNOWN: 3,
    Status.SKIPPED: 9,
    Status.SENT: 10,
    Status.CANCELLED: 12,
    Status.DONE: 20,
    Status.DELIVERED: 20,
    Status.REJECTED: 30,
    Status.FAILED: 32,
    Status.UNDELIVERED: 34,
    Status.DROPPED: 36,
    Status.BLOCKED: 38,
    Status.BOUNCED: 40,
    Status.RETURNED: 42,
}
GIVEN_UP_RANK = 5
"""An operator's "give up" on an unknown outcome: any word of the provider says more."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing learnt about an entry."""

    status: Status
    at: datetime
    error_class: ErrorClass | None = None
    code: str = ""
    rank: int | None = None
    """Set only where it differs from the status's own rank."""

    @property
    def weight(self) -> int:
        """Its rank in the fold."""
        return RANKS[self.status] if self.rank is None else self.rank


@dataclass(frozen=True, slots=True)
class EntryState:
    """What the facts so far add up to."""

    status: Status
    at: datetime
    rank: int
    error_class: ErrorClass | None = None
    code: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def after_delivery(self) -> bool:
        """A failure that the provider reported although it had reported delivery."""
        return self.rank > RANKS[Status.DELIVERED] and self.delivered_at is not None


def merge(state: EntryState, fact: Fact) -> EntryState:
    """The state with one more fact; equal to `state` when the fact says nothing new."""
    merged = state
    if fact.weight >= RANKS[Status.SENT] and fact.status in (Status.SENT, Status.DELIVERED):
        merged = replace(merged, sent_at=_earliest(merged.sent_at, fact.at))
    if fact.status in (Status.DELIVERED, Status.DONE):
        merged = replace(merged, delivered_at=_earliest(merged.delivered_at, fact.at))
    if _order(fact) > _present_order(state):
        merged = replace(
            merged,
            status=fact.status,
            at=fact.at,
            rank=fact.weight,
            error_class=fact.error_class,
            code=fact.code,
        )
    return merged


def advance(state: EntryState, fact: Fact, *, step: bool) -> EntryState:
    """The state with one more fact, or after a step of our own, which gives way to every fact."""
    if not step:
        return merge(state, fact)
    if state.rank > RANKS[Status.UNKNOWN]:
        return state
    return replace(
        state,
        status=fact.status,
        at=fact.at,
        rank=fact.weight,
        error_class=fact.error_class,
        code=fact.code,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A row of an entry's history, as far as the fold goes by it."""

    fact: Fact
    step: bool
    provider_message_id: str = ""


def replay(history: Sequence[Told]) -> tuple[EntryState, str]:
    """What an entry's history, oldest first, adds up to, and the provider's first id for the message.

    The first row is what it began with.
    """
    first = history[0].fact
    state = EntryState(first.status, first.at, first.weight, first.error_class, first.code)
    message_id = history[0].provider_message_id
    for told in history[1:]:
        state = advance(state, told.fact, step=told.step)
        message_id = message_id or told.provider_message_id
    return state, message_id


_Order = tuple[int, float, str, str, str]


def _order(fact: Fact) -> _Order:
    """Total, so that even facts of one rank and instant end the same in every order."""
    return (
        fact.weight,
        -fact.at.timestamp(),
        fact.status.value,
        fact.code,
        fact.error_class or "",
    )


def _present_order(state: EntryState) -> _Order:
    return (
        state.rank,
        -state.at.timestamp(),
        state.status.value,
        state.code,
        state.error_class or "",
    )


def _earliest(known: datetime | None, new: datetime) -> datetime:
    return new if known is None else min(known, new)


def worse(new: Status, old: Status) -> bool:
    """Whether an ignored line has to come back because its attempt became worse."""
    return new in FAILED_STATUSES and (old not in FAILED_STATUSES or RANKS[new] > RANKS[old])
