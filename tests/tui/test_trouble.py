"""Our own errors: panels in words, never a traceback, and a way back."""

from __future__ import annotations

import threading

import pytest

from commtui.app import CommtuiApp
from commtui.errors import DatabaseAway
from commtui.screens.wording import describe
from tests.tui.conftest import filled
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk


async def test_a_database_that_is_away_at_the_start_is_found_by_itself(desk: FakeDesk) -> None:
    tries: list[int] = []

    def connect() -> FakeDesk:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAway("postgresql://db refuses connections")
        return desk

    async with console(None, connect=connect) as driver:
        await driver.until(lambda: driver.panel == "AwayPanel")
        await driver.see("postgresql://db refuses connections")
        await driver.back()
        await driver.until(lambda: driver.table.window.loaded)
        await driver.see("database back")
        await driver.see("12345")


async def test_a_database_that_goes_away_later_comes_back_by_itself(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "j")
        here, marks = driver.line.id, driver.marked
        desk.away = True
        await driver.until(lambda: driver.panel == "AwayPanel")
        await driver.press("escape")
        await driver.see("database away, reconnecting")
        desk.away = False
        await driver.until(lambda: "database back" in driver.status)
        assert driver.panel == "CommunicationScreen"
        assert (driver.line.id, driver.marked) == (here, marks)


async def test_a_panel_says_that_the_database_is_away_and_stays(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("IgnorePanel", "I")
        await driver.write("because")
        desk.away = True
        await driver.press("enter")
        await driver.see("Database away: the database does not answer")
        desk.away = False
        await driver.press("enter")
        await driver.back()
        assert desk.called("ignore") == ["because"]


async def test_a_fault_of_our_own_is_a_panel_and_the_console_goes_on(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("equals_sign")
        desk.broken = True
        await driver.press("f8")
        await driver.until(lambda: driver.panel == "ProblemPanel")
        await driver.see("Something went wrong inside commtui")
        assert "a fault of our own" not in driver.text
        await driver.until(lambda: len(driver.app.screen_stack) > 1)
        while driver.panel == "ProblemPanel":
            await driver.press("escape")
        desk.broken = False
        await driver.press("r")
        await driver.until(lambda: driver.table.window.total == 40)


async def test_a_fault_in_the_live_refresh_stops_it_and_says_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        desk.broken = True
        await driver.until(lambda: "live refresh stands still" in driver.status)
        asked = len(desk.calls)
        desk.broken = False
        await driver.press("equals_sign")
        await driver.until(lambda: len(desk.calls) > asked and "stands still" not in driver.status)


async def test_a_fault_on_the_loop_ends_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(CommtuiApp):
        def action_show(self, tab: str) -> None:
            secret = "SG.key"  # noqa: F841  what a traceback with variables would print
            raise ZeroDivisionError

    app = Broken(lambda: filled(3))
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await pilot.press("f3")
    app._print_error_renderables()
    told = capsys.readouterr().err
    assert "commtui stopped by a fault of its own (ZeroDivisionError)" in told
    assert "Traceback" not in told
    assert "SG.key" not in told


def test_every_error_of_ours_has_a_title() -> None:
    assert describe(DatabaseAway("x")).title == "Database away"
    assert describe(OSError(28, "No space left on device")).title == "Disk full"
    assert describe(OSError(13, "Permission denied")).sentence == "Permission denied"
    assert describe(ValueError("secret")).title == "Something went wrong inside commtui"


async def test_a_notice_of_the_start_stands_in_the_status_line(desk: FakeDesk) -> None:
    async with console(desk, notice="worker and web started; they outlive this console") as driver:
        await driver.see("worker and web started")


async def test_q_ends_with_zero_and_asks_nothing(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "q")
        await driver.until(lambda: driver.app.return_code == 0)


async def test_quitting_asks_only_when_something_typed_would_be_lost(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("IgnorePanel", "I")
        await driver.write("half a reason")
        await driver.press("ctrl+q")
        await driver.see("What you typed is not saved.")
        await driver.press("enter")
        assert driver.panel == "IgnorePanel"
        await driver.press("ctrl+q")
        await driver.see("What you typed is not saved.")
        await driver.press("tab", "enter")
        await driver.until(lambda: driver.app.return_code == 0)


async def test_a_key_that_closes_a_panel_does_nothing_beneath(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space")
        await driver.open("SummaryPanel", "enter")
        await driver.press("escape")
        await driver.back()
        assert driver.marked == 1
        await driver.open("SendPanel", "S")
        await driver.press("enter")
        await driver.back()
        assert driver.marked == 1


async def test_tabs_cannot_be_changed_behind_a_panel(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("SummaryPanel", "enter")
        await driver.press("f3", "2", "q")
        assert driver.panel == "SummaryPanel"


async def test_the_frame_is_there_before_the_database(desk: FakeDesk) -> None:
    gate = threading.Event()

    def connect() -> FakeDesk:
        gate.wait()
        return desk

    async with console(None, connect=connect) as driver:
        try:
            await driver.see("Connecting to the database")
            await driver.see("Communication log")
            await driver.see("Failed …")
        finally:
            gate.set()
        await driver.see("12345")
