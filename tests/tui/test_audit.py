"""Who did what: the audit trail in the console."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.driving import console
from tests.tui.evil_desk import evil_desk
from tests.tui.fake_desk import FakeDesk
from tests.tui.test_untrusted import clean


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_trail_shows_who_did_what_and_finds_what_is_typed(
    desk: FakeDesk, size: tuple[int, int]
) -> None:
    async with console(desk, size=size) as driver:
        await driver.open("AuditPanel", "W")
        await driver.see("rosa bulk send messages 3120")
        await driver.see("anna ? ignore lines 2")
        await driver.see("rosa resend e0000003")
        await driver.write("ignore")
        await driver.until(lambda: "bulk send" not in driver.words)
        await driver.see("anna ? ignore")


async def test_a_row_says_how_far_each_name_can_be_trusted(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("AuditPanel", "W")
        await driver.see("bulk send")
        await driver.open("AuditRowPanel", "down", "enter")
        for words in (
            "operator: anna",
            "login uid: 1004",
            "claimed: the login name, which several may share",
            "the kernel's word: it stays through su and sudo",
            "the database's word: who was logged in to it",
        ):
            await driver.see(words)
        await driver.press("end")
        await driver.see("lines: 2")
        await driver.see("duplicates")
        await driver.see("e0000002")
        await driver.open("AuditPanel", "escape")
        await driver.press("escape")
        await driver.back()


async def test_nothing_found_says_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("AuditPanel", "W")
        await driver.see("bulk send")
        await driver.write("nobody")
        await driver.see("Nobody did anything that says so.")


async def test_a_hostile_trail_is_text() -> None:
    desk = evil_desk()
    async with console(desk) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("AuditPanel", "W")
        await driver.see("[red]x")
        clean(driver)
        await driver.open("AuditRowPanel", "enter")
        await driver.see("Who")
        clean(driver)
        await driver.press("end")
        await driver.see("What came of it")
        clean(driver)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_refused_sending_is_the_first_thing_said(
    desk: FakeDesk, size: tuple[int, int]
) -> None:
    words = "sending refused: trigger entry_kept is missing"
    desk.run_health = replace(desk.run_health, barred=words, due=12)
    async with console(desk, size=size) as driver:
        await driver.see(words)
        await driver.open("HealthPanel", "H")
        await driver.see(words)
        await driver.see("Nothing is sent until the record is guarded again")
