"""Pictures of both tabs and of each kind of panel at both sizes; a changed one is looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import pytest
from textual.pilot import Pilot

from commtui.app import CommtuiApp
from commtui.domain.views import CustomerField
from commtui.domain.vocabulary import Status
from commtui.errors import DatabaseAway
from tests.tui.conftest import filled
from tests.tui.driving import ZURICH, Driver
from tests.tui.fake_desk import NOW, FakeDesk
from tests.tui.fake_wishes import THEN

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self,
        app: CommtuiApp,
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


def day() -> FakeDesk:
    """A list with everything on it."""
    desk = filled(200)
    desk.overview[3] = replace(desk.overview[3], delivered_twice=True)
    desk.overview[5] = replace(desk.overview[5], after_delivery=True)
    desk.log[2] = replace(desk.log[2], settled_at=NOW)
    desk.log[3] = replace(desk.log[3], ignored=True)
    desk.log[6] = replace(desk.log[6], status=Status.RETURNED)
    desk.wishes.mark(
        CustomerField.EMAIL,
        last_failed=THEN,
        failed_words="The mailbox does not exist.",
        marked="bounced (550)",
        marked_at=THEN,
        liftable=True,
    )
    return desk


async def steady(driver: Driver) -> None:
    """Wait until everything that comes by itself has come."""
    await driver.until(lambda: driver.table.window.loaded and driver.tab.counts)
    await driver.until(lambda: "1 worker" in driver.status)


async def painted_anew(driver: Driver) -> None:
    """What the driver read of a panel was painted without the tab behind it, and is kept until it is refreshed."""
    driver.app.screen.refresh()
    await driver.pilot.pause()


def scene(*steps: tuple[tuple[str, ...], str]) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys, and wait for words after each step."""

    async def run(pilot: Pilot[Any]) -> None:
        driver = Driver(pilot.app, pilot)  # type: ignore[arg-type]
        await steady(driver)
        for keys, words in steps:
            await driver.press(*keys)
            await driver.see(words)
        await driver.until(lambda: "1 worker" in driver.status)
        await painted_anew(driver)

    return run


SCENES = {
    "overview": scene((("space", "space", "j", "space"), "3 marked")),
    "log": scene((("f3",), "is:open"), (("f8",), "fixed by"), (("space", "j"), "1 marked")),
    "dry_run": scene(
        (("A", "A"), "133 marked (all that match)"), (("S",), "will go"), (("s",), "That many")
    ),
    "progress": scene((("S",), "will go"), (("s",), "9 of 12 decided")),
    "limited_details": scene((("enter",), "What to do")),
    "complete_details": scene(
        (("f3",), "is:open"),
        (("j", "enter"), "Provider"),
    ),
    "resend": scene((("f3",), "is:open"), (("j", "R"), "Earlier attempts")),
    "dropdown": scene((("f", "s"), "undelivered"), (("space", "down", "space"), "● rejected")),
    "customer": scene((("C",), "The mailbox does not exist.")),
    "correction": scene((("F",), "Bahnhofstrasse")),
}
"""Ten kinds; the eleventh, a problem, needs a desk that fails."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_it_should(snap_compare: Compare, name: str, size: str) -> None:
    desk = day()
    app = CommtuiApp(lambda: desk, zone=ZURICH, clock=lambda: NOW)  # type: ignore[arg-type,return-value]
    assert snap_compare(app, terminal_size=SIZES[size], run_before=SCENES[name])


@pytest.mark.parametrize("size", SIZES)
def test_a_problem_looks_as_it_should(snap_compare: Compare, size: str) -> None:
    def connect() -> FakeDesk:
        raise DatabaseAway("postgresql://commtui@db.example.org refuses connections")

    async def run(pilot: Pilot[Any]) -> None:
        driver = Driver(pilot.app, pilot)  # type: ignore[arg-type]
        await driver.see("reconnects by itself")
        await painted_anew(driver)

    app = CommtuiApp(connect, zone=ZURICH, clock=lambda: NOW)  # type: ignore[arg-type]
    assert snap_compare(app, terminal_size=SIZES[size], run_before=run)
