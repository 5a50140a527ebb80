"""The provider's side of the machine: what it is told, what it really takes, and whom it must not write to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from commtui.domain.vocabulary import Channel
from commtui.errors import NotSent, ProviderError, Rejected, UnknownOutcome
from commtui.providers.base import Accepted, SendRequest
from commtui.services import outcomes
from commtui.store.outbox import Claim, Outcome


class Broken(AssertionError):
    """An invariant does not hold; its first word says which."""


class Answer(StrEnum):
    """What a provider does with a request."""

    ACCEPT = "accept"
    REJECT = "reject"
    NOT_SENT = "not sent"
    LOST = "lost"
    """Taken, and the answer never comes back."""


@dataclass
class Network:
    """What the outside world knows, whatever our database says."""

    accepted: list[str] = field(default_factory=list)
    """Entries in the order in which they were taken."""
    answered: set[str] = field(default_factory=set)
    """Accepted ones whose yes came back to a living worker."""
    uncertain: set[str] = field(default_factory=set)
    """Entries that may have been taken, as far as our side can know: they must not be handed over again."""
    refused: dict[str, set[tuple[str, Channel]]] = field(default_factory=dict)
    """By customer: the address that said so, or "operator" for the customer, and the channel."""
    told: set[str] = field(default_factory=set)
    """What happened at all during the run."""

    def hand_over(self, request: SendRequest, customer: str, answer: Answer) -> None:
        """A request reaches the provider. Raises Broken when it must not have been made."""
        if self.stopped(customer, request.channel, request.recipient):
            raise Broken(f"opted-out: {customer} got a message by {request.channel}")
        if request.entry_id in self.uncertain or request.entry_id in self.accepted:
            raise Broken(f"twice: {request.entry_id} was handed over again")
        self.told.add(answer.value)
        if answer in (Answer.ACCEPT, Answer.LOST):
            self.accepted.append(request.entry_id)
        if answer is Answer.LOST:
            self.uncertain.add(request.entry_id)
        if answer is Answer.ACCEPT:
            self.answered.add(request.entry_id)

    def stopped(self, customer: str, channel: Channel, address: str) -> bool:
        """Whether the address or the customer said so and has not taken it back."""
        return any(
            known is channel and who in ("operator", address)
            for who, known in self.refused.get(customer, ())
        )


class MachineProvider:
    """Answers in turn as it is told; `hangs` never answers, as when its worker dies in the middle of the call."""

    def __init__(
        self,
        network: Network,
        answers: Sequence[Answer],
        customers: dict[str, str],
        *,
        hangs: bool = False,
    ) -> None:
        self._network = network
        self._answers = answers
        self._customers = customers
        self._hangs = hangs
        self.calls = 0
        self.problem: Broken | None = None
        """Kept, because our own code turns whatever a provider raises into an unknown outcome."""

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """Nothing is stopped by it."""
        return None

    async def send(self, request: SendRequest) -> Accepted:
        """Take it, or not."""
        answer = self._answers[self.calls % len(self._answers)]
        self.calls += 1
        if self._hangs:
            answer = Answer.LOST if answer is Answer.ACCEPT else answer
        try:
            self._network.hand_over(request, self._customers[request.entry_id], answer)
        except Broken as broken:
            self.problem = self.problem or broken
        if self._hangs:
            self._network.uncertain.add(request.entry_id)
            await asyncio.Event().wait()
        return given(request, answer)


def given(request: SendRequest, answer: Answer) -> Accepted:
    """What comes back. Raises ProviderError for everything but a yes."""
    name = "twilio" if request.channel is Channel.SMS else "sendgrid"
    errors: dict[Answer, ProviderError] = {
        Answer.REJECT: Rejected(name, "400", "no"),
        Answer.NOT_SENT: NotSent(name, "busy", "not now"),
        Answer.LOST: UnknownOutcome(name, "no_answer", "the connection broke"),
    }
    if answer in errors:
        raise errors[answer]
    return Accepted(f"m-{request.entry_id}")


@dataclass(frozen=True, slots=True)
class Stalled:
    """A worker that called, was taken for dead, and comes back with its answer."""

    claim: Claim
    taken: bool
    """Whether the provider took it; otherwise it surely was not sent."""

    def outcome(self, now: datetime) -> Outcome:
        """What it records at last."""
        if self.taken:
            answer = Accepted(f"m-{self.claim.entry_id}")
            return outcomes.accepted(self.claim, answer, self.claim.tries + 1, now)
        error = NotSent(self.claim.provider, "unreachable", "refused")
        return outcomes.again(self.claim, error, now, self.claim.tries + 1, now)
