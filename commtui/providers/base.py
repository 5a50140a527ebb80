"""The contract every provider keeps; one contract suite runs against all of them.

A provider file holds, in this order: its documentation, its status table, its problem table,
pure payload functions, the sending class, the receiving class, and `SPEC`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from commtui.config import Settings
from commtui.domain.vocabulary import Channel, DocumentRole, ErrorClass, Purpose, Status
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
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_message_id: str
    status: Status = Status.SENT


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


@dataclass(frozen=True, slots=True)
class Problem:
    """What a failure means to an operator."""

    error_class: ErrorClass
    sentence: str
    advice: str


class Capability(StrEnum):
    """What a provider can do; screens explain from it, a contract test checks it."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FIND = "find"
    ATTACHMENTS = "attachments"


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting a provider needs, for the configuration check and the help text."""

    name: str
    required: bool
    help: str


class Provider(Protocol):
    """The sending half."""

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        ...

    async def send(self, request: SendRequest) -> Accepted:
        """Hand one message over. Raises NotSent, RateLimited, AccountTrouble, Rejected or UnknownOutcome only."""
        ...


class Finds(Protocol):
    """Implemented by providers with Capability.FIND."""

    async def find(self, request: SendRequest, since: datetime) -> Sequence[DeliveryEvent] | None:
        """What became of a message whose answer was lost: its events, [] when there is no such message,
        None when nothing is certain. Raises ProviderError when the provider cannot be asked."""
        ...


class Polls(Protocol):
    """Implemented by providers with Capability.POLL."""

    async def poll(self, entry_id: str, provider_message_id: str) -> Sequence[DeliveryEvent]:
        """The present state of an accepted message, as events; [] when the provider no longer has it.
        Raises ProviderError when the provider cannot be asked."""
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
class ProviderSpec:
    """A provider as data."""

    key: str
    label: str
    channel: Channel
    capabilities: frozenset[Capability]
    fields: tuple[SettingField, ...]
    configured: Callable[[Settings], bool]
    create: Callable[[Settings, Http], Provider] | None
    """None for manual work: nothing is called."""
    receiver: Callable[[Settings], Receiver] | None
    webhook_paths: tuple[str, ...]
    explain: Callable[[Status, str, str], Problem]
    """Problem for (status, code, words); an unknown code is classed unknown, never guessed."""
