"""Mistakes that somebody could make, each planted in one part of the office for the machine to find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from commtui.domain.fold import RANKS, EntryState, Fact, advance
from commtui.domain.optouts import OptOut
from commtui.domain.vocabulary import Source, Status
from commtui.errors import NotSent, ProviderError, UnknownOutcome
from commtui.services import delivery
from commtui.services.housekeeping import Housekeeping
from commtui.services.resending import Resending
from commtui.services.troubles import Troubles
from commtui.store import entries, refusing
from commtui.store.counters import Tally
from commtui.store.details import lane_entries, stored_entry
from commtui.store.engine import Connection
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.outbox import Claim, Outcome
from commtui.store.tables import outbox
from tests.machine.office_machine import OfficeMachine

Planting = Callable[[], contextlib.AbstractContextManager[Any]]


class SureOfItself(Resending):
    """Takes whatever is the latest attempt now for what the operator saw."""

    def resend(
        self, entry_id: str, seen_entry: str, note: str = "", *, settling: bool = False
    ) -> str:
        """Send it again, whoever did so meanwhile."""
        with self._database.read() as connection:
            row = stored_entry(connection, entry_id)
            latest = max(lane_entries(connection, row.communication_id, row.channel))
        return super().resend(entry_id, latest, note, settling=settling)


class Impatient(Housekeeping):
    """Tries unknown outcomes again after some minutes."""

    def recover(self) -> int:
        """Let a timer decide."""
        found = super().recover()
        now = self._database.now()
        with self._database.write() as connection:
            old = (outbox.c.state == "unknown", outbox.c.state_at < now - timedelta(minutes=5))
            ids = connection.execute(sa.select(outbox.c.entry_id).where(*old)).scalars().all()
            self._again(connection, ids, now)
        return found

    def _again(self, connection: Connection, ids: Sequence[str], now: datetime) -> None:
        connection.execute(
            outbox.update()
            .where(outbox.c.entry_id.in_(ids))
            .values(state="queued", due_at=now, worker_id=None)
        )
        ledger = Ledger(self._database, connection, now)
        ledger.apply(
            [Change(item, Fact(Status.QUEUED, now), Source.WORKER, step=True) for item in ids]
        )
        ledger.close()


class TimerResends(OfficeMachine):
    """Its housekeeping has a timer for unknown outcomes."""

    housekeeping_class = Impatient


class Optimist(Troubles):
    """Takes a lost answer for a request that never left."""

    def read(self, claim: Claim, error: ProviderError, tries: int, **more: Any) -> Outcome:
        """The outcome of a failed call."""
        if isinstance(error, UnknownOutcome):
            error = NotSent(error.provider, error.code, error.words)
        return super().read(claim, error, tries, **more)


def last_word_wins(state: EntryState, fact: Fact, *, step: bool) -> EntryState:
    """A fold that keeps the earliest times as it should, and believes whatever status came last."""
    right = advance(state, fact, step=step)
    if step or fact.weight < RANKS[Status.SENT]:
        return right
    return replace(
        right,
        status=fact.status,
        at=fact.at,
        rank=fact.weight,
        error_class=fact.error_class,
        code=fact.code,
    )


def nobody_refused(connection: Connection, entry_ids: Sequence[str]) -> dict[str, OptOut]:
    """The last look before the call, left out."""
    return {}


_move = Tally.move


def forgets_leaving(self: Tally, old: Any, new: Any) -> None:
    """Counts where a line goes, and forgets where it came from when it is ignored."""
    forgets = new is not None and new.ignored
    _move(self, None if forgets else old, new)


PLANTED: dict[str, tuple[type[OfficeMachine], Planting, str]] = {
    "a fold that believes what came last": (
        type("LastWord", (OfficeMachine,), {}),
        lambda: patch.object(entries, "advance", last_word_wins),
        "fold",
    ),
    "opt-outs asked when queueing only": (
        type("LooksOnce", (OfficeMachine,), {}),
        lambda: patch.object(refusing, "refused", nobody_refused),
        "opted-out",
    ),
    "a lost answer taken for not sent": (
        type("TakenForNotSent", (OfficeMachine,), {}),
        lambda: patch.object(delivery, "Troubles", Optimist),
        "twice|unknown",
    ),
    "a timer that sends unknown outcomes again": (
        TimerResends,
        contextlib.nullcontext,
        "unknown|twice",
    ),
    "a counter that forgets where a line came from": (
        type("ForgetsLeaving", (OfficeMachine,), {}),
        lambda: patch.object(Tally, "move", forgets_leaving),
        "counter",
    ),
}
"""The machine with it, what plants it, and the invariants that may say so first."""
