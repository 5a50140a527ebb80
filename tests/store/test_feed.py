"""The journal as a feed: nothing is missed, not even what commits late; on both databases."""

from __future__ import annotations

from commtui.domain.vocabulary import Status
from commtui.store import feed
from commtui.store.engine import Database
from commtui.store.tables import journal
from tests.office import Office, message


def read(database: Database, cursor: str) -> tuple[str, frozenset[str]]:
    """The subjects that changed since, and the cursor behind them."""
    with database.read() as connection:
        found = feed.changes(connection, cursor)
    return found.cursor, found.subject_ids


def start(database: Database) -> str:
    """The present end."""
    with database.read() as connection:
        return feed.cursor(connection)


def test_every_change_of_a_line_arrives_once(office: Office) -> None:
    cursor = start(office.database)
    office.put(message())
    subject = office.line().id
    cursor, changed = read(office.database, cursor)
    assert changed == {subject}
    office.send()
    cursor, changed = read(office.database, cursor)
    assert changed == {subject}
    office.report_on("12345", Status.DELIVERED)
    cursor, changed = read(office.database, cursor)
    assert changed == {subject}
    assert read(office.database, cursor) == (cursor, frozenset())


def naive_changes(database: Database, seq: int) -> tuple[int, set[str]]:
    """What most feeds do: everything with a higher number than the last one seen."""
    with database.read() as connection:
        rows = connection.execute(
            journal.select().where(journal.c.seq > seq).order_by(journal.c.seq)
        ).all()
    return max([seq, *(row.seq for row in rows)]), {row.subject_id for row in rows}


def test_a_transaction_that_commits_late_is_not_missed(database: Database) -> None:
    first, second = database.new_id(), database.new_id()
    cursor = start(database)
    naive = 0
    seen: set[str] = set()
    naively: set[str] = set()

    def look() -> None:
        nonlocal cursor, naive
        cursor, changed = read(database, cursor)
        seen.update(changed)
        naive, found = naive_changes(database, naive)
        naively.update(found)

    if database.sqlite:
        with database.write() as connection:
            connection.execute(journal.insert().values(subject_id=first, what="line"))
        look()
        assert seen == naively == {first}
        return
    with database.write() as slow:
        slow.execute(journal.insert().values(subject_id=first, what="line"))
        with database.write() as quick:
            quick.execute(journal.insert().values(subject_id=second, what="line"))
        look()
    look()
    assert seen == {first, second}
    assert naively == {second}
