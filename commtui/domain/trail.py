"""The audit trail as operators look at it: which rows are wanted, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of the audit trail are wanted; what is empty does not narrow."""

    operator: str = ""
    action: str = ""
    """The beginning of it."""
    target: str = ""
    """An id, or a part of one, that it was done to."""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    """Words that all have to stand somewhere in the row."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, and what came of it."""

    id: str
    at: datetime
    operator: str
    verified: bool
    """Whether the name was given to the program, rather than taken from the login."""
    action: str
    targets: tuple[tuple[str, str], ...]
    """What each is (empty: an id), and which."""
    result: tuple[tuple[str, object], ...]
    words: str
    """The reason, note or filter; empty once it is erased."""
    login_uid: int | None
    process_uid: int | None
    database_role: str

    @property
    def who(self) -> tuple[tuple[str, str, str], ...]:
        """Each thing known of who did it: what, its value, and how far it can be trusted."""
        named = (
            "given to the program: as good as whoever may set it (a forced command, the settings)"
            if self.verified
            else "claimed: the login name, which several may share"
        )
        known = [("operator", self.operator, named)]
        if self.login_uid is not None:
            known.append(
                (
                    "login uid",
                    str(self.login_uid),
                    "the kernel's word: it stays through su and sudo",
                )
            )
        if self.process_uid is not None:
            known.append(("process uid", str(self.process_uid), "the kernel's word: who ran it"))
        if self.database_role:
            known.append(
                (
                    "database role",
                    self.database_role,
                    "the database's word: who was logged in to it",
                )
            )
        return tuple(known)
