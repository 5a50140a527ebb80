"""Providers that are not called: who or what paused them, and an operator's own pause and release."""

from __future__ import annotations

from commtui.config import Settings
from commtui.domain.views import ProviderPause
from commtui.domain.vocabulary import Author
from commtui.errors import NotFound, Refused, UsageError
from commtui.providers import registry
from commtui.store import providers_state, quotas
from commtui.store.engine import Database


class Gatekeeping:
    """Pauses of providers, for one operator."""

    def __init__(self, database: Database, settings: Settings, author: Author) -> None:
        self._database = database
        self._author = author
        self.providers = tuple(
            spec.key
            for spec in registry.SPECS
            if spec.create is not None and spec.configured(settings)
        )
        """Keys of those that are set up here."""

    def list(self) -> tuple[ProviderPause, ...]:
        """What is not called at present, by name; a provider may stand here twice."""
        now = self._database.now()
        with self._database.read() as connection:
            found = providers_state.pauses(connection, now)
            waiting = quotas.waits(connection, now)
        paused = [
            ProviderPause(item.provider, item.reason, item.since, item.until, item.by)
            for item in found
        ]
        asked = [
            ProviderPause(item.provider, "it takes no more for now", None, item.until)
            for item in waiting
        ]
        return tuple(sorted((*paused, *asked), key=lambda item: item.provider))

    def pause(self, provider: str, reason: str) -> None:
        """Call a provider no more until it is released. Raises NotFound, Refused, and UsageError without a reason."""
        if not reason.strip():
            raise UsageError("pausing a provider needs a reason: somebody will ask")
        self._known(provider)
        if not providers_state.hold(self._database, provider, self._author, reason.strip()):
            raise Refused(f"{provider} is paused already")

    def release(self, provider: str, reason: str = "") -> None:
        """Have a provider called again, whoever or whatever paused it. Raises NotFound, Refused."""
        self._known(provider)
        if not providers_state.release(self._database, provider, self._author, reason.strip()):
            raise Refused(f"{provider} is not paused")

    def _known(self, provider: str) -> None:
        spec = registry.by_key(provider)
        if spec.create is None:
            raise NotFound(f"{provider} is nobody's program: there is nothing to pause")
