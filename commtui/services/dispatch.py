"""Turning communications into entries: which lanes may go, which way, and the attempt that each becomes.

The same rules serve the dry run, the bulk run's expansion, a resend, the automatic release and fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from commtui.config import Settings
from commtui.domain import recipients
from commtui.domain.channels import Decision
from commtui.domain.sending import Candidate, refusal, resend_refusal
from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    Author,
    Cause,
    Channel,
    Purpose,
    Status,
)
from commtui.services.reaching import Reaching
from commtui.services.redirecting import Redirecting
from commtui.services.rendering import NOT_YET, Rendering
from commtui.store import prospects
from commtui.store.engine import Connection, Database
from commtui.store.entries import NewEntry
from commtui.store.prospects import LaneNow, Prospect

PRIORITY_SINGLE = 0
PRIORITY_BULK = 10
"""One message somebody waits for goes before ten thousand."""
SKIPPED_CODE = "skipped"
NEED_NO_TEXT = frozenset({Channel.EINVOICE, Channel.MANUAL})
ERASED = "the customer was erased: there is nothing left that could be sent"


class Dispatch:
    """Decides what may be sent with these settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self.reaching = Reaching(settings)
        self.rendering = Rendering(database, settings)
        self._redirecting = Redirecting(settings)

    def load(self, connection: Connection, communication_ids: Sequence[str]) -> dict[str, Prospect]:
        """Prospects by communication id; unknown ids are left out."""
        return prospects.load(connection, communication_ids, self._settings.sending.country)

    def make(
        self,
        communication_ids: Sequence[str],
        now: datetime,
        way: Callable[[Prospect, LaneNow], Decision] | None = None,
    ) -> Mapping[str, int]:
        """Make what templates have to make for the next attempts of these, outside of any transaction.

        `way` decides the channels that letters depend on; otherwise it is the usual way. Returns the versions that
        were made, or could not be: what is not among them is for another time (`unmade`).
        """
        made = self.rendering.ensure(communication_ids)
        if not made:
            return made
        with self._database.read() as connection:
            known = self.load(connection, list(made))
        self.rendering.ensure_letters(
            [
                prospect.communication_id
                for prospect in known.values()
                if prospect.texts.makes_letter
                and any(
                    (way(prospect, lane) if way else self.way(prospect, lane, now)).channel
                    is Channel.POST
                    for lane in prospect.lanes
                    if not lane.locked
                )
            ]
        )
        return made

    def unmade(self, prospect: Prospect, target: Channel, made: Mapping[str, int]) -> str | None:
        """Why what a template has to make for a channel is not there: the problem, or NOT_YET; None when it is."""
        texts = prospect.texts
        if not texts.from_template or prospect.collecting:
            return None
        if made.get(prospect.communication_id) != prospect.version:
            return NOT_YET
        if target is Channel.POST and texts.makes_letter:
            ready = texts.letter_for == prospect.contacts.postal
        else:
            ready = texts.ready or target in NEED_NO_TEXT
        return None if ready else self.rendering.problem(prospect) or NOT_YET

    def hindrance(
        self, prospect: Prospect, lane: LaneNow, now: datetime, made: Mapping[str, int]
    ) -> str | None:
        """Why this lane's next attempt cannot be written now: a refusal, or what `make` left unmade; or None."""
        target = self.way(prospect, lane, now).channel
        return self.refusal(prospect, lane, now) or (
            self.unmade(prospect, target, made) if target else None
        )

    def refusal(self, prospect: Prospect, lane: LaneNow, now: datetime) -> str | None:
        """Why this lane stays where it is, or None."""
        if prospect.erased:
            return ERASED
        way = self.way(prospect, lane, now)
        moving = way.channel is not lane.channel
        if not (prospect.collecting or prospect.texts.ready) and (
            moving or lane.channel not in NEED_NO_TEXT
        ):
            return self.rendering.problem(prospect) or NOT_YET
        reason = refusal(self._candidate(prospect, lane, way.channel or lane.channel, now), now)
        if reason is None and way.channel is not None and way.channel is not lane.channel:
            other = prospect.lane(way.channel)
            if other is not None and (_stands_in(lane) or not other.superseded):
                return f"goes by {way.channel.label.lower()}"
        return reason

    def resend_refusal(
        self, prospect: Prospect, lane: LaneNow, *, settling: bool = False
    ) -> str | None:
        """Why this lane's latest attempt cannot be resent, or None."""
        if prospect.erased:
            return ERASED
        now = self._database.now()
        candidate = self._candidate(prospect, lane, lane.channel, now)
        plain = resend_refusal(candidate, settling=settling)
        if plain is None and prospect.refused_by(lane.channel) is not None:
            return "the recipient has opted out of this: not to this address again"
        return plain

    def _candidate(
        self, prospect: Prospect, lane: LaneNow, target: Channel, now: datetime
    ) -> Candidate:
        """A lane as the rules of sending see it, when its next attempt goes on `target`."""
        return Candidate(
            channel=lane.channel,
            status=lane.status,
            error_class=lane.error_class,
            locked=lane.locked,
            same_address=lane.used_recipient == prospect.recipient(lane.channel),
            provider_ready=target is Channel.MANUAL
            or self.reaching.provider(prospect, target) is not None,
            attempted=lane.latest_entry_id is not None,
            collecting=prospect.collecting,
            expires_at=prospect.expires_at,
            superseded=lane.superseded,
            successor_open=_successor_open(prospect, lane),
            reopened=lane.superseded and not self.reaching.why_not(prospect, lane.channel, now),
            moving=target is not lane.channel,
        )

    def way(self, prospect: Prospect, lane: LaneNow, now: datetime) -> Decision:
        """The channel that this lane's next attempt goes on, with the reason."""
        automatic = self._settings.fallback.automatic
        marketing = prospect.purpose is Purpose.MARKETING
        decided = self.reaching.decide(prospect, lane, now)
        if automatic or (marketing and prospect.refused_by(lane.channel) is not None):
            return decided
        return Decision(lane.channel, lane.channel.label.lower())

    def foreseen_failure(self, prospect: Prospect, channel: Channel) -> str | None:
        """What our own check will say about the recipient, or None."""
        if elsewhere := self._redirecting.problem(channel):
            return elsewhere
        address = prospect.recipient(channel)
        try:
            if channel is Channel.EMAIL:
                recipients.email_address(address)
            elif channel is Channel.SMS:
                recipients.phone_number(address, prospect.country or self._settings.sending.country)
            elif channel in (Channel.POST, Channel.EINVOICE):
                return (
                    self.reaching.address_problem(prospect, channel, self._database.now()) or None
                )
        except recipients.InvalidRecipient as error:
            return str(error)
        return None

    def attempt(
        self,
        prospect: Prospect,
        lane: LaneNow,
        *,
        cause: Cause,
        author: Author,
        now: datetime,
        bulk_run_id: str | None = None,
    ) -> NewEntry:
        """The next attempt of a lane, on whichever channel it goes."""
        way = self.way(prospect, lane, now)
        return self.entry(
            prospect,
            way.channel or lane.channel,
            cause=cause,
            author=author,
            now=now,
            replaces_id=lane.latest_entry_id,
            bulk_run_id=bulk_run_id,
            decision=way,
            origin=lane.origin,
            from_lane=lane.channel,
        )

    def entry(
        self,
        prospect: Prospect,
        channel: Channel,
        *,
        cause: Cause,
        author: Author,
        now: datetime,
        replaces_id: str | None = None,
        bulk_run_id: str | None = None,
        version: int | None = None,
        rendering: int | None = None,
        content_hash: str | None = None,
        template_version: str | None = None,
        decision: Decision | None = None,
        origin: Channel | None = None,
        from_lane: Channel | None = None,
    ) -> NewEntry:
        """The attempt to write on a channel; without a decision's channel it is skipped."""
        manual = channel is Channel.MANUAL
        skipped = decision is not None and decision.channel is None
        texts = prospect.texts
        status = Status.NOT_SENT if manual else Status.QUEUED
        return NewEntry(
            id=self._database.new_id(now),
            communication_id=prospect.communication_id,
            subject_id=prospect.subject_id,
            customer_id=prospect.customer_id,
            channel=channel,
            provider="manual" if manual else self.reaching.provider(prospect, channel) or "",
            cause=cause,
            author=author,
            category=prospect.category,
            location_group=prospect.location_group,
            recipient=prospect.recipient(channel),
            recipient_key=prospect.key(channel),
            recipient_name=prospect.customer_name,
            version=prospect.version if version is None else version,
            rendering=texts.rendering if rendering is None else rendering,
            content_hash=content_hash or texts.content_hash or prospect.content_hash,
            template_version=texts.template_version
            if template_version is None
            else template_version,
            status=Status.SKIPPED if skipped else status,
            due_at=max(prospect.send_at, now) if prospect.send_at else now,
            priority=PRIORITY_BULK if bulk_run_id else PRIORITY_SINGLE,
            replaces_id=replaces_id,
            bulk_run_id=bulk_run_id,
            reason=decision.reason if decision else "",
            code=SKIPPED_CODE if skipped else "",
            origin=origin,
            from_lane=from_lane,
        )


def _stands_in(lane: LaneNow) -> bool:
    """An open task that is there only because another channel could not carry the message."""
    return (
        lane.channel is Channel.MANUAL
        and lane.origin is not Channel.MANUAL
        and lane.status is Status.NOT_SENT
        and lane.latest_entry_id is not None
        and not lane.superseded
    )


def _successor_open(prospect: Prospect, lane: LaneNow) -> bool:
    """What took over from a lane is a task that is still open, or failed as well."""
    return any(
        other.origin is lane.origin
        and other.channel is not lane.channel
        and not other.superseded
        and (other.status is Status.NOT_SENT or other.status in FAILED_STATUSES - {Status.UNKNOWN})
        for other in prospect.lanes
    )
