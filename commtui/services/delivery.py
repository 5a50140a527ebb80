"""Sending what is queued.

A row is claimed, its content read, our own check made; then `sending` is committed and the provider is
called with no transaction open: a slow provider must not hold the database. Answers are recorded in groups.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from commtui.config import Settings
from commtui.domain.optouts import OptOut
from commtui.domain.vocabulary import Source
from commtui.errors import (
    DatabaseAway,
    NotSent,
    ProviderError,
    Rejected,
    UnknownOutcome,
)
from commtui.providers import registry
from commtui.providers.base import (
    Capability,
    Checks,
    Provider,
    SendRequest,
    Stepwise,
)
from commtui.providers.http import Quota
from commtui.services import outcomes, redirecting
from commtui.services.claiming import Claiming
from commtui.services.redirecting import Redirecting
from commtui.services.stepping import EntrySteps, elapsed_clock
from commtui.services.troubles import Troubles, answers
from commtui.services.unsubscribing import Unsubscribing
from commtui.store import inbox, matching, outbox, providers_state, quotas, refusing, requests
from commtui.store import steps as stored_steps
from commtui.store.engine import Database
from commtui.store.outbox import Claim, Outcome

log = logging.getLogger(__name__)

RECORD_BATCH = 64
GATHER_SECONDS = 0.01
"""After the first slot became free, so that several rows are claimed in one transaction."""
REPEAT_MARGIN = timedelta(minutes=30)
"""Before a provider forgets an idempotency key, nothing is repeated with it any more."""
AGAIN_SECONDS = 1.0
"""Between two tries to record answers while the database is away."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed entry that passed our own checks."""

    claim: Claim
    request: SendRequest
    steps: EntrySteps | None
    """None: its provider takes one step."""


