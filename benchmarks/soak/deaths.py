"""Workers that kill themselves at every point between claim and record, at a passing that chance chooses."""

from __future__ import annotations

from benchmarks.soak.proof import Result, Round
from tests.system.mixed import mixed_lines
from tests.system.nursery import POINTS, Nursery
from tests.system.plant import Plant, until
from tests.system.test_every_death import settled, verdict

EMAILS, TEXTS, LETTERS = 160, 80, 60
TIMES = 4


def play_deaths(given: Round) -> Result:
    """Every point `TIMES` times, in an order of chance."""
    plant = Plant(given.folder, given.url)
    nursery = Nursery(plant, COMMTUI_WORKER__CONCURRENCY="8")
    number = EMAILS + TEXTS + LETTERS
    deaths = 0
    try:
        plant.bring(mixed_lines(EMAILS, TEXTS, LETTERS))
        plant.send_all()
        points = list(POINTS) * TIMES
        given.chance.shuffle(points)
        for point in points:
            worker = nursery.start(point, given.chance.randint(1, 6))
            until(lambda worker=worker: nursery.gone(worker) or settled(plant, number), point, 120)
            if nursery.gone(worker):
                deaths += 1
            else:
                nursery.stop(worker)
        last = nursery.start()
        until(lambda: settled(plant, number), "the end of everything", 300)
        nursery.stop(last)
        return Result({"deaths": deaths, "accepted": plant.taken()}, verdict(plant, number))
    finally:
        nursery.close()
        plant.close()
