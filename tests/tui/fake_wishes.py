"""The fake desk's customer page and held fallbacks: what was asked is remembered, what is said can be set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from commtui.domain.einvoice import Network, Reachability, Registration, Routing
from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.views import (
    ContactHealth,
    ContactView,
    CustomerField,
    CustomerPage,
    Erasure,
    ErrandView,
    FallbackHold,
    ProviderPause,
)
from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound, Refused

if TYPE_CHECKING:
    from tests.tui.fake_desk import FakeDesk

THEN = datetime(2026, 1, 14, 8, 0, tzinfo=UTC)
HOLD = FallbackHold(
    "sendgrid bounced",
    3120,
    THEN,
    THEN + timedelta(minutes=10),
    Channel.EMAIL,
    ((Channel.POST, 3120),),
)


def healthy(contact: ContactView) -> ContactHealth:
    """A contact point of which nothing is known."""
    return ContactHealth(contact, None, None, "", "", None, False, (), ())


class FakeWishes:
    """A customer's page; by default one on which everything stands."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.waiting: dict[CustomerField, tuple[str, ...]] = {}
        self.health: dict[CustomerField, ContactHealth] = {}
        self.optouts: tuple[OptOut, ...] = (
            OptOut(None, Scope.MARKETING, OptSource.IMPORT, THEN, note="from the shop"),
        )
        self.preferences: dict[str, tuple[Channel, ...]] = {
            "": (Channel.EMAIL, Channel.POST, Channel.MANUAL)
        }
        self.routing: Routing | None = Routing(
            Network.PEPPOL, "0208:0202239951", "FACTURES", "PO-77", mandatory=True
        )
        self.routing_problem = ""
        self.registration: Registration | None = Registration(
            Reachability.COULD_NOT_CHECK, THEN, "The look-up timed out."
        )
        self.total = 0

    def mark(self, field: CustomerField, **health: object) -> None:
        """Let something be known of a contact point."""
        contact = next(item for item in self._desk.customer_view.contacts if item.field is field)
        known = self.health.get(field, healthy(contact))
        self.health[field] = replace(known, **health)  # type: ignore[arg-type]

    def page(self, customer_id: str) -> CustomerPage:
        """The page."""
        self._desk._called("customer page", customer_id)
        customer = self._desk.customer_view
        lines = tuple(line for line in self._desk.overview if line.customer_id == customer_id)
        return CustomerPage(
            customer,
            tuple(
                replace(self.health.get(item.field, healthy(item)), contact=item)
                for item in customer.contacts
            ),
            tuple(self.preferences.items()),
            self.optouts,
            self.routing,
            self.routing_problem,
            self.registration,
            lines,
            max(self.total, len(lines)),
        )

    def opt_out(
        self, customer_id: str, channel: Channel | None, scope: Scope, reason: str
    ) -> CustomerPage:
        """Note a refusal."""
        if self._desk.refuse:
            raise Refused(self._desk.refuse)
        self._desk._called("opt_out", (customer_id, channel, scope, reason))
        noted = OptOut(channel, scope, OptSource.OPERATOR, THEN, note=reason, author="anna")
        self.optouts = (*self.optouts, noted)
        return self.page(customer_id)

    def opt_in(
        self, customer_id: str, channel: Channel | None, scope: Scope | None, reason: str
    ) -> CustomerPage:
        """Take it back."""
        self._desk._called("opt_in", (customer_id, channel, scope, reason))
        self.optouts = tuple(
            item for item in self.optouts if (item.channel, item.scope) != (channel, scope)
        )
        return self.page(customer_id)

    def prefer(
        self, customer_id: str, kind: str, channels: Sequence[Channel], reason: str = ""
    ) -> CustomerPage:
        """Another order."""
        self._desk._called("prefer", (customer_id, kind, tuple(channels)))
        self.preferences[kind] = tuple(channels)
        return self.page(customer_id)

    def lift(self, customer_id: str, field: CustomerField, reason: str) -> None:
        """Ask a worker to lift a suppression."""
        self._desk._called("lift", (customer_id, field, reason))
        asked = ErrandView("lift", "sendgrid", "", reason, "anna", THEN, "open", "", None)
        self.mark(field, errands=(asked,))

    def cancel(self, entry_id: str, reason: str) -> None:
        """Ask a worker to stop a letter."""
        self._desk._called("cancel", (entry_id, reason))
        if self._desk.refuse:
            raise Refused(self._desk.refuse)

    def waiting_for(self, customer_id: str, field: CustomerField) -> tuple[str, ...]:
        """What waited."""
        self._desk._called("waiting_for", (customer_id, field))
        return self.waiting.get(field, ())


class FakeGates:
    """Paused providers; they are the health's."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk

    def pause(self, provider: str, reason: str) -> None:
        """Pause it."""
        self._desk._called("pause provider", (provider, reason))
        pause = ProviderPause(provider, reason, THEN, None, "anna")
        self._set((*self._desk.run_health.paused, pause))

    def release(self, provider: str, reason: str) -> None:
        """Release it."""
        self._desk._called("release provider", (provider, reason))
        self._set(tuple(item for item in self._desk.run_health.paused if item.provider != provider))

    def _set(self, paused: tuple[ProviderPause, ...]) -> None:
        self._desk.run_health = replace(self._desk.run_health, paused=paused)


class FakeHolds:
    """Held fallbacks; they are the health's."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk

    def list(self) -> tuple[FallbackHold, ...]:
        """What is held."""
        self._desk._called("holds")
        return self._desk.run_health.held

    def release(self, cause: str) -> int:
        """Let it go."""
        return self._switch("release", cause)

    def decline(self, cause: str) -> int:
        """Leave it."""
        return self._switch("decline", cause)

    def _switch(self, name: str, cause: str) -> int:
        self._desk._called(name, cause)
        held = self._desk.run_health.held
        found = [hold for hold in held if hold.cause == cause]
        if not found:
            raise NotFound(f"no fallback is held for {cause!r}")
        left = tuple(hold for hold in held if hold.cause != cause)
        self._desk.run_health = replace(self._desk.run_health, held=left)
        return found[0].number


class FakeErasing:
    """Erases nobody; what it says can be set."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.found = Erasure("K0", (("contact points", 3), ("texts of messages", 2)), 1, 0, 2)

    def plan(self, customer_id: str) -> Erasure:
        """What would go."""
        self._desk._called("erasing plan", customer_id)
        return self.found

    def erase(self, customer_id: str) -> Erasure:
        """It is gone."""
        self._desk._called("erase", customer_id)
        if self._desk.refuse:
            raise Refused(self._desk.refuse)
        return replace(self.found, compacted=True)
