"""The terminal that a worker runs in is closed: what is in flight ends, its answers are recorded, the rest waits."""

from __future__ import annotations

import os
import pty
import sys

from commtui.domain.vocabulary import Status
from tests.system.gate import Gate
from tests.system.plant import Plant, until

IN_FLIGHT = 16


def test_a_closed_terminal_ends_a_worker_as_sigterm_does(plant: Plant) -> None:
    with Gate(plant.network_url) as gate:
        run_id = plant.bring_and_send(40)
        environment = plant.environment(COMMTUI_SENDGRID__BASE_URL=gate.url)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "commtui", "worker"], environment)
        until(lambda: plant.taken() == IN_FLIGHT, "calls in flight")
        until(lambda: plant.desk.progress(run_id).waiting == 0, "the expansion")
        os.close(terminal)
        gate.open()
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert plant.statuses(run_id) == {Status.SENT: IN_FLIGHT, Status.QUEUED: 40 - IN_FLIGHT}
    assert plant.desk.health().workers == 0
    plant.work_until_idle()
    assert plant.statuses(run_id) == {Status.SENT: 40}
    assert plant.wrong() == []
