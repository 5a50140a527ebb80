"""Rough handling: keys faster than the screen, a window too small, words that are no date."""

from __future__ import annotations

import pytest

from commtui.widgets.keymenu import KeyMenu
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk


@pytest.mark.parametrize("burst", ["fo,yof", "ooff,", "yo,f"])
async def test_menus_opened_over_each_other_give_the_keys_back(desk: FakeDesk, burst: str) -> None:
    async with console(desk) as driver:
        for key in burst:
            for menu in driver.tab.query(KeyMenu):
                if menu.has_class("-open"):
                    menu.close()
            driver.tab.action_menu({"f": "filter", "o": "sort", ",": "like", "y": "copy"}[key])
        await driver.press("escape", "escape")
        assert not isinstance(driver.app.focused, KeyMenu)
        await driver.press("f3")
        await driver.see("is:open")


async def test_a_menu_that_gets_the_focus_late_does_not_keep_it(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        menu = next(iter(driver.tab.query(KeyMenu)))
        menu.open()
        menu.close()
        menu.focus()
        await driver.until(lambda: driver.app.focused is driver.table)


async def test_nothing_is_done_in_a_window_too_small_to_see_it(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.pilot.resize_terminal(40, 10)
        await driver.see("needs at least 60 columns")
        before = driver.panel
        await driver.press("S", "I", "space", "A", "d")
        assert driver.panel == before
        assert driver.marked == 0
        await driver.pilot.resize_terminal(80, 24)
        await driver.press("space")
        assert driver.marked == 1


async def test_a_span_that_is_none_is_said_to_be_none(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f", "d")
        await driver.until(lambda: driver.panel == "DatesPanel")
        await driver.press(*"nonsense", "enter")
        await driver.see("no such span")


async def test_marks_of_another_filter_say_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("A", "A")
        await driver.see("marked (all that match)")
        await driver.press("f8")
        await driver.see("marked under another filter")