class Delivery:
    """The sending part of one worker."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        providers: Mapping[str, Checks],
        worker_id: str,
        said: Callable[[], Mapping[str, Quota]] = dict,
    ) -> None:
        """`said` tells, once, what the providers' headers said of how many more calls they take."""
        self._database = database
        self._settings = settings
        self._unsubscribing = Unsubscribing(database, settings)
        self._redirecting = Redirecting(settings)
        self._providers = providers
        self._worker_id = worker_id
        self._said = said
        self._claiming = Claiming(database, settings, worker_id)
        self._troubles = Troubles(database, settings)
        self._alone = False
        """What is in flight has to end before anything else is claimed."""
        self._answering: set[str] = set()
        """Providers that answered as they should since this was last recorded."""
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
        if self._calls and (free <= 0 or self._alone):
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(GATHER_SECONDS)
            return 1
        taken = await asyncio.to_thread(self._claiming.take, free, len(self._calls))
        self._alone = taken.alone
        if taken.claims:
            ready, stopped = await asyncio.to_thread(self._examine, taken.claims)
            if stopped:
                await asyncio.to_thread(self._finish, stopped)
            if ready:
                await self._start(ready)
        return len(taken.claims) + taken.alone

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
        for outcome in outcomes:
            if outcome.events:
                inbox.learn(self._database, outcome.claim.provider, outcome.events, Source.WORKER)
        with contextlib.suppress(DatabaseAway):
            # the next answers say it again
            quotas.observe(self._database, self._said())
            if self._answering:
                answering, self._answering = self._answering, set()
                providers_state.works(self._database, answering)
                quotas.accepted(self._database, answering)
            self._give_back(outcome.claim for outcome in outcomes)
        self._match_early(outcomes)

    def _match_early(self, outcomes: Sequence[Outcome]) -> None:
        """Events may have been quicker than the answer that says which message they are about."""
        learnt: dict[str, set[str]] = {}
        for outcome in outcomes:
            if outcome.change is not None and outcome.change.provider_message_id:
                ids = learnt.setdefault(outcome.claim.provider, set())
                ids.add(outcome.change.provider_message_id)
        try:
            for provider, message_ids in learnt.items():
                matching.match_messages(self._database, provider, message_ids)
        except Exception:
            # the answers are recorded and must not be recorded again because of this; the sweep finds the events
            log.exception("events that came early could not be attributed; they are tried again")

    def _give_back(self, claims: Iterable[Claim]) -> None:
        """Somebody else may make the one try after a pause: these have ended, or were not made."""
        if providers := {claim.provider for claim in claims if claim.probe}:
            providers_state.give_probe_back(self._database, providers)

    def _examine(self, claims: Sequence[Claim]) -> tuple[list[_Ready], list[Outcome]]:
        """What may be sent with everything it needs, and what our own checks stop."""
        ids = [claim.entry_id for claim in claims]
        loaded = requests.load(self._database, ids)
        with self._database.read() as connection:
            refused = refusing.refused(connection, ids)
            reached, begun = stored_steps.reached(connection, ids)
        ready: list[_Ready] = []
        stopped: list[Outcome] = []
        now = self._database.now()
        for claim in claims:
            request = loaded.get(claim.entry_id)
            if request is not None:
                request = replace(request, unsubscribe=self._unsubscribing.link(request))
            taken = reached.get(claim.entry_id, {})
            found: _Ready | Outcome | None = self._check(
                claim, request, refused.get(claim.entry_id), now
            )
            if found is None and request is not None:
                found = self._readied(claim, request, taken, begun.get(claim.entry_id), now)
            if isinstance(found, _Ready):
                ready.append(found)
            elif found is not None and claim.entry_id in begun:
                words = found.change.words if found.change is not None else ""
                stopped.append(outcomes.given_up(claim, "", words, now, begun=True))
            elif found is not None:
                stopped.append(found)
        return ready, stopped

    def _readied(
        self,
        claim: Claim,
        request: SendRequest,
        reached: Mapping[str, Mapping[str, Any]],
        begun_at: datetime | None,
        now: datetime,
    ) -> _Ready | Outcome:
        """A checked message on its way, which in test mode leads elsewhere; what went elsewhere is checked again."""
        way = self._redirecting.way(request, reached)
        if way.problem:
            return outcomes.failed(claim, redirecting.CODE, way.problem, now)
        if way.to:
            claim = replace(claim, redirected_to=way.to)
            if (stopped := self._own_check(claim, way.request, now)) is not None:
                return stopped
        takes_steps = Capability.STEPS in registry.by_key(claim.provider).capabilities
        if not takes_steps:
            return _Ready(claim, way.request, None)
        lease = self._settings.worker.lease_seconds
        recipient = way.request.recipient
        steps = EntrySteps(self._database, claim, recipient, reached, begun_at, lease)
        return _Ready(claim, way.request, steps)

    def _check(
        self, claim: Claim, request: SendRequest | None, refusal: OptOut | None, now: datetime
    ) -> Outcome | None:
        provider = self._providers.get(claim.provider)
        if provider is None or request is None:
            code = "no_provider" if provider is None else "missing_content"
            return outcomes.failed(
                claim, code, f"{claim.provider or 'no provider'} is not set up here", now
            )
        if refusal is not None:
            return outcomes.opted_out(claim, request, refusal, now)
        if request.expires_at is not None and request.expires_at <= now:
            return outcomes.failed(claim, "expired", "It expired before it could be sent.", now)
        return self._own_check(claim, request, now)

    def _own_check(self, claim: Claim, request: SendRequest, now: datetime) -> Outcome | None:
        """What the provider's own check stops."""
        try:
            found = self._providers[claim.provider].check(request)
        except Exception as error:
            log.exception("the check of %s failed in our own code", claim.provider)
            found = ("check_failed", type(error).__name__)
        return outcomes.failed(claim, *found, now) if found else None

    async def _start(self, ready: Sequence[_Ready]) -> None:
        started = elapsed_clock()
        single = [item.claim for item in ready if item.steps is None]
        stepwise = [item.claim for item in ready if item.steps is not None]
        try:
            begun = await asyncio.to_thread(self._begin, single, stepwise)
        except DatabaseAway:
            # whether `sending` was committed is not known; that nobody was called is
            now = self._database.now()
            for item in ready:
                error = NotSent(
                    item.claim.provider, "not_begun", "The database went away before the call."
                )
                self._answers.put_nowait(
                    outcomes.again(item.claim, error, now, item.claim.tries + 1, now)
                )
            raise
        for item in ready:
            if item.claim.entry_id in begun:
                task = asyncio.create_task(self._call(item, started))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)

    def _begin(self, single: Sequence[Claim], stepwise: Sequence[Claim]) -> set[str]:
        begun: set[str] = set()
        if single:
            begun |= outbox.begin(self._database, single)
        if stepwise:
            begun |= outbox.prepare(self._database, stepwise)
        self._give_back(item for item in (*single, *stepwise) if item.entry_id not in begun)
        return begun

    async def _call(self, item: _Ready, begun_at: float) -> None:
        claim, steps = item.claim, item.steps
        tries = claim.tries + 1
        provider = self._providers[claim.provider]
        try:
            if elapsed_clock() - begun_at > self._settings.worker.lease_seconds / 2:
                raise NotSent(claim.provider, "too_late", "The worker was held up before the call.")
            if steps is None:
                answer = await cast("Provider", provider).send(item.request)
            else:
                answer = await cast("Stepwise", provider).advance(item.request, steps)
            outcome = outcomes.accepted(claim, answer, tries, self._database.now())
            self._answering.add(claim.provider)
        except ProviderError as error:
            outcome = await self._failed(item, _as_seen(error, item, self._database))
            if isinstance(error, Rejected):
                outcome = outcomes.heard(outcome, error.code, item.request, self._database.now())
        except Exception as error:
            log.exception("provider %s failed in our own code", claim.provider)
            ours = UnknownOutcome(claim.provider, "internal", type(error).__name__)
            outcome = await self._failed(item, _as_seen(ours, item, self._database))
        self._answers.put_nowait(outcome)

    async def _failed(self, item: _Ready, error: ProviderError) -> Outcome:
        if answers(error):
            self._answering.add(item.claim.provider)
        return await asyncio.to_thread(
            self._troubles.read,
            item.claim,
            error,
            item.claim.tries + 1,
            expires_at=item.request.expires_at,
            begun=item.steps is not None and item.steps.begun_at is not None,
        )


def _as_seen(error: ProviderError, item: _Ready, database: Database) -> ProviderError:
    """A lost answer as it counts: before the step that cannot be taken back nothing was sent, and a step
    with an idempotency key is repeated, as long as the provider remembers the key."""
    steps = item.steps
    if not isinstance(error, UnknownOutcome) or steps is None:
        return error
    repeats_for = registry.by_key(item.claim.provider).repeats_for
    forgotten = (
        repeats_for is not None
        and steps.begun_at is not None
        and database.now() - steps.begun_at > repeats_for - REPEAT_MARGIN
    )
    repeatable = repeats_for is not None and not forgotten
    if repeatable or (not steps.begun and not forgotten):
        return NotSent(error.provider, error.code, error.words)
    return error
