"""Our own accounts at the providers: asked about once a day, so that trouble is seen before anything waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from commtui.domain.views import AccountWarning
from commtui.domain.vocabulary import Status
from commtui.errors import AccountTrouble, ProviderError
from commtui.providers import registry
from commtui.providers.base import AccountFinding, Accounts, Capability, Checks
from commtui.services.explaining import remedy
from commtui.store import accounts
from commtui.store.engine import Database
from commtui.store.providers_state import Pause

log = logging.getLogger(__name__)

DAILY = timedelta(days=1)
WHILE_WRONG = timedelta(hours=1)
"""What is wrong is asked about sooner, so that a warning goes away once it is put right."""
NOT_ASKED = timedelta(minutes=15)


class AccountChecks:
    """One worker's share of the questions; the database says whose turn it is."""

    def __init__(self, database: Database, providers: Mapping[str, Checks]) -> None:
        self._database = database
        self._providers = providers
        self._starting = True

    async def step(self) -> int:
        """Ask about the accounts whose time has come; returns how many."""
        able = [
            key
            for key in sorted(self._providers)
            if Capability.ACCOUNT in registry.by_key(key).capabilities
        ]
        taken = await asyncio.to_thread(
            accounts.take, self._database, able, starting=self._starting
        )
        self._starting = False
        for key in taken:
            await self._ask(key)
        return len(taken)

    async def _ask(self, key: str) -> None:
        provider = cast("Accounts", self._providers[key])
        last = await asyncio.to_thread(self._last_steps, key)
        try:
            found = list(await provider.account(last))
        except AccountTrouble as error:
            found = [AccountFinding(error.code)]
        except ProviderError as error:
            log.info("%s could not be asked about our account: %s", key, error.code)
            await asyncio.to_thread(accounts.not_asked, self._database, key, NOT_ASKED)
            return
        await asyncio.to_thread(self._keep, key, found)

    def _keep(self, key: str, found: list[AccountFinding]) -> None:
        again = WHILE_WRONG if found else DAILY
        pairs = [(item.code, item.sentence) for item in found]
        if accounts.learnt(self._database, key, pairs, again):
            for code, sentence in pairs:
                log.warning("our account at %s: %s", key, sentence or code)

    def _last_steps(self, key: str) -> Mapping[str, Mapping[str, Any]]:
        with self._database.read() as connection:
            return accounts.last_steps(connection, key)


def warnings(
    found: Iterable[accounts.Finding], pauses: Iterable[Pause]
) -> tuple[AccountWarning, ...]:
    """What is wrong with our accounts in sentences, and what to do about it; what stops a provider comes first."""
    stopping = {(item.provider, item.code): item for item in pauses}
    others = (item for item in found if (item.provider, item.code) not in stopping)
    return (
        *(AccountWarning(item.provider, item.reason, remedy(item)) for item in stopping.values()),
        *(_warning(item) for item in others),
    )


def _warning(item: accounts.Finding) -> AccountWarning:
    problem = registry.explain(item.provider, Status.REJECTED, item.code, item.sentence)
    return AccountWarning(item.provider, item.sentence or problem.sentence, problem.advice)
