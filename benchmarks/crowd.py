"""A SQLite database with any number of lines, filled past the services: measuring needs it big, not lived."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import RANKS
from commtui.domain.ids import IdMaker
from commtui.domain.text import fold
from commtui.domain.vocabulary import Channel, Chip, Status, Tab, chip_of
from commtui.store import counters
from commtui.store.engine import Database
from commtui.store.schema import index_names, prepare
from commtui.store.tables import (
    communication,
    counter,
    customer,
    entry,
    entry_text,
    subject,
    subject_text,
)

BATCH = 5_000
CUSTOMERS_PER_LINE = 20
END = datetime(2026, 1, 1, tzinfo=UTC)
_STATUSES = (Status.DELIVERED,) * 16 + (Status.BOUNCED, Status.REJECTED, Status.SENT, Status.FAILED)
_CATEGORIES = ("invoice", "contract", "customer")
_GROUPS = ("Paris", "Lyon", "Berlin", "Göteborg")


def crowd(path: Path, lines: int) -> Database:
    """A database with so many lines on both lists; made once, then reused."""
    database = Database(f"sqlite:///{path}")
    prepare(database)
    with database.read() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(entry)).scalar_one()
    if found != lines:
        if found:
            raise SystemExit(f"{path} holds {found} lines, not {lines}: delete it")
        _fill(database, lines)
        database.analyse(index_names())
    return database


def _fill(database: Database, lines: int) -> None:
    """All in one transaction: nobody else is there, and half a crowd would be taken for a whole one."""
    maker, chance = _Maker(lines), random.Random(1)
    cells: Counter[counters.Cell] = Counter()
    with database.write() as connection:
        for start in range(0, lines, BATCH):
            rows = [
                maker.rows(number, chance) for number in range(start, min(start + BATCH, lines))
            ]
            for table in (customer, subject, subject_text, communication, entry, entry_text):
                found = [row[table.name] for row in rows if table.name in row]
                if found:
                    connection.execute(table.insert(), found)
            for row in rows:
                cells.update(_cells(row))
        connection.execute(
            counter.insert(),
            [
                {
                    **{name: getattr(cell, name) for name in counters.Cell.__dataclass_fields__},
                    "lines": number,
                }
                for cell, number in cells.items()
            ],
        )


class _Maker:
    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._ids = IdMaker()
        self._customer = ""

    def rows(self, number: int, chance: random.Random) -> dict[str, dict[str, Any]]:
        """One line's row for each table."""
        at = END - timedelta(days=700) * (1 - number / self._lines)
        subject_id, communication_id, entry_id = (self._ids.make(at) for _ in range(3))
        status = chance.choice(_STATUSES)
        made: dict[str, dict[str, Any]] = {}
        if number % CUSTOMERS_PER_LINE == 0:
            self._customer = self._ids.make(at)
            made["customer"] = _customer(self._customer, number, at)
        shared = {
            "channel": Channel.EMAIL.value,
            "status": status.value,
            "chip": (chip_of(status) or Chip.NOT_SENT).value,
            "location_group": chance.choice(_GROUPS),
            "updated_at": at,
        }
        category = chance.choice(_CATEGORIES)
        owner = {"customer_id": self._customer}
        made["communication"] = {
            "id": communication_id,
            "external_id": str(number),
            "subject_id": subject_id,
            **owner,
            "kind": "invoice",
            "purpose": "transactional",
            "wanted": ["email"],
            "release": "hold",
            "started": True,
            "created_at": at,
            "updated_at": at,
        }
        made["subject"] = {
            "id": subject_id,
            **owner,
            "type": category,
            "reference": str(number),
            "created_at": at,
            "visible": True,
            "communication_id": communication_id,
            "entry_id": entry_id,
            "sort_id": entry_id,
            "attempts": 1,
            **shared,
        }
        made["subject_text"] = {"subject_id": subject_id, "title": f"Invoice {number}"}
        made["entry"] = {
            "id": entry_id,
            "communication_id": communication_id,
            "subject_id": subject_id,
            **owner,
            "provider": "sendgrid",
            "cause": "initial",
            "author": "crowd",
            "recipient_hash": "",
            "content_hash": "",
            "category": category,
            "created_at": at,
            "status_at": at,
            "sent_at": at,
            "rank": RANKS[status],
            "provider_message_id": f"m{number}",
            **shared,
        }
        made["entry_text"] = {"entry_id": entry_id, "recipient": f"c{number}@example.com"}
        return made


def _customer(identifier: str, number: int, at: datetime) -> dict[str, Any]:
    name = f"Customer {number}"
    return {
        "id": identifier,
        "external_id": f"c-{number}",
        "name": name,
        "name_folded": fold(name),
        "created_at": at,
        "updated_at": at,
    }


def _cells(row: dict[str, dict[str, Any]]) -> list[counters.Cell]:
    line = row["entry"]
    return [
        counters.cell(
            tab,
            line["id"],
            channel=Channel.EMAIL,
            category=line["category"],
            location_group=line["location_group"],
            status=Status(line["status"]),
            chip=Chip(line["chip"]),
            ignored=False,
        )
        for tab in Tab
    ]
