"""What may be sent, on which channel, and why not: pure rules with their reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Decision:
    """The channels a communication goes on, with the reason in words."""

    channels: tuple[Channel, ...]
    reason: str


def decide_channels(
    wanted: Sequence[Channel], contacts: ContactPoints, *, has_text: bool, has_sms: bool
) -> Decision:
    """The wanted channels, one lane each; without a wish, the first that can reach the customer."""
    if wanted:
        return Decision(tuple(dict.fromkeys(wanted)), "asked for by the source")
    reasons = []
    if contacts.email and has_text:
        return Decision((Channel.EMAIL,), "customer's order: email")
    reasons.append("email: no address" if not contacts.email else "email: no text for it")
    if contacts.phone and has_sms:
        return Decision((Channel.SMS,), " → ".join([*reasons, "sms"]))
    reasons.append("sms: no number" if not contacts.phone else "sms: no text for it")
    return Decision((Channel.MANUAL,), " → ".join([*reasons, "manual"]))


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


COMPLETED_REASON = "already completed"
ON_ITS_WAY_REASON = "already on its way"


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
            and candidate.attempted,
            "manual task: complete it",
        ),
        (
            candidate.status is not Status.NOT_SENT and candidate.status not in FAILED_STATUSES,
            COMPLETED_REASON,
        ),
        (_refused_by_policy(candidate), "refused by the recipient: not to this address again"),
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


def resend_refusal(candidate: Candidate) -> str | None:
    """Why one entry cannot be resent now, or None; sent and delivered ones can."""
    checks = (
        (candidate.collecting, "data still being collected"),
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
