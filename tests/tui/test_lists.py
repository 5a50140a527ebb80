"""The lists: opening, moving, paging, sorting, and what they show at each size."""

from __future__ import annotations

from commtui.domain.vocabulary import Chip, Status, Tab
from commtui.widgets.searchbox import SearchBox
from tests.tui.conftest import filled
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk, make_line, with_status


async def test_it_opens_on_communication_with_chip_failed(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        assert driver.tab.TAB is Tab.OVERVIEW
        assert driver.tab.chosen.chip is Chip.FAILED
        await driver.see("Failed 27")
        assert all(line.chip is Chip.FAILED for line in driver.table.in_view)


async def test_80x24_shows_at_least_15_rows_with_reference_and_customer(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        shown = driver.table.in_view
        assert len(shown) >= 15
        rows = driver.text.splitlines()
        for line in shown:
            row = next(row for row in rows if line.reference in row)
            assert line.customer_name[:10] in row


async def test_120_columns_also_show_recipient_attempts_and_kind(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 40)) as driver:
        await driver.see("Recipient")
        assert "office0@example" in driver.text
        assert "Tries" in driver.text
        assert "Kind" in driver.text


async def test_below_60x15_there_is_a_sentence_and_the_list_comes_back(desk: FakeDesk) -> None:
    async with console(desk, size=(55, 12)) as driver:
        await driver.see("at least 60 columns and 15 rows")
        await driver.pilot.resize_terminal(80, 24)
        await driver.see("12345")


async def test_the_log_opens_on_what_is_open_and_says_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f3")
        await driver.see("is:open")
        await driver.until(lambda: driver.table.window.loaded)
        assert driver.line.id == "e0000002"  # e0000000 is settled


async def test_a_settled_attempt_says_when_it_was_fixed(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 40)) as driver:
        await driver.press("f3", "x")
        await driver.see("fixed by 16 Jan")


async def test_other_communications_in_need_have_their_sign(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.see("+2 ✗")


async def test_keys_move_as_they_do_elsewhere(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("j", "down", "k")
        assert driver.table.cursor == 1
        await driver.press("G")
        assert driver.table.cursor == 26
        await driver.press("g")
        assert driver.table.cursor == 0
        await driver.press("ctrl+d")
        half = driver.table.cursor
        assert half == driver.table.rows // 2
        await driver.press("pagedown", "end", "home", "ctrl+u", "pageup", "up")
        assert driver.table.cursor == 0


async def test_a_million_lines_are_never_loaded_whole() -> None:
    desk = filled(0)
    lines = [make_line(number) for number in range(3_000)]
    desk.overview = lines
    async with console(desk) as driver:
        await driver.until(lambda: driver.table.window.total == 3_000)
        assert len(driver.table.window.lines) <= 200
        await driver.press("G")
        await driver.until(lambda: driver.line.id == lines[-1].id)
        assert driver.table.cursor == 2_999
        assert desk.called("last_page")
        await driver.press("g")
        await driver.until(lambda: driver.table.line and driver.line.id == lines[0].id)
        assert len(driver.table.window.lines) <= 20 * driver.table.window.size


async def test_paging_down_reads_every_line_in_order() -> None:
    desk = filled(0)
    desk.overview = [make_line(number) for number in range(450)]
    async with console(desk, size=(80, 40)) as driver:
        seen: list[str] = []
        while driver.table.cursor < 449:
            await driver.press("pagedown")
            await driver.until(lambda: len(driver.table.in_view) >= min(driver.table.rows, 450))
            seen += [line.id for line in driver.table.in_view if line.id not in seen]
        assert seen == [line.id for line in desk.overview if line.id in set(seen)]
        assert len(seen) > 400


async def test_sorting_by_a_column_shows_the_marker_and_turns_round(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("o", "r")
        await driver.see("Reference▲")
        await driver.press("g")
        await driver.until(lambda: driver.line.reference == "12345")
        await driver.press("o", "r")
        await driver.see("Reference▼")


async def test_tab_goes_through_the_parts_of_the_screen(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("/")
        assert isinstance(driver.app.focused, SearchBox)
        await driver.press("tab", "tab")
        assert driver.app.focused is driver.table
        await driver.press("shift+tab")
        assert driver.app.focused is not driver.table


async def test_e_goes_to_the_next_failed_row_across_pages() -> None:
    desk = filled(0)
    calm = [with_status(make_line(number), Status.DELIVERED) for number in range(400)]
    desk.overview = [*calm[:350], make_line(350), *calm[351:]]
    async with console(desk) as driver:
        await driver.press("f8")
        await driver.until(lambda: driver.table.window.total == 400)
        await driver.press("e")
        await driver.until(lambda: driver.table.line and driver.line.reference == "12695")
        await driver.press("e")
        await driver.until(
            lambda: (
                "No more failed lines" in driver.status or "No failed line near" in driver.status
            )
        )
        await driver.press("g")
        await driver.press("E")
        await driver.until(lambda: "No more failed lines" in driver.status)


async def test_the_preview_follows_the_cursor(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 40)) as driver:
        await driver.press("p")
        await driver.see("Invoice 12345")
        await driver.press("j")
        await driver.see("Invoice 12347")
        await driver.press("p")
        await driver.until(lambda: "Invoice 12347" not in driver.text)


async def test_the_list_is_as_long_as_was_counted_even_when_the_numbers_come_first() -> None:
    desk = filled(450)
    async with console(desk) as driver:
        desk.gate.clear()
        await driver.press("f8")
        await driver.until(lambda: driver.tab.counts and len(desk.called("counts")) > 1)
        await driver.pilot.pause()
        desk.gate.set()
        await driver.until(lambda: driver.table.window.total == 450)
        await driver.see("1/450")


async def test_a_page_that_was_asked_for_under_another_filter_is_never_mixed_in() -> None:
    desk = filled(450)
    async with console(desk) as driver:
        desk.gate.clear()
        await driver.press(
            "pagedown", "pagedown", "pagedown", "pagedown", "f7", "pagedown", "pagedown"
        )
        desk.gate.set()
        await driver.until(lambda: driver.table.window.total == 90)
        await driver.press("G")
        await driver.until(lambda: driver.table.line is not None)
        assert {line.chip for line in driver.table.window.lines} == {Chip.COMPLETED}
