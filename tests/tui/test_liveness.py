"""Live updates: lines change where they stand, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace

from commtui.domain.vocabulary import Status, Tab
from tests.tui.conftest import filled
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk, make_line, with_status


async def test_a_status_changes_on_screen_by_itself(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("j", "j", "space")
        cursor, top, marks = driver.table.cursor, driver.table.top, driver.tab.marks
        desk.put(Tab.OVERVIEW, with_status(desk.overview[0], Status.DELIVERED))
        await driver.see("✓ Delivered Email 12345")
        await driver.see("Failed 26")
        assert (driver.table.cursor, driver.table.top, driver.tab.marks) == (cursor, top, marks)


async def test_fifty_new_rows_do_not_push_the_cursors_row_away(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("j", "j", "j")
        here = driver.line.id
        desk.put(Tab.OVERVIEW, *(make_line(-number) for number in range(1, 51)))
        await driver.see("50 new · r shows them")
        assert driver.line.id == here
        assert driver.table.cursor == 3
        await driver.press("r")
        await driver.until(lambda: driver.table.window.total == 77)
        assert driver.line.id == here
        assert driver.table.cursor == 53
        assert "new ·" not in driver.status


async def test_a_refresh_deep_in_the_list_keeps_line_and_scroll() -> None:
    desk = filled(0)
    desk.overview = [make_line(number) for number in range(900)]
    async with console(desk) as driver:
        while driver.table.cursor < 500:
            await driver.press("pagedown")
            await driver.until(lambda: driver.table.line is not None)
        here, row = driver.line.id, driver.table.cursor - driver.table.top
        desk.put(Tab.OVERVIEW, make_line(-1))
        pages = desk.pages
        await driver.press("r")
        await driver.until(lambda: desk.pages > pages and driver.table.line is not None)
        await driver.pilot.pause()
        assert driver.line.id == here
        assert driver.table.cursor - driver.table.top == row


async def test_the_line_under_the_cursor_may_leave_the_list(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("j", "j")
        gone = driver.line
        desk.put(Tab.OVERVIEW, with_status(gone, Status.DELIVERED))
        await driver.see("Failed 26")
        assert driver.line.status is Status.DELIVERED
        await driver.press("r")
        await driver.until(lambda: driver.table.window.total == 26)
        assert driver.table.cursor == 2


async def test_pause_holds_everything_until_it_goes_on(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("equals_sign")
        await driver.see("paused, = continues")
        asked = len(desk.called("changes"))
        desk.put(Tab.OVERVIEW, with_status(desk.overview[0], Status.DELIVERED))
        driver.tab.look_for_changes()
        await driver.pilot.pause()
        assert len(desk.called("changes")) == asked
        await driver.press("equals_sign")
        await driver.see("✓ Delivered Email 12345")


async def test_an_empty_list_fills_by_itself() -> None:
    desk = filled(0)
    async with console(desk) as driver:
        await driver.see("Nothing has been imported yet")
        desk.put(Tab.OVERVIEW, make_line(0))
        await driver.until(lambda: driver.table.line is not None)


async def test_the_other_tab_catches_up_when_it_comes_to_the_front(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        desk.put(Tab.OVERVIEW, with_status(desk.overview[0], Status.DELIVERED))
        await driver.press("f2")
        await driver.see("✓ Delivered Email 12345")


async def test_a_slow_older_answer_is_dropped(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        for key in ("f6", "f7", "f8", "f5", "f6"):
            driver.tab.action_chip(
                {"f5": "failed", "f6": "not-sent", "f7": "completed", "f8": "all"}[key]
            )
        await driver.until(lambda: driver.table.window.total == 5)
        await driver.pilot.pause()
        assert {line.chip.value for line in driver.table.in_view} == {"not-sent"}


async def test_the_preview_and_progress_of_a_line_follow_its_state(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 40)) as driver:
        await driver.press("p")
        desk.put(
            Tab.OVERVIEW, replace(with_status(desk.overview[0], Status.SENT), note="on its way")
        )
        await driver.see("Note on its way")
