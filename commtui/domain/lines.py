"""What the two lists show, and the query that chooses it: frozen values that cross every layer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from commtui.domain.vocabulary import Channel, Chip, ErrorClass, Ignored, Status, Tab


@dataclass(frozen=True, slots=True)
class Query:
    """The filters of a list; every value narrows, and an empty one does not."""

    text: str = ""
    chip: Chip = Chip.ALL
    channels: frozenset[Channel] = frozenset()
    categories: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()
    sent_from: datetime | None = None
    sent_to: datetime | None = None
    """Exclusive."""
    customer: str | None = None
    """The customer's id in the source system."""
    location_groups: frozenset[str] = frozenset()
    ignored: Ignored = Ignored.NO
    open_only: bool = False
    """`is:open`, on the log: chip Failed leaves out attempts that a later one replaced."""
    error_key: str | None = None
    """Only failures of this cause (`Line.error_key`)."""

    def narrowing(self) -> tuple[str, ...]:
        """The names of the fields that narrow the list, chip and ignored apart."""
        empty = Query()
        return tuple(
            name
            for name in (
                "text",
                "channels",
                "categories",
                "statuses",
                "sent_from",
                "sent_to",
                "customer",
                "location_groups",
                "error_key",
            )
            if getattr(self, name) != getattr(empty, name)
        )

    def with_chip(self, chip: Chip) -> Query:
        """The same query under another chip."""
        return replace(self, chip=chip)


class SortKey(StrEnum):
    """The columns a list can be sorted by; ties go by id."""

    TIME = "time"
    REFERENCE = "reference"
    CUSTOMER = "customer"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list; newest first unless said."""

    key: SortKey = SortKey.TIME
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One row of either list; texts are as stored, so untrusted."""

    id: str
    """The line's own: a subject's on the overview, an entry's on the log."""
    subject_id: str
    communication_id: str
    entry_id: str | None
    category: str
    """The subject's type: invoice, customer, contract…"""
    reference: str
    title: str
    customer_id: str
    """The customer's id in the source system."""
    customer_name: str
    kind: str
    channel: Channel
    provider: str
    recipient: str
    status: Status
    chip: Chip
    error_class: ErrorClass | None
    error_code: str
    error_message: str
    """The provider's own words, or our check's."""
    error_key: str
    created_at: datetime
    sent_at: datetime | None
    updated_at: datetime
    acted_at: datetime
    """Time of the attempt; before one, of the communication."""
    ignored: bool
    attempts: int
    sort_id: str
    """Newest first goes by this."""
    others: int = 0
    """Overview: how many other communications of the subject need attention."""
    settled_at: datetime | None = None
    """Log: when a later attempt of the lane replaced this failed one."""
    after_delivery: bool = False
    delivered_twice: bool = False
    note: str = ""
    """Why it is not sent yet, or when it is tried again."""
    location_group: str = ""
    reason: str = ""
    """Why its attempt went this way: the channel decision in words."""


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a page starts or ends: the sort column's value and the id."""

    value: str
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive lines of a list."""

    lines: tuple[Line, ...]
    first: PageKey | None
    last: PageKey | None


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers beside the chips, exact under the query's other filters."""

    failed: int = 0
    not_sent: int = 0
    completed: int = 0
    all: int = 0

    def of(self, chip: Chip) -> int:
        """The number beside one chip."""
        return {
            Chip.FAILED: self.failed,
            Chip.NOT_SENT: self.not_sent,
            Chip.COMPLETED: self.completed,
            Chip.ALL: self.all,
        }[chip]


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a dropdown filter, with how many lines it would leave."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Why a list is empty."""

    hidden: tuple[tuple[str, int], ...] = ()
    """Filter in words, and how many lines would appear without it."""
    ignored: int = 0
    collecting: int = 0
    anything: bool = False
    """Whether the database holds any communication at all."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which lines an action is for: marked ones, or all that match except some, as of one moment."""

    tab: Tab
    ids: tuple[str, ...] = ()
    query: Query | None = None
    excluded: frozenset[str] = frozenset()
    up_to: str | None = None
    """Lines newer than this id came after the marking and are not meant."""
    include_others: bool = field(default=False)
    """Overview: also the subject's other communications that need attention."""
