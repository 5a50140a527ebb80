"""The console: the two tabs as modes over one link to the desk, and what holds on every way out."""

from __future__ import annotations

import os

# Textual reads these when it is imported.
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")

import asyncio
import codecs
import logging
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.drivers import linux_driver

from commtui.domain.vocabulary import Tab
from commtui.screens.leaving import LeavePanel
from commtui.screens.link import Link
from commtui.screens.log import LogScreen
from commtui.screens.overview import CommunicationScreen
from commtui.screens.panel import Panel
from commtui.widgets.look import Look, now

if TYPE_CHECKING:
    from commtui.services.desk import Desk

_log = logging.getLogger(__name__)


def _lenient(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


class CommtuiApp(App[None]):
    """Opens on Communication, chip Failed; connects after the first frame."""

    TITLE = "commtui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True, id="app.leave"),
        Binding("ctrl+c", "leave", "Quit", show=False, id="app.interrupt"),
    ]

    def __init__(
        self,
        connect: Callable[[], Desk],
        *,
        zone: ZoneInfo | None = None,
        ascii: bool = False,
        mono: bool = False,
        notice: str = "",
        mode: str = "",
        read_only: bool = False,
        clock: Callable[[], datetime] = now,
    ) -> None:
        if mono:
            os.environ["NO_COLOR"] = "1"
        # Without ansi_color a theme's greys would still be written as 24-bit colours.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.animation_level = "none"
        self._link = Link(connect, mode=mode, read_only=read_only)
        self._look = Look(zone, ascii, clock)
        self._notice = notice
        self._overview: CommunicationScreen | None = None
        self.add_mode(Tab.OVERVIEW, self._make_overview)
        self.add_mode(Tab.LOG, lambda: LogScreen(self._link, self._look))

    def _make_overview(self) -> CommunicationScreen:
        self._overview = CommunicationScreen(self._link, self._look, self._notice)
        return self._overview

    def on_mount(self) -> None:
        """Open on the overview; the log is made when it is first looked at."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        self.switch_mode(Tab.OVERVIEW)

    def tell(self, words: str) -> None:
        """Say something in the status line of the overview until something else happens."""
        if self._overview is not None:
            self._overview.status.notice(words, lasting=True)

    def action_show(self, tab: str) -> None:
        """Show a tab."""
        self.switch_mode(tab)

    @on(LogScreen.HandedOver)
    async def _hand_over(self, event: LogScreen.HandedOver) -> None:
        await self.switch_mode(Tab.OVERVIEW)
        if self._overview is not None:
            self._overview.take_over(event.subject_ids)

    def action_leave(self) -> None:
        """Quit; asks only when something that was typed would be lost."""
        if isinstance(self.screen, LeavePanel):
            return
        if any(isinstance(screen, Panel) and screen.unsaved for screen in self.screen_stack):
            self.push_screen(LeavePanel(self._link, self._look), self._left)
        else:
            self.exit()

    def _left(self, discard: bool | None) -> None:
        if discard:
            self.exit()

    def panic(self, *renderables: object) -> None:
        """A fault outside the message loop: the same as one inside it."""
        _log.critical("the console stopped: %r", renderables)
        self._return_code = 1
        self._fatal_error()

    def _fatal_error(self) -> None:
        """A fault of our own: one sentence, and the rest in the log file; never a traceback with its variables."""
        error = self._exception
        _log.critical("the console stopped", exc_info=error)
        kind = f" ({type(error).__name__})" if error is not None else ""
        self._exit_renderables.append(
            Text(f"commtui stopped by a fault of its own{kind}; what was confirmed goes on.")
        )
        self._close_messages_no_wait()


def run_console(app: CommtuiApp) -> int:
    """Run it without mouse reporting, so that the terminal's own selection works; gives the exit code."""
    # A terminal that is not set to UTF-8 sends bytes that are none; Textual's strict decoder would end the program.
    vars(linux_driver)["getincrementaldecoder"] = _lenient
    app.run(mouse=False)
    return app.return_code or 0
