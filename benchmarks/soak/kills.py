"""Workers and the web receiver killed at random under load; email, text messages and letters, 20 kills a round."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.soak.proof import Result, Round
from commtui.demo.email_scenarios import SENDGRID
from commtui.demo.scenarios import SCENARIOS
from commtui.domain.vocabulary import OPEN_STATUSES, Status
from tests.system.mixed import letter_line, text_line
from tests.system.nursery import Nursery
from tests.system.plant import Plant, email_line, until

MESSAGES = 400
KILLS = 20
KILLED_WITHIN = (0.1, 1.0)
"""Seconds between two kills."""
PATIENCE = 300.0


def play_kills(given: Round) -> Result:
    """Send everything while processes die, then count at the network."""
    plant = Plant(given.folder, given.url)
    nursery = Nursery(plant, COMMTUI_WORKER__CONCURRENCY="8")
    try:
        kills = _under_fire(plant, nursery, given)
        statuses = Counter(plant.log().values())
        problems = plant.wrong()
        problems += [f"still {it}" for it in statuses if it in OPEN_STATUSES - {Status.UNKNOWN}]
        if sum(statuses.values()) != MESSAGES:
            problems.append(
                f"{MESSAGES - sum(statuses.values())} messages are in no line of the log"
            )
        figures = {
            "kills": kills,
            "accepted": plant.taken(),
            "left unknown": statuses[Status.UNKNOWN],
        }
        return Result(figures, problems)
    finally:
        nursery.close()
        plant.close()


def _under_fire(plant: Plant, nursery: Nursery, given: Round) -> int:
    """Returns how many processes were killed."""
    chance = given.chance
    plant.bring(_lines(given))
    run_id = plant.send_all()
    web = plant.start("web")
    for _ in range(2):
        nursery.start()
    kills = 0
    while kills < KILLS:
        time.sleep(chance.uniform(*KILLED_WITHIN))
        if chance.random() < 0.2:
            web = _again(plant, web)
        else:
            nursery.kill(chance.choice(nursery.alive))
            nursery.start()
        kills += 1
    until(plant.web_answers, "the web receiver")
    until(lambda: plant.closed(run_id), "the end of the bulk send", PATIENCE)
    until(plant.events_delivered, "the network's events", PATIENCE)
    until(lambda: not plant.desk.health().due, "the queue to be empty", PATIENCE)
    return kills


def _again(plant: Plant, web: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    plant.kill(web)
    return plant.start("web")


def _lines(given: Round) -> Iterator[dict[str, Any]]:
    """Mostly emails to ordinary customers; one in six has something happen, and some go by text message or post."""
    special = [item for item in SCENARIOS if item.provider == SENDGRID]
    for index in range(MESSAGES):
        kind = given.chance.random()
        if kind < 0.2:
            yield text_line(index)
        elif kind < 0.25:
            yield letter_line(index)
        else:
            recipient = given.chance.choice(special).recipient(index) if kind > 0.85 else ""
            yield email_line(index, recipient)
