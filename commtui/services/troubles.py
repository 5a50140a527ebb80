"""What a failed call says: about its message, and about its provider, for the workers of all hosts."""

from __future__ import annotations

from datetime import datetime, timedelta

from commtui.config import Settings
from commtui.domain import retry
from commtui.domain.vocabulary import Status
from commtui.errors import (
    AccountTrouble,
    DatabaseAway,
    NotSent,
    NotYet,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers import registry
from commtui.services import outcomes
from commtui.store import providers_state, quotas
from commtui.store.engine import Database
from commtui.store.outbox import Claim, Outcome
from commtui.store.providers_state import Why

OUT_OF_ORDER = frozenset({"unreachable", "no_answer", "upload_failed"})
"""Codes of what surely did not leave because the provider was not there."""


def answers(error: ProviderError) -> bool:
    """Whether a provider that says this is in order, whatever it says of the message."""
    return isinstance(error, Rejected | NotYet | RateLimited)


def is_outage(error: ProviderError) -> bool:
    """Whether a call met with a provider that is out of order, and not with a fault of ours."""
    if isinstance(error, UnknownOutcome):
        return error.code != "internal"
    if not isinstance(error, NotSent) or answers(error):
        return False
    return error.code in OUT_OF_ORDER or (error.code.isdecimal() and int(error.code) >= 500)


class Troubles:
    """Reads failed calls of one worker."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._worker = settings.worker

    def read(
        self,
        claim: Claim,
        error: ProviderError,
        tries: int,
        *,
        expires_at: datetime | None = None,
        begun: bool = False,
    ) -> Outcome:
        """The outcome of a failed call; pauses its provider or makes it wait where it says so.

        With `begun`, an earlier try may have sent it.
        """
        now = self._database.now()
        if isinstance(error, AccountTrouble):
            return outcomes.again(claim, error, self._pause(claim, error, now), tries, now)
        if is_outage(error):
            self._count(claim, error)
        if isinstance(error, NotSent):
            return self._later(claim, error, tries, now, expires_at=expires_at, begun=begun)
        if isinstance(error, Stopped):
            return outcomes.given_up(claim, error.code, error.words, now, begun=begun)
        if isinstance(error, Rejected):
            return outcomes.rejected(claim, error, tries, now)
        return outcomes.unknown(claim, error, tries, now)

    def _later(
        self,
        claim: Claim,
        error: NotSent,
        tries: int,
        now: datetime,
        *,
        expires_at: datetime | None,
        begun: bool,
    ) -> Outcome:
        """Surely nothing was accepted: it is tried again, unless it is of no use by then."""
        if isinstance(error, NotYet):
            seconds = error.retry_after or self._worker.retry_seconds
            at = now + timedelta(seconds=seconds)
            return Outcome(claim, None, again_at=at, reason=error.code)
        if isinstance(error, RateLimited):
            self._wait(claim, error)
        failure = retry.Failure(claim.entry_id, error.retry_after, expires_at)
        when = retry.next_try(tries, failure, now, first_seconds=self._worker.retry_seconds)
        if when is not None:
            return outcomes.again(claim, error, when, tries, now)
        words = f"It expires before the next try. {error.words}".strip()
        return outcomes.given_up(claim, "expired", words, now, begun=begun)

    def _pause(self, claim: Claim, error: AccountTrouble, now: datetime) -> datetime:
        problem = registry.by_key(claim.provider).explain(Status.REJECTED, error.code, error.words)
        seconds = self._worker.pause_seconds
        try:
            return providers_state.pause(
                self._database, claim.provider, Why.ACCOUNT, problem.sentence, seconds, error.code
            )
        except DatabaseAway:
            # the next call is refused as well, and pauses the provider then
            return now + timedelta(seconds=seconds)

    def _count(self, claim: Claim, error: ProviderError) -> None:
        words = (
            f"{registry.by_key(claim.provider).label} is out of order: {error.words or error.code}"
        )
        try:
            providers_state.outage(
                self._database,
                claim.provider,
                words,
                self._worker.outage_limit,
                self._worker.pause_seconds,
            )
        except DatabaseAway:
            # the next outage is counted
            return

    def _wait(self, claim: Claim, error: RateLimited) -> None:
        try:
            quotas.wait(
                self._database, claim.provider, error.retry_after, self._worker.retry_seconds
            )
        except DatabaseAway:
            # the next call is told to wait, too
            return
