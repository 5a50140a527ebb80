"""Download: writes a ZIP where commtui runs, and says how to fetch it from there."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Button, Input, Label, Static

from commtui.domain.lines import Selection
from commtui.domain.views import Download
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.boxes import LineBox
from commtui.widgets.look import Look, counted, number
from commtui.widgets.timeline import fields


def scp_line(path: str) -> str:
    """The command that fetches a file from this machine, as seen by whoever is logged in over SSH."""
    connection = os.environ.get("SSH_CONNECTION", "").split()
    host = connection[2] if len(connection) > 2 else socket.gethostname()
    return f"scp {getpass.getuser()}@{host}:{shlex.quote(path)} ."


class DownloadPanel(Panel[str]):
    """Where to, then how far, then where it is; the answer says so too."""

    BINDINGS = [Binding("ctrl+y", "copy", "copy the scp line", id="download.copy")]
    HINTS = (("Enter", "write"),)

    class Passed(Message, bubble=False):
        """So many of so many are written."""

        def __init__(self, done: int, total: int) -> None:
            super().__init__()
            self.done = done
            self.total = total

    def __init__(
        self, link: Link, look: Look, selection: Selection, words: str, copy: Callable[[str], None]
    ) -> None:
        super().__init__(link, look, f"Download {words}")
        self._selection = selection
        self._copy = copy
        self._download: Download | None = None
        self._writing = False

    def body(self) -> ComposeResult:
        """Where to write it."""
        yield Label(self.look.say("ZIP file, on the machine where commtui runs:"))
        box = LineBox(id="path")
        yield box
        yield Static(id="text")

    def buttons(self) -> tuple[Button, ...]:
        """Write or not."""
        return self.button("Write", "write"), self.button("Close", "cancel")

    def on_mount(self) -> None:
        """Offer a path."""
        self.ask(lambda desk: desk.default_download_path(), self._offer, group="path")

    def _offer(self, path: Path) -> None:
        box = self.query_one("#path", Input)
        if not box.value:
            box.value = str(path)

    @on(Input.Submitted, "#path")
    def action_write(self) -> None:
        """Write it."""
        path = self.query_one("#path", Input).value.strip()
        if self._writing or not path:
            return
        self._writing = True
        self.say_problem("")
        self._say("Writing…")
        self.ask(
            lambda desk: desk.download(self._selection, Path(path).expanduser(), self._pass_on),
            self._written,
            group="download",
            otherwise=self._not_written,
        )

    def _pass_on(self, done: int, total: int) -> None:
        self.post_message(self.Passed(done, total))

    @on(Passed)
    def _show_progress(self, event: Passed) -> None:
        if self._writing:
            self._say(f"Writing… {number(event.done)} of {number(event.total)}")

    def _say(self, words: str) -> None:
        self.query_one("#text", Static).update(self.look.say(words))

    def _written(self, download: Download) -> None:
        self._writing = False
        self._download = download
        self.query_one("#text", Static).update(
            fields(
                [
                    ("Written", download.path),
                    (
                        "Holds",
                        f"{counted(download.lines, 'line')}, {counted(download.files, 'file')},"
                        f" {number(download.size)} bytes",
                    ),
                    ("Fetch it", scp_line(download.path)),
                ]
            )
        )

    def _not_written(self, error: Exception) -> None:
        self._writing = False
        self._say("")
        self.failed(error)

    def action_copy(self) -> None:
        """Hand the scp line to the terminal's clipboard."""
        if self._download is not None:
            self._copy(scp_line(self._download.path))

    def action_cancel(self) -> None:
        """Close; the list says where the file is."""
        self.dismiss(f"Written: {self._download.path}" if self._download else None)
