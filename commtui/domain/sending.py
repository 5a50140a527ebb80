"""What may be sent, and why not: pure rules with their reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commtui.domain.vocabulary import FAILED_STATUSES, Channel, ErrorClass, Status


@dataclass(frozen=True, slots=True)
class ContactPoints:
    """The addresses a customer has, as written; validity is checked at sending."""

    email: str = ""
    phone: str = ""
    postal: str = ""
    """Printable postal address, lines separated by newlines."""
    einvoice: str = ""
    """The registration for e-invoices, as JSON."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One lane of one communication, as a send would find it."""

    channel: Channel
    status: Status
    error_class: ErrorClass | None
    locked: bool
    """An outbox row holds the lane."""
    same_address: bool
    """The customer's present address is the one that was used."""
    provider_ready: bool
    attempted: bool = False
    """An entry exists in this lane."""
    collecting: bool = False
    expires_at: datetime | None = None
    superseded: bool = False
    """The message went another way after this lane failed."""
    successor_open: bool = False
    """What took over is not sent yet, or failed as well."""
    reopened: bool = False
    """What was wrong with its address, or with sending there, is not so any more."""
    moving: bool = False
    """Its next attempt goes on another channel."""


COMPLETED_REASON = "already completed"
ON_ITS_WAY_REASON = "already on its way"
ANOTHER_WAY_REASON = "went another way instead"


def refusal(candidate: Candidate, now: datetime) -> str | None:
    """Why a bulk send leaves this lane alone, or None when it may go."""
    checks = (
        (candidate.collecting, "data still being collected"),
        (
            candidate.status is Status.UNKNOWN,
            "outcome unknown: it may have been sent; settle it in the log first",
        ),
        (
            candidate.locked or candidate.status in (Status.QUEUED, Status.SENDING),
            ON_ITS_WAY_REASON,
        ),
        (
            candidate.channel is Channel.MANUAL
            and candidate.status is Status.NOT_SENT
            and candidate.attempted
            and not candidate.moving,
            "manual task: complete it",
        ),
        (
            candidate.superseded and not (candidate.successor_open and candidate.reopened),
            ANOTHER_WAY_REASON,
        ),
        (
            candidate.status is not Status.NOT_SENT and candidate.status not in FAILED_STATUSES,
            COMPLETED_REASON,
        ),
        (
            _refused_by_policy(candidate) and not candidate.moving,
            "refused by the recipient: not to this address again",
        ),
        (
            candidate.expires_at is not None and candidate.expires_at <= now,
            "expired before it was sent",
        ),
        (
            not candidate.provider_ready,
            f"no provider is set up for {candidate.channel.label}",
        ),
    )
    return next((reason for applies, reason in checks if applies), None)


UNKNOWN_REASON = (
    "its outcome is unknown: it may have been sent. Settle it: it was sent, send again, or give up"
)


def resend_refusal(candidate: Candidate, *, settling: bool = False) -> str | None:
    """Why one entry cannot be resent now, or None; sent and delivered ones can.

    One whose outcome is unknown goes again only by `settling` it.
    """
    checks = (
        (candidate.collecting, "data still being collected"),
        (candidate.status is Status.UNKNOWN and not settling, UNKNOWN_REASON),
        (
            (candidate.locked and candidate.status is not Status.UNKNOWN)
            or candidate.status in (Status.QUEUED, Status.SENDING),
            "this message is already on its way",
        ),
        (candidate.channel is Channel.MANUAL, "a manual task is completed, not resent"),
        (_refused_by_policy(candidate), "refused by the recipient: not to this address again"),
        (
            not candidate.provider_ready,
            f"no provider is set up for {candidate.channel.label}",
        ),
    )
    return next((reason for applies, reason in checks if applies), None)


def _refused_by_policy(candidate: Candidate) -> bool:
    return (
        candidate.status in FAILED_STATUSES
        and candidate.error_class is ErrorClass.POLICY
        and candidate.same_address
    )
