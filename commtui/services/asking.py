"""Asking providers: about outcomes that were lost, and about messages whose receipt never came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from commtui.domain.vocabulary import Channel, Source
from commtui.errors import ProviderError
from commtui.providers import registry
from commtui.providers.base import Capability, Checks, DeliveryEvent, Finds, Polls
from commtui.services.events import Applying
from commtui.services.redirecting import as_sent
from commtui.store import inbox, outbox, polls, requests, steps
from commtui.store.engine import Database

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(minutes=5)
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
        cut = self._database.now() - ASK_AGAIN
        rows = await asyncio.to_thread(outbox.unknown_entries, self._database, cut, BATCH)
        able = [row for row in rows if self._can(row[1], Capability.FIND)]
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
                log.info(
                    "%s could not be asked about %s since %s: %s", key, entry_id, since, error.code
                )
                continue
            if found is not None:
                await asyncio.to_thread(self._settle, key, entry_id, list(found))
        await asyncio.to_thread(outbox.mark_asked, self._database, [row[0] for row in able])
        return len(able)

    def _settle(self, key: str, entry_id: str, found: list[DeliveryEvent]) -> None:
        """What the provider said for certain: what became of the message, or that there is none."""
        if not found:
            outbox.not_sent_after_all(self._database, entry_id)
        elif not inbox.known_elsewhere(self._database, key, found[0].provider_message_id, entry_id):
            self._applying.learn(key, found, Source.POLL)

    def _reached(self, entry_ids: Sequence[str]) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        with self._database.read() as connection:
            return steps.reached(connection, entry_ids)[0]

    async def about_accepted(self) -> int:
        """Ask about accepted messages whose time has come; returns how many were asked about."""
        able = [key for key in self._providers if self._can(key, Capability.POLL)]
        if not able:
            return 0
        rows = await asyncio.to_thread(polls.due, self._database, able, BATCH)
        for item in rows:
            watch = item.watch
            if registry.by_key(item.provider).channel is Channel.EINVOICE:
                sent = await asyncio.to_thread(polls.sent_documents, self._database, watch.entry_id)
                watch = replace(watch, sent=sent)
            try:
                found = await cast("Polls", self._providers[item.provider]).poll(watch)
            except ProviderError as error:
                log.info(
                    "%s could not be asked about %s: %s", item.provider, watch.entry_id, error.code
                )
                await asyncio.to_thread(polls.not_asked, self._database, [watch.entry_id])
                continue
            await asyncio.to_thread(
                self._applying.learn, item.provider, list(found.events), Source.POLL
            )
            await asyncio.to_thread(polls.learnt, self._database, item, found)
        return len(rows)

    def _can(self, key: str, capability: Capability) -> bool:
        return key in self._providers and capability in registry.by_key(key).capabilities
