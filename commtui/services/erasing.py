"""Erasing a customer: every personal text goes, the log with its ids, hashes, statuses and times stays as it was.

It works in short transactions and may be run again: whatever was left by a crash is taken up. The name and the
contact points go last, because they are what the rest is found by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from commtui.config import Settings
from commtui.domain.views import Erasure
from commtui.domain.vocabulary import Author
from commtui.errors import Refused
from commtui.store import audits, erasing_customer, erasing_traces, hidden, scrubbing
from commtui.store import erasing_scope as scopes
from commtui.store.engine import Connection, Database
from commtui.store.erasing_scope import Scope
from commtui.store.erasing_sides import NAMING, SIDES, Side, count, documents, erase
from commtui.store.overview import batches

PIECE = 100
"""Owners per transaction."""
NAMING_PIECE = 5
"""The same where documents go along, which may be large."""
WAIT_SECONDS = 45.0
"""How long to wait for messages that are being sent at this moment."""
_LAST = "contact points"


class Erasing:
    """Erases customers for one operator."""

    def __init__(self, database: Database, settings: Settings, author: Author) -> None:
        self._database = database
        self._country = settings.sending.country
        self._author = author

    def plan(self, customer_id: str) -> Erasure:
        """What would go, and how many rows of each kind. Raises NotFound."""
        scope = self._scope(customer_id)
        with self._database.read() as connection:
            rows = {
                side.words: sum(count(connection, side, ids) for ids in batches(side.of(scope)))
                for side in SIDES
            }
            rows["documents that only they have"] = documents(connection, scope)
            rows |= _address_words(erasing_traces.by_address(connection, scope))
            waiting = erasing_customer.open_entries(connection, scope.id)
            aside = erasing_customer.unstarted(connection, scope.id)
        rows["audit rows that name them"] = sum(
            1 for _ in erasing_traces.audit_rows(self._database, scope)
        )
        rows["filters of bulk sends"] = len(erasing_traces.bulk_queries(self._database, scope))
        rows["provider events that fit no message"] = sum(
            1 for _ in erasing_traces.stray_events(self._database, scope)
        )
        rows["raw webhook calls"] = sum(1 for _ in erasing_traces.raw_calls(self._database, scope))
        return Erasure(
            customer_id,
            rows=_filled(rows),
            withdrawn=len(waiting),
            put_aside=len(aside),
            kept=len(scope.entries),
            erased_before=scope.erased_at,
        )

    def erase(self, customer_id: str, *, compact: bool = False) -> Erasure:
        """Do it. Raises NotFound, and Refused while an import or one of their messages is under way.

        On PostgreSQL it takes the owner of the tables: free space and indexes are cleaned, too.
        """
        if not scrubbing.owns(self._database):
            raise Refused(
                "erasing takes the owner of the tables: name that role in database.url, for this command"
            )
        found = self.plan(customer_id)
        with self._database.write() as connection:
            if erasing_customer.mark(connection, self._database, customer_id):
                self._audit(connection, found, "customer erasure begun", {})
        scope = self._scope(customer_id)
        self._withdraw(scope)
        scrubbing.prepare(self._database)
        self._empty(scope)
        scope = self._look_again(scope)
        with self._database.write() as connection:
            erasing_customer.forget_name(connection, scope.id)
            self._audit(connection, found, "customer erased", dict(found.rows))
        compacted = scrubbing.scrub(self._database, compact=compact)
        remnants = scrubbing.remnants(self._database, scope.texts | scope.addresses)
        return replace(found, compacted=compacted, remnants=remnants)

    def _scope(self, customer_id: str) -> Scope:
        with self._database.read() as connection:
            return scopes.load(connection, customer_id, self._country)

    def _audit(
        self, connection: Connection, found: Erasure, action: str, result: dict[str, object]
    ) -> None:
        audits.write(connection, self._database, self._author, action, [found.customer_id], result)

    def _withdraw(self, scope: Scope) -> None:
        """Nothing of theirs leaves any more; what is leaving at this moment has to be over first."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with self._database.read() as connection:
                now = self._database.now()
                under_way = erasing_customer.under_way(connection, scope.id, now)
            if not under_way:
                break
            if time.monotonic() > until:
                raise Refused(
                    f"{under_way} of their messages are being sent at this moment; nothing more is: "
                    "run this again in a minute to finish"
                )
            time.sleep(0.2)
        with self._database.read() as connection:
            waiting = erasing_customer.open_entries(connection, scope.id)
            aside = erasing_customer.unstarted(connection, scope.id)
        for ids in batches(waiting, PIECE):
            erasing_customer.withdraw(self._database, ids, self._author)
        for ids in batches(aside, PIECE):
            erasing_customer.put_aside(self._database, ids)

    def _empty(self, scope: Scope) -> None:
        """First what texts lead to, while they are known; then the side tables."""
        database = self._database
        key = hidden.key(database)
        self._each(erasing_traces.audit_rows(database, scope), erasing_traces.erase_audit)
        self._each(erasing_traces.bulk_queries(database, scope), erasing_traces.erase_queries)
        self._each(erasing_traces.raw_calls(database, scope), erasing_traces.erase_calls, 10)
        for day, fingerprint in list(erasing_traces.stray_events(database, scope)):
            with database.write() as connection:
                erasing_traces.erase_event(connection, day, fingerprint)
        with database.write() as connection:
            erasing_traces.erase_by_address(connection, scope, key)
        self._forget_search(scope)
        for ids in batches(scope.communications, PIECE):
            with database.write() as connection:
                erasing_customer.forget_hashes(connection, ids)
        for side in SIDES:
            if side.words != _LAST:
                self._side(scope, side)

    def _look_again(self, scope: Scope) -> Scope:
        """What came while the rest went: facts of calls that were being read. Then the contact points."""
        for side in SIDES:
            self._side(scope, side)
        self._forget_search(scope)
        with self._database.write() as connection:
            erasing_traces.index_again(connection, scope)
        return scope

    def _side(self, scope: Scope, side: Side) -> None:
        size = NAMING_PIECE if side.table in NAMING else PIECE
        for ids in batches(side.of(scope), size):
            with self._database.write() as connection:
                erase(connection, side, ids)

    def _forget_search(self, scope: Scope) -> None:
        left = 1
        while left:
            with self._database.write() as connection:
                left = erasing_traces.erase_search(connection, scope, PIECE)

    def _each(
        self,
        found: Iterable[str],
        step: Callable[[Connection, Sequence[str]], int],
        size: int = PIECE,
    ) -> None:
        ids = iter(list(found))
        while some := list(islice(ids, size)):
            with self._database.write() as connection:
                step(connection, some)


def _address_words(found: dict[str, int]) -> dict[str, int]:
    return {
        "marks on addresses": found["marks"],
        "checks of registrations": found["registrations"],
        "errands about addresses": found["errands"],
        "refusals of addresses, kept as hashes": found["refusals"],
    }


def _filled(rows: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((words, number) for words, number in rows.items() if number)
