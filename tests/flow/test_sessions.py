"""Many sessions on one subject, in opposite orders: no deadlock, and the counters equal what is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from commtui.domain.lines import Selection
from commtui.domain.vocabulary import Chip, Ignored, Status, Tab
from commtui.services.attention import Attention
from commtui.services.resending import Resending
from commtui.store.engine import Database
from commtui.store.tables import entry, subject
from tests.office import OPERATOR, Office, message

SESSIONS = 16
ENDS = (Status.DELIVERED, Status.BOUNCED, Status.DROPPED, Status.BLOCKED)


def together(work: Callable[[int], None]) -> None:
    """Sixteen sessions do this at the same moment."""
    start = threading.Barrier(SESSIONS)

    def one(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(SESSIONS) as pool:
        for done in [pool.submit(one, number) for number in range(SESSIONS)]:
            done.result()


def grouped(database: Database, table: Any, *conditions: Any) -> dict[str, int]:
    """How many rows have each chip."""
    query = sa.select(table.c.chip, sa.func.count()).where(*conditions).group_by(table.c.chip)
    with database.read() as connection:
        return {row.chip: row[1] for row in connection.execute(query)}


def counted(office: Office, tab: Tab) -> dict[str, int]:
    """The same from the counters, without what is not there."""
    counts = office.counts(tab, ignored=Ignored.ALSO)
    numbers = {chip.value: counts.of(chip) for chip in (Chip.FAILED, Chip.NOT_SENT, Chip.COMPLETED)}
    return {chip: number for chip, number in numbers.items() if number}


def test_sixteen_sessions_on_one_subject_in_opposite_orders(
    office: Office, database_url: str
) -> None:
    office.put(*(message(id=f"C-{number}", release="auto") for number in range(10)))
    while office.release.step():
        pass
    office.work(rounds=20)
    entries = [line.id for line in office.lines(Tab.LOG)]
    assert len(entries) == 10

    def work(number: int) -> None:
        session = Office(Database(database_url))
        resending = Resending(session.database, session.settings, OPERATOR, session.dispatch)
        attention = Attention(session.database, OPERATOR, resending)
        order = entries if number % 2 else entries[::-1]
        for position, identifier in enumerate(order):
            status = ENDS[(number + position) % len(ENDS)]
            session.report(session.event(identifier, status, code=f"{number}"))
            if number % 4 == 0:
                attention.ignore(Selection(Tab.LOG, (identifier,)), "seen")
        session.report(
            *(session.event(identifier, None, kind=f"open{number}") for identifier in order)
        )
        session.database.close()

    together(work)
    counts = grouped(office.database, entry)
    assert sum(counts.values()) == 10
    assert counted(office, Tab.LOG) == counts
    assert counted(office, Tab.OVERVIEW) == grouped(office.database, subject, subject.c.visible)
    while office.housekeeping.catch_up():
        pass
    assert counted(office, Tab.LOG) == counts


def test_sixteen_sessions_on_two_subjects_in_opposite_orders(
    office: Office, database_url: str
) -> None:
    office.put(message("1"), message("2"))
    office.send()
    entries = [line.id for line in office.lines(Tab.LOG)]
    assert len(entries) == 2

    def work(number: int) -> None:
        session = Office(Database(database_url))
        for turn in range(6):
            status = ENDS[(number + turn) % len(ENDS)]
            order = entries if number % 2 else entries[::-1]
            events = [
                session.event(identifier, status, code=f"{number}.{turn}") for identifier in order
            ]
            session.report(*events)
        session.database.close()

    together(work)
    assert counted(office, Tab.LOG) == grouped(office.database, entry)
    assert {line.status for line in office.lines()} == {Status.BOUNCED}
