"""Asking providers: about outcomes that were lost, and about messages whose receipt never came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from commtui.domain.vocabulary import Channel, Source
from commtui.errors import AccountTrouble, DatabaseAway, NotSent, ProviderError, RateLimited
from commtui.providers import registry
from commtui.providers.base import Capability, Checks, DeliveryEvent, Finds, Polls
from commtui.services.events import Applying
from commtui.services.redirecting import as_sent
from commtui.store import lookups, outbox, polls, quotas, requests, steps
from commtui.store.engine import Database

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(minutes=5)
AT_FIRST, ASK_AGAIN_AT_FIRST = timedelta(minutes=2), timedelta(seconds=10)
"""A provider's list may lag behind by some seconds."""
FIRST_WAIT_SECONDS = 15.0
"""After a 429 that says no time."""
MADE_BY_THEN = timedelta(seconds=30)
"""For clocks that differ: a message made later than this after its outcome was lost is another one."""
BATCH = 20


class Asking:
    """One worker's questions to providers that can answer them."""

    def __init__(
        self, database: Database, providers: Mapping[str, Checks], applying: Applying
    ) -> None:
        self._database = database
        self._providers = providers
        self._applying = applying

    async def about_unknown(self) -> int:
        """Look unknown outcomes up; only a definite answer changes anything. Returns how many were asked about."""
        finding = [key for key in self._providers if self._can(key, Capability.FIND)]
        able = await asyncio.to_thread(self._unknown, finding)
        if not able:
            return 0
        loaded = await asyncio.to_thread(requests.load, self._database, [row[0] for row in able])
        reached = await asyncio.to_thread(self._reached, [row[0] for row in able])
        for entry_id, key, since in able:
            request, taken = loaded.get(entry_id), reached.get(entry_id, {})
            if request is None:
                continue
            try:
                found = await cast("Finds", self._providers[key]).find(
                    as_sent(request, taken), request.created_at, taken
                )
            except ProviderError as error:
                await asyncio.to_thread(self._refused, key, entry_id, error)
                continue
            if found is not None:
                await asyncio.to_thread(self._settle, key, entry_id, since, list(found))
        await asyncio.to_thread(outbox.mark_asked, self._database, [row[0] for row in able])
        return len(able)

    def _unknown(self, providers: Sequence[str]) -> list[tuple[str, str, datetime]]:
        """Unknown outcomes whose time to be asked about has come, at providers that may be asked."""
        now = self._database.now()
        return outbox.unknown_entries(
            self._database,
            self._not_waiting(providers),
            now - ASK_AGAIN,
            now - ASK_AGAIN_AT_FIRST,
            now - AT_FIRST,
            BATCH,
        )

    def _settle(
        self, key: str, entry_id: str, lost_at: datetime, found: list[DeliveryEvent]
    ) -> None:
        """What the provider said for certain: what became of the message, or that there is none.

        Of messages that are only like it, it is the one that no other entry has or could have made.
        """
        if not found:
            outbox.not_sent_after_all(self._database, entry_id)
            return
        events = [
            event
            for event in found
            if event.made_at is None or event.made_at <= lost_at + MADE_BY_THEN
        ]
        ids = {event.provider_message_id for event in events}
        free = lookups.unclaimed(self._database, key, ids, entry_id)
        alike = any(event.made_at is not None for event in events)
        if len(free) == 1 and not (alike and lookups.has_rival(self._database, entry_id)):
            mine = [event for event in events if event.provider_message_id in free]
            self._applying.learn(key, mine, Source.POLL)

    def _not_waiting(self, providers: Sequence[str]) -> list[str]:
        """Those that have not asked us to wait."""
        with self._database.read() as connection:
            waiting = quotas.waits(connection, self._database.now())
        return [key for key in providers if key not in {item.provider for item in waiting}]

    def _refused(self, key: str, entry_id: str, error: ProviderError) -> None:
        """The provider could not be asked; when it asks us to wait, everybody does."""
        log.info("%s could not be asked about %s: %s", key, entry_id, error.code)
        if isinstance(error, RateLimited):
            quotas.wait(self._database, key, error.retry_after, FIRST_WAIT_SECONDS)

    def _reached(self, entry_ids: Sequence[str]) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        with self._database.read() as connection:
            return steps.reached(connection, entry_ids)[0]

    async def about_accepted(self) -> int:
        """Ask about accepted messages whose time has come; returns how many were asked about.

        Providers are asked side by side: one that hangs holds up no other.
        """
        able = [key for key in self._providers if self._can(key, Capability.POLL)]
        able = await asyncio.to_thread(self._not_waiting, able) if able else []
        return sum(await asyncio.gather(*(self._sweep(key) for key in able)))

    async def _sweep(self, key: str) -> int:
        """Ask one provider about some messages; the rest waits when it cannot be asked at all."""
        rows = await asyncio.to_thread(polls.take, self._database, key, BATCH)
        for item in rows:
            try:
                await self._about(item)
            except (NotSent, AccountTrouble) as error:
                await asyncio.to_thread(self._refused, key, item.watch.entry_id, error)
                return 0
            except ProviderError as error:
                await asyncio.to_thread(self._refused, key, item.watch.entry_id, error)
            except DatabaseAway:
                raise
            except Exception:
                # one answer that nobody can read must not hold up all the others
                log.exception("asking %s about %s failed", key, item.watch.entry_id)
        return len(rows)

    async def _about(self, item: polls.Due) -> None:
        watch = item.watch
        if registry.by_key(item.provider).channel is Channel.EINVOICE:
            sent = await asyncio.to_thread(polls.sent_documents, self._database, watch.entry_id)
            watch = replace(watch, sent=sent)
        found = await cast("Polls", self._providers[item.provider]).poll(watch)
        await asyncio.to_thread(
            self._applying.learn, item.provider, list(found.events), Source.POLL
        )
        await asyncio.to_thread(polls.learnt, self._database, item, found)

    def _can(self, key: str, capability: Capability) -> bool:
        return key in self._providers and capability in registry.by_key(key).capabilities
