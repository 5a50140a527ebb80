"""Nothing is sent twice and nothing is lost unseen, whenever a worker dies; the practice network is the judge."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

from commtui.domain.vocabulary import OPEN_STATUSES, Status
from tests.system.gate import Gate
from tests.system.plant import Plant, until

NAIVE = (sys.executable, str(Path(__file__).with_name("naive_worker.py")))
IN_FLIGHT = 16


def test_workers_killed_again_and_again_send_nothing_twice_and_lose_nothing(plant: Plant) -> None:
    chance = random.Random(4)
    run_id = plant.bring_and_send(240)
    workers = [plant.start("worker"), plant.start("worker")]
    kills = 0
    while plant.taken() < 200 and not plant.closed(run_id):
        goal = plant.taken() + chance.randint(10, 40)
        until(lambda goal=goal: plant.taken() >= goal or plant.closed(run_id), "more messages")
        plant.kill(workers.pop(0))
        kills += 1
        workers.append(plant.start("worker"))
    until(lambda: plant.closed(run_id), "the end of the bulk send")
    plant.wait_until_forgotten([worker.pid for worker in workers])
    until(lambda: plant.desk.health().workers == 2, "only the living to be heard of")
    for worker in workers:
        plant.stop(worker)
    plant.work_until_idle()

    assert kills >= 4
    assert plant.wrong() == []
    statuses = plant.statuses(run_id)
    assert set(statuses) <= {Status.SENT, Status.DELIVERED, Status.UNKNOWN}
    assert sum(statuses.values()) == 240


def test_answers_that_died_with_their_worker_are_unknown_until_a_webhook_settles_them(
    plant: Plant,
) -> None:
    with Gate(plant.network_url) as gate:
        run_id = plant.bring_and_send(40)
        first = plant.start("worker", COMMTUI_SENDGRID__BASE_URL=gate.url)
        until(lambda: plant.taken() == IN_FLIGHT, "calls in flight")
        plant.kill(first)
    held = {message.entry_id for message in plant.accepted()}
    second = plant.start("worker")
    until(lambda: plant.closed(run_id), "the end of the bulk send")

    assert {entry for entry, status in plant.log().items() if status == Status.UNKNOWN} == held
    assert plant.wrong() == []
    plant.start_web()
    plant.until_statuses(run_id, {Status.DELIVERED: 40})
    assert plant.taken() == 40
    plant.stop(second)


def test_a_worker_that_sends_again_what_a_dead_one_was_sending_is_caught(plant: Plant) -> None:
    with Gate(plant.network_url) as gate:
        run_id = plant.bring_and_send(40)
        first = plant.start(program=NAIVE, COMMTUI_SENDGRID__BASE_URL=gate.url)
        until(lambda: plant.taken() == IN_FLIGHT, "calls in flight")
        plant.kill(first)
    plant.start(program=NAIVE)
    until(lambda: plant.closed(run_id), "the end of the bulk send")

    twice = [problem for problem in plant.wrong() if problem.endswith("accepted 2 times")]
    assert len(twice) >= IN_FLIGHT


def test_a_worker_that_is_asked_to_stop_hears_its_answers_and_leaves_the_rest_queued(
    plant: Plant,
) -> None:
    with Gate(plant.network_url) as gate:
        run_id = plant.bring_and_send(40)
        worker = plant.start("worker", COMMTUI_SENDGRID__BASE_URL=gate.url)
        until(lambda: plant.taken() == IN_FLIGHT, "calls in flight")
        until(lambda: plant.desk.progress(run_id).waiting == 0, "the expansion")
        worker.send_signal(signal.SIGTERM)
        gate.open()
        assert worker.wait(20) == 0
    statuses = plant.statuses(run_id)
    assert statuses == {Status.SENT: IN_FLIGHT, Status.QUEUED: 40 - IN_FLIGHT}
    assert plant.wrong() == []
    assert plant.desk.health().workers == 0

    plant.work_until_idle()
    assert plant.statuses(run_id) == {Status.SENT: 40}
    assert plant.wrong() == []


def test_two_workers_share_the_work_and_none_waits_for_the_other(plant: Plant) -> None:
    with Gate(plant.network_url) as gate:
        run_id = plant.bring_and_send(80)
        plant.start("worker", COMMTUI_SENDGRID__BASE_URL=gate.url)
        until(lambda: plant.taken() == IN_FLIGHT, "the first worker's calls")
        plant.start("worker")
        until(
            lambda: plant.statuses(run_id).get(Status.SENT) == 80 - IN_FLIGHT, "the second's work"
        )
        gate.open()
        plant.until_statuses(run_id, {Status.SENT: 80})
    assert plant.wrong() == []
    assert plant.taken() == 80


def test_a_worker_until_idle_ends_when_nothing_is_due(plant: Plant) -> None:
    plant.work_until_idle()
    run_id = plant.bring_and_send(25)
    plant.work_until_idle()
    assert plant.statuses(run_id) == {Status.SENT: 25}
    assert not any(status in OPEN_STATUSES for status in plant.log().values())
