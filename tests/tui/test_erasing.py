"""Erasing a customer from their page: what would go is said, and the id has to be written."""

from __future__ import annotations

from tests.tui.driving import Driver, console
from tests.tui.fake_desk import FakeDesk


async def asked(driver: Driver) -> None:
    """The page is open, and X was pressed."""
    await driver.open("CustomerPanel", "C")
    await driver.see("office@example.org")
    await driver.open("ErasePanel", "X")


async def test_x_says_what_would_go_and_erases_once_the_id_is_written(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await asked(driver)
        await driver.see("3 contact points; 2 texts of messages; 1 message waiting")
        await driver.see("are not reached")
        await driver.press("enter")
        await driver.see("Write the customer's id to erase: K0")
        await driver.write("K1")
        await driver.press("enter")
        assert desk.called("erase") == []
        await driver.press("backspace")
        await driver.write("0")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert desk.called("erase") == ["K0"]
        await driver.see("Erased. The log stands as it was.")


async def test_a_refusal_is_shown_and_it_can_be_tried_again(desk: FakeDesk) -> None:
    desk.refuse = "2 of their messages are being sent at this moment"
    async with console(desk) as driver:
        await asked(driver)
        await driver.write("K0")
        await driver.press("enter")
        await driver.see("are being sent at this moment")
        desk.refuse = ""
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert desk.called("erase") == ["K0", "K0"]
