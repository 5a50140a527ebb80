"""What a worker takes up next: due messages of providers that may be called, and no more than they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commtui.config import Settings
from commtui.store import keeping, outbox, providers_state, quotas
from commtui.store.engine import Database
from commtui.store.outbox import Claim

PROBE_REQUESTS = 4
"""So many requests the one try after a pause may need before somebody else makes another one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was claimed."""

    claims: Sequence[Claim]
    alone: bool = False
    """Nothing else may be in flight before this has ended: a worker died with it, or it waits for that."""


class Claiming:
    """The claims of one worker."""

    def __init__(self, database: Database, settings: Settings, worker_id: str) -> None:
        self._database = database
        self._worker_id = worker_id
        self._probe_seconds = PROBE_REQUESTS * settings.worker.request_seconds

    def take(self, free: int, in_flight: int) -> Taken:
        """Claim up to `free` messages; one that a worker died with is claimed when nothing else is in flight."""
        now = self._database.now()
        with self._database.read() as connection:
            if keeping.held(connection):
                return Taken(())
            ajar = providers_state.gates(connection, now).ajar
            shut = outbox.not_called(connection, now)
            limited = quotas.limited(connection, now)
            suspect = outbox.suspect_due(connection, self._database, self._worker_id, shut)
        if suspect:
            if in_flight:
                return Taken((), alone=True)
            if claims := outbox.claim_suspect(self._database, self._worker_id, shut):
                return Taken(claims, alone=True)
        probes = [
            claim
            for provider in sorted(ajar - shut)[:free]
            for claim in outbox.claim_probe(
                self._database, self._worker_id, provider, self._probe_seconds
            )
        ]
        if len(probes) == free:
            return Taken(probes)
        rest = outbox.claim(
            self._database, self._worker_id, free - len(probes), shut | ajar, limited
        )
        return Taken([*probes, *rest])
