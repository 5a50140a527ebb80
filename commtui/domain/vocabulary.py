"""The words of the field, as closed sets (design: section 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How a message travels; operators know it as Type."""

    EMAIL = "email"
    SMS = "sms"
    POST = "post"
    EINVOICE = "einvoice"
    MANUAL = "manual"

    @property
    def label(self) -> str:
        """The word shown to operators."""
        return _CHANNEL_LABELS[self]


_CHANNEL_LABELS = {
    Channel.EMAIL: "Email",
    Channel.SMS: "SMS",
    Channel.POST: "Post",
    Channel.EINVOICE: "E-invoice",
    Channel.MANUAL: "Manual",
}


class Status(StrEnum):
    """The state of an entry, a lane, a communication or an overview line."""

    COLLECTING = "collecting"
    NOT_SENT = "not_sent"
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    BLOCKED = "blocked"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    RETURNED = "returned"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    DONE = "done"


class Chip(StrEnum):
    """The four quick filters above each list."""

    FAILED = "failed"
    NOT_SENT = "not-sent"
    COMPLETED = "completed"
    ALL = "all"

    @property
    def label(self) -> str:
        """The word shown to operators."""
        return {"failed": "Failed", "not-sent": "Not sent", "completed": "Completed", "all": "All"}[
            self.value
        ]


class ErrorClass(StrEnum):
    """Whose fault a failure is, which decides what may be done about it."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    TECHNICAL = "technical"
    POLICY = "policy"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why an entry exists."""

    INITIAL = "initial"
    BULK = "bulk"
    RESEND = "resend"
    FALLBACK = "fallback"
    TASK = "task"
    """Something about a sent message that a person has to put right where it was sent to."""


class Purpose(StrEnum):
    """What a communication is for; marketing can be refused by the customer."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


class Release(StrEnum):
    """Whether a communication leaves by itself or waits for a person."""

    AUTO = "auto"
    HOLD = "hold"


class Source(StrEnum):
    """Where a fact about an entry came from."""

    WORKER = "worker"
    EVENT = "event"
    POLL = "poll"
    OPERATOR = "operator"


class Layer(StrEnum):
    """How far up a fact about an e-invoice was established; a code means something in its layer only.

    Accepted by the API is not received by the other platform, and received is not approved
    (reference: e-invoicing, section 0).
    """

    API = "api"
    TRANSPORT = "transport"
    MESSAGE = "message"
    BUSINESS = "business"
    PAYMENT = "payment"


class DocumentRole(StrEnum):
    """What a document is to its communication."""

    ATTACHMENT = "attachment"
    LETTER = "letter"
    EINVOICE = "einvoice"


class Tab(StrEnum):
    """The two lists."""

    OVERVIEW = "overview"
    LOG = "log"


class Ignored(StrEnum):
    """Show ignored: the filter's three positions."""

    NO = "no"
    ALSO = "also"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Author:
    """Who did something; unverified when only the login name says so."""

    name: str
    verified: bool = False


SYSTEM = Author("commtui", True)
"""The program itself: a worker, a webhook."""


@dataclass(frozen=True, slots=True)
class StatusLook:
    """How a status is shown and counted: never by colour alone."""

    label: str
    glyph: str
    ascii: str
    chip: Chip | None
    severity: int
    """Order among a communication's lanes: the worst of them is the line's status."""


STATUS_LOOKS: dict[Status, StatusLook] = {
    Status.COLLECTING: StatusLook("Collecting data", " ", " ", None, 0),
    Status.NOT_SENT: StatusLook("Not sent", "○", "o", Chip.NOT_SENT, 50),
    Status.QUEUED: StatusLook("Waiting to send", "…", ".", Chip.NOT_SENT, 40),
    Status.SENDING: StatusLook("Sending", "…", ".", Chip.NOT_SENT, 41),
    Status.UNKNOWN: StatusLook("Unknown", "?", "?", Chip.FAILED, 80),
    Status.SENT: StatusLook("Sent", "→", ">", Chip.COMPLETED, 20),
    Status.DELIVERED: StatusLook("Delivered", "✓", "+", Chip.COMPLETED, 10),
    Status.BOUNCED: StatusLook("Failed: bounced", "✗", "x", Chip.FAILED, 93),
    Status.DROPPED: StatusLook("Failed: dropped", "✗", "x", Chip.FAILED, 92),
    Status.BLOCKED: StatusLook("Failed: blocked", "✗", "x", Chip.FAILED, 91),
    Status.FAILED: StatusLook("Failed", "✗", "x", Chip.FAILED, 90),
    Status.UNDELIVERED: StatusLook("Failed: undelivered", "✗", "x", Chip.FAILED, 94),
    Status.RETURNED: StatusLook("Failed: returned", "✗", "x", Chip.FAILED, 95),
    Status.REJECTED: StatusLook("Rejected", "⊘", "!", Chip.FAILED, 85),
    Status.SKIPPED: StatusLook("Skipped", "∅", "/", Chip.COMPLETED, 5),
    Status.CANCELLED: StatusLook("Cancelled", "×", "~", Chip.COMPLETED, 4),
    Status.DONE: StatusLook("Done", "✓", "+", Chip.COMPLETED, 9),
}

FAILED_STATUSES = frozenset(s for s, look in STATUS_LOOKS.items() if look.chip is Chip.FAILED)
OPEN_STATUSES = frozenset({Status.QUEUED, Status.SENDING, Status.UNKNOWN})
"""While an entry is in one of these its lane is locked."""
STARTED_STATUSES = frozenset(
    {Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.SENT, Status.DELIVERED}
)
"""Once a lane is in one of these, the communication's content cannot be replaced."""
STATUS_GROUPS = {"failed": frozenset(FAILED_STATUSES - {Status.REJECTED, Status.UNKNOWN})}
"""`status:failed` means all of these."""


def chip_of(status: Status) -> Chip | None:
    """The chip under which a status is counted; None for what is on no list."""
    return STATUS_LOOKS[status].chip
