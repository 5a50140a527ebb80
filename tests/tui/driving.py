"""Drives the console in a test: presses keys, waits for conditions, reads what is on the screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from zoneinfo import ZoneInfo

from textual.pilot import Pilot
from textual.widgets import Input

from commtui.app import CommtuiApp
from commtui.domain.lines import Line
from commtui.screens.acting import ActingScreen
from commtui.widgets.statusline import StatusLine
from commtui.widgets.table import LineTable
from tests.tui.fake_desk import NOW, FakeDesk

ZURICH = ZoneInfo("Europe/Zurich")
PATIENCE_SECONDS = 15.0


class Driver:
    """One running console."""

    def __init__(self, app: CommtuiApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def tab(self) -> ActingScreen:
        """The tab at the bottom of the screens."""
        return cast("ActingScreen", self.app.screen_stack[0])

    @property
    def table(self) -> LineTable:
        """The tab's list."""
        return self.tab.table

    @property
    def line(self) -> Line:
        """The cursor's line."""
        assert self.table.line is not None
        return self.table.line

    @property
    def status(self) -> str:
        """What the status line says."""
        return self.tab.query_one(StatusLine).words

    @property
    def panel(self) -> str:
        """The name of what is in front."""
        return type(self.app.screen).__name__

    @property
    def text(self) -> str:
        """Everything that the screen in front shows."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def words(self) -> str:
        """The same on one line, without frames, so that a broken line does not hide a sentence."""
        return " ".join(self.text.replace("│", " ").split())

    @property
    def marked(self) -> int:
        """How many lines are marked."""
        return self.tab.marks.count

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        """Put text into the box that has the focus."""
        box = self.app.focused
        assert isinstance(box, Input)
        box.insert_text_at_cursor(text)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], why: str = "") -> None:
        """Wait for a condition."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"{why or 'never came true'}\n{self.text}"
            await self.pilot.pause(0.01)

    async def see(self, words: str) -> None:
        """Wait until these words are on the screen."""
        await self.until(lambda: words in self.words, f"never saw {words!r}")

    async def open(self, panel: str, *keys: str) -> None:
        """Press keys and wait for a panel."""
        await self.press(*keys)
        await self.until(lambda: self.panel == panel, f"no {panel}")

    async def back(self) -> None:
        """Wait until the tab is in front again."""
        await self.until(lambda: isinstance(self.app.screen, ActingScreen), "still a panel")


@asynccontextmanager
async def console(
    desk: Any, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Driver]:
    """A console on a desk, once its first list is there."""
    settings: dict[str, Any] = {"zone": ZURICH, "clock": lambda: NOW} | options
    connect = settings.pop("connect", lambda: desk)
    app = CommtuiApp(connect, **settings)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        if isinstance(desk, FakeDesk) and not (desk.away or desk.broken):
            await driver.until(lambda: driver.table.window.loaded and driver.tab.counts, "no list")
        yield driver
