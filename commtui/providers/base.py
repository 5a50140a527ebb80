"""The contract every provider keeps; one contract suite runs against all of them.

A provider file holds, in this order: its documentation, its status table, its problem table,
pure payload functions, the sending class, the receiving class, and `SPEC`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from commtui.config import Settings
from commtui.domain.einvoice import Network, Registration, Routing
from commtui.domain.optouts import OptChange
from commtui.domain.vocabulary import Channel, DocumentRole, ErrorClass, Layer, Purpose, Status
from commtui.providers.http import Http


@dataclass(frozen=True, slots=True)
class Document:
    """A file that travels with a message."""

    role: DocumentRole
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to one recipient, exactly as stored."""

    entry_id: str
    channel: Channel
    recipient: str
    recipient_name: str
    subject: str
    text: str
    html: str
    documents: tuple[Document, ...]
    kind: str
    purpose: Purpose
    country: str
    """The customer's, ISO 3166-1; empty: not known."""
    created_at: datetime
    expires_at: datetime | None = None
    reference: str = ""
    """The subject's: the number that people know it by."""
    routing: Routing | None = None
    """Of an e-invoice: where `recipient` says that it goes."""
    registration: Registration | None = None
    """The last check of that recipient, whenever it was made."""
    unsubscribe: str = ""
    """Our signed link for this marketing email; empty: none can be made."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_message_id: str
    status: Status = Status.SENT
    events: Sequence[DeliveryEvent] = ()
    """Facts that its answer already held."""


@dataclass(frozen=True, slots=True)
class RawWebhook:
    """A webhook call as it arrived; signatures are over these bytes."""

    path: str
    """Path and query as called; the public URL goes in front of it."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One fact from a provider, normalised; its raw form is kept beside it."""

    kind: str
    """The provider's word: delivered, bounce, open, undelivered…"""
    at: datetime
    entry_id: str | None
    """Ours, when the provider brought it back."""
    provider_message_id: str
    recipient: str
    status: Status | None = None
    """None: informational, the entry's status does not change by it."""
    error_class: ErrorClass | None = None
    code: str = ""
    words: str = ""
    """The provider's or a foreign server's own text, untrusted."""
    event_id: str = ""
    timed: bool = True
    """Whether `at` is the provider's; otherwise it is when the event reached us, and says nothing."""
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    layer: Layer | None = None
    """Of an e-invoice's fact; such facts stand in the history for ever, whether they move the status or not."""
    task: str = ""
    """The code, in `ProviderSpec.tasks`, of what somebody now has to do because of it."""
    closes: tuple[str, ...] = ()
    """Codes of open tasks of the same communication that it shows to be done."""
    ask: bool = False
    """Only a hint: the provider has to be asked what happened."""
    opt: OptChange | None = None
    """The recipient's address opts out or in by it."""
    inbound: bool = False
    """A message to us: it is about none of ours."""
    made_at: datetime | None = None
    """When the provider made the message; set where a look-up found it by its likeness only."""


class Follow(StrEnum):
    """What follows a failure by itself (design: section 5, rule 7)."""

    BY_CLASS = "by_class"
    """Fallback when the class is permanent, otherwise nothing."""
    FALLBACK = "fallback"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a failure means to an operator."""

    error_class: ErrorClass
    sentence: str
    advice: str
    follow: Follow = Follow.BY_CLASS

    @property
    def falls_back(self) -> bool:
        """Whether a message that failed so goes another way."""
        if self.follow is Follow.BY_CLASS:
            return self.error_class is ErrorClass.PERMANENT
        return self.follow is Follow.FALLBACK


@dataclass(frozen=True, slots=True)
class Task:
    """What a person has to do about a message, and what it means."""

    sentence: str
    advice: str


class Capability(StrEnum):
    """What a provider can do; screens explain from it, a contract test checks it."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FIND = "find"
    ATTACHMENTS = "attachments"
    STEPS = "steps"
    CANCEL = "cancel"
    LIFT = "lift"
    """Takes an address off the provider's suppression list."""
    ACCOUNT = "account"
    """Can be asked about our own account."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting a provider needs, for the configuration check and the help text."""

    name: str
    required: bool
    help: str


class Steps(Protocol):
    """What earlier tries of one entry reached, and how a provider commits what this one reaches."""

    @property
    def reached(self) -> Mapping[str, Mapping[str, Any]]:
        """The committed references by the step's name."""
        ...

    @property
    def begun_at(self) -> datetime | None:
        """When the irreversible step was first committed; None: it never was."""
        ...

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        """Commit a repeatable step's reference (JSON values) before the next step; `words` go into the history.

        A step that is committed again replaces its reference.
        """
        ...

    async def registered(self, check: Registration) -> None:
        """Keep what a look at the recipient's registration found, for this entry's and later ones' use."""
        ...

    async def begin(self) -> None:
        """Commit `sending`: the next request cannot be taken back. Raises NotSent when it may not be made."""
        ...


class Checks(Protocol):
    """What every provider does first."""

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        ...


class Provider(Checks, Protocol):
    """The sending half of a provider with one step."""

    async def send(self, request: SendRequest) -> Accepted:
        """Hand one message over. Raises NotSent, RateLimited, AccountTrouble, Rejected or UnknownOutcome only."""
        ...


