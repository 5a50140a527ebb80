"""The audit trail as somebody reads it: newest first, narrowed by who, what, when and to what it was done."""

from __future__ import annotations

from commtui.domain.lines import Selection
from commtui.domain.trail import AuditFilter, AuditRow
from commtui.store import audits
from commtui.store.engine import Database


class Auditing:
    """Reads the audit trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(
        self,
        wanted: AuditFilter,
        limit: int,
        before: str | None = None,
        *,
        newest: int | None = None,
    ) -> tuple[AuditRow, ...]:
        """The newest rows that fit, or those before an id; among the `newest` rows only, if given."""
        with self._database.read() as connection:
            return tuple(audits.search(connection, wanted, limit, before, newest))


def filter_words(selection: Selection) -> str:
    """What a selection was made by, for the audit trail."""
    query = selection.query
    if query is None:
        return ""
    parts = [f"{name}={getattr(query, name)}" for name in query.narrowing()]
    return ", ".join(["all that match", f"chip={query.chip}", *parts])[:2_000]
