"""Providers whose webhooks never arrive: one finding each, with what would bring them, until a call comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from commtui.config import Settings
from commtui.providers import registry
from commtui.providers.base import Calls, ProviderSpec
from commtui.store import callbacks, findings, workers
from commtui.store.engine import Connection, Database

LOOKED_BACK = timedelta(days=7)
ENOUGH = 3
"""Messages without a word: one callback alone may be lost, and is asked for."""
_PREFIX = "calls:"


class Silence:
    """A worker's look at what providers owe us."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._expected = {
            spec.key: (spec, spec.calls)
            for spec in registry.SPECS
            if spec.calls is not None
            and spec.configured(settings)
            and not (spec.calls.optional and not self._has_key(spec.calls))
        }

    @property
    def expected(self) -> tuple[str, ...]:
        """The providers whose calls are expected."""
        return tuple(self._expected)

    def step(self) -> None:
        """Note who is silent, and take back what is not so any more."""
        now = self._database.now()
        with self._database.read() as connection:
            standing = {item.name: item for item in findings.standing(connection)}
            last = {key: callbacks.last_call(connection, key) for key in self._expected}
            said = {
                key: self._said(connection, spec, calls, last[key], now)
                for key, (spec, calls) in self._expected.items()
            }
        for key, words in said.items():
            known = standing.pop(_PREFIX + key, None)
            called = last[key]
            if words is not None:
                findings.put(self._database, _PREFIX + key, *words)
            elif known is not None and called is not None and called > known.since:
                findings.drop(self._database, known.name)
        for name in standing:
            if name.startswith(_PREFIX):
                findings.drop(self._database, name)

    def _said(
        self,
        connection: Connection,
        spec: ProviderSpec,
        calls: Calls,
        last: datetime | None,
        now: datetime,
    ) -> tuple[str, str] | None:
        """What is wrong, and the remedy; None as long as nothing proves it."""
        oldest = now - calls.within - LOOKED_BACK
        since = oldest if last is None else max(last, oldest)
        if callbacks.unheard(connection, spec.key, since, now - calls.within) < ENOUGH:
            return None
        return f"no webhooks from {spec.label}", self._remedy(connection, spec, calls, last, now)

    def _remedy(
        self,
        connection: Connection,
        spec: ProviderSpec,
        calls: Calls,
        last: datetime | None,
        now: datetime,
    ) -> str:
        public = self._settings.web.public_url.rstrip("/")
        if not self._has_key(calls):
            return f"set {calls.key}: without it every call is refused"
        if calls.needs_url and not public:
            return "set web.public_url, where the provider reaches the web receiver"
        if number := callbacks.refused(connection, spec.key, last):
            covered = " and web.public_url" if calls.needs_url else ""
            return f"{number} refused for their signature: check {calls.key}{covered}"
        if not workers.alive(connection, now, "web"):
            return "start the web receiver: commtui up"
        url = f"{public or '(web.public_url)'}{spec.webhook_paths[0]}"
        return f"{calls.set_up}: {url}"

    def _has_key(self, calls: Calls) -> bool:
        section, _, name = calls.key.partition(".")
        return bool(getattr(getattr(self._settings, section), name))
