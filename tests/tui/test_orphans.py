"""What is wrong with feedback, and what of it fits no message: on the status line, in the health panel, in lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commtui.domain.views import Finding, Health, Orphan
from tests.tui.driving import console
from tests.tui.evil_desk import evil_desk
from tests.tui.fake_desk import NOW, FakeDesk
from tests.tui.fake_wishes import THEN
from tests.tui.test_untrusted import clean

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
SILENT = Finding(
    "calls:sendgrid",
    "no webhooks from SendGrid",
    "set sendgrid.webhook_public_key: without it every call is refused",
    THEN,
)


def orphan(number: int) -> Orphan:
    return Orphan(
        id=f"o{number}",
        provider="sendgrid",
        kind="bounce",
        at=THEN + timedelta(minutes=number),
        received_at=NOW,
        provider_message_id=f"msg-{number}",
        recipient=f"lea{number}@example.com",
        payload=f'{{\n "event": "bounce",\n "reason": "550 no such user {number}"\n}}',
    )


@pytest.fixture
def lonely(desk: FakeDesk) -> FakeDesk:
    """A desk with forty orphans."""
    desk.orphaned = tuple(orphan(number) for number in range(40))
    desk.run_health = replace(desk.run_health, orphans=40)
    return desk


async def test_the_status_line_names_a_silent_provider_and_the_remedy(desk: FakeDesk) -> None:
    desk.run_health = Health(1, 1, (), 0, findings=(SILENT,))
    async with console(desk, size=(140, 30)) as driver:
        await driver.see("no webhooks from SendGrid: set sendgrid.webhook_public_key")


@SIZES
async def test_where_there_is_no_room_it_names_the_provider_and_h_the_remedy(
    desk: FakeDesk, size: tuple[int, int]
) -> None:
    desk.run_health = Health(1, 1, (), 0, findings=(SILENT,))
    async with console(desk, size=size) as driver:
        await driver.see("1 worker · no webhooks from SendGrid")
        await driver.open("HealthPanel", "H")
        await driver.see("What to do set sendgrid.webhook_public_key")
        await driver.see("since 2026-01-14 09:00:00")


@SIZES
async def test_orphans_are_listed_and_read_with_the_keyboard(
    lonely: FakeDesk, size: tuple[int, int]
) -> None:
    async with console(lonely, size=size) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("40 events are about no message of ours: o lists them")
        await driver.open("ChoicePanel", "o")
        await driver.see("sendgrid bounce msg-0")
        await driver.write("msg-7")
        await driver.open("OrphanPanel", "enter")
        for words in (
            "Provider sendgrid",
            "Kind bounce",
            "Time 2026-01-14 09:07:00",
            "Message id msg-7",
            "Recipient lea7@example.com",
            "550 no such user 7",
        ):
            await driver.see(words)
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "ChoicePanel")
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "HealthPanel")


async def test_without_orphans_it_says_so(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.press("o")
        await driver.see("There are no orphans")
        assert driver.panel == "HealthPanel"


@SIZES
async def test_hostile_orphans_are_clean(size: tuple[int, int]) -> None:
    desk = evil_desk()
    desk.orphaned = (orphan(1),)
    desk.run_health = Health(1, 1, (), 0, findings=(SILENT,), orphans=1)
    async with console(desk, size=size) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("HealthPanel", "H")
        await driver.see("What to do")
        clean(driver)
        await driver.press("end")
        await driver.see("1 event is about no message of ours")
        clean(driver)
        await driver.open("ChoicePanel", "o")
        await driver.see("[red]x")
        clean(driver)
        await driver.open("OrphanPanel", "enter")
        await driver.see("What came")
        clean(driver)
