"""One entry's steps at a provider that takes several: each committed before the next request is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commtui.domain.einvoice import Registration
from commtui.errors import DatabaseAway, NotSent
from commtui.store import outbox, steps, wishes
from commtui.store.engine import Database
from commtui.store.outbox import Claim

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_clock() -> float:
    """Seconds that also pass while the machine sleeps: a lease does not wait for us to wake."""
    return time.clock_gettime(_CLOCK)


class EntrySteps:
    """The steps of one claimed entry, on the database."""

    def __init__(
        self,
        database: Database,
        claim: Claim,
        recipient: str,
        reached: Mapping[str, Mapping[str, Any]],
        begun_at: datetime | None,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._claim = claim
        self._recipient = recipient
        self._reached = dict(reached)
        self._lease_seconds = lease_seconds
        self.begun_at = begun_at
        self.begun = False
        """Whether this try went as far as the step that cannot be taken back."""

    @property
    def reached(self) -> Mapping[str, Mapping[str, Any]]:
        """The committed references by the step's name."""
        return self._reached

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        """Commit a step. Raises NotSent when the database is away: the next request must not be made."""
        try:
            await asyncio.to_thread(
                steps.keep, self._database, self._claim.entry_id, step, reference, words
            )
        except DatabaseAway:
            raise NotSent(
                self._claim.provider, "not_begun", "The database went away between two steps."
            ) from None
        self._reached[step] = dict(reference)

    async def registered(self, check: Registration) -> None:
        """Keep what a look at the recipient's registration found."""

        def keep() -> None:
            with self._database.write() as connection:
                wishes.keep_registration(connection, self._recipient, check)

        try:
            await asyncio.to_thread(keep)
        except DatabaseAway:
            # it is looked up again then
            return

    async def begin(self) -> None:
        """Commit `sending`. Raises NotSent when the row is no longer ours, was refused, or it took too long."""
        started = elapsed_clock()
        try:
            begun = await asyncio.to_thread(
                outbox.begin, self._database, [self._claim], prepared=not self.begun
            )
        except DatabaseAway:
            raise NotSent(
                self._claim.provider, "not_begun", "The database went away before the call."
            ) from None
        if self._claim.entry_id not in begun:
            raise NotSent(self._claim.provider, "not_begun", "Somebody else has it by now.")
        if elapsed_clock() - started > self._lease_seconds / 2:
            raise NotSent(
                self._claim.provider, "too_late", "The worker was held up before the call."
            )
        self.begun = True
        self.begun_at = self.begun_at or self._database.now()
