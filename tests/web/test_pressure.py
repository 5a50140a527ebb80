"""Back-pressure: what there is no room for is left with the provider; both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from commtui.errors import DatabaseAway, NoRoom
from commtui.services.pressure import MEGABYTE, Pressure, free_bytes
from commtui.store import findings
from commtui.store.engine import Database
from tests.web.test_web import RECEIVING, SENDGRID, Receiver, event, signed_events

EVERYTHING = 10**9
"""Megabytes that no disk has."""


def with_reserve(database: Database, megabytes: int) -> Receiver:
    settings = replace(RECEIVING, web=replace(RECEIVING.web, reserve_mb=megabytes))
    return Receiver(database, settings)


class Disk:
    """A disk with so many bytes left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, folder: Path) -> int:
        """What is left."""
        assert folder.is_dir()
        return self.left


def sentences(database: Database) -> list[str]:
    with database.read() as connection:
        return [item.sentence for item in findings.standing(connection)]


def test_on_a_disk_that_is_nearly_full_a_call_is_left_with_the_provider(
    database: Database,
) -> None:
    receiver = with_reserve(database, EVERYTHING)
    answer = receiver.post(SENDGRID, **signed_events(event("x")))
    if not database.sqlite:
        # the server's disk is not ours to look at; it says so itself
        assert answer.status_code == 204
        return
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert receiver.post(SENDGRID, content=b"[]").status_code == 503
    assert receiver.stored() == []
    assert receiver.refused("sendgrid") == 0
    assert with_reserve(database, 0).post(SENDGRID, **signed_events(event("x"))).is_success


def test_a_byte_below_the_reserve_is_too_little(database: Database) -> None:
    disk = Disk(200 * MEGABYTE)
    pressure = Pressure(database, 200, disk)
    pressure.check()
    disk.left -= 1
    if database.sqlite:
        with pytest.raises(NoRoom, match="199 MB left"):
            pressure.check()
    else:
        pressure.check()


def test_it_is_a_finding_until_there_is_room_again(database: Database) -> None:
    disk = Disk(10 * MEGABYTE)
    pressure = Pressure(database, 200, disk)
    pressure.note()
    said = sentences(database)
    assert len(said) == database.sqlite
    assert all("10 MB left" in words for words in said)
    disk.left = EVERYTHING
    pressure.note()
    assert sentences(database) == []


def test_a_folder_that_is_away_is_not_called_full(database: Database) -> None:
    def away(folder: Path) -> int:
        raise FileNotFoundError(folder)

    Pressure(database, 200, away).check()


def test_the_room_of_a_real_folder_is_read(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


@contextmanager
def full(database: Database) -> Iterator[None]:
    """The engine itself says that it has no room for another call."""
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file: No space left on device' "
            "USING ERRCODE = 'disk_full'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER no_room BEFORE INSERT ON inbox EXECUTE FUNCTION no_room()"
        )
    yield
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_room ON inbox")


def fill(database: Database) -> None:
    """Write more than SQLite is allowed to."""
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE more (words TEXT)")
        connection.exec_driver_sql("INSERT INTO more VALUES (zeroblob(1000000))")


def test_a_server_without_room_says_so_and_the_call_comes_again(database: Database) -> None:
    if database.sqlite:
        with pytest.raises(NoRoom):
            fill(database)
        return
    receiver = Receiver(database)
    call = signed_events(event("x"))
    with full(database):
        answer = receiver.post(SENDGRID, **call)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert receiver.post(SENDGRID, **call).status_code == 204
    assert len(receiver.stored()) == 1


def test_no_room_is_treated_as_a_database_that_is_away() -> None:
    assert issubclass(NoRoom, DatabaseAway)
