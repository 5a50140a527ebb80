"""Search, chips, dropdowns: all of it from the keyboard, all of it visible in words, all of it removable."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Input

from commtui.domain.vocabulary import Chip, Ignored, Status
from commtui.widgets.filterline import FilterLine
from tests.tui.conftest import filled
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk


async def test_each_chip_has_its_key_and_exact_number(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        for key, chip, number in (
            ("f6", Chip.NOT_SENT, 5),
            ("f7", Chip.COMPLETED, 8),
            ("f8", Chip.ALL, 40),
        ):
            await driver.press(key)
            assert driver.tab.chosen.chip is chip
            await driver.see(f"{chip.label} {number}")
            await driver.until(lambda: driver.table.window.total == number)  # noqa: B023


async def test_numbers_follow_the_other_filters_and_the_journal(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f", "t")
        await driver.see("Filter by type")
        await driver.see("SMS 5")
        await driver.press("down", "enter")
        await driver.see("Type: SMS")
        await driver.see("Failed 5")
        await driver.see("Completed 3")
        line = next(line for line in desk.overview if line.status is Status.UNDELIVERED)
        desk.put(driver.tab.TAB, replace(line, status=Status.DELIVERED, chip=Chip.COMPLETED))
        await driver.see("Failed 4")


async def test_search_reports_after_a_pause_and_enter_goes_back_to_the_list(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/")
        await driver.write("kovacs")
        await driver.until(lambda: driver.tab.chosen.text == "kovacs")
        await driver.press("enter")
        assert driver.app.focused is driver.table
        await driver.see('"kovacs"')
        await driver.until(
            lambda: all(line.customer_name == "Kovács Kft." for line in driver.table.in_view)
        )


async def test_esc_clears_the_search(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/")
        await driver.write("kovacs")
        await driver.press("enter", "escape")
        assert driver.tab.chosen.text == ""
        await driver.press("/")
        await driver.write("boul")
        await driver.press("escape")
        assert driver.tab.chosen.text == ""
        assert driver.app.focused is driver.table


async def test_letters_in_the_search_box_do_nothing_to_the_list(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/", "S", "x", "q", "1", "question_mark")
        assert driver.app.focused is not driver.table
        assert driver.panel == "CommunicationScreen"
        await driver.until(lambda: driver.tab.chosen.text == "Sxq1?")


async def test_a_status_filter_takes_several_values(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("FilterPanel", "f", "s")
        await driver.see("blocked")
        await driver.press("space", "space", "enter")
        await driver.back()
        assert driver.tab.chosen.statuses == {Status.BLOCKED, Status.BOUNCED}
        await driver.see("Status: Failed: blocked, Failed: bounced")


async def test_typing_narrows_a_dropdown_and_ctrl_r_removes_the_filter(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("FilterPanel", "f", "k")
        await driver.see("invoice")
        await driver.write("remi")
        await driver.until(lambda: "invoice" not in driver.text)
        await driver.press("enter")
        await driver.back()
        assert driver.tab.chosen.categories == {"reminder"}
        await driver.open("FilterPanel", "f", "k")
        await driver.press("ctrl+r")
        await driver.back()
        assert not driver.tab.chosen.categories


async def test_customers_are_looked_up_by_typing(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("FilterPanel", "f", "u")
        await driver.write("nordic b")
        # at once: it takes the answer to what was typed, not the first of the list before
        await driver.press("enter")
        await driver.back()
        assert driver.tab.chosen.customer == "K4"
        await driver.see("Customer: Nordic Bikes")


async def test_location_groups_are_a_filter(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("FilterPanel", "f", "l")
        await driver.see("Lyon")
        await driver.press("enter")
        await driver.back()
        await driver.see("Location: Lyon")


async def test_dates_have_presets(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("DatesPanel", "f", "d")
        await driver.press("enter")
        await driver.back()
        await driver.see("Sent: 2026-01-16")
        await driver.until(
            lambda: all(
                ":" in driver.tab.look.short(line.acted_at) for line in driver.table.in_view
            )
        )


async def test_dates_can_be_typed_in_the_operators_zone(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("DatesPanel", "f", "d")
        await driver.press("tab")
        await driver.write("2026-01-32")
        await driver.press("enter")
        await driver.see("A day is written YYYY-MM-DD")
        driver.app.screen.query_one("#from", Input).value = "2026-01-15"
        driver.app.screen.query_one("#to", Input).value = "2026-01-15"
        await driver.press("enter")
        await driver.back()
        assert driver.tab.chosen.sent_from is not None
        assert driver.tab.chosen.sent_from.isoformat() == "2026-01-15T00:00:00+01:00"
        await driver.see("Sent: 2026-01-15")


async def test_ignored_lines_are_shown_on_demand(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], ignored=True)
    async with console(desk) as driver:
        assert driver.line.reference != "12345"
        await driver.open("ChoicePanel", "f", "i")
        await driver.press("down", "enter")
        await driver.back()
        assert driver.tab.chosen.ignored is Ignored.ALSO
        await driver.see("Show ignored: also")
        await driver.press("g")
        await driver.until(lambda: driver.line.reference == "12345")


async def test_x_clears_all_filters_but_the_chip(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/")
        await driver.write("kovacs")
        await driver.press("enter")
        await driver.see('"kovacs"')
        await driver.press("x")
        await driver.see("No filters")
        assert driver.tab.chosen.chip is Chip.FAILED


async def test_one_filter_of_the_line_can_be_removed(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f3")
        await driver.see("is:open")
        driver.tab.query_one(FilterLine).focus()
        await driver.press("right", "left", "delete")
        await driver.see("No filters")
        await driver.press("f5")
        await driver.see("is:open")


async def test_comma_shows_only_rows_with_the_same_cause(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        cause = driver.line.error_key
        await driver.press("comma", "e")
        await driver.see("Same error: 550 5.1.1 no such mailbox here")
        await driver.until(lambda: {line.error_key for line in driver.table.in_view} == {cause})


async def test_comma_knows_customer_category_type_and_status(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        here = driver.line
        for key in ("u", "k", "t", "s"):
            await driver.press("comma", key)
        query = driver.tab.chosen
        assert query.customer == here.customer_id
        assert query.categories == {here.category}
        assert query.channels == {here.channel}
        assert query.statuses == {here.status}


async def test_a_chord_is_left_by_any_other_key_without_doing_it(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f")
        await driver.see("Filter by")
        await driver.press("S")
        assert driver.panel == "CommunicationScreen"
        assert driver.app.focused is driver.table
        await driver.until(lambda: "Filter by" not in driver.text)


async def test_an_empty_list_says_which_filters_hide_lines(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/")
        await driver.write("nobody is called so")
        await driver.press("enter")
        await driver.see("search and filters hides 40 lines")
        await driver.see("x clears all of them")


async def test_an_empty_list_says_that_collecting_and_ignored_ones_are_hidden() -> None:
    desk = filled(3)
    desk.overview = [replace(line, ignored=True) for line in desk.overview]
    desk.collecting = 4
    async with console(desk) as driver:
        await driver.see("3 ignored lines not shown: f then i shows them.")
        await driver.see("4 still collecting data")


async def test_an_empty_database_says_how_to_import() -> None:
    async with console(filled(0)) as driver:
        await driver.see("commtui import FILE")


async def test_another_filter_keeps_the_cursor_on_its_line_or_goes_to_the_top(
    desk: FakeDesk,
) -> None:
    async with console(desk) as driver:
        await driver.press("j", "j", "j", "j", "j")
        here = driver.line.id
        await driver.press("f8")
        await driver.until(lambda: driver.table.window.total == 40)
        assert driver.line.id == here
        await driver.press("f7")
        await driver.until(lambda: driver.table.window.total == 8)
        assert driver.table.cursor == 0
