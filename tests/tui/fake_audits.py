"""The audit trail of the desk in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from commtui.domain.trail import AuditFilter, AuditRow

if TYPE_CHECKING:
    from tests.tui.fake_desk import FakeDesk

THEN = datetime(2026, 1, 16, 9, 0, tzinfo=UTC)


def audit_row(number: int, action: str, operator: str = "rosa", **own: object) -> AuditRow:
    """A row; the higher its number, the older."""
    made = {
        "id": f"a{number:07}",
        "at": THEN - timedelta(minutes=number),
        "operator": operator,
        "verified": operator == "rosa",
        "action": action,
        "targets": (("", f"e{number:07}"),),
        "result": (),
        "words": "",
        "login_uid": 1004,
        "process_uid": 1004,
        "database_role": "rosa_login",
    }
    return AuditRow(**{**made, **own})  # type: ignore[arg-type]


class FakeAudits:
    """Rows in memory."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.rows = [
            audit_row(1, "bulk send", result=(("messages", 3120),), words="chip=failed"),
            audit_row(2, "ignore", "anna", result=(("lines", 2),), words="duplicates"),
            audit_row(3, "resend"),
        ]

    def search(
        self,
        wanted: AuditFilter,
        limit: int,
        before: str | None = None,
        *,
        newest: int | None = None,
    ) -> tuple[AuditRow, ...]:
        """The rows that say it."""
        self._desk._called("audits", wanted)
        found = [
            row
            for row in self.rows
            if all(
                word in f"{row.operator} {row.action} {row.words}" for word in wanted.text.split()
            )
        ]
        return tuple(found[:newest][:limit])
