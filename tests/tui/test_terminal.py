"""What reaches a real terminal: no mouse reporting, nothing hostile, no colour where none is wanted, all restored."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
MOUSE = re.compile(rb"\x1b\[\?(?:1000|1002|1003|1005|1006|1015)h")
HOSTILE = (
    b"\x1b]0;pwn",
    b"\x1b]52;c;cHdu",
    "\x9b31m".encode(),
    b"\x9b31m",
    "\u202e".encode(),
    b"\x1b[2J\x1b[2J",
    b"\x00",
)
PATIENCE_SECONDS = 30.0


class Terminal:
    """A program on a pty of 80x24."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master = master
        self.process = process
        self.raw = b""
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)

    @property
    def text(self) -> str:
        """What an operator sees."""
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> bytes:
        """What comes within a time."""
        got = b""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], left)
            if not ready:
                break
            try:
                chunk = os.read(self.master, 65_536)
            except OSError:
                break
            if not chunk:
                break
            got += chunk
            self.raw += chunk
            self._stream.feed(chunk)
        return got

    def until(self, condition: Callable[[], object]) -> None:
        """Read until a condition holds."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, self.text
            self.read(0.05)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def end(self) -> int:
        """Read the rest and give the exit code."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text
            self.read(0.05)
        self.read(0.2)
        return self.process.returncode


@contextmanager
def terminal(*arguments: str, **environment: str) -> Iterator[Terminal]:
    """The console in a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "PYTHONPATH": str(ROOT),
    } | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tui.terminal_program", *arguments],
        stdin=slave, stdout=slave, stderr=slave, env=env, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def test_hostile_words_never_reach_the_terminal_and_mouse_reporting_is_never_on() -> None:
    with terminal() as console:
        console.until(lambda: "Failed 20" in console.text and "[red]x" in console.text)
        console.press(b"\r")
        console.until(lambda: "What to do" in console.text)
        console.press(b"h")
        console.until(lambda: "newest first" in console.text)
        console.press(b"\x1b")
        console.until(lambda: "newest first" not in console.text)
        console.press(b"\x1b")
        console.until(lambda: "What to do" not in console.text)
        console.press(b"2")
        console.until(lambda: "is:open" in console.text)
        console.press(b"q")
        assert console.end() == 0
        assert not MOUSE.search(console.raw)
        for bytes_ in HOSTILE:
            assert bytes_ not in console.raw


def test_the_terminal_is_as_it_was_after_q() -> None:
    with terminal() as console:
        before = termios.tcgetattr(console.master)
        console.until(lambda: "Failed 20" in console.text)
        assert b"\x1b[?1049h" in console.raw
        console.press(b"q")
        assert console.end() == 0
        assert console.raw.rindex(b"\x1b[?1049l") > console.raw.rindex(b"\x1b[?1049h")
        assert console.raw.rindex(b"\x1b[?25h") > console.raw.rindex(b"\x1b[?25l")
        assert termios.tcgetattr(console.master)[3] == before[3]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [((), {"NO_COLOR": "1"}), (("mono",), {})],
    ids=["NO_COLOR", "mono"],
)
def test_without_colour_there_is_none_and_the_cursors_row_still_stands_out(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    with terminal(*arguments, **environment) as console:
        console.until(lambda: "Failed 20" in console.text and "1/20" in console.text)
        console.press(b"S")
        console.until(lambda: "will go" in console.text)
        console.press(b"\x1b")
        console.until(lambda: "will go" not in console.text)
        assert not COLOUR.search(console.raw)
        row = console.screen.buffer[5]
        assert all(row[column].reverse for column in range(10, 40))
        chosen = console.screen.buffer[1]
        assert any(chosen[column].reverse for column in range(80))
        console.press(b"q")
        assert console.end() == 0


def test_nothing_is_written_while_nothing_happens() -> None:
    with terminal() as console:
        console.until(lambda: "1 worker" in console.text)
        console.read(0.3)
        assert console.read(1.5) == b""
        console.press(b"q")
        assert console.end() == 0


def test_ascii_writes_no_glyph_of_our_own() -> None:
    with terminal("ascii") as console:
        console.until(lambda: "Failed 20" in console.text)
        console.press(b" \r")
        console.until(lambda: "What to do" in console.text)
        assert not set("●✗⊘✓→○∅×…▼▲·╭╮│─█▅▆") & set(console.text)
        console.press(b"\x1b")
        console.until(lambda: "What to do" not in console.text)
        console.press(b"q")
        assert console.end() == 0


def test_importing_the_console_imports_no_database_and_no_http_client() -> None:
    code = (
        "import sys, commtui.app;"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('sqlalchemy', 'alembic', 'psycopg', 'pydantic', 'httpx', 'starlette')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert told.stdout.strip() == "[]"


def test_bytes_that_are_not_utf8_are_survived() -> None:
    with terminal() as console:
        console.until(lambda: "Failed 20" in console.text)
        console.press(b"\xe9\x9b\xff")
        console.press(b"?")
        console.until(lambda: "Keys of" in console.text)
        console.press(b"\x1b")
        console.until(lambda: "Keys of" not in console.text)
        console.press(b"q")
        assert console.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_terminal_restored(number: signal.Signals) -> None:
    with terminal() as console:
        console.until(lambda: "Failed 20" in console.text)
        console.process.send_signal(number)
        assert console.end() == 0
        assert b"\x1b[?1049l" in console.raw
        assert b"\x1b[?25h" in console.raw
