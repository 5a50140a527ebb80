"""Resend: one entry's stored content goes out once more, to the customer's present address.

What the operator saw is part of the request: of any number at the same moment, one is sent.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from commtui.config import Settings
from commtui.domain.templates import TemplateError
from commtui.domain.views import Attempt, ResendOffer
from commtui.domain.vocabulary import STATUS_LOOKS, Author, Cause, Channel, Status
from commtui.errors import Refused
from commtui.services.dispatch import Dispatch
from commtui.store import audits, contacts, details, sends
from commtui.store.details import StoredEntry
from commtui.store.engine import Database
from commtui.store.ledger import Ledger
from commtui.store.prospects import LaneNow, Prospect

SAME_ADDRESS = "it failed at this same address before"


class Resending:
    """Resends for one operator."""

    def __init__(
        self, database: Database, settings: Settings, author: Author, dispatch: Dispatch
    ) -> None:
        self._database = database
        self._author = author
        self._dispatch = dispatch
        self._zone: ZoneInfo | None = settings.zone

    def offer(self, entry_id: str) -> ResendOffer:
        """What a resend would do. Raises NotFound."""
        now = self._database.now()
        with self._database.read() as connection:
            entry = details.stored_entry(connection, entry_id)
            prospect = self._dispatch.load(connection, [entry.communication_id])[
                entry.communication_id
            ]
            ids = details.lane_entries(connection, entry.communication_id, entry.channel)
            earlier = details.attempts(connection, ids)
            customer = contacts.view(connection, entry.customer_id)
        lane = prospect.lane(entry.channel)
        used = next(item.line.recipient for item in earlier if item.line.id == entry_id)
        return ResendOffer(
            entry_id=entry_id,
            channel=entry.channel,
            used_recipient=used,
            present_recipient=prospect.recipient(entry.channel),
            customer=customer,
            earlier=tuple(earlier),
            refusal=self._refusal(entry_id, prospect, lane),
            warnings=tuple(self._warnings(entry_id, prospect, entry.channel, earlier, now)),
            seen_entry=earlier[0].line.id,
            new_letter=_address_page(entry, prospect),
        )

    def resend(
        self, entry_id: str, seen_entry: str, note: str = "", *, settling: bool = False
    ) -> str:
        """Send it again; returns the new entry's id. Raises NotFound, Refused.

        `seen_entry` is the lane's latest attempt that the operator saw; `note` goes into the audit trail.
        `settling` is an operator's decision about an outcome that nobody knows.
        """
        rendering, content_hash, letter_for = self._letter(entry_id, settling=settling)
        with self._database.write() as connection:
            now = self._database.now()
            entry = details.stored_entry(connection, entry_id)
            ledger = Ledger(self._database, connection, now)
            ledger.lock([entry.subject_id])
            prospect = self._dispatch.load(connection, [entry.communication_id])[
                entry.communication_id
            ]
            lane = prospect.lane(entry.channel)
            if lane is not None and lane.latest_entry_id != seen_entry:
                made = sends.author_of(connection, lane.latest_entry_id or "")
                raise Refused(self._meanwhile(made))
            if reason := self._refusal(entry_id, prospect, lane, settling=settling):
                raise Refused(reason)
            if letter_for is not None and letter_for != prospect.contacts.postal:
                raise Refused("the address was corrected at this moment: look again")
            new = self._dispatch.entry(
                prospect,
                entry.channel,
                cause=Cause.RESEND,
                author=self._author,
                now=now,
                replaces_id=entry_id,
                version=entry.version,
                rendering=rendering,
                content_hash=content_hash,
                template_version=entry.template_version,
                origin=lane.origin if lane is not None else None,
            )
            ledger.add([new])
            ledger.close()
            audits.write(
                connection,
                self._database,
                self._author,
                "settle: again" if settling else "resend",
                [entry_id],
                {"entry": new.id},
                note,
            )
        return new.id

    def _letter(self, entry_id: str, *, settling: bool) -> tuple[int, str, str | None]:
        """The rendering and content hash that go out: the stored ones, or a letter made anew for a corrected address.

        That address comes last; None when what is stored goes out. Made before the transaction that sends it; raises
        Refused when it cannot be.
        """
        with self._database.read() as connection:
            entry = details.stored_entry(connection, entry_id)
            prospect = self._dispatch.load(connection, [entry.communication_id])[
                entry.communication_id
            ]
        lane = prospect.lane(entry.channel)
        refused = self._refusal(entry_id, prospect, lane, settling=settling)
        if refused or not _address_page(entry, prospect):
            return entry.rendering, entry.content_hash, None
        address = prospect.contacts.postal
        try:
            made = self._dispatch.rendering.letter_again(
                entry.communication_id, entry.version, entry.rendering, address, prospect.country
            )
        except TemplateError as error:
            raise Refused(f"the letter cannot be made for the corrected address: {error}") from None
        return *made, address

    def _refusal(
        self, entry_id: str, prospect: Prospect, lane: LaneNow | None, *, settling: bool = False
    ) -> str | None:
        if lane is None:
            return "this communication no longer goes on this channel"
        if lane.status is Status.UNKNOWN and lane.latest_entry_id != entry_id:
            return "the outcome of the latest attempt is unknown: settle that one first"
        return self._dispatch.resend_refusal(prospect, lane, settling=settling)

    def _meanwhile(self, made: tuple[str, datetime] | None) -> str:
        if made is None:
            return "sent meanwhile by somebody else"
        name, at = made
        return f"sent meanwhile by {name}, {at.astimezone(self._zone):%H:%M}"

    def _warnings(
        self,
        entry_id: str,
        prospect: Prospect,
        channel: Channel,
        attempts: list[Attempt],
        now: datetime,
    ) -> list[str]:
        latest = attempts[0].line
        present = prospect.recipient(channel)
        warnings = []
        if latest.status in (Status.SENT, Status.DELIVERED):
            words = STATUS_LOOKS[latest.status].label.lower()
            warnings.append(f"the latest attempt is {words}: the customer gets it once more")
        elif (
            latest.status not in (Status.CANCELLED, Status.UNKNOWN) and latest.recipient == present
        ):
            warnings.append(SAME_ADDRESS)
        if latest.id != entry_id:
            warnings.append("this is not the latest attempt: its older content is sent")
        if foreseen := self._dispatch.foreseen_failure(prospect, channel):
            warnings.append(f"our own check will stop it: {foreseen}")
        if prospect.expires_at is not None and prospect.expires_at <= now:
            warnings.append("our own check will stop it: it has expired")
        return warnings


def _address_page(entry: StoredEntry, prospect: Prospect) -> bool:
    """Whether the letter is from our template and was made for another address than the present one."""
    return (
        entry.channel is Channel.POST
        and bool(entry.letter_for)
        and entry.letter_for != prospect.contacts.postal
    )
