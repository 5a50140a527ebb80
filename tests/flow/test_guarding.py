"""Nothing is sent while the record is not guarded as it should be; it goes on by itself when it is again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from commtui.bootstrap import open_desk, open_working
from commtui.config import Database as DatabaseSettings
from commtui.config import Secret
from commtui.domain.vocabulary import Status
from commtui.store.migrations import record_guards
from commtui.worker import Worker
from tests.office import SETTINGS, Office, message


async def _run(url: str) -> None:
    """A worker until it finds nothing to do."""
    settings = replace(SETTINGS, database=DatabaseSettings(url=Secret(url)))
    working = open_working(settings)
    try:
        await asyncio.wait_for(Worker(working, asyncio.Event()).run(until_idle=True), 60)
    finally:
        await working.aclose()


def test_a_worker_claims_nothing_while_a_trigger_is_missing(
    office: Office, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.put(message())
    office.queue()
    place = "" if office.database.sqlite else " ON entry"
    with office.database.write() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER entry_kept{place}")
    with caplog.at_level(logging.ERROR):
        asyncio.run(_run(database_url))
    assert office.attempts()[0].status is Status.QUEUED
    missing = f"trigger entry_kept{' on entry' if place else ''} is missing"
    assert f"sending refused: {missing}" in caplog.text

    desk = open_desk(replace(SETTINGS, database=DatabaseSettings(url=Secret(database_url))))
    assert desk.health().barred.startswith(f"sending refused: {missing}")
    desk.close()

    _repair(office)
    office.work()
    assert office.attempts()[0].status is Status.SENT
    desk = open_desk(replace(SETTINGS, database=DatabaseSettings(url=Secret(database_url))))
    assert desk.health().barred == ""
    desk.close()


def _repair(office: Office) -> None:
    with office.database.write() as connection:
        if office.database.sqlite:
            connection.exec_driver_sql(record_guards.sqlite_triggers()["entry_kept"])
            return
        made = next(
            item for item in record_guards.postgresql_triggers() if item.name == "entry_kept"
        )
        connection.exec_driver_sql(made.statement)
        parts = connection.exec_driver_sql(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'entry'::regclass"
        ).scalars()
        for name in ["entry", *parts]:
            connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER entry_kept")
