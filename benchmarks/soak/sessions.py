"""Sixteen sessions on one subject in opposite orders, over and over: no deadlock, and counters equal GROUP BY."""

from __future__ import annotations

from benchmarks.soak.proof import Result, Round
from commtui.domain.lines import Selection
from commtui.domain.vocabulary import Tab
from commtui.services.attention import Attention
from commtui.services.resending import Resending
from commtui.store.engine import Database
from commtui.store.schema import prepare
from commtui.store.tables import entry, subject
from tests.flow.test_sessions import ENDS, SESSIONS, counted, grouped, together
from tests.office import OPERATOR, Office, message

ENTRIES, TURNS = 40, 3


def play_sessions(given: Round) -> Result:
    """Reports and ignores on every attempt of one subject, by all sessions at once."""
    database = Database(given.url)
    prepare(database)
    office = Office(database)
    office.put(*(message(id=f"C-{number}", release="auto") for number in range(ENTRIES)))
    while office.release.step():
        pass
    office.work(rounds=100)
    entries = [line.id for line in office.lines(Tab.LOG)]

    def work(number: int) -> None:
        session = Office(Database(given.url))
        resending = Resending(session.database, session.settings, OPERATOR, session.dispatch)
        attention = Attention(session.database, OPERATOR, resending)
        for turn in range(TURNS):
            order = entries if (number + turn) % 2 else entries[::-1]
            for position, identifier in enumerate(order):
                status = ENDS[(number + position + turn) % len(ENDS)]
                session.report(session.event(identifier, status, code=f"{number}.{turn}"))
                if (number + position) % 5 == 0:
                    attention.ignore(Selection(Tab.LOG, (identifier,)), "seen")
        session.database.close()

    together(work)
    problems = []
    if counted(office, Tab.LOG) != grouped(database, entry):
        problems.append("the log's counters differ from GROUP BY")
    if counted(office, Tab.OVERVIEW) != grouped(database, subject, subject.c.visible):
        problems.append("the overview's counters differ from GROUP BY")
    database.close()
    return Result({"reports": SESSIONS * TURNS * ENTRIES, "entries": len(entries)}, problems)
