"""The database fails at the n-th write of one send, for every n, before and after the commit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Status
from commtui.errors import DatabaseAway
from commtui.services.delivery import Delivery
from commtui.store.engine import Database
from tests.office import Office, ScriptedProvider, message

LAST_WRITE = 6
"""Claim, begin, finish and note that the provider works; after that, an idle worker's claims."""


class FailingDatabase(Database):
    """Goes away once, at the n-th write from now on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.left = 0
        self.after_commit = False

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A write transaction; the one that fails may have been committed all the same."""
        self.left -= 1
        failing = self.left == 0
        if failing and not self.after_commit:
            raise DatabaseAway("gone before the commit")
        with super().write() as connection:
            yield connection
        if failing:
            raise DatabaseAway("gone after the commit")


async def work(delivery: Delivery) -> None:
    """What a worker does, over again when the database is away, until nothing moves."""
    recording = asyncio.create_task(delivery.record())
    quiet = 0
    while quiet < 10:
        try:
            claimed = await delivery.step()
        except DatabaseAway:
            claimed = 1
        await asyncio.sleep(0.005)
        quiet = 0 if claimed or delivery.busy else quiet + 1
    await delivery.drain()
    recording.cancel()


@pytest.mark.parametrize("after_commit", [False, True], ids=["before", "after"])
def test_a_database_that_fails_at_any_write_of_a_send_leaves_one_message_sent(
    database_url: str, after_commit: bool
) -> None:
    database = FailingDatabase(database_url)
    office = Office(database)
    for number in range(1, LAST_WRITE + 1):
        reference = str(number)
        office.put(message(reference))
        office.queue(reference)
        provider = ScriptedProvider()
        delivery, _ = office.delivery(provider)
        database.left, database.after_commit = number, after_commit
        asyncio.run(work(delivery))
        status = office.line(reference).status
        assert (len(provider.requests), status) == (1, Status.SENT), f"failing at write {number}"
    database.close()
