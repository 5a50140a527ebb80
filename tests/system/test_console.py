"""The console as a process on a terminal: what it started outlives it."""

from __future__ import annotations

from dataclasses import replace

from commtui.domain.vocabulary import Status
from tests.system.gate import Gate
from tests.system.plant import COMMTUI, Plant, email_line, until
from tests.system.terminal import F6, Terminal

MESSAGES = 40


def test_a_bulk_send_goes_on_when_the_terminal_hangs_up(plant: Plant) -> None:
    plant.bring(email_line(number) for number in range(MESSAGES))
    with Gate(plant.network_url) as gate:
        plant.settings = replace(
            plant.settings, sendgrid=replace(plant.settings.sendgrid, base_url=gate.url)
        )
        environment = plant.environment(TERM="xterm-256color", COLUMNS="80", LINES="24")
        terminal = Terminal(COMMTUI, environment)
        try:
            terminal.until_shows(f"Not sent {MESSAGES}")
            terminal.press(F6)
            terminal.until_shows(f"Customer {MESSAGES - 1}")
            terminal.press("A", "A")
            terminal.until_shows(rf"\b{MESSAGES}( matching)? marked")
            terminal.press("S")
            terminal.until_shows("will go")
            terminal.press("s")
            until(lambda: plant.taken() > 0, "the first messages")
            terminal.hang_up()
            gate.open()
            run_id = plant.desk.runs(1)[0].run_id
            plant.until_statuses(run_id, {Status.DELIVERED: MESSAGES})
        finally:
            assert plant.start("down").wait(60) == 0
    assert plant.wrong() == []
    assert plant.taken() == MESSAGES
    health = plant.desk.health()
    assert (health.workers, health.web) == (0, 0)
