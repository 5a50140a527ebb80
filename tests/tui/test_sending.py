"""Bulk send: nothing leaves by a slip, and what was asked for is what is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from commtui.domain.lines import Selection
from commtui.domain.views import Health, Progress, ProviderPause, RunState
from commtui.domain.vocabulary import Tab
from commtui.screens.sending import SendPanel
from tests.tui.conftest import filled
from tests.tui.driving import Driver, console
from tests.tui.fake_desk import NOW, FakeDesk, make_line


async def test_the_dry_run_says_what_goes_what_stays_and_has_cancel_focused(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "space", "space")
        await driver.open("SendPanel", "S")
        await driver.see("2 messages will go, from 3 lines")
        await driver.see("1 outcome unknown: it may have been sent")
        assert driver.app.focused is not None
        assert driver.app.focused.id == "cancel"
        await driver.press("enter")
        await driver.back()
        assert not desk.called("confirm")
        assert desk.called("discard") == ["run1"]
        assert driver.marked == 3


async def test_s_confirms_and_shows_progress_and_clears_the_marks(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space", "space")
        await driver.open("SendPanel", "S")
        await driver.see("2 messages will go")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        assert desk.called("confirm") == ["run1"]
        await driver.see("9 of 12 decided")
        await driver.see("5 ✓ Delivered")
        await driver.press("escape")
        await driver.back()
        assert not desk.called("stop")
        assert driver.marked == 0
        await driver.press("m")
        assert driver.marked == 2


async def test_tab_and_enter_confirm_too(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("SendPanel", "S")
        await driver.see("Send this line")
        await driver.see("1 message will go")
        await driver.press("tab", "enter")
        await driver.until(lambda: desk.called("confirm"))


async def test_above_fifty_the_number_has_to_be_typed() -> None:
    desk = filled(0)
    desk.overview = [make_line(5 * number) for number in range(60)]
    async with console(desk) as driver:
        await driver.press("A", "A")
        await driver.see("60 marked (all that match)")
        await driver.open("SendPanel", "S")
        await driver.see("60 messages will go")
        await driver.press("s")
        await driver.see("type 60 and press Enter")
        await driver.write("6")
        await driver.press("enter")
        assert not desk.called("confirm")
        await driver.write("0")
        await driver.press("enter")
        await driver.until(lambda: desk.called("confirm"))


async def test_other_communications_are_offered_unticked(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("j")
        await driver.open("SendPanel", "S")
        await driver.see("[ ] o: also 2 other communications")
        await driver.press("o")
        await driver.see("[x] o: also 2 other communications")
        asked = desk.called("prepare")
        assert [
            selection.include_others for selection in asked if isinstance(selection, Selection)
        ] == [False, True]
        assert desk.called("discard") == ["run1"]


async def test_nothing_to_send_cannot_be_confirmed(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f7")
        await driver.until(lambda: driver.table.window.total == 8)
        await driver.open("SendPanel", "S")
        await driver.see("Nothing of this will be sent")
        await driver.press("s", "tab")
        assert isinstance(driver.app.screen, SendPanel)
        assert not desk.called("confirm")


async def test_it_says_that_no_worker_runs(desk: FakeDesk) -> None:
    desk.run_health = Health(
        0, 0, (ProviderPause("sendgrid", "the key was refused", NOW, None),), 3
    )
    async with console(desk) as driver:
        await driver.open("SendPanel", "S")
        await driver.see("No worker is running")
        await driver.press("s")
        await driver.see("No worker is running, so nothing moves")
        await driver.press("escape")
        await driver.see("no worker, 3 due")


async def test_a_run_can_be_paused_continued_and_stopped(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "T")
        await driver.see("by anna: 12 messages")
        await driver.open("ProgressPanel", "enter")
        await driver.see("running")
        await driver.press("p")
        await driver.until(lambda: desk.called("pause"))
        desk.progress_now = replace(desk.progress("run1"), state=RunState.PAUSED)
        await driver.see("paused")
        await driver.press("p")
        await driver.until(lambda: desk.called("resume"))
        await driver.press("X")
        await driver.until(lambda: desk.called("stop"))


async def test_z_undoes_a_run_of_which_nothing_is_on_its_way(desk: FakeDesk) -> None:
    begins = NOW + timedelta(seconds=5)
    desk.progress_now = Progress(
        "run1", RunState.RUNNING, "anna", NOW, 12, 12, 0, 0, (), begins_at=begins
    )
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "T")
        await driver.see("by anna: 12 messages")
        await driver.open("ProgressPanel", "enter")
        await driver.see("it begins at")
        await driver.see("z undoes it")
        await driver.press("z")
        await driver.until(lambda: desk.called("undo") == ["run1"])
        desk.progress_now = Progress(
            "run1", RunState.UNDONE, "anna", NOW, 12, 0, 0, 0, (), withdrawn=12
        )
        await driver.see("undone")
        await driver.see("12 withdrawn")


async def test_z_on_the_list_undoes_the_operators_last_run(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("z")
        await driver.until(lambda: len(desk.called("undo_last")) == 1)
        await driver.until(lambda: "Undone: none of the 12 messages was sent." in driver.status)


async def test_marks_send_even_when_the_filter_hides_them(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        first = driver.line.id
        await driver.press("space", "f7")
        await driver.open("SendPanel", "S")
        await driver.see("1 message will go")
        assert desk.called("prepare") == [Selection(Tab.OVERVIEW, ids=(first,))]


async def test_s_on_the_log_takes_the_subjects_over(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        await driver.press("space", "space", "S")
        await driver.until(lambda: driver.tab.TAB is Tab.OVERVIEW)
        assert driver.tab.marks.ids == {"s0000002", "s0000003"}
        await driver.see("Marked from the log")


async def test_s_on_the_log_takes_all_matching_subjects_over(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        await driver.press("A", "A")
        await driver.see("26 marked (all that match)")
        await driver.press("S")
        await driver.until(lambda: driver.tab.TAB is Tab.OVERVIEW)
        assert len(driver.tab.marks.ids) == 26


async def test_r_on_communication_says_where_resending_is(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("R")
        await driver.see("F3, then R")


async def test_detours_and_skipped_marketing_are_part_of_the_dry_run(desk: FakeDesk) -> None:
    desk.plan_now = replace(
        desk.plan_now,
        detours=(("email: no address → post", 12),),
        skipping=(("sms: answered STOP → skipped", 1204),),
    )
    async with console(desk) as driver:
        await driver.open("SendPanel", "S")
        await driver.see("1 message will go")
        for words in (
            "Of these go another way than the wanted one:",
            "12 email: no address → post",
            "Marketing that will be skipped:",
            "1,204 sms: answered STOP → skipped",
        ):
            await driver.see(words)
        assert "Send 1 " in driver.words


async def test_a_dry_run_longer_than_the_screen_can_be_read_to_its_end(desk: FakeDesk) -> None:
    desk.plan_now = replace(
        desk.plan_now,
        detours=tuple((f"email: no address → way {number}", 1) for number in range(30)),
        failing=(("the last thing that is said", 1),),
    )
    async with console(desk) as driver:
        await driver.open("SendPanel", "S")
        await driver.see("1 message will go")
        assert "the last thing" not in driver.text
        await driver.press(*["pagedown"] * 5)
        await driver.see("the last thing that is said")
        await driver.press("up", *["pageup"] * 5)
        await driver.see("1 message will go")
        assert driver.app.focused is not None
        assert driver.app.focused.id == "cancel"


async def only_skipping(driver: Driver, desk: FakeDesk, count: int) -> None:
    """A dry run by which nothing leaves and so many are skipped."""
    desk.plan_now = replace(desk.plan_now, skipping=(("marketing: refused → skipped", count),))
    await driver.press("f7")
    await driver.until(lambda: driver.table.window.total == 8)
    await driver.open("SendPanel", "S")
    await driver.see("Nothing of this will be sent")


async def test_a_dry_run_that_only_skips_can_be_confirmed_and_says_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await only_skipping(driver, desk, 2)
        await driver.see("Skip only writes down that it was skipped, and why")
        await driver.see("Skip 2")
        await driver.see("s skip")
        assert "s send" not in driver.words
        await driver.press("s")
        await driver.until(lambda: desk.called("confirm"))


async def test_many_that_are_skipped_are_typed_as_well_and_nothing_speaks_of_sending(
    desk: FakeDesk,
) -> None:
    async with console(desk) as driver:
        await only_skipping(driver, desk, 60)
        await driver.see("type 60 to skip")
        await driver.press("s")
        await driver.see("type 60 and press Enter to skip them")
        assert not desk.called("confirm")
        await driver.write("60")
        await driver.press("enter")
        await driver.until(lambda: desk.called("confirm"))
