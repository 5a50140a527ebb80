"""What a row of the practice network's table says: what is answered, what follows, what an operator must see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from commtui.domain.vocabulary import ErrorClass, Status


class First(StrEnum):
    """What an adapter must make of the first answer."""

    ACCEPTED = "accepted"
    ACCOUNT = "account trouble"
    RATE_LIMITED = "rate limited"
    NOT_SENT = "surely not sent"
    REJECTED = "rejected"
    STOPPED = "stopped by our own check"
    UNKNOWN = "unknown outcome"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than success."""

    status: int
    """HTTP status; 0 hangs up without any answer."""
    words: str = ""
    code: int = 0
    """Twilio's error code."""
    field: str | None = None
    """SendGrid's name for what is wrong."""
    html: bool = False
    wait: float | None = None
    """Seconds until SendGrid's rate limit is reset."""
    accepted: bool = False
    """The message was taken all the same."""
    times: int = 0
    """How many calls per recipient get it before all is well; 0: every call."""
    step: str = ""
    """The call that gets it, where a provider takes several; empty: the only one."""


@dataclass(frozen=True, slots=True)
class Later:
    """An event that follows an accepted message."""

    kind: str
    after: float
    """Seconds, before the time scale."""
    fields: Mapping[str, str] = field(default_factory=dict)
    copies: int = 1
    without: frozenset[str] = frozenset()
    """What it lacks: custom_args, sg_message_id."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    name: str
    provider: str
    address: Callable[[str, int], str]
    """A recipient from the tag and a number."""
    tag: str
    """What of the recipient chooses it: an address's tag, a number's last digits."""
    events: tuple[Later, ...]
    status: Status
    """Where the attempt must end, if nobody intervenes."""
    error_class: ErrorClass | None = None
    code: str = ""
    reply: Reply | None = None
    first: First = First.ACCEPTED
    first_code: str = ""

    def recipient(self, number: int = 0) -> str:
        """A recipient that gets this behaviour; `number` tells several of them apart."""
        return self.address(self.tag, number)
