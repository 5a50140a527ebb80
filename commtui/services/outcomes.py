"""What a try came to, as it is recorded: accepted, stopped by our own check, to be tried again, or unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from commtui.domain.fold import Fact
from commtui.domain.optouts import SOURCE_WORDS, OptOut, OptSource
from commtui.domain.vocabulary import ErrorClass, Purpose, Source, Status
from commtui.errors import ProviderError, UnknownOutcome
from commtui.providers import registry
from commtui.providers.base import Accepted, DeliveryEvent, SendRequest
from commtui.store.entries import Change
from commtui.store.outbox import Claim, Outcome


def accepted(claim: Claim, answer: Accepted, tries: int, now: datetime) -> Outcome:
    """The provider took it."""
    change = Change(
        claim.entry_id,
        Fact(answer.status, now),
        Source.WORKER,
        try_number=tries,
        provider_message_id=answer.provider_message_id,
    )
    return Outcome(claim, change, events=tuple(answer.events))


def failed(claim: Claim, code: str, words: str, now: datetime) -> Outcome:
    """Our own check stopped it."""
    problem = registry.explain(claim.provider, Status.FAILED, code, words)
    fact = Fact(Status.FAILED, now, problem.error_class, code)
    return Outcome(claim, Change(claim.entry_id, fact, Source.WORKER, words=words))


def given_up(claim: Claim, code: str, words: str, now: datetime, *, begun: bool) -> Outcome:
    """It is not tried any more; when an earlier try may have sent it, nobody knows."""
    if not begun:
        return failed(claim, code, words, now)
    lost = UnknownOutcome(claim.provider, "no_answer", f"{words} An earlier try may have sent it.")
    return unknown(claim, lost, claim.tries, now)


def opted_out(claim: Claim, request: SendRequest, refusal: OptOut, now: datetime) -> Outcome:
    """Marketing is skipped; a transactional message fails here, and goes another way."""
    if refusal.source is OptSource.ERASED:
        return failed(claim, "erased", "", now)
    words = f"The recipient {SOURCE_WORDS[refusal.source]} on {refusal.at:%Y-%m-%d}."
    if request.purpose is Purpose.TRANSACTIONAL:
        return failed(claim, "opted_out", words, now)
    fact = Fact(Status.SKIPPED, now, ErrorClass.POLICY, "opted_out")
    return Outcome(claim, Change(claim.entry_id, fact, Source.WORKER, words=words))


def rejected(claim: Claim, error: ProviderError, tries: int, now: datetime) -> Outcome:
    """The provider's plain no to this message."""
    problem = registry.explain(claim.provider, Status.REJECTED, error.code, error.words)
    fact = Fact(Status.REJECTED, now, problem.error_class, error.code)
    return Outcome(
        claim,
        Change(claim.entry_id, fact, Source.WORKER, words=error.words, try_number=tries),
    )


def again(claim: Claim, error: ProviderError, at: datetime, tries: int, now: datetime) -> Outcome:
    """It surely was not sent, and is tried again."""
    change = Change(
        claim.entry_id,
        Fact(Status.QUEUED, now, None, error.code),
        Source.WORKER,
        word="try_again",
        words=error.words,
        try_number=tries,
        step=True,
    )
    return Outcome(claim, change, again_at=at, reason=error.code)


def unknown(claim: Claim, error: ProviderError, tries: int, now: datetime) -> Outcome:
    """It may have been sent."""
    fact = Fact(Status.UNKNOWN, now, ErrorClass.UNKNOWN, error.code)
    change = Change(
        claim.entry_id, fact, Source.WORKER, words=error.words, try_number=tries, step=True
    )
    return Outcome(claim, change)


def heard(outcome: Outcome, code: str, request: SendRequest, now: datetime) -> Outcome:
    """A no that says that the address has opted out is kept as its refusal, too."""
    opt = registry.by_key(outcome.claim.provider).opt_codes.get(code)
    if opt is None:
        return outcome
    event = DeliveryEvent(
        kind=f"rejected: {code}",
        at=now,
        entry_id=request.entry_id,
        provider_message_id="",
        recipient=request.recipient,
        opt=opt,
    )
    return replace(outcome, events=(*outcome.events, event))
