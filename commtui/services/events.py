"""Webhooks and polls: a call is verified and kept at once; what it says is applied later, by the worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from commtui.config import Settings
from commtui.domain.vocabulary import Source
from commtui.errors import BadSignature, DatabaseAway, NotFound, Unreadable
from commtui.providers import registry
from commtui.providers.base import DeliveryEvent, RawWebhook, Receiver
from commtui.services.pressure import Pressure
from commtui.store import inbox, providers_state
from commtui.store.engine import Database

log = logging.getLogger(__name__)

READ_BATCH = 20
APPLY_BATCH = 50
"""Events per transaction, so that a batch of hundreds does not hold the database for long."""
KEPT_HEADERS = ("content-type", "user-agent", "i-twilio-idempotency-token")


class Receiving:
    """Takes webhook calls in."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._receivers = _receivers(settings)
        self._paths = {path: spec.key for spec in registry.SPECS for path in spec.webhook_paths}
        self._pressure = Pressure(database, settings.web.reserve_mb)

    def note_room(self) -> None:
        """Have the console say when calls are refused because the disk is nearly full."""
        self._pressure.note()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that providers call."""
        return tuple(self._paths)

    def take(self, path: str, hook: RawWebhook) -> str:
        """Verify a call and keep it; returns its id. Raises BadSignature (counted), NotFound, NoRoom, DatabaseAway."""
        key = self._paths.get(path)
        if key is None:
            raise NotFound(f"no provider calls {path}")
        self._pressure.check()
        try:
            self._receivers[key].verify(hook)
        except BadSignature:
            providers_state.count_bad_signature(self._database, key)
            raise
        kept = {name: hook.headers[name] for name in KEPT_HEADERS if name in hook.headers}
        return inbox.store(self._database, key, hook, kept)


class Applying:
    """Reads what was taken in."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._receivers = _receivers(settings)

    def step(self) -> int:
        """Apply some waiting calls; returns how many."""
        waiting = inbox.waiting(self._database, READ_BATCH)
        for stored in waiting:
            inbox.mark(self._database, stored.id, self._apply(stored))
        return len(waiting)

    def _apply(self, stored: inbox.Stored) -> str:
        """Apply one call; returns the state it ends in. One that fails must not hold up those behind it."""
        try:
            events = list(self._receivers[stored.provider].parse(stored.hook))
            self.learn(stored.provider, events)
        except (Unreadable, KeyError):
            log.warning("webhook call %s of %s is unreadable", stored.id, stored.provider)
            return "unreadable"
        except DatabaseAway:
            raise
        except Exception:
            log.exception("webhook call %s of %s could not be applied", stored.id, stored.provider)
            return "failed"
        return "done"

    def learn(
        self, provider: str, events: list[DeliveryEvent], source: Source = Source.EVENT
    ) -> int:
        """Apply events; returns how many were new."""
        return sum(
            inbox.learn(self._database, provider, events[start : start + APPLY_BATCH], source)
            for start in range(0, len(events), APPLY_BATCH)
        )


def _receivers(settings: Settings) -> Mapping[str, Receiver]:
    return {
        spec.key: spec.receiver(settings) for spec in registry.SPECS if spec.receiver is not None
    }
