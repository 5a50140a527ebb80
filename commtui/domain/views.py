"""What panels show: frozen values that services make and screens render; texts are untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commtui.domain.einvoice import Registration, Routing
from commtui.domain.lines import Line
from commtui.domain.optouts import OptOut
from commtui.domain.vocabulary import (
    Cause,
    Channel,
    DocumentRole,
    ErrorClass,
    Layer,
    Source,
    Status,
)


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
    layer: Layer | None = None
    """Of a fact about an e-invoice: how far up it was established; its code means something there only."""


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
    template: str = ""
    """Name and version of the template that made its texts: reminder/fr c298f8cf0f8c."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure, or why something has not left yet, in plain words."""

    error_class: ErrorClass | None
    """None: nothing failed."""
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class ErrandView:
    """Something that a worker was asked to do at a provider, and what came of it."""

    kind: str
    """cancel or lift."""
    provider: str
    address: str
    reason: str
    operator: str
    at: datetime
    state: str
    """open, done or refused."""
    words: str
    """The provider's, untrusted."""
    done_at: datetime | None


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
    evidence: tuple[DocumentInfo, ...] = ()
    """Proofs that network and provider gave of it, oldest first."""
    errands: tuple[ErrandView, ...] = ()
    """What a provider was asked to do about it, newest first."""


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
    EINVOICE = "einvoice"

    @property
    def channel(self) -> Channel:
        """The channel that such an address is for."""
        return {
            "email": Channel.EMAIL,
            "phone": Channel.SMS,
            "address": Channel.POST,
            "einvoice": Channel.EINVOICE,
        }[self.value]


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
class ContactHealth:
    """How a contact point did: the source's value, the correction, and what became of messages to it."""

    contact: ContactView
    last_delivered: datetime | None
    last_failed: datetime | None
    failed_words: str
    """The last failure at this address, in our words; empty: none."""
    marked: str
    """Why nothing is sent there by itself; empty: it works as far as is known."""
    marked_at: datetime | None
    liftable: bool
    """Whether a provider's suppression can be lifted for it."""
    refused: tuple[OptOut, ...]
    """Refusals of this very address."""
    errands: tuple[ErrandView, ...]


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """Everything about a customer that decides what may be sent how."""

    customer: CustomerView
    contacts: tuple[ContactHealth, ...]
    preferences: tuple[tuple[str, tuple[Channel, ...]], ...]
    """Kind of message (empty: every kind) and order of channels."""
    optouts: tuple[OptOut, ...]
    """The customer's own, in force."""
    routing: Routing | None
    routing_problem: str
    registration: Registration | None
    lines: tuple[Line, ...]
    """All their communications, newest first, as overview lines."""
    total: int
    """How many lines there are; `lines` may be only the newest."""


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
    new_letter: bool = False
    """The letter's address page is made anew for the present address; everything else stays."""


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
    detours: tuple[tuple[str, int], ...] = ()
    """Would go another way than the wanted one, by the reason in words."""
    skipping: tuple[tuple[str, int], ...] = ()
    """Marketing that will be skipped, by reason."""

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
    UNDONE = "undone"
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
    begins_at: datetime | None = None
    """When its delay is over; until then it can be undone."""
    withdrawn: int = 0
    """Items that a stop or an undo left as they were."""

    @property
    def undoable(self) -> bool:
        """Whether nothing of it is on its way yet."""
        return self.state in (RunState.RUNNING, RunState.PAUSED) and not self.expanded

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


@dataclass(frozen=True, slots=True)
class FallbackHold:
    """Automatic fallbacks above the cap, held for a person."""

    cause: str
    """Provider and status: "sendgrid bounced"."""
    number: int
    first: datetime
    last: datetime
    """When the first and the last of them failed."""
    origin: Channel | None = None
    """The channel that they failed on; None: its provider is not known any more."""
    targets: tuple[tuple[Channel, int], ...] = ()
    """The channels that they would go by, and how many by each, most first."""


class Decision(StrEnum):
    """How an operator settles an unknown outcome."""

    SENT = "sent"
    AGAIN = "again"
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class AccountWarning:
    """What is wrong with our account at a provider, or will be soon."""

    provider: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong around the messages, and what puts it right."""

    name: str
    sentence: str
    advice: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Orphan:
    """A provider's event that is about no message of ours, or a call of its that could not be read."""

    id: str
    provider: str
    kind: str
    at: datetime
    received_at: datetime
    provider_message_id: str
    recipient: str
    payload: str
    """As it came, untrusted."""


@dataclass(frozen=True, slots=True)
class ProviderPause:
    """A provider that is not called at present."""

    provider: str
    reason: str
    since: datetime | None
    """None: only for as long as it asked us to wait."""
    until: datetime | None
    """When it is called again; None: when an operator releases it."""
    by: str = ""
    """The operator who paused it; empty: it was paused by itself."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing a customer empties, or has emptied."""

    customer_id: str
    """The source's."""
    rows: tuple[tuple[str, int], ...]
    """Kinds of personal text, and how many rows hold some."""
    withdrawn: int
    """Messages that were queued, of unknown outcome, or a task."""
    put_aside: int
    """Communications that nothing was tried of."""
    kept: int
    """Entries of the log, which stay as they are."""
    erased_before: datetime | None = None
    compacted: bool = False
    """Whether tables were rewritten, so that free space holds nothing either."""
    remnants: int = 0
    """Texts that still stand in the database's file: in free space, or because somebody else has them too."""


@dataclass(frozen=True, slots=True)
class Health:
    """What the status line says about the processes."""

    workers: int
    web: int
    paused: tuple[ProviderPause, ...]
    due: int
    """Messages waiting to be sent."""
    held: tuple[FallbackHold, ...] = ()
    """Automatic fallbacks above the cap."""
    warnings: tuple[AccountWarning, ...] = ()
    barred: str = ""
    """Why nothing is sent at all; empty when nothing hinders it."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with feedback."""
    orphans: int = 0
    """Events about no message of ours; counted no further than a thousand."""
    providers: tuple[str, ...] = ()
    """Keys of the providers that are set up."""
    unknown: int = 0
    """Outcomes that nobody knows."""
    stopped: str = ""
    """Why this database sends nothing, or nothing by itself; empty: it sends."""
    events_days: int = 0
    """How long provider events are kept."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What the journal brought since a cursor."""

    cursor: str
    subject_ids: frozenset[str]
    entry_ids: frozenset[str]
    more: bool = False
