"""What panels show: frozen values that services make and screens render; texts are untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commtui.domain.lines import Line
from commtui.domain.vocabulary import Cause, Channel, DocumentRole, ErrorClass, Source, Status


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to an entry: a status change, a try, a provider event, an operator's act."""

    at: datetime
    source: Source
    word: str
    """Our status word, or the provider's event word."""
    code: str = ""
    words: str = ""
    author: str = ""
    status: Status | None = None
    """The status it led to; None when nothing changed by it."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its bytes."""

    role: DocumentRole
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One entry among the attempts of its subject, newest first."""

    line: Line
    cause: Cause
    author: str
    author_verified: bool
    replaces_id: str | None
    """The entry that this one was sent instead of."""
    settled_by: str | None
    """The later entry that was sent instead of this one."""
    provider_message_id: str
    version: int
    note: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure, or why something has not left yet, in plain words."""

    error_class: ErrorClass | None
    """None: nothing failed."""
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """Everything about one attempt: the log's panel."""

    attempt: Attempt
    explanation: Explanation | None
    history: tuple[Happening, ...]
    """Every event and status change in time order."""
    before: tuple[Attempt, ...]
    """Earlier attempts of its lane."""
    after: tuple[Attempt, ...]
    documents: tuple[DocumentInfo, ...]
    content_subject: str
    content_text: str
    next_try_at: datetime | None
    recipient_name: str


@dataclass(frozen=True, slots=True)
class LineSummary:
    """The overview's limited panel: status, class, one plain sentence, what to do."""

    line: Line
    explanation: Explanation | None
    others: tuple[Line, ...] = ()
    """The subject's other communications, newest first."""


class CustomerField(StrEnum):
    """What an operator can correct on a customer."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class ContactView:
    """One contact point: what the source says, and an operator's correction of it."""

    field: CustomerField
    source_value: str
    correction: str
    corrected_by: str
    corrected_at: datetime | None

    @property
    def value(self) -> str:
        """The one in use."""
        return self.correction or self.source_value


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer and how to reach them."""

    id: str
    """The source system's."""
    name: str
    language: str
    country: str
    location_group: str
    contacts: tuple[ContactView, ...]


@dataclass(frozen=True, slots=True)
class ResendOffer:
    """What a resend would do, shown before it asks."""

    entry_id: str
    channel: Channel
    used_recipient: str
    present_recipient: str
    customer: CustomerView
    earlier: tuple[Attempt, ...]
    """Attempts of the lane, newest first."""
    refusal: str | None
    warnings: tuple[str, ...]
    seen_entry: str
    """The lane's latest attempt as shown; a resend is refused when it is no longer that."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A bulk send's dry run: staged, not yet confirmed, so nothing leaves by it."""

    run_id: str
    lines: int
    """How many lines were chosen."""
    going: tuple[tuple[Channel, int], ...]
    staying: tuple[tuple[str, int], ...]
    """Reason, count; most first."""
    failing: tuple[tuple[str, int], ...]
    """Would go, but our own check will stop them, by reason."""
    warnings: tuple[tuple[str, int], ...]
    others: int
    """Other communications of these subjects that need attention: not included unless asked for."""

    @property
    def total(self) -> int:
        """How many messages will go."""
        return sum(count for _, count in self.going)


class RunState(StrEnum):
    """A bulk run's life."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """A confirmed bulk run: how far it is, and what became of its messages."""

    run_id: str
    state: RunState
    operator: str
    confirmed_at: datetime
    total: int
    waiting: int
    """Items not yet turned into entries."""
    expanded: int
    skipped: int
    by_status: tuple[tuple[Status, int], ...]
    """The present status of the entries it made."""

    @property
    def open(self) -> int:
        """How many are not decided yet."""
        undecided = (Status.QUEUED, Status.SENDING)
        return self.waiting + sum(count for status, count in self.by_status if status in undecided)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of one item of a bulk run."""

    reference: str
    customer_name: str
    channel: Channel
    status: Status | None
    """None: it was skipped, or is not expanded yet."""
    words: str


@dataclass(frozen=True, slots=True)
class Download:
    """A ZIP that was written."""

    path: str
    lines: int
    files: int
    size: int


class Decision(StrEnum):
    """How an operator settles an unknown outcome."""

    SENT = "sent"
    AGAIN = "again"
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class Health:
    """What the status line says about the processes."""

    workers: int
    web: int
    paused: tuple[tuple[str, str], ...]
    """Provider, and why it is paused."""
    due: int
    """Messages waiting to be sent."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What the journal brought since a cursor."""

    cursor: str
    subject_ids: frozenset[str]
    entry_ids: frozenset[str]
    more: bool = False
