"""A terminal for a console that runs as a real process: what it shows, and keys for it."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import threading
from collections.abc import Mapping, Sequence

import pyte

from tests.system.plant import until

COLUMNS, LINES = 80, 24
F6 = "\x1b[17~"


class Terminal:
    """A pseudo-terminal whose session leader is the console."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        """Every byte that reached it."""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.execve(command[0], list(command), dict(environment))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def shows(self, pattern: str) -> bool:
        """Whether a line of the screen has something that fits this regular expression."""
        return any(re.search(pattern, line) for line in self._screen.display)

    def until_shows(self, pattern: str) -> None:
        """Wait until a line of the screen fits."""
        try:
            until(lambda: self.shows(pattern), pattern)
        except AssertionError:
            raise AssertionError(
                f"{pattern!r} never stood on this screen:\n{self.text()}"
            ) from None

    def text(self) -> str:
        """The screen."""
        return "\n".join(self._screen.display)

    def press(self, *keys: str) -> None:
        """Press keys, one write each."""
        for key in keys:
            os.write(self._descriptor, key.encode())

    def hang_up(self) -> int:
        """Lose the connection: SIGHUP to the whole process group; returns how the console ended."""
        os.killpg(self.pid, signal.SIGHUP)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._descriptor)
        self._reader.join()
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._descriptor, 65_536):
                self.raw += chunk
                self._stream.feed(chunk)
