"""Marks: they say what an action is for, and nothing but Esc or an action takes them away."""

from __future__ import annotations

from commtui.domain.lines import Selection
from commtui.domain.vocabulary import Status, Tab
from tests.tui.conftest import filled
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk, make_line, with_status


async def test_space_marks_and_moves_down_and_the_number_is_visible(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "space")
        assert driver.marked == 2
        assert driver.table.cursor == 2
        await driver.see("2 marked")
        assert driver.text.count("●") == 2


async def test_marks_survive_paging_sorting_filtering_and_refresh(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "space")
        await driver.press("G", "o", "u", "f8", "r")
        await driver.until(lambda: driver.table.window.total == 40)
        await driver.press("f6", "f5")
        assert driver.marked == 2
        await driver.see("2 marked")


async def test_each_tab_keeps_its_own_marks(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG)
        assert driver.marked == 0
        await driver.press("f2")
        assert driver.marked == 1


async def test_a_marks_the_page_and_again_all_that_match() -> None:
    desk = filled(0)
    desk.overview = [make_line(number) for number in range(400)]
    async with console(desk) as driver:
        await driver.press("A")
        assert driver.marked == len(driver.table.in_view)
        await driver.press("A")
        await driver.see("400 marked (all that match)")
        await driver.press("j", "space")
        await driver.see("399 marked")
        assert driver.tab.marks.selection(Tab.OVERVIEW) == Selection(
            Tab.OVERVIEW,
            query=driver.tab.chosen,
            excluded=frozenset({desk.overview[1].id}),
            up_to=desk.overview[0].sort_id,
        )


async def test_lines_that_come_later_are_not_among_all_that_match(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("A", "A")
        await driver.see("27 marked (all that match)")
        desk.put(Tab.OVERVIEW, make_line(-5))
        await driver.press("r", "g")
        await driver.until(lambda: driver.table.window.total == 28)
        assert not driver.tab.is_marked(make_line(-5))


async def test_a_sticky_range_grows_with_the_cursor(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("v", "j", "j")
        await driver.see("range of 3")
        await driver.press("v")
        assert driver.marked == 3


async def test_a_range_reaches_lines_that_were_never_loaded() -> None:
    desk = filled(0)
    desk.overview = [make_line(number) for number in range(3_500)]
    async with console(desk) as driver:
        await driver.until(lambda: driver.table.window.total == 3_500)
        await driver.press("v", "G")
        await driver.until(lambda: driver.table.line is not None)
        await driver.press("v")
        await driver.until(lambda: driver.marked == 3_500)


async def test_shift_and_arrows_mark_while_held(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("shift+down", "shift+down", "shift+up")
        await driver.see("range of 2")
        await driver.press("j")
        assert driver.marked == 2 or driver.marked == 3
        assert driver.table.span is None


async def test_esc_leaves_one_layer_at_a_time(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "v", "j", "escape")
        assert driver.table.span is None
        assert driver.marked == 1
        await driver.press("escape")
        assert driver.marked == 0
        await driver.press("m")
        assert driver.marked == 1


async def test_inverting_marks_everything_else_that_matches(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "asterisk")
        await driver.until(lambda: driver.marked == 26)
        assert not driver.tab.is_marked(desk.overview[0])
        await driver.press("asterisk")
        assert driver.marked == 1
        assert driver.tab.is_marked(desk.overview[0])


async def test_a_marked_line_that_stops_matching_is_no_longer_counted(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("A", "A")
        await driver.see("27 marked (all that match)")
        desk.put(Tab.OVERVIEW, with_status(desk.overview[0], Status.DELIVERED))
        await driver.see("26 marked (all that match)")
