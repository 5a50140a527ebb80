"""Fallback: a message that could not be delivered one way goes another, as a new attempt that names the old one.

Design, section 5, rule 7: it follows what is wrong with the address, the recipient's refusal of the channel or the
network's refusal of the document; never our own trouble, passing trouble, an unknown outcome or a business answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from commtui.config import Settings
from commtui.domain.channels import Decision
from commtui.domain.views import FallbackHold
from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    STATUS_LOOKS,
    SYSTEM,
    Author,
    Cause,
    Channel,
    Purpose,
    Status,
)
from commtui.errors import NotFound
from commtui.providers import registry
from commtui.services.dispatch import Dispatch
from commtui.services.rendering import NOT_YET
from commtui.store import audits, fallbacks, keeping
from commtui.store.details import StoredEntry, stored_entries
from commtui.store.engine import Connection, Database
from commtui.store.fallbacks import Failure
from commtui.store.ledger import Ledger
from commtui.store.prospects import LaneNow, Prospect

BATCH = 25
"""Failures per transaction: well below 200 ms on either engine."""
RELEASE_BATCH = 1_000
PAID = frozenset({Channel.SMS, Channel.POST})
"""Channels whose every message costs money."""


class FallingBack:
    """The worker's part: decides what follows each failure."""

    def __init__(self, database: Database, settings: Settings, dispatch: Dispatch) -> None:
        self._database = database
        self._settings = settings
        self._dispatch = dispatch

    def step(self) -> int:
        """Decide about some failures; returns how many."""
        with self._database.read() as connection:
            if not keeping.by_itself(connection):
                return 0
        waiting = fallbacks.waiting(self._database, BATCH)
        if not waiting:
            return 0
        now = self._database.now()
        made = self._dispatch.make(
            [item.communication_id for item in waiting],
            now,
            lambda prospect, lane: self._way(prospect, lane, now),
        )
        with self._database.write() as connection:
            failures = fallbacks.locked(connection, [item.entry_id for item in waiting])
            ids = [item.communication_id for item in failures]
            ledger = Ledger(self._database, connection, now)
            ledger.lock(item.subject_id for item in self._dispatch.load(connection, ids).values())
            known = self._dispatch.load(connection, ids)
            entries = stored_entries(connection, [item.entry_id for item in failures])
            for failure in failures:
                self._decide(
                    connection,
                    ledger,
                    failure,
                    entries.get(failure.entry_id),
                    known.get(failure.communication_id),
                    now,
                    made,
                )
            ledger.close()
        return len(waiting)

    def _decide(
        self,
        connection: Connection,
        ledger: Ledger,
        failure: Failure,
        entry: StoredEntry | None,
        prospect: Prospect | None,
        now: datetime,
        made: Mapping[str, int],
    ) -> None:
        lane = prospect.lane(entry.channel) if prospect and entry else None
        if entry is None or prospect is None or lane is None:
            fallbacks.decide(connection, failure.entry_id, "none", now, reason="gone")
            return
        if reason := self._stays(entry, prospect, lane):
            fallbacks.decide(connection, failure.entry_id, "none", now, reason=reason)
            return
        way = self._way(prospect, lane, now)
        target = way.channel
        reason = way.reason if target is None else self._hindrance(prospect, target, made)
        if reason == NOT_YET:
            return
        if target is None or reason:
            fallbacks.decide(connection, failure.entry_id, "none", now, reason=reason)
            return
        paid = target in PAID
        if paid and not failure.released and self._above_cap(connection, failure.cause, now):
            fallbacks.decide(
                connection, failure.entry_id, "held", now, channel=target, reason=way.reason
            )
            return
        new = self._dispatch.entry(
            prospect,
            target,
            cause=Cause.FALLBACK,
            author=SYSTEM,
            now=now,
            replaces_id=entry.id,
            decision=way,
            origin=lane.origin,
            from_lane=lane.channel,
        )
        ledger.add([new])
        fallbacks.decide(
            connection, failure.entry_id, "done", now, channel=target, paid=paid, reason=way.reason
        )

    def _stays(self, entry: StoredEntry, prospect: Prospect, lane: LaneNow) -> str:
        """Why nothing follows this failure by itself; empty when another channel does."""
        failed = entry.status in FAILED_STATUSES and entry.status is not Status.UNKNOWN
        problem = registry.explain(entry.provider, entry.status, entry.error_code, "")
        checks = (
            (prospect.erased, "the customer was erased"),
            (not self._settings.fallback.automatic, "fallback is not automatic"),
            (prospect.purpose is Purpose.MARKETING, "marketing goes one way only"),
            (lane.latest_entry_id != entry.id or lane.locked, "replaced meanwhile"),
            (lane.superseded, "went another way already"),
            (not failed, "not failed any more"),
            (entry.ignored, "ignored"),
            (not problem.falls_back, "not a failure that another channel follows"),
        )
        return next((reason for applies, reason in checks if applies), "")

    def _way(self, prospect: Prospect, lane: LaneNow, now: datetime) -> Decision:
        failed = [
            (item.channel, _failed_words(item))
            for item in sorted(prospect.lanes, key=lambda item: item.latest_entry_id or "")
            if item.origin is lane.origin and item.status in FAILED_STATUSES
        ]
        return self._dispatch.reaching.decide(prospect, lane, now, failed=failed)

    def _hindrance(self, prospect: Prospect, target: Channel, made: Mapping[str, int]) -> str:
        """Why the message cannot go by the target channel now: it has one of its own, or a letter is not made."""
        other = prospect.lane(target)
        if other is not None and not other.superseded:
            return f"goes by {target.label.lower()} already"
        return self._dispatch.unmade(prospect, target, made) or ""

    def _above_cap(self, connection: Connection, cause: str, now: datetime) -> bool:
        cap = self._settings.fallback.cap_per_hour
        return fallbacks.paid_lately(connection, cause, now) >= cap


def _failed_words(lane: LaneNow) -> str:
    return STATUS_LOOKS[lane.status].label.removeprefix("Failed: ").lower()


def held(connection: Connection) -> tuple[FallbackHold, ...]:
    """What is held above the cap, by cause, with the channel that it failed on."""
    channels = {spec.key: spec.channel for spec in registry.SPECS}
    return tuple(
        replace(hold, origin=channels.get(hold.cause.rpartition(" ")[0]))
        for hold in fallbacks.holds(connection)
    )


class Holds:
    """The operator's part: what is held above the cap, let go or left."""

    def __init__(self, database: Database, author: Author) -> None:
        self._database = database
        self._author = author

    def list(self) -> tuple[FallbackHold, ...]:
        """What is held, by cause."""
        with self._database.read() as connection:
            return held(connection)

    def release(self, cause: str) -> int:
        """Let what is held for a cause go by the other channel; returns how many. Raises NotFound."""
        return self._switch(cause, "released", "fallback released")

    def decline(self, cause: str) -> int:
        """Leave what is held for a cause where it is, failed; returns how many. Raises NotFound."""
        return self._switch(cause, "declined", "fallback declined")

    def _switch(self, cause: str, to: str, action: str) -> int:
        total = 0
        while True:
            with self._database.write() as connection:
                number = fallbacks.switch(
                    connection,
                    cause,
                    to,
                    self._author.name,
                    self._database.now(),
                    RELEASE_BATCH,
                )
                total += number
                if number:
                    audits.write(
                        connection,
                        self._database,
                        self._author,
                        action,
                        [cause],
                        {"messages": number},
                    )
            if not number:
                break
        if not total:
            raise NotFound(f"no fallback is held for {cause!r}")
        return total
