"""A desk whose every word is hostile: escape sequences, C1, NUL, bidi, markup and action links."""

from __future__ import annotations

import dataclasses
from typing import Any

from commtui.domain.trail import AuditFilter, AuditRow
from commtui.domain.views import CustomerPage, FallbackHold
from commtui.errors import Refused
from tests.tui.conftest import filled
from tests.tui.fake_audits import FakeAudits
from tests.tui.fake_desk import FakeDesk
from tests.tui.fake_wishes import FakeHolds, FakeWishes

EVIL = (
    "[red]x[/red]\x1b]0;pwn\x07\x1b]52;c;cHdu\x07\x1b[31m\x9b31m\x90q\x9c\x00\x08\r\n\t\x7f\u202e\u2066\u2028"
    "[/] [@click=app.quit]q[/] \x1b[2J"
)
LEFT_ALONE = {
    "id", "subject_id", "communication_id", "entry_id", "sort_id", "run_id", "value", "journal", "cursor",
    "seen_entry", "settled_by", "replaces_id", "error_key",
}  # fmt: skip


def poisoned(value: Any, words: str = EVIL, seen: set[str] | None = None) -> Any:
    """The same value with every text that comes from outside made hostile; `seen` learns of the fields."""
    if isinstance(value, tuple):
        return tuple(
            words + item if type(item) is str else poisoned(item, words, seen) for item in value
        )
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changes = {}
    for item in dataclasses.fields(value):
        present = getattr(value, item.name)
        if type(present) is str and item.name not in LEFT_ALONE:
            changes[item.name] = words + present
            if seen is not None:
                seen.add(f"{type(value).__name__}.{item.name}")
        elif isinstance(present, tuple) or dataclasses.is_dataclass(present):
            changes[item.name] = poisoned(present, words, seen)
    return dataclasses.replace(value, **changes)


class EvilWishes(FakeWishes):
    """Poisons the customer's page."""

    def page(self, customer_id: str) -> CustomerPage:
        """The page, hostile."""
        made: CustomerPage = poisoned(super().page(customer_id))
        return made


class EvilHolds(FakeHolds):
    """Poisons what is held."""

    def list(self) -> tuple[FallbackHold, ...]:
        """The holds, hostile."""
        made: tuple[FallbackHold, ...] = poisoned(super().list())
        return made


class EvilAudits(FakeAudits):
    """Poisons the audit trail."""

    def search(
        self,
        wanted: AuditFilter,
        limit: int,
        before: str | None = None,
        *,
        newest: int | None = None,
    ) -> tuple[AuditRow, ...]:
        """The rows, hostile."""
        made: tuple[AuditRow, ...] = poisoned(super().search(wanted, limit, before, newest=newest))
        return made


class EvilDesk(FakeDesk):
    """Poisons what every call gives back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wishes = EvilWishes(self)
        self.holds = EvilHolds(self)
        self.audits = EvilAudits(self)

    def __getattribute__(self, name: str) -> Any:
        """The call of a name, with a hostile answer."""
        found = super().__getattribute__(name)
        if name in _POISONED:
            return lambda *args, **named: poisoned(found(*args, **named))
        return found

    def settle(self, *args: Any) -> str | None:
        """A refusal in hostile words."""
        raise Refused(EVIL)


_POISONED = {
    "summary", "details", "attempts", "prepare", "progress", "results", "runs", "resend_offer", "customer",
    "health", "choices", "download", "orphans",
}  # fmt: skip


def evil_desk(count: int = 30) -> EvilDesk:
    """A desk with so many hostile lines on either list."""
    plain = filled(count)
    made = EvilDesk(
        overview=[poisoned(line) for line in plain.overview],
        log=[poisoned(line) for line in plain.log],
    )
    made.operator = dataclasses.replace(made.operator, name=EVIL + "anna")
    return made
