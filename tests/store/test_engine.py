"""Connections: which SQLite is used and how, and what an unreachable database says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Status
from commtui.errors import ConfigError, DatabaseAway
from commtui.store.engine import Database, sqlite_module
from commtui.store.schema import prepare
from tests.office import Office, message


def test_the_write_ahead_log_is_used_only_where_it_cannot_corrupt(tmp_path: Path) -> None:
    module, safe = sqlite_module()
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with database.read() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    database.close()
    assert mode == ("wal" if safe else "delete")
    assert safe == (module.sqlite_version_info >= (3, 51, 3))


def test_a_day_works_on_a_rollback_journal_with_several_writers(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", wal=False)
    prepare(database)
    office = Office(database)
    office.put(*(message(str(number)) for number in range(60)))
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(office.expand), pool.submit(office.expand)]
        jobs.append(pool.submit(lambda: [office.counts() for _ in range(20)]))
        for job in jobs:
            job.result()
    office.work(rounds=20)
    assert office.counts().completed == 60
    office.report_on("7", Status.DELIVERED)
    assert office.line("7").status is Status.DELIVERED
    database.close()


def test_the_database_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "inner" / "a.db"
    Database(f"sqlite:///{path}").close()
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigError, match="name a folder"):
        Database(f"sqlite:///{tmp_path / 'file' / 'a.db'}")


def test_a_server_that_does_not_answer_is_a_database_that_is_away() -> None:
    database = Database("postgresql://somebody:secret@127.0.0.1:9/db")
    with pytest.raises(DatabaseAway) as caught, database.read():
        pass
    assert "secret" not in str(caught.value)
    database.close()


def test_an_error_in_a_transaction_undoes_all_of_it(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO provider_state (provider) VALUES ('x')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM provider_state")).scalar() == 0
