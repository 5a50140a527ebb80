"""Communications that may be sent, with everything a decision about them needs, read in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting, Registration, Routing
from commtui.domain.optouts import OptOut, OptSource, stopping
from commtui.domain.recipients import address_key
from commtui.domain.sending import ContactPoints
from commtui.domain.vocabulary import Channel, DocumentRole, ErrorClass, Purpose, Release, Status
from commtui.store import optouts, wishes
from commtui.store.overview import batches
from commtui.store.sends import contact_points
from commtui.store.tables import (
    communication,
    communication_document,
    content,
    customer,
    entry_text,
    lane,
    outbox,
    subject,
)
from commtui.store.wishes import Mark


@dataclass(frozen=True, slots=True)
class LaneNow:
    """A lane as it stands."""

    channel: Channel
    status: Status
    latest_entry_id: str | None
    error_class: ErrorClass | None
    locked: bool
    used_recipient: str
    """The address of its latest attempt; empty before one."""
    origin: Channel
    """The channel that was wanted and that this one stands for."""
    reason: str
    superseded: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """What the present version of a communication has to send."""

    rendering: int = 0
    template_version: str = ""
    email: bool = False
    sms: str = ""
    """The text message itself: what it costs depends on its characters."""
    letter: bool = False
    """There is a letter, or the template can make one."""
    einvoice: bool = False
    from_template: bool = False
    """Its texts are made from a template and a context."""
    makes_letter: bool = False
    """The source delivered no letter of its own, but the template can make one."""
    letter_for: str = ""
    """The address printed in a letter made from a template."""
    content_hash: str = ""
    """Of what the template made; empty: the source's own counts."""

    @property
    def ready(self) -> bool:
        """Whether its texts exist."""
        return not self.from_template or self.rendering > 0


@dataclass(frozen=True, slots=True)
class Prospect:
    """A communication that may be sent."""

    communication_id: str
    subject_id: str
    customer_id: str
    customer_name: str
    category: str
    kind: str
    purpose: Purpose
    reference: str
    location_group: str
    country: str
    collecting: bool
    release: Release
    wanted: tuple[Channel, ...]
    """What the source asked for; empty: it left the channel to us."""
    send_at: datetime | None
    expires_at: datetime | None
    version: int
    content_hash: str
    contacts: ContactPoints
    lanes: tuple[LaneNow, ...]
    texts: Texts
    preferences: Mapping[str, tuple[Channel, ...]] = field(default_factory=dict)
    optouts: tuple[OptOut, ...] = ()
    """Of the customer, and of the present addresses."""
    marks: Mapping[Channel, Mark] = field(default_factory=dict)
    """Of the present addresses."""
    routing: Routing | None = None
    routing_problem: str = ""
    registration: Registration | None = None
    default_country: str = ""
    """For numbers and addresses that name no country."""

    def lane(self, channel: Channel) -> LaneNow | None:
        """Its lane on a channel."""
        return next((item for item in self.lanes if item.channel is channel), None)

    def recipient(self, channel: Channel) -> str:
        """The customer's present address for a channel."""
        return {
            Channel.EMAIL: self.contacts.email,
            Channel.SMS: self.contacts.phone,
            Channel.POST: self.contacts.postal,
            Channel.EINVOICE: self.routing.recipient if self.routing else "",
        }.get(channel, self.customer_name)

    def key(self, channel: Channel) -> str:
        """What all spellings of the present address for a channel have in common."""
        return address_key(channel, self.recipient(channel), self.country or self.default_country)

    @property
    def erased(self) -> bool:
        """Whether the customer's personal data was erased."""
        return any(item.source is OptSource.ERASED for item in self.optouts)

    def refused_by(self, channel: Channel) -> OptOut | None:
        """The refusal that stops it on a channel."""
        key = self.key(channel)
        own = [item for item in self.optouts if not item.address or item.address == key]
        return stopping(own, channel, self.purpose)


_ADDRESSED = (Channel.EMAIL, Channel.SMS, Channel.POST, Channel.EINVOICE)


def load(
    connection: sa.Connection, communication_ids: Sequence[str], country: str = ""
) -> dict[str, Prospect]:
    """Prospects by communication id; unknown ids are left out. `country` is for those who name none."""
    found: dict[str, Prospect] = {}
    for ids in batches(communication_ids):
        rows = connection.execute(
            sa.select(
                communication,
                subject.c.type,
                subject.c.reference,
                customer.c.name,
                customer.c.location_group,
                customer.c.country,
            )
            .join(subject, subject.c.id == communication.c.subject_id)
            .join(customer, customer.c.id == communication.c.customer_id)
            .where(communication.c.id.in_(ids))
        ).all()
        found.update(_prospects(connection, rows, country))
    return found


