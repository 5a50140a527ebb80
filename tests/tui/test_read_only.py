"""Read-only: every key that would change something says so, and nothing is asked of the desk but to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.vocabulary import Channel, Status, Tab
from tests.tui.driving import Driver, console
from tests.tui.fake_desk import NOW, FakeDesk, make_line
from tests.tui.fake_wishes import HOLD

SAID = "Read-only: this key would change something, so it does nothing here."
READING = {
    "page", "last_page", "counts", "lines", "choices", "emptiness", "matching", "summary", "details", "attempts",
    "progress", "results", "runs", "customer", "customer page", "holds", "cursor", "changes", "health", "waiting_for",
}  # fmt: skip
PLACES: dict[str, tuple[str, list[str], list[str]]] = {
    "overview": ("", [], ["S", "I", "c", "F"]),
    "log": ("", ["f3"], ["R", "I", "c", "F"]),
    "summary": ("SummaryPanel", ["enter"], ["F", "c"]),
    "entry": ("EntryPanel", ["f3", "enter"], ["R", "F", "c", "X"]),
    "customer": ("CustomerPanel", ["C"], ["F", "o", "i", "p", "S", "L"]),
    "health": ("HealthPanel", ["H"], ["s", "x"]),
    "run": ("ProgressPanel", ["T", "enter"], ["p", "X"]),
}
"""By place: its panel, the keys that lead there, and the keys that change something there."""


@pytest.fixture
def desk() -> FakeDesk:
    """A line of unknown outcome, something held, a refusal to take back: every key would have something to do."""
    made = FakeDesk(
        overview=[make_line(3, status=Status.UNKNOWN)],
        log=[make_line(3, tab=Tab.LOG, status=Status.UNKNOWN)],
    )
    made.run_health = replace(made.run_health, held=(HOLD,))
    made.wishes.optouts = (OptOut(Channel.EMAIL, Scope.ALL, OptSource.OPERATOR, NOW),)
    return made


async def go(driver: Driver, place: str) -> None:
    """To a place, once it shows what it is about."""
    panel, keys, _ = PLACES[place]
    for key in keys:
        await driver.press(key)
        if key == "f3":
            await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        if key == "T":
            await driver.until(lambda: driver.panel == "ChoicePanel")
    if panel:
        await driver.until(lambda: driver.panel == panel, f"no {panel}")
        await driver.until(lambda: "Reading…" not in driver.text)


@pytest.mark.parametrize(
    ("place", "key"), [(place, key) for place, (_, _, keys) in PLACES.items() for key in keys]
)
async def test_a_key_that_changes_something_says_that_nothing_can_be_changed(
    desk: FakeDesk, place: str, key: str
) -> None:
    async with console(desk, size=(100, 30), read_only=True) as driver:
        await go(driver, place)
        before = driver.panel
        await driver.press(key)
        await driver.see(SAID)
        assert driver.panel == before
    assert {name for name, _ in desk.calls} <= READING


@pytest.mark.parametrize(
    ("place", "key"), [("overview", "S"), ("log", "R"), ("customer", "o"), ("health", "s")]
)
async def test_the_same_key_leads_on_where_things_can_be_changed(
    desk: FakeDesk, place: str, key: str
) -> None:
    async with console(desk, size=(100, 30)) as driver:
        await go(driver, place)
        before = driver.panel
        await driver.press(key)
        await driver.until(lambda: driver.panel != before)
        assert SAID not in driver.words


@pytest.mark.parametrize("size", [(80, 24), (60, 15)], ids=["80x24", "60x15"])
@pytest.mark.parametrize("mode", ["practice", "test", "live"])
async def test_the_badge_stands_on_both_tabs_whatever_else_has_no_room(
    desk: FakeDesk, mode: str, size: tuple[int, int]
) -> None:
    desk.operator = replace(desk.operator, name="a very long name of an operator " * 3)
    async with console(desk, size=size, mode=mode) as driver:
        for key in ("f2", "f3"):
            await driver.press(key)
            await driver.until(lambda: driver.table.window.loaded)
            assert f" {mode.upper()}" in driver.text.splitlines()[0]


async def test_read_only_is_a_badge_as_well(desk: FakeDesk) -> None:
    async with console(desk, mode="live", read_only=True) as driver:
        assert driver.text.splitlines()[0].rstrip().endswith("LIVE   READ-ONLY")
