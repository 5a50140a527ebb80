"""Every third answer is lost after the message was taken: nothing twice, and callbacks settle what is unknown."""

from __future__ import annotations

from collections import Counter

from commtui.domain.vocabulary import Status
from tests.system.lossy import FAULTS, Lossy
from tests.system.mixed import mixed_lines
from tests.system.plant import Plant


def test_every_third_answer_lost_sends_nothing_twice_and_settles_by_itself(plant: Plant) -> None:
    plant.start_web()
    plant.bring(mixed_lines(45, 15, 0))
    run_id = plant.send_all()
    with Lossy(plant.network_url) as relay:
        worker = plant.start(
            "worker",
            COMMTUI_SENDGRID__BASE_URL=relay.url,
            COMMTUI_TWILIO__BASE_URL=relay.url,
            COMMTUI_WORKER__REQUEST_SECONDS="2",
        )
        plant.until_statuses(run_id, {Status.DELIVERED: 60})
        plant.stop(worker)
    assert Counter(relay.lost).keys() == set(FAULTS)
    assert len(relay.lost) >= 20
    assert plant.taken() == 60
    assert plant.wrong() == []
