"""Sending what is queued.

A row is claimed, its content read, our own check made; then `sending` is committed and the provider is
called with no transaction open: a slow provider must not hold the database. Answers are recorded in groups.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from commtui.config import Settings
from commtui.domain import retry
from commtui.domain.fold import Fact
from commtui.domain.vocabulary import ErrorClass, Source, Status
from commtui.errors import (
    AccountTrouble,
    DatabaseAway,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
)
from commtui.providers import registry
from commtui.providers.base import Accepted, Provider, SendRequest
from commtui.store import outbox, providers_state, requests
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.outbox import Claim, Outcome

log = logging.getLogger(__name__)

RECORD_BATCH = 64
GATHER_SECONDS = 0.01
"""After the first slot became free, so that several rows are claimed in one transaction."""
AGAIN_SECONDS = 1.0
"""Between two tries to record answers while the database is away."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _elapsed_clock() -> float:
    """Seconds that also pass while the machine sleeps: a lease does not wait for us to wake."""
    return time.clock_gettime(_CLOCK)


class Delivery:
    """The sending part of one worker."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        providers: Mapping[str, Provider],
        worker_id: str,
    ) -> None:
        self._database = database
        self._settings = settings
        self._providers = providers
        self._worker_id = worker_id
        self._answers: asyncio.Queue[Outcome] = asyncio.Queue()
        self._calls: set[asyncio.Task[None]] = set()
        self._recording = 0
        """Answers taken from the queue that are being recorded."""
        self._slots = settings.worker.concurrency

    @property
    def busy(self) -> bool:
        """Whether a call is in flight or an answer unrecorded."""
        return bool(self._calls or self._recording) or not self._answers.empty()

    async def step(self) -> int:
        """Claim what free slots can take and start the calls, or wait for a free slot; returns 0 when idle."""
        free = self._slots - len(self._calls)
        if free <= 0:
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(GATHER_SECONDS)
            return 1
        claims = await asyncio.to_thread(self._claim, free)
        if not claims:
            return 0
        loaded = await asyncio.to_thread(
            requests.load, self._database, [claim.entry_id for claim in claims]
        )
        ready: list[tuple[Claim, SendRequest]] = []
        stopped: list[Outcome] = []
        now = self._database.now()
        for claim in claims:
            request = loaded.get(claim.entry_id)
            problem = self._check(claim, request, now)
            if problem is not None:
                stopped.append(problem)
            elif request is not None:
                ready.append((claim, request))
        if stopped:
            await asyncio.to_thread(outbox.finish, self._database, stopped)
        if ready:
            await self._start(ready)
        return len(claims)

    async def record(self) -> None:
        """Record answers as they come, as many as have come in one transaction; runs until cancelled.

        Drain before it is cancelled: what it has taken already would be lost with it.
        """
        while True:
            await self._record([await self._answers.get(), *self._waiting(RECORD_BATCH - 1)])

    async def drain(self) -> None:
        """Wait until every call in flight has ended and every answer is recorded."""
        while self._calls:
            await asyncio.wait(set(self._calls))
        while outcomes := self._waiting(RECORD_BATCH):
            await self._record(outcomes)
        await self._answers.join()

    def _waiting(self, limit: int) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < limit and not self._answers.empty():
            outcomes.append(self._answers.get_nowait())
        return outcomes

    async def _record(self, outcomes: list[Outcome]) -> None:
        """Keep at it while the database is away: these answers exist nowhere else."""
        self._recording += len(outcomes)
        while True:
            try:
                await asyncio.to_thread(self._finish, outcomes)
                break
            except Exception:
                log.exception("answers could not be recorded; trying again")
                await asyncio.sleep(AGAIN_SECONDS)
        self._recording -= len(outcomes)
        for _ in outcomes:
            self._answers.task_done()

    def _finish(self, outcomes: list[Outcome]) -> None:
        outbox.finish(self._database, outcomes)
        accepted = {
            outcome.claim.provider
            for outcome in outcomes
            if outcome.change.fact.status is Status.SENT
        }
        with contextlib.suppress(DatabaseAway):
            # the next accepted message says it again
            for provider in accepted:
                providers_state.works(self._database, provider)

    def _claim(self, limit: int) -> list[Claim]:
        with self._database.read() as connection:
            pauses = providers_state.paused(connection, self._database.now())
        return outbox.claim(
            self._database, self._worker_id, limit, [pause.provider for pause in pauses]
        )

    def _check(self, claim: Claim, request: SendRequest | None, now: datetime) -> Outcome | None:
        provider = self._providers.get(claim.provider)
        if provider is None or request is None:
            code = "no_provider" if provider is None else "missing_content"
            return self._failed(
                claim, code, f"{claim.provider or 'no provider'} is not set up here", now
            )
        if request.expires_at is not None and request.expires_at <= now:
            return self._failed(claim, "expired", "It expired before it could be sent.", now)
        found = provider.check(request)
        return self._failed(claim, *found, now) if found else None

    def _failed(self, claim: Claim, code: str, words: str, now: datetime) -> Outcome:
        spec = registry.by_key(claim.provider) if claim.provider else None
        error_class = (
            spec.explain(Status.FAILED, code, words).error_class if spec else ErrorClass.TECHNICAL
        )
        fact = Fact(Status.FAILED, now, error_class, code)
        return Outcome(claim, Change(claim.entry_id, fact, Source.WORKER, words=words))

    async def _start(self, ready: list[tuple[Claim, SendRequest]]) -> None:
        started = _elapsed_clock()
        claims = [claim for claim, _ in ready]
        try:
            begun = await asyncio.to_thread(outbox.begin, self._database, claims)
        except DatabaseAway:
            # whether `sending` was committed is not known; that nobody was called is
            for claim in claims:
                error = NotSent(
                    claim.provider, "not_begun", "The database went away before the call."
                )
                self._answers.put_nowait(
                    self._again(claim, error, self._database.now(), claim.tries + 1)
                )
            raise
        for claim, request in ready:
            if claim.entry_id in begun:
                task = asyncio.create_task(self._call(claim, request, started))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)

    async def _call(self, claim: Claim, request: SendRequest, begun_at: float) -> None:
        tries = claim.tries + 1
        try:
            if _elapsed_clock() - begun_at > self._settings.worker.lease_seconds / 2:
                raise NotSent(claim.provider, "too_late", "The worker was held up before the call.")
            answer = await self._providers[claim.provider].send(request)
            outcome = self._accepted(claim, answer, tries)
        except ProviderError as error:
            outcome = await self._refused(claim, error, tries)
        except Exception as error:
            log.exception("provider %s failed in our own code", claim.provider)
            outcome = self._unknown(claim, "internal", type(error).__name__, tries)
        self._answers.put_nowait(outcome)

    def _accepted(self, claim: Claim, answer: Accepted, tries: int) -> Outcome:
        return Outcome(
            claim,
            Change(
                claim.entry_id,
                Fact(answer.status, self._database.now()),
                Source.WORKER,
                try_number=tries,
                provider_message_id=answer.provider_message_id,
            ),
        )

    async def _refused(self, claim: Claim, error: ProviderError, tries: int) -> Outcome:
        now = self._database.now()
        words = error.words
        if isinstance(error, AccountTrouble):
            reason = registry.by_key(claim.provider).explain(Status.REJECTED, error.code, words)
            pause_seconds = self._settings.worker.pause_seconds
            try:
                until = await asyncio.to_thread(
                    providers_state.pause,
                    self._database,
                    claim.provider,
                    reason.sentence,
                    pause_seconds,
                )
            except DatabaseAway:
                # the next call is refused as well, and pauses the provider then
                until = now + timedelta(seconds=pause_seconds)
            return self._again(claim, error, until, tries)
        if isinstance(error, NotSent):
            asked = error.retry_after if isinstance(error, RateLimited) else None
            seconds = retry.delay(tries, self._settings.worker.retry_seconds, asked)
            return self._again(claim, error, now + timedelta(seconds=seconds), tries)
        if isinstance(error, Rejected):
            problem = registry.by_key(claim.provider).explain(Status.REJECTED, error.code, words)
            fact = Fact(Status.REJECTED, now, problem.error_class, error.code)
            return Outcome(
                claim,
                Change(claim.entry_id, fact, Source.WORKER, words=words, try_number=tries),
            )
        return self._unknown(claim, error.code, words, tries)

    def _again(self, claim: Claim, error: ProviderError, at: datetime, tries: int) -> Outcome:
        now = self._database.now()
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

    def _unknown(self, claim: Claim, code: str, words: str, tries: int) -> Outcome:
        fact = Fact(Status.UNKNOWN, self._database.now(), ErrorClass.UNKNOWN, code)
        change = Change(
            claim.entry_id, fact, Source.WORKER, words=words, try_number=tries, step=True
        )
        return Outcome(claim, change)
