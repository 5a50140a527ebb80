"""Workers die at every point between claim and record, with email, text messages and letters; on both databases.

The practice network counts what reached customers. The same load with workers that take a lease that ran out for
a message that was not sent has to fail the same count.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from commtui.domain.vocabulary import OPEN_STATUSES, Status
from tests.system.mixed import mixed_lines
from tests.system.nursery import POINTS, Nursery
from tests.system.plant import Plant, until

ENDS = frozenset({Status.SENT, Status.DELIVERED, Status.UNKNOWN, Status.FAILED})
"""What may become of a message when workers die and nothing else goes wrong; failed: set aside, not sent."""


@pytest.fixture
def nursery(plant: Plant) -> Iterator[Nursery]:
    made = Nursery(plant, COMMTUI_WORKER__CONCURRENCY="4")
    yield made
    made.close()


def verdict(plant: Plant, number: int) -> list[str]:
    """What is wrong once everything is over."""
    lines = plant.lines()
    found = plant.wrong()
    taken = {message.entry_id for message in plant.accepted()}
    found += [f"{line.id} ended as {line.status}" for line in lines if line.status not in ENDS]
    found += [
        f"{line.id} was set aside as not sent, but the network has it"
        for line in lines
        if line.status is Status.FAILED and (line.id in taken or line.error_code != "worker_died")
    ]
    if len(lines) != number:
        found.append(f"{number - len(lines)} messages are in no line of the log")
    return found


def settled(plant: Plant, number: int) -> bool:
    """Whether so many messages stand in the log, and none of them is under way."""
    log = plant.log()
    return len(log) == number and not (set(log.values()) & (OPEN_STATUSES - {Status.UNKNOWN}))


def test_a_death_at_any_point_sends_nothing_twice_and_loses_nothing(
    plant: Plant, nursery: Nursery
) -> None:
    deaths = [(point, time) for time in (1, 3) for point in POINTS]
    plant.bring(mixed_lines(40, 20, 20))
    plant.send_all()
    for point, time in deaths:
        worker = nursery.start(point, time)
        until(lambda worker=worker: nursery.gone(worker) or settled(plant, 80), f"death at {point}")
        if not nursery.gone(worker):
            nursery.stop(worker)
    plant.wait_until_forgotten(())
    last = nursery.start()
    until(lambda: settled(plant, 80), "the end of everything")
    nursery.stop(last)
    assert verdict(plant, 80) == []
    assert Counter(plant.log().values())[Status.UNKNOWN] >= 4


def test_the_naive_order_fails_the_same_count(plant: Plant, nursery: Nursery) -> None:
    plant.bring(mixed_lines(20, 10, 0))
    plant.send_all()
    for _ in range(4):
        nursery.wait(nursery.start("call after", 3, "naive"))
        plant.wait_until_forgotten(())
    last = nursery.start(recovery="naive")
    until(lambda: settled(plant, 30), "the end of everything")
    nursery.stop(last)
    found = verdict(plant, 30)
    assert any(re.search(r"accepted \d+ times", problem) for problem in found), found


def test_twenty_kills_under_load_send_nothing_twice_and_lose_nothing(
    plant: Plant, nursery: Nursery
) -> None:
    chance = random.Random(20)
    plant.bring(mixed_lines(200, 80, 20))
    plant.send_all()
    for _ in range(2):
        nursery.start()
    for _ in range(20):
        goal = plant.taken() + chance.randint(4, 14)
        until(lambda goal=goal: plant.taken() >= goal or settled(plant, 300), "more messages")
        nursery.kill(chance.choice(nursery.alive))
        nursery.start()
    until(lambda: settled(plant, 300), "the end of everything")
    for pid in list(nursery.alive):
        nursery.stop(pid)
    assert verdict(plant, 300) == []
