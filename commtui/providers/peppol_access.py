"""What a Peppol access point has to offer, in the network's words: another one fits by keeping this.

An access point with a single call keeps it too: `stage` chooses the reference that `submit` sends under.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from commtui.domain.einvoice import Reachability


@dataclass(frozen=True, slots=True)
class Route:
    """From whom to whom, each as scheme and value; never left to the access point to derive."""

    sender: tuple[str, str]
    receiver: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody found out about a recipient's registration."""

    outcome: Reachability
    words: str = ""
    """Why, when it is not simply registered; foreign text in it is untrusted."""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a validation has to say about a document."""

    rule: str
    words: str
    fatal: bool

    @property
    def said(self) -> str:
        """Rule and words in one."""
        return ": ".join(filter(None, (self.rule, self.words)))


class Stage(StrEnum):
    """Where a document stands at the access point."""

    STAGED = "staged"
    """Uploaded and not sent."""
    IN_TRANSIT = "in_transit"
    SENT = "sent"
    """The recipient's platform confirmed that it took it; not that anybody read it."""
    FAILED = "failed"
    OTHER = "other"
    """A word that the access point does not use for what we send."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A document's present state."""

    stage: Stage
    word: str
    """The access point's own."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Sort(StrEnum):
    """What an entry in a document's history is about."""

    ATTEMPTED = "attempted"
    SENT = "sent"
    FAILED = "failed"
    MESSAGE_STATUS = "mls"
    INVOICE_RESPONSE = "imr"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One entry in a document's history at the access point."""

    sort: Sort
    word: str
    """The access point's own."""
    at: datetime | None
    """None: it gave no readable time."""
    identifier: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SentCopy:
    """The document as the access point keeps it, which is what it sends."""

    name: str
    content: bytes = field(repr=False)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What it says about it: size, hash, routing."""


@dataclass(frozen=True, slots=True)
class OurAccount:
    """Our account as the access point shows it; None: it does not say."""

    credit: float | None = None
    """Documents that can still be sent."""
    senders: frozenset[str] | None = None
    """The ids that we may send from, folded."""


class AccessPoint(Protocol):
    """The calls; each raises what an adapter may raise, and UnknownOutcome truthfully."""

    async def check_recipient(self, participant: str, document_type: str) -> Opinion:
        """Whether `<scheme>:<value>` can be sent such a document; a failed question is "could not check"."""
        ...

    async def validate(self, content: bytes, name: str) -> Sequence[Finding]:
        """What the access point's own validation says; a file that it cannot read is Rejected."""
        ...

    async def stage(self, content: bytes, name: str) -> str:
        """Upload without sending; the reference. May be repeated: what stays behind is a draft."""
        ...

    async def staged_before(self, number: str, content: bytes, name: str) -> Sequence[str]:
        """References of drafts that an earlier `stage` of this very file and name left behind."""
        ...

    async def discard(self, reference: str) -> None:
        """Delete a draft; one that is gone already is fine."""
        ...

    async def submit(self, reference: str, route: Route) -> Standing | None:
        """Send it: the request that cannot be taken back. None: it was not waiting to be sent any more."""
        ...

    async def standing(self, reference: str) -> Standing | None:
        """Where it stands; None: the access point has no such document."""
        ...

    async def history(self, reference: str) -> Sequence[HistoryItem]:
        """What happened to it, oldest first."""
        ...

    async def account(self) -> OurAccount:
        """Our account."""
        ...

    async def sent_copy(self, reference: str) -> SentCopy:
        """The bytes that it sends; raises when they cannot be had now."""
        ...