def _prospects(connection: sa.Connection, rows: Sequence[Any], country: str) -> dict[str, Prospect]:
    ids = [row.id for row in rows]
    customers = [row.customer_id for row in rows]
    points = contact_points(connection, customers)
    lanes = _lanes(connection, ids)
    texts = _texts(connection, {row.id: row.version for row in rows})
    orders = wishes.preferences(connection, customers)
    bare = {
        row.id: _prospect(
            row,
            points.get(row.customer_id, ContactPoints()),
            lanes[row.id],
            texts[row.id],
            country,
        )
        for row in rows
    }
    addresses = {
        key: [(channel, item.key(channel)) for channel in _ADDRESSED] for key, item in bare.items()
    }
    flat = [pair for pairs in addresses.values() for pair in pairs]
    of_address = optouts.of_addresses(connection, [address for _, address in flat])
    of_customer = optouts.of_customers(connection, customers)
    marked = wishes.marks(connection, flat)
    checks = wishes.registrations(
        connection, [item.routing.recipient for item in bare.values() if item.routing]
    )
    return {
        key: replace(
            item,
            preferences=orders.get(item.customer_id, {}),
            optouts=(
                *of_customer.get(item.customer_id, ()),
                *(
                    refusal
                    for _, address in addresses[key]
                    for refusal in of_address.get(address, ())
                ),
            ),
            marks={pair[0]: marked[pair] for pair in addresses[key] if pair in marked},
            registration=checks.get(item.routing.recipient) if item.routing else None,
        )
        for key, item in bare.items()
    }


def _prospect(
    row: Any,
    points: ContactPoints,
    lanes: Sequence[LaneNow],
    texts: Texts,
    country: str,
) -> Prospect:
    routing, problem = None, ""
    try:
        routing = einvoice.from_json(points.einvoice)
    except InvalidRouting as error:
        problem = str(error)
    return Prospect(
        communication_id=row.id,
        subject_id=row.subject_id,
        customer_id=row.customer_id,
        customer_name=row.name,
        category=row.type,
        kind=row.kind,
        purpose=Purpose(row.purpose),
        reference=row.reference,
        location_group=row.location_group,
        country=row.country,
        collecting=row.collecting,
        release=Release(row.release),
        wanted=tuple(Channel(name) for name in row.wanted),
        send_at=row.send_at,
        expires_at=row.expires_at,
        version=row.version,
        content_hash=row.content_hash,
        contacts=points,
        lanes=tuple(lanes),
        texts=texts,
        routing=routing,
        routing_problem=problem,
        default_country=country,
    )


def _lanes(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, list[LaneNow]]:
    lanes: dict[str, list[LaneNow]] = defaultdict(list)
    query = (
        sa.select(lane, outbox.c.entry_id.label("holder"), entry_text.c.recipient)
        .outerjoin(
            outbox,
            sa.and_(
                outbox.c.communication_id == lane.c.communication_id,
                outbox.c.channel == lane.c.channel,
            ),
        )
        .outerjoin(entry_text, entry_text.c.entry_id == lane.c.latest_entry_id)
        .where(lane.c.communication_id.in_(ids))
        .order_by(lane.c.communication_id, lane.c.channel)
    )
    for row in connection.execute(query):
        lanes[row.communication_id].append(
            LaneNow(
                channel=Channel(row.channel),
                status=Status(row.status),
                latest_entry_id=row.latest_entry_id,
                error_class=ErrorClass(row.error_class) if row.error_class else None,
                locked=row.holder is not None,
                used_recipient=row.recipient or "",
                origin=Channel(row.origin or row.channel),
                reason=row.reason,
                superseded=row.superseded_by is not None,
            )
        )
    return lanes


def _texts(connection: sa.Connection, versions: Mapping[str, int]) -> dict[str, Texts]:
    """What the newest rendering of each version has; rendering 0 is what the source delivered."""
    ids = list(versions)
    length = sa.func.length
    query = (
        sa.select(
            content.c.communication_id,
            content.c.version,
            content.c.rendering,
            content.c.template_version,
            content.c.letter_for,
            content.c.content_hash,
            (length(content.c.text) + length(content.c.html)).label("texts"),
            content.c.offers_letter,
            content.c.sms,
            content.c.context.is_not(None).label("has_context"),
        )
        .where(content.c.communication_id.in_(ids))
        .order_by(content.c.rendering)
    )
    rows: dict[str, Any] = {}
    with_context: set[str] = set()
    for row in connection.execute(query):
        if row.version == versions[row.communication_id]:
            rows[row.communication_id] = row
            if row.rendering == 0 and row.has_context:
                with_context.add(row.communication_id)
    roles: dict[tuple[str, int], set[str]] = defaultdict(set)
    documents = communication_document
    for row in connection.execute(
        sa.select(documents.c.communication_id, documents.c.version, documents.c.role).where(
            documents.c.communication_id.in_(ids)
        )
    ):
        roles[(row.communication_id, row.version)].add(row.role)
    found = {}
    for key, version in versions.items():
        newest = rows.get(key)
        own = roles[(key, version)]
        found[key] = Texts(
            rendering=newest.rendering if newest else 0,
            template_version=newest.template_version if newest else "",
            email=bool(newest and newest.texts),
            sms=newest.sms if newest else "",
            letter=DocumentRole.LETTER.value in own or bool(newest and newest.offers_letter),
            einvoice=DocumentRole.EINVOICE.value in own,
            from_template=key in with_context,
            makes_letter=DocumentRole.LETTER.value not in own
            and bool(newest and newest.offers_letter),
            letter_for=newest.letter_for if newest else "",
            content_hash=newest.content_hash if newest else "",
        )
    return found
