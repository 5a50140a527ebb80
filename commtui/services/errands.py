"""The worker's errands: what operators asked for that only a provider can do, and what it said to that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import cast

from commtui.domain import retry
from commtui.domain.text import recipient_key
from commtui.domain.vocabulary import SYSTEM, Channel, ErrorClass, Source, Status
from commtui.errors import ProviderError, Rejected
from commtui.providers import registry
from commtui.providers.base import Cancels, Capability, Checks, Lifts, Watch
from commtui.services.events import Applying
from commtui.store import audits, errands, keeping, steps, wishes
from commtui.store.details import stored_entries
from commtui.store.engine import Database
from commtui.store.errands import CANCEL, Errand

log = logging.getLogger(__name__)

BATCH = 10
FIRST_SECONDS = 15.0
NEEDS = {errands.CANCEL: Capability.CANCEL, errands.LIFT: Capability.LIFT}


def _refusal_words(error: Rejected) -> str:
    """What a refusal means where its code is known, with the provider's words behind it."""
    problem = registry.explain(error.provider, Status.REJECTED, error.code, error.words)
    if problem.error_class is ErrorClass.UNKNOWN:
        return error.words or error.code
    return f"{problem.sentence} {error.words}".strip()


class Errands:
    """Runs errands for one worker."""

    def __init__(
        self, database: Database, providers: Mapping[str, Checks], applying: Applying
    ) -> None:
        self._database = database
        self._providers = providers
        self._applying = applying

    async def step(self) -> int:
        """Run some errands; returns how many."""
        if await asyncio.to_thread(self._held):
            return 0
        taken = await asyncio.to_thread(
            errands.take, self._database, sorted(self._providers), BATCH
        )
        for item in taken:
            try:
                words = await self._run(item)
            except Rejected as error:
                await asyncio.to_thread(self._close, item, "refused", _refusal_words(error))
            except ProviderError as error:
                log.info("errand %s at %s has to wait: %s", item.kind, item.provider, error.code)
                await asyncio.to_thread(self._later, item, error.words or error.code)
            else:
                await asyncio.to_thread(self._close, item, "done", words)
        return len(taken)

    def _held(self) -> bool:
        with self._database.read() as connection:
            return keeping.held(connection)

    async def _run(self, item: Errand) -> str:
        if NEEDS[item.kind] not in registry.by_key(item.provider).capabilities:
            raise Rejected(item.provider, "not_possible", "This provider cannot do that.")
        provider = self._providers[item.provider]
        if item.kind == CANCEL:
            return await self._cancel(item, cast("Cancels", provider))
        return await cast("Lifts", provider).lift(item.address)

    async def _cancel(self, item: Errand, provider: Cancels) -> str:
        watch = await asyncio.to_thread(self._watch, item.entry_id or "")
        found = list(await provider.cancel(watch))
        await asyncio.to_thread(self._applying.learn, item.provider, found, Source.POLL)
        return ", ".join(event.kind for event in found)

    def _watch(self, entry_id: str) -> Watch:
        with self._database.read() as connection:
            entry = stored_entries(connection, [entry_id])[entry_id]
            reached, _ = steps.reached(connection, [entry_id])
        return Watch(
            entry_id, entry.provider_message_id, self._database.now(), 0, reached.get(entry_id, {})
        )

    def _close(self, item: Errand, state: str, words: str) -> None:
        now = self._database.now()
        with self._database.write() as connection:
            errands.done(connection, item.id, state, words, now)
            if item.kind == errands.LIFT and state == "done":
                wishes.clear_mark(connection, Channel.EMAIL, recipient_key(item.address))
            audits.write(
                connection,
                self._database,
                SYSTEM,
                f"{item.kind} {state}",
                {"errand": item.id, "provider": item.provider},
                {"asked by": item.operator},
                " ".join(filter(None, (item.address, words))),
            )

    def _later(self, item: Errand, words: str) -> None:
        now = self._database.now()
        at = retry.after(item.tries, retry.Failure(item.id), now, first_seconds=FIRST_SECONDS)
        with self._database.write() as connection:
            errands.later(connection, item.id, words, at)