class Stepwise(Checks, Protocol):
    """The sending half of a provider with Capability.STEPS."""

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        """Go on from the last committed step to acceptance.

        Raises what `Provider.send` raises, and Stopped and NotYet. UnknownOutcome counts as "not sent" as
        long as `steps.begin` was not called: everything before it may be repeated.
        """
        ...


class Finds(Protocol):
    """Implemented by providers with Capability.FIND."""

    async def find(
        self, request: SendRequest, since: datetime, reached: Mapping[str, Mapping[str, Any]]
    ) -> Sequence[DeliveryEvent] | None:
        """What became of a message whose answer was lost: its events, [] when there is no such message,
        None when nothing is certain. Raises ProviderError when the provider cannot be asked.

        A provider that knows messages by their likeness only gives an event of each that it may be, with
        `made_at`; who asks has to know which of them are other entries'.
        """
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """An accepted message that is asked about."""

    entry_id: str
    provider_message_id: str
    accepted_at: datetime
    times: int
    """How often it was asked about before."""
    reached: Mapping[str, Mapping[str, Any]]
    """The steps committed while it was sent, and what earlier answers left behind."""
    asked_for: bool = False
    """A webhook hinted at news."""
    sent: tuple[Document, ...] = field(default=(), repr=False)
    """The documents that were sent; filled for e-invoices only."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What an answer said, and when to ask again."""

    events: Sequence[DeliveryEvent]
    again_after: float | None
    """Seconds; None: there is nothing more to learn."""
    reached: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """References to remember for the next time."""
    evidence: tuple[Document, ...] = field(default=(), repr=False)
    """Proofs to be archived with the entry."""


class Polls(Protocol):
    """Implemented by providers with Capability.POLL."""

    async def poll(self, watch: Watch) -> Watched:
        """The present state of an accepted message, as events.
        Raises ProviderError when the provider cannot be asked."""
        ...


class Cancels(Protocol):
    """Implemented by providers with Capability.CANCEL."""

    async def cancel(self, watch: Watch) -> Sequence[DeliveryEvent]:
        """Ask the provider to stop a message that it accepted; what it said to that, as events.
        Raises Rejected when it is too late, another ProviderError when the provider cannot be asked."""
        ...


class Lifts(Protocol):
    """Implemented by providers with Capability.LIFT."""

    async def lift(self, address: str) -> str:
        """Take an address off the suppression lists that a bounce or an invalid address leads to; says which.
        Raises ProviderError. Spam reports and unsubscribes stay."""
        ...


@dataclass(frozen=True, slots=True)
class AccountFinding:
    """Something that is wrong with our account, or will be soon."""

    code: str
    """`ProviderSpec.explain` says what to do about it."""
    sentence: str = ""
    """Ours, with the day or the amount; empty: that of the code says all."""


class Accounts(Protocol):
    """Implemented by providers with Capability.ACCOUNT."""

    async def account(self, last: Mapping[str, Mapping[str, Any]]) -> Sequence[AccountFinding]:
        """What is wrong with our account; `last` are the steps of the newest message that the provider checked.
        Raises AccountTrouble when it is refused, another ProviderError when it cannot be asked."""
        ...


class Receiver(Protocol):
    """The webhook half; needs no HTTP client."""

    def verify(self, hook: RawWebhook) -> None:
        """Raise BadSignature unless the call is the provider's; constant time, on the raw bytes."""
        ...

    def parse(self, hook: RawWebhook) -> Sequence[DeliveryEvent]:
        """The events of a verified call; raises Unreadable. Unknown kinds become informational events."""
        ...


@dataclass(frozen=True, slots=True)
class Calls:
    """What a provider's webhooks need, and by when the first one has to have come."""

    within: timedelta
    """After that long some call about an accepted message must have come."""
    key: str
    """The setting that their signature is checked with."""
    set_up: str
    """What to do at the provider, as the end of a sentence."""
    needs_url: bool = False
    """The signature covers our public URL, or the provider learns it from each message."""
    optional: bool = False
    """It is asked anyway, so that calls are expected only once the key is set."""


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A provider as data."""

    key: str
    label: str
    channel: Channel
    capabilities: frozenset[Capability]
    fields: tuple[SettingField, ...]
    configured: Callable[[Settings], bool]
    create: Callable[[Settings, Http], Checks] | None
    """Makes a Provider, or a Stepwise with Capability.STEPS. None for manual work: nothing is called."""
    receiver: Callable[[Settings], Receiver] | None
    webhook_paths: tuple[str, ...]
    explain: Callable[[Status, str, str], Problem]
    """Problem for (status, code, words); an unknown code is classed unknown, never guessed."""
    bases: Callable[[Settings], tuple[str, ...]] = lambda _settings: ()
    """The URLs it is configured to call."""
    network: Network | None = None
    """Of an e-invoicing provider: the network it reaches."""
    paid: bool = False
    """Each message costs enough that automatic fallback to it passes a cap."""
    repeats_for: timedelta | None = None
    """How long the irreversible step may be repeated with the same idempotency key and bytes."""
    first_poll: timedelta | None = None
    """With Capability.POLL: how long after acceptance it is asked for the first time."""
    settled: frozenset[Status] = frozenset()
    """Statuses after which asking brings nothing new."""
    calls: Calls | None = None
    """With Capability.WEBHOOK."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """What may have to be done by hand about its messages, by code."""
    opt_codes: Mapping[str, OptChange] = field(default_factory=dict)
    """Codes of its plain no that say that the address has opted out."""
