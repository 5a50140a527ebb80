"""A customer's page: health of contact points, channel order, refusals, registration, and changes to them."""

from __future__ import annotations

from collections.abc import Sequence

from commtui.config import Settings
from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting
from commtui.domain.lines import Query, Sort
from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.recipients import address_key
from commtui.domain.text import line
from commtui.domain.views import ContactHealth, ContactView, CustomerField, CustomerPage
from commtui.domain.vocabulary import (
    STATUS_LOOKS,
    Author,
    Channel,
    ErrorClass,
    Ignored,
    Tab,
)
from commtui.errors import Refused, UsageError
from commtui.providers import registry
from commtui.providers.base import Capability
from commtui.services.dispatch import Dispatch
from commtui.store import (
    audits,
    contacts,
    errands,
    health,
    import_follow,
    lists,
    optouts,
    wishes,
)
from commtui.store.engine import Connection, Database
from commtui.store.wishes import Mark

LINES_SHOWN = 200
TOLD = (OptSource.OPERATOR,)
"""Refusals that an operator may take back; what the recipient or a provider said is theirs to take back."""


class Wishing:
    """What may be sent to a customer, read and changed by one operator."""

    def __init__(
        self, database: Database, settings: Settings, author: Author, dispatch: Dispatch
    ) -> None:
        self._database = database
        self._settings = settings
        self._author = author
        self._dispatch = dispatch

    def page(self, customer_id: str) -> CustomerPage:
        """Everything about a customer, by the source's id. Raises NotFound."""
        with self._database.read() as connection:
            customer = contacts.view(connection, customer_id)
            own_id = contacts.own_id(connection, customer_id)
            registration = next(
                item for item in customer.contacts if item.field is CustomerField.EINVOICE
            )
            routing, problem = None, ""
            try:
                routing = einvoice.parse(registration.value) if registration.value else None
            except InvalidRouting as error:
                problem = str(error)
            query = Query(customer=customer_id, ignored=Ignored.ALSO)
            shown = lists.page(connection, Tab.OVERVIEW, query, Sort(), limit=LINES_SHOWN)
            checks = wishes.registrations(connection, [registration.value])
            return CustomerPage(
                customer=customer,
                contacts=tuple(
                    self._health(connection, own_id, item, customer.country)
                    for item in customer.contacts
                ),
                preferences=tuple(
                    sorted(wishes.preferences(connection, [own_id]).get(own_id, {}).items())
                ),
                optouts=tuple(optouts.of_customers(connection, [own_id]).get(own_id, ())),
                routing=routing,
                routing_problem=problem,
                registration=checks.get(registration.value),
                lines=shown.lines,
                total=health.subjects(connection, own_id),
            )

    def _health(
        self, connection: Connection, customer_id: str, contact: ContactView, country: str
    ) -> ContactHealth:
        channel = contact.field.channel
        key = self._key(channel, contact.value, country)
        seen = health.of_address(connection, customer_id, channel, key)
        mark = wishes.marks(connection, [(channel, key)]).get((channel, key))
        return ContactHealth(
            contact=contact,
            last_delivered=seen.delivered_at,
            last_failed=seen.failed_at,
            failed_words=_failure_words(seen),
            marked=_mark_words(mark),
            marked_at=mark.at if mark else None,
            liftable=mark is not None and _liftable(mark),
            refused=tuple(optouts.of_addresses(connection, [key]).get(key, ())),
            errands=tuple(errands.of_addresses(connection, [key])) if key else (),
        )

    def opt_out(
        self, customer_id: str, channel: Channel | None, scope: Scope, reason: str
    ) -> CustomerPage:
        """Note that a customer refuses a channel, or marketing. Raises NotFound, and UsageError without a reason."""
        if not reason.strip():
            raise UsageError("an opt-out needs a reason: who said so, and how")
        if channel is None and scope is Scope.ALL:
            raise UsageError("name the channel that the customer refuses, or marketing")
        with self._database.write() as connection:
            own_id = contacts.living_id(connection, customer_id)
            known = optouts.of_customers(connection, [own_id]).get(own_id, ())
            item = OptOut(
                channel,
                scope,
                OptSource.OPERATOR,
                self._database.now(),
                note=reason.strip(),
                author=self._author.name,
            )
            same = (channel, scope, OptSource.OPERATOR)
            if not any((old.channel, old.scope, old.source) == same for old in known):
                optouts.add(connection, self._database, item, own_id)
                self._audit(connection, own_id, "opt-out", _scope_words(channel, scope), reason)
        return self.page(customer_id)

    def opt_in(
        self, customer_id: str, channel: Channel | None, scope: Scope | None, reason: str
    ) -> CustomerPage:
        """Take back one refusal that an operator had noted; without a scope the only one of that channel.

        Raises NotFound, Refused when none is noted, and UsageError without a reason or when two could be meant.
        """
        if not reason.strip():
            raise UsageError("an opt-in needs a reason: who said so, and how")
        with self._database.write() as connection:
            own_id = contacts.own_id(connection, customer_id)
            noted = {
                item.scope
                for item in optouts.of_customers(connection, [own_id]).get(own_id, ())
                if item.source in TOLD and item.channel is channel
            }
            meant = _one_scope(channel, scope, noted)
            now = self._database.now()
            optouts.lift(connection, own_id, channel, meant, TOLD, now, self._author.name)
            self._audit(connection, own_id, "opt-in", _scope_words(channel, meant), reason)
        return self.page(customer_id)

    def prefer(
        self, customer_id: str, kind: str, channels: Sequence[Channel], reason: str = ""
    ) -> CustomerPage:
        """Set a customer's order of channels for a kind of message; no channels: the usual order. Raises NotFound."""
        now = self._database.now()
        with self._database.write() as connection:
            own_id = contacts.living_id(connection, customer_id)
            wishes.set_preference(
                connection, own_id, kind.strip(), channels, self._author.name, now
            )
            words = f"{kind or 'all kinds'}: {', '.join(channels) or 'usual order'}"
            self._audit(connection, own_id, "preference", words, reason)
            import_follow.queue_follow_up(self._database, connection, [own_id], self._author, now)
        return self.page(customer_id)

    def lift(self, customer_id: str, field: CustomerField, reason: str) -> None:
        """Have a worker take the customer's address off the provider's suppression list.

        Raises NotFound, Refused when nothing can be lifted there, and UsageError without a reason.
        """
        if not reason.strip():
            raise UsageError("lifting a suppression needs a reason: why the address works again")
        with self._database.write() as connection:
            customer = contacts.view(connection, customer_id)
            own_id = contacts.living_id(connection, customer_id)
            address = next(item.value for item in customer.contacts if item.field is field)
            key = (field.channel, self._key(field.channel, address, customer.country))
            mark = wishes.marks(connection, [key]).get(key)
            if mark is None or not _liftable(mark):
                raise Refused(_not_liftable(mark))
            errands.ask(
                connection,
                self._database,
                self._author,
                errands.LIFT,
                mark.provider,
                reason.strip(),
                address=key[1],
            )
            self._audit(connection, own_id, "lift suppression", field.value, f"{reason}: {address}")

    def cancel(self, entry_id: str, reason: str) -> None:
        """Have a worker ask the provider to stop a message that it accepted. Raises NotFound, Refused, UsageError."""
        if not reason.strip():
            raise UsageError("cancelling needs a reason")
        with self._database.write() as connection:
            entry = health.cancellable(connection, entry_id)
            spec = registry.by_key(entry.provider)
            if Capability.CANCEL not in spec.capabilities:
                raise Refused(f"{spec.label} cannot stop what it has accepted")
            errands.ask(
                connection,
                self._database,
                self._author,
                errands.CANCEL,
                entry.provider,
                reason.strip(),
                entry_id=entry_id,
            )
            audits.write(
                connection, self._database, self._author, "cancel asked", [entry_id], {}, reason
            )

    def waiting_for(self, customer_id: str, field: CustomerField) -> tuple[str, ...]:
        """Communications that failed at, or waited for, this contact point and may go to it now. Raises NotFound."""
        now = self._database.now()
        with self._database.read() as connection:
            own_id = contacts.own_id(connection, customer_id)
            ids = health.waiting_for(connection, own_id, field.channel)
        self._dispatch.rendering.ensure(ids)
        with self._database.read() as connection:
            known = self._dispatch.load(connection, ids)
            return tuple(
                prospect.communication_id
                for prospect in known.values()
                if any(
                    lane.origin is field.channel or lane.channel is field.channel
                    for lane in prospect.lanes
                    if self._dispatch.refusal(prospect, lane, now) is None
                )
            )

    def _key(self, channel: Channel, address: str, country: str) -> str:
        return address_key(channel, address, country or self._settings.sending.country)

    def _audit(
        self, connection: Connection, customer_id: str, action: str, what: str, words: str
    ) -> None:
        audits.write(
            connection,
            self._database,
            self._author,
            action,
            [customer_id],
            {"what": what},
            line(words, 500),
        )


