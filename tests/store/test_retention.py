"""Retention: what leaves, what stays, and in how long transactions; on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from commtui.config import Retention
from commtui.domain.vocabulary import Status, Tab
from commtui.providers.base import RawWebhook
from commtui.services.housekeeping import Housekeeping
from commtui.store import inbox, partitions, retention
from commtui.store.engine import Database
from commtui.store.tables import entry, entry_status, lane, provider_event, subject
from commtui.store.tables import inbox as calls
from tests.office import Office, message

KEPT = timedelta(days=62)


def age(database: Database, days: int, like: str = "%") -> None:
    """Move what providers reported so many days into the past."""
    past = database.now() - timedelta(days=days)
    with database.write() as connection:
        connection.execute(
            provider_event.update()
            .where(provider_event.c.kind.like(like))
            .values(received_at=past, day=past.date())
        )


def raw_call(database: Database, days: int, state: str = "done", body: bytes = b"[]") -> str:
    """A webhook call of the past."""
    at = database.now() - timedelta(days=days)
    identifier = inbox.store(database, "sendgrid", RawWebhook("/x", {}, body, at), {})
    inbox.mark(database, identifier, state)
    return identifier


def everything_that_stays(database: Database) -> list[Any]:
    """The log, its history, lanes and overview lines."""
    with database.read() as connection:
        return [
            connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            for table in (entry, entry_status, lane, subject)
        ]


def numbers(database: Database) -> tuple[int, int]:
    """Events and raw calls."""
    with database.read() as connection:
        return tuple(  # type: ignore[return-value]
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (provider_event, calls)
        )


def test_events_and_calls_leave_after_their_time_and_no_entry_changes(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(4)))
    office.send()
    office.report_on("0", Status.DELIVERED)
    office.report_on("1", Status.BOUNCED)
    raw_call(office.database, 63)
    raw_call(office.database, 61)
    age(office.database, 63, like="delivered")
    age(office.database, 61, like="bounced")
    before = everything_that_stays(office.database)
    lines = [(office.lines(tab), office.counts(tab)) for tab in Tab]
    assert retention.expire(office.database, KEPT) == retention.Dropped(1, 1, 0)
    assert numbers(office.database) == (1, 1)
    assert everything_that_stays(office.database) == before
    assert [(office.lines(tab), office.counts(tab)) for tab in Tab] == lines
    office.report_on("0", Status.DELIVERED)
    assert everything_that_stays(office.database) == before, "the same fact again moves nothing"


def test_a_call_that_nobody_could_read_yet_stays(office: Office) -> None:
    raw_call(office.database, 400, state="new")
    raw_call(office.database, 400, state="unreadable")
    assert retention.expire(office.database, KEPT).calls == 1
    assert numbers(office.database) == (0, 1)


def test_the_number_of_days_is_a_setting(office: Office) -> None:
    raw_call(office.database, 20)
    assert Housekeeping(office.database).expire() == 0
    assert Housekeeping(office.database, Retention(events_days=14)).expire() == 1


def test_an_event_dated_ahead_by_its_provider_leaves_as_well(office: Office) -> None:
    office.put(message())
    office.send()
    office.report_on("12345", Status.DELIVERED, at=office.database.now() + timedelta(days=4_000))
    assert Housekeeping(office.database).expire() == 0
    with office.database.write() as connection:
        long_ago = office.database.now() - timedelta(days=63)
        connection.execute(provider_event.update().values(received_at=long_ago))
    assert Housekeeping(office.database).expire() == 1


@pytest.fixture
def old_days(office: Office) -> Iterator[Office]:
    """Two days of events in partitions of their own, made when they were the present, 70 days ago."""
    database = office.database
    past = Database(database.url, clock=lambda: database.now() - timedelta(days=70))
    partitions.make(past)
    yield office
    past.close()


def test_old_days_are_dropped_with_their_partitions_on_postgresql(old_days: Office) -> None:
    office = old_days
    if office.database.sqlite:
        assert retention.expire(office.database, KEPT).partitions == 0
        return
    office.put(message())
    office.send()
    office.report_on("12345", Status.DELIVERED)
    age(office.database, 69)
    made = {name for name, _ in retention.day_partitions(office.database)}
    assert retention.expire(office.database, KEPT) == retention.Dropped(0, 0, 4)
    kept = {name for name, _ in retention.day_partitions(office.database)}
    assert len(made - kept) == 4
    assert len(kept) == partitions.DAYS_AHEAD + 1
    assert numbers(office.database)[0] == 0


def test_who_may_not_drop_partitions_deletes_their_rows(
    old_days: Office, database_url: str
) -> None:
    office = old_days
    if office.database.sqlite:
        assert retention.expire(office.database, KEPT).total == 0
        return
    office.put(message())
    office.send()
    office.report_on("12345", Status.DELIVERED)
    age(office.database, 69)
    role = f"app{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    url = make_url(database_url).set(username=role).render_as_string(hide_password=False)
    other = Database(url)
    try:
        assert retention.expire(other, KEPT) == retention.Dropped(1, 0, 0)
    finally:
        other.close()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_day_that_somebody_reads_is_dropped_the_next_time(old_days: Office) -> None:
    office = old_days
    if office.database.sqlite:
        assert retention.expire(office.database, KEPT).total == 0
        return
    with office.database.read() as reader:
        reader.execute(sa.select(provider_event))
        assert retention.expire(office.database, KEPT).partitions == 0
    assert retention.expire(office.database, KEPT).partitions == 4


def test_a_partition_whose_rows_lie_in_default_can_still_be_made(office: Office) -> None:
    office.put(message())
    office.send()
    office.report_on("12345", Status.DELIVERED, at=office.database.now() + timedelta(days=5))
    later = Database(office.database.url, clock=lambda: office.database.now() + timedelta(days=5))
    partitions.make(later)
    partitions.make(later)
    later.close()
    assert numbers(office.database)[0] == 1
    if not office.database.sqlite:
        with office.database.read() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM provider_event_default")
            assert left.scalar_one() == 0


def test_log_rows_in_a_default_partition_are_told_and_stop_nobody_from_starting(
    office: Office,
) -> None:
    assert partitions.strays(office.database) == {}
    ahead = timedelta(days=200)
    future = Office(Database(office.database.url, clock=lambda: office.database.now() + ahead))
    future.put(message())
    future.send()
    if office.database.sqlite:
        assert partitions.strays(office.database) == {}
        return
    found = partitions.strays(office.database)
    assert found["entry"] == 1
    partitions.make(future.database)
    assert partitions.strays(office.database) == found
    future.database.close()


def test_the_next_transaction_is_smaller_after_a_slow_one_and_never_empty() -> None:
    assert retention.next_size(100, 0.2) == 25
    assert retention.next_size(100, 0.05) == 100
    assert retention.next_size(100, 0.001) == 200
    assert retention.next_size(retention.SMALLEST, 5.0) == retention.SMALLEST
    assert retention.next_size(retention.LARGEST, 0.0) == retention.LARGEST


def test_many_rows_leave_in_several_transactions(office: Office) -> None:
    past = office.database.now() - timedelta(days=80)
    with office.database.write() as connection:
        connection.execute(
            provider_event.insert(),
            [
                {
                    "day": past.date(),
                    "hash": f"{number:05}",
                    "id": office.database.new_id(past),
                    "provider": "sendgrid",
                    "kind": "open",
                    "at": past,
                    "received_at": past,
                    "matched": "none",
                    "payload": {"raw": "x" * 300},
                }
                for number in range(3_000)
            ],
        )
    watched = Watched(office.database.url)
    assert retention.expire(watched, KEPT, batches=2).events < 1_000
    assert watched.writes == 2
    while retention.expire(watched, KEPT).total:
        pass
    assert numbers(office.database)[0] == 0
    watched.close()


class Watched(Database):
    """A database that counts its write transactions."""

    writes = 0

    def write(self) -> Any:
        """One more."""
        self.writes += 1
        return super().write()
