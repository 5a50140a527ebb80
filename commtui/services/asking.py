"""Asking providers: about outcomes that were lost, and about messages whose receipt never came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from commtui.domain.vocabulary import Source
from commtui.errors import ProviderError
from commtui.providers import registry
from commtui.providers.base import Capability, Finds, Polls, Provider
from commtui.services.events import Applying
from commtui.store import inbox, outbox, polls, requests
from commtui.store.engine import Database

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(minutes=5)
BATCH = 20


class Asking:
    """One worker's questions to providers that can answer them."""

    def __init__(
        self, database: Database, providers: Mapping[str, Provider], applying: Applying
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
        for entry_id, key, since in able:
            request = loaded.get(entry_id)
            if request is None:
                continue
            try:
                found = await cast("Finds", self._providers[key]).find(request, request.created_at)
            except ProviderError as error:
                log.info(
                    "%s could not be asked about %s since %s: %s", key, entry_id, since, error.code
                )
                continue
            if found and not await asyncio.to_thread(
                inbox.known_elsewhere, self._database, key, found[0].provider_message_id, entry_id
            ):
                await asyncio.to_thread(self._applying.learn, key, list(found), Source.POLL)
        await asyncio.to_thread(outbox.mark_asked, self._database, [row[0] for row in able])
        return len(able)

    async def about_silent(self) -> int:
        """Poll accepted messages that no receipt came for; returns how many were asked about."""
        able = [key for key in self._providers if self._can(key, Capability.POLL)]
        if not able:
            return 0
        rows = await asyncio.to_thread(polls.silent, self._database, able, BATCH)
        for entry_id, key, message_id in rows:
            try:
                found = await cast("Polls", self._providers[key]).poll(entry_id, message_id)
            except ProviderError as error:
                log.info("%s could not be polled for %s: %s", key, entry_id, error.code)
                continue
            await asyncio.to_thread(self._applying.learn, key, list(found), Source.POLL)
        await asyncio.to_thread(polls.asked, self._database, [row[0] for row in rows])
        return len(rows)

    def _can(self, key: str, capability: Capability) -> bool:
        return key in self._providers and capability in registry.by_key(key).capabilities
