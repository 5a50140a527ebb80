"""Refusals: who said that which messages must not come, where that was heard, and what it stops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commtui.domain.vocabulary import Channel, Purpose


class Scope(StrEnum):
    """What a refusal is about."""

    ALL = "all"
    """Every message on the channel, transactional ones too."""
    MARKETING = "marketing"


class OptSource(StrEnum):
    """Where a refusal was heard; only the same source takes it back, but for an operator's own."""

    STOP = "stop"
    UNSUBSCRIBE = "unsubscribe"
    """The link in our own email."""
    PROVIDER = "provider"
    """The provider's unsubscribe list."""
    GROUP = "group"
    """An unsubscribe group of the provider."""
    SPAM_REPORT = "spam_report"
    OPERATOR = "operator"
    IMPORT = "import"
    ERASED = "erased"
    """The customer's personal data was erased: nothing can be sent to them any more, and nobody takes it back."""


@dataclass(frozen=True, slots=True)
class OptChange:
    """An address opts out, or back in."""

    channel: Channel
    out: bool
    scope: Scope
    source: OptSource


@dataclass(frozen=True, slots=True)
class OptOut:
    """A refusal in force, of an address or of a customer."""

    channel: Channel | None
    """None: any channel (a customer's refusal of marketing as such)."""
    scope: Scope
    source: OptSource
    at: datetime
    address: str = ""
    """Normalised; empty: the customer's."""
    note: str = ""
    author: str = ""

    def stops(self, channel: Channel, purpose: Purpose) -> bool:
        """Whether it stops such a message; a refusal of marketing leaves transactional messages alone."""
        if self.channel is not None and self.channel is not channel:
            return False
        return self.scope is Scope.ALL or purpose is Purpose.MARKETING


def stopping(optouts: Iterable[OptOut], channel: Channel, purpose: Purpose) -> OptOut | None:
    """The first of these refusals that stops a message, oldest first."""
    return next((item for item in optouts if item.stops(channel, purpose)), None)


SOURCE_WORDS = {
    OptSource.STOP: "answered STOP",
    OptSource.UNSUBSCRIBE: "unsubscribed",
    OptSource.PROVIDER: "unsubscribed at the provider",
    OptSource.GROUP: "left a group at the provider",
    OptSource.SPAM_REPORT: "reported spam",
    OptSource.OPERATOR: "told an operator",
    OptSource.IMPORT: "told the source system",
    OptSource.ERASED: "was erased",
}
