"""No room for another write: what was accepted is recorded once there is, and nothing is sent twice."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import psycopg

from commtui.domain.vocabulary import Status
from tests.system.plant import Plant, until

FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION no_room();
CREATE TRIGGER no_room BEFORE UPDATE ON worker FOR EACH STATEMENT EXECUTE FUNCTION no_room();
"""
EMPTIED = "DROP TRIGGER no_room ON outbox; DROP TRIGGER no_room ON worker; DROP FUNCTION no_room()"


def fill(plant: Plant, worker: subprocess.Popen[bytes]) -> None:
    """From now on the worker's writes fail as on a full disk."""
    url = str(plant.settings.database.url)
    if url.startswith("sqlite"):
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FULL)


def empty(plant: Plant, worker: subprocess.Popen[bytes]) -> None:
    """There is room again."""
    url = str(plant.settings.database.url)
    if url.startswith("sqlite"):
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTIED)


def test_a_worker_goes_on_by_itself_when_there_is_room_again(plant: Plant) -> None:
    run_id = plant.bring_and_send(120)
    log: Path = plant.folder / "processes.log"
    worker = plant.start("worker")
    until(lambda: plant.taken() >= 30, "the first messages")
    written = log.stat().st_size
    fill(plant, worker)
    until(lambda: "database away" in log.read_text()[written:], "the worker to notice")
    assert worker.poll() is None
    empty(plant, worker)
    until(lambda: plant.closed(run_id), "the end of the bulk send")
    plant.stop(worker)
    assert set(plant.statuses(run_id)) == {Status.SENT}
    assert plant.taken() == 120
    assert plant.wrong() == []
