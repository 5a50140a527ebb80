"""The composition root: settings in, the three processes' parts out."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from commtui.config import Settings
from commtui.domain.vocabulary import Author
from commtui.providers import registry
from commtui.providers.base import Checks
from commtui.providers.http import Http
from commtui.services.accounts import AccountChecks
from commtui.services.asking import Asking
from commtui.services.attention import Attention
from commtui.services.bulk import Bulk, Expansion
from commtui.services.customers import Customers
from commtui.services.delivery import Delivery
from commtui.services.desk import Desk
from commtui.services.details import Details
from commtui.services.dispatch import Dispatch
from commtui.services.downloads import Downloads
from commtui.services.erasing import Erasing
from commtui.services.errands import Errands
from commtui.services.events import Applying, Receiving
from commtui.services.falling_back import FallingBack, Holds
from commtui.services.gatekeeping import Gatekeeping
from commtui.services.guarding import Guarding
from commtui.services.holding import Guard
from commtui.services.housekeeping import Housekeeping
from commtui.services.lists import Lists
from commtui.services.release import AutomaticRelease
from commtui.services.resending import Resending
from commtui.services.sealing import Sealing
from commtui.services.silence import Silence
from commtui.services.unsubscribing import Unsubscribing
from commtui.services.wishing import Wishing
from commtui.store import bulk, fallbacks, inbox, keeping, outbox, sends
from commtui.store.engine import Database
from commtui.store.schema import prepare
from commtui.store.workers import Presence


def operator(settings: Settings) -> Author:
    """Who acts: the one that the settings name, otherwise the login name, which nobody has verified."""
    if settings.operator:
        return Author(settings.operator, verified=True)
    return Author(_login_name(), verified=False)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unnamed operator"


def open_database(settings: Settings) -> Database:
    """The database with its schema. Raises DatabaseAway or ConfigError."""
    database = Database(
        settings.database_url,
        read_only=settings.read_only,
        verified=settings.database.tls == "verified",
    )
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def open_desk(settings: Settings) -> Desk:
    """What the console and the command line work with."""
    database = open_database(settings)
    author = operator(settings)
    dispatch = Dispatch(database, settings)
    resending = Resending(database, settings, author, dispatch)
    return Desk(
        database=database,
        zone=settings.zone,
        operator=author,
        lists=Lists(database),
        details=Details(database, dispatch.rendering, settings.zone),
        bulk=Bulk(database, settings, author, dispatch),
        resending=resending,
        attention=Attention(database, author, resending),
        customers=Customers(database, settings, author),
        wishing=Wishing(database, settings, author, dispatch),
        holds=Holds(database, author),
        downloads=Downloads(database, author),
        guarding=Guarding(database),
        gates=Gatekeeping(database, settings, author),
        erasing=Erasing(database, settings, author),
        events_days=settings.retention.events_days,
    )


@dataclass(frozen=True)
class Working:
    """The parts of a worker."""

    settings: Settings
    database: Database
    guard: Guard
    presence: Presence
    http: Http
    delivery: Delivery
    applying: Applying
    expansion: Expansion
    release: AutomaticRelease
    asking: Asking
    housekeeping: Housekeeping
    guarding: Guarding
    sealing: Sealing
    falling_back: FallingBack
    errands: Errands
    accounts: AccountChecks
    silence: Silence

    def anything_due(self) -> bool:
        """Whether something could be done now: rows due, calls to read, runs to expand, releases."""
        now = self.database.now()
        with self.database.read() as connection:
            if keeping.held(connection):
                return inbox.waiting(self.database, 1) != []
            if sends.releasable(connection, now, "00000000-0000-0000-0000-000000000000", 1):
                return self.release.step() > 0
        return bool(
            (outbox.due_now(self.database) and not self.guarding.findings())
            or inbox.waiting(self.database, 1)
            or bulk.any_running(self.database)
            or (self.guard.ready() and fallbacks.due(self.database))
        )

    async def aclose(self) -> None:
        """Close connections and say goodbye."""
        await self.http.aclose()
        self.presence.end()
        self.database.close()


def open_working(settings: Settings) -> Working:
    """A worker's parts; registers it with the database."""
    # only here: the models of import lines cost the console and every command a fifth of a second
    from commtui.services.importing import finish_atomic

    database = open_database(settings)
    guard = Guard(database)
    finish_atomic(database)
    presence = Presence(database, "worker", settings.worker.lease_seconds)
    http = Http(settings.worker.concurrency, settings.worker.request_seconds, settings.secrets)
    dispatch = Dispatch(database, settings)
    providers = sending_providers(settings, http)
    applying = Applying(database, settings)
    return Working(
        settings=settings,
        database=database,
        guard=guard,
        presence=presence,
        http=http,
        delivery=Delivery(database, settings, providers, presence.id, http.quotas),
        applying=applying,
        expansion=Expansion(database, dispatch, settings.zone),
        release=AutomaticRelease(database, dispatch),
        asking=Asking(database, providers, applying),
        housekeeping=Housekeeping(database, settings.retention),
        guarding=Guarding(database),
        sealing=Sealing(database, settings.seals),
        falling_back=FallingBack(database, settings, dispatch),
        errands=Errands(database, providers, applying),
        accounts=AccountChecks(database, providers),
        silence=Silence(database, settings),
    )


def sending_providers(settings: Settings, http: Http) -> Mapping[str, Checks]:
    """The providers that are set up, by key."""
    return {
        spec.key: spec.create(settings, http)
        for spec in registry.SPECS
        if spec.create is not None and spec.configured(settings)
    }


@dataclass(frozen=True)
class Taking:
    """The parts of the web receiver."""

    settings: Settings
    database: Database
    presence: Presence
    receiving: Receiving
    unsubscribing: Unsubscribing

    def now(self) -> datetime:
        """The database's clock."""
        return self.database.now()

    def close(self) -> None:
        """Say goodbye."""
        self.presence.end()
        self.database.close()


def open_taking(settings: Settings, info: str) -> Taking:
    """The web receiver's parts; registers it with the database."""
    database = open_database(settings)
    return Taking(
        settings,
        database,
        Presence(database, "web", settings.worker.lease_seconds, info),
        Receiving(database, settings),
        Unsubscribing(database, settings),
    )
