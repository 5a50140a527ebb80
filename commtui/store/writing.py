"""What the writers of one transaction share: its connection and clock, what it counts and whom it touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.text import fold
from commtui.store import counters
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables import entry, journal, search_row


@dataclass
class Writing:
    """One write transaction on the log."""

    database: Database
    connection: sa.Connection
    now: datetime
    tally: counters.Tally = field(default_factory=counters.Tally)
    touched: set[str] = field(default_factory=set)
    """Subjects whose overview lines have to be recomputed."""

    def entries(self, ids: Sequence[str]) -> list[Any]:
        """The present rows of entries."""
        return [
            row
            for batch in batches(ids)
            for row in self.connection.execute(sa.select(entry).where(entry.c.id.in_(batch)))
        ]

    def index(self, found: Sequence[tuple[str, str, str]]) -> None:
        """Make texts of entries findable: subject, entry, text."""
        rows = [
            {"subject_id": subject_id, "entry_id": entry_id, "folded": fold(text)}
            for subject_id, entry_id, text in found
            if text
        ]
        if rows:
            self.connection.execute(search_row.insert(), rows)

    def note(self, rows: Iterable[Any]) -> None:
        """Say in the journal that these entries changed."""
        noted = [
            {"subject_id": row.subject_id, "entry_id": row.id, "what": "entry"} for row in rows
        ]
        if noted:
            self.connection.execute(journal.insert(), noted)
