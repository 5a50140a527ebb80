"""Turning communications into entries: which lanes may go, and the attempt that each becomes.

The same rules serve the dry run, the bulk run's expansion, a resend and the automatic release.
"""

from __future__ import annotations

from datetime import datetime

from commtui.config import Settings
from commtui.domain import recipients
from commtui.domain.sending import Candidate, refusal, resend_refusal
from commtui.domain.vocabulary import Author, Cause, Channel, Status
from commtui.providers import registry
from commtui.store.engine import Database
from commtui.store.entries import NewEntry
from commtui.store.sends import LaneNow, Prospect

PRIORITY_SINGLE = 0
PRIORITY_BULK = 10
"""One message somebody waits for goes before ten thousand."""


class Dispatch:
    """Decides what may be sent with these settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._providers = {
            channel: next(
                (spec.key for spec in registry.for_channel(channel) if spec.configured(settings)),
                None,
            )
            for channel in Channel
        }

    def candidate(self, prospect: Prospect, lane: LaneNow) -> Candidate:
        """A lane as the rules of sending see it."""
        return Candidate(
            channel=lane.channel,
            status=lane.status,
            error_class=lane.error_class,
            locked=lane.locked,
            same_address=lane.used_recipient == prospect.recipient(lane.channel),
            provider_ready=self._providers[lane.channel] is not None,
            attempted=lane.latest_entry_id is not None,
            collecting=prospect.collecting,
            expires_at=prospect.expires_at,
        )

    def refusal(self, prospect: Prospect, lane: LaneNow, now: datetime) -> str | None:
        """Why this lane stays where it is, or None."""
        return refusal(self.candidate(prospect, lane), now)

    def resend_refusal(self, prospect: Prospect, lane: LaneNow) -> str | None:
        """Why this lane's latest attempt cannot be resent, or None."""
        return resend_refusal(self.candidate(prospect, lane))

    def foreseen_failure(self, prospect: Prospect, channel: Channel) -> str | None:
        """What our own check will say about the recipient, or None."""
        address = prospect.recipient(channel)
        try:
            if channel is Channel.EMAIL:
                recipients.email_address(address)
            elif channel is Channel.SMS:
                recipients.phone_number(address, prospect.country or self._settings.sending.country)
        except recipients.InvalidRecipient as error:
            return str(error)
        return None

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
        rendering: int = 0,
        content_hash: str | None = None,
    ) -> NewEntry:
        """The attempt to write for a lane."""
        manual = channel is Channel.MANUAL
        due = max(prospect.send_at, now) if prospect.send_at else now
        return NewEntry(
            id=self._database.new_id(now),
            communication_id=prospect.communication_id,
            subject_id=prospect.subject_id,
            customer_id=prospect.customer_id,
            channel=channel,
            provider=self._providers[channel] or "",
            cause=cause,
            author=author,
            category=prospect.category,
            location_group=prospect.location_group,
            recipient=prospect.recipient(channel),
            recipient_name=prospect.customer_name,
            version=prospect.version if version is None else version,
            rendering=rendering,
            content_hash=prospect.content_hash if content_hash is None else content_hash,
            status=Status.NOT_SENT if manual else Status.QUEUED,
            due_at=due,
            priority=PRIORITY_BULK if bulk_run_id else PRIORITY_SINGLE,
            replaces_id=replaces_id,
            bulk_run_id=bulk_run_id,
        )