def _one_scope(channel: Channel | None, scope: Scope | None, noted: set[Scope]) -> Scope:
    """The one refusal that is meant among those noted. Raises Refused, UsageError."""
    if not noted:
        raise Refused(
            "no operator has noted such a refusal; what the recipient or the source system said, "
            "only they take back"
        )
    if scope is None and len(noted) > 1:
        raise UsageError(
            "two refusals are noted there, of every message and of marketing: say which is taken back"
        )
    meant = next(iter(noted)) if scope is None else scope
    if meant not in noted:
        known = _scope_words(channel, next(iter(noted)))
        raise Refused(f"no operator has noted that; what is noted there: {known}")
    return meant


def _scope_words(channel: Channel | None, scope: Scope) -> str:
    if channel is None:
        return "marketing"
    return f"{'marketing' if scope is Scope.MARKETING else 'every message'} by {channel.label}"


def _mark_words(mark: Mark | None) -> str:
    if mark is None:
        return ""
    word = STATUS_LOOKS[mark.status].label.removeprefix("Failed: ").lower()
    return f"{word} ({mark.code})" if mark.code else word


def _liftable(mark: Mark) -> bool:
    return Capability.LIFT in registry.by_key(mark.provider).capabilities


def _not_liftable(mark: Mark | None) -> str:
    if mark is None:
        return "nothing is suppressed at this address"
    return (
        f"{registry.by_key(mark.provider).label} keeps no list that can be lifted for this address"
    )


def _failure_words(seen: health.AddressHealth) -> str:
    if seen.failed_status is None:
        return ""
    problem = registry.explain(seen.failed_provider, seen.failed_status, seen.failed_code, "")
    known = problem.error_class is not ErrorClass.UNKNOWN
    return problem.sentence if known else STATUS_LOOKS[seen.failed_status].label
