"""Seals: nothing is left out, in whatever order transactions end; the same bytes on both databases; one chain."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from commtui.domain import sealing
from commtui.domain.fold import Fact, Told, replay
from commtui.domain.sealing import Kind
from commtui.domain.vocabulary import ErrorClass, Source, Status
from commtui.errors import Refused
from commtui.store import audits, feed, seals
from commtui.store.engine import Connection, Database
from commtui.store.entries import Change
from commtui.store.feed import JournalRow
from commtui.store.ledger import Ledger
from commtui.store.tables import audit, entry_status, journal
from tests.office import OPERATOR, Office, message
from tests.store.recording import checked
from tests.store.test_guards import database_url_of

Sealer = Callable[[Database], bool]


def sealed(database: Database) -> bool:
    """One step of the real sealer."""
    return seals.seal_next(database) is not None


def sealed_by_number_only(database: Database) -> bool:
    """The naive sealer: the next rows by their number, whoever may still be at work before them."""
    with database.read() as connection:
        last = seals.head(connection)
        query = (
            sa.select(journal)
            .where(journal.c.record_id.is_not(None), journal.c.seq > (last.upto[1] if last else 0))
            .order_by(journal.c.seq)
        )
        rows = [
            JournalRow(row.xid, row.seq, row.what, row.record_id)
            for row in connection.execute(query)
        ]
        if not rows:
            return False
        made = seals.link(connection, last, rows, database.now())
    return seals.append(database, made)


def overlapping(database: Database, step: Sealer) -> tuple[list[str], frozenset[str]]:
    """Two transactions of which the first one ends last; returns their subjects, and those that a console saw."""
    seen: set[str] = set()
    office = Office(database)
    office.put(message("1"), message("2"))
    while step(database):
        pass
    with database.read() as connection:
        cursor = feed.cursor(connection)
    lines = [office.line("1").id, office.line("2").id]

    def act(connection: Connection, number: int) -> None:
        audits.write(connection, database, OPERATOR, f"act {number}", [lines[number]], {})
        connection.execute(journal.insert().values(subject_id=lines[number], what="line"))

    def look() -> None:
        nonlocal cursor
        step(database)
        with database.read() as connection:
            changes = feed.changes(connection, cursor)
        cursor = changes.cursor
        seen.update(changes.subject_ids)

    if database.sqlite:
        # the second one cannot even begin before the first one has ended
        for number in (0, 1):
            with database.write() as connection:
                act(connection, number)
            look()
    else:
        with database.write() as first:
            act(first, 0)
            with database.write() as second:
                act(second, 1)
            look()
        look()
    look()
    return lines, frozenset(seen)


def test_transactions_that_end_in_the_other_order_are_both_seen_and_both_sealed(
    database: Database,
) -> None:
    lines, seen = overlapping(database, sealed)
    assert seen == frozenset(lines)
    while seals.seal_next(database):
        pass
    report = checked(database)
    assert (report.findings, report.waiting) == ((), 0)


def test_a_sealer_that_goes_by_number_alone_leaves_one_out_and_is_found_out(
    database: Database,
) -> None:
    overlapping(database, sealed_by_number_only)
    while sealed_by_number_only(database):
        pass
    findings = checked(database).findings
    if database.sqlite:
        # one writer at a time: there numbers are the order of commits
        assert findings == ()
        return
    (finding,) = findings
    assert finding.words.startswith("stands in no seal and not in the journal")


def test_many_sealers_make_one_chain(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(20)))
    office.send()

    def work() -> int:
        made = 0
        for _ in range(30):
            if seals.seal_next(office.database, timedelta(0)):
                made += 1
            with office.database.write() as connection:
                audits.write(connection, office.database, OPERATOR, "act", ["x"], {})
        return made

    with ThreadPoolExecutor(4) as pool:
        made = sum(job.result() for job in [pool.submit(work) for _ in range(4)])
    while seals.seal_next(office.database):
        made += 1
    report = checked(office.database)
    assert (report.findings, report.seals, report.waiting) == ((), made, 0)


def test_a_part_of_an_interval_waits_until_it_is_time(office: Office) -> None:
    office.put(message())
    office.send()
    minute = timedelta(seconds=60)
    assert seals.seal_next(office.database, minute)
    with office.database.write() as connection:
        audits.write(connection, office.database, OPERATOR, "act", ["x"], {})
    assert seals.seal_next(office.database, minute) is None
    assert seals.seal_next(office.database, timedelta(0))


def test_nothing_is_sealed_over_a_record_that_is_gone(office: Office) -> None:
    with office.database.write() as connection:
        connection.execute(
            journal.insert().values(record_id="01a21f34-0000-7000-8000-00000000abcd", what="audit")
        )
    with pytest.raises(Refused, match="01a21f34"):
        seals.seal_next(office.database)


# the same bytes

STATUS = {
    "id": "01a21f34-0000-7000-8000-000000000001",
    "entry_id": "01a21f34-0000-7000-8000-000000000002",
    "at": datetime(2026, 1, 16, 9, 42, 0, 120_000, tzinfo=UTC),
    "status": "bounced",
    "word": "bounce: été \u2028 \U0001f4ee",
    "source": "event",
    "try_number": 3,
    "error_class": "permanent",
    "error_code": "5.1.1",
    "author": "commtui",
    "author_verified": True,
    "layer": "",
    "fact": "bounced",
    "rank": 40,
    "step": False,
    "provider_message_id": "m-1",
    "words_hash": "none",
}
STATUS_HASH = "cf749fa74eefc135667a65b665a59ea98e921f04964f1a651d1dbd1ad7f640c2"
RESULT = {"b": 1.5, "a": [1, "é", None, True], "c": {"y": 10**17, "x": -0.25}}


def test_a_record_has_the_same_hash_on_both_databases(database: Database) -> None:
    with database.write() as connection:
        connection.execute(entry_status.insert().values(**STATUS))
        audits.write(connection, database, OPERATOR, "act", {"customer": "K-1"}, RESULT, "é")
    with database.read() as connection:
        kept = connection.execute(sa.select(audit)).one()
        found = seals.hashes_of(connection, [(Kind.STATUS, STATUS["id"]), (Kind.AUDIT, kept.id)])
    assert found[Kind.STATUS, STATUS["id"]].hex() == STATUS_HASH
    # what was given in, not what came back: keys in any order, numbers as they were
    given = {**kept._mapping, "targets": {"customer": "K-1"}, "result": RESULT}
    assert found[Kind.AUDIT, kept.id] == sealing.record_hash(Kind.AUDIT, given)


# histories whose rows were written in another order than their ids say


def test_an_entry_that_two_workers_changed_in_the_other_order_raises_no_false_alarm(
    office: Office,
) -> None:
    office.put(message())
    office.queue()
    entry_id = office.attempts()[0].id
    # each worker makes ids of its own, from when its transaction began
    url = database_url_of(office.database)
    early, late = Database(url), Database(url)
    began = office.database.now()
    for database, status, moment in (
        (late, Status.UNKNOWN, began + timedelta(seconds=2)),
        (early, Status.QUEUED, began + timedelta(seconds=1)),
    ):
        with database.write() as connection:
            ledger = Ledger(database, connection, moment)
            fact = Fact(status, moment, ErrorClass.UNKNOWN if status is Status.UNKNOWN else None)
            ledger.apply([Change(entry_id, fact, Source.WORKER, step=True)])
            ledger.close()
        database.close()
    assert office.attempts()[0].status is Status.QUEUED
    assert checked(office.database).findings == ()
    while seals.seal_next(office.database):
        pass
    assert checked(office.database).findings == ()
    # by ids alone it would be one
    with office.database.read() as connection:
        rows = connection.execute(
            sa.select(entry_status)
            .where(entry_status.c.entry_id == entry_id)
            .order_by(entry_status.c.id)
        ).all()
    told = [Told(Fact(Status(row.fact), row.at, rank=row.rank), row.step) for row in rows]
    assert replay(told)[0].status is Status.UNKNOWN
