"""Forty hostile strings in every text field on every screen: what a real terminal gets of them are letters only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import commtui.screens
from commtui.domain import views
from commtui.domain.einvoice import Registration, Routing
from commtui.domain.lines import Choice, Line
from commtui.domain.optouts import OptOut
from commtui.domain.trail import AuditRow
from commtui.screens.panel import Panel
from tests.tui.evil_desk import LEFT_ALONE
from tests.tui.hostile import HOSTILE
from tests.tui.hostile_program import text_fields

ROOT = Path(__file__).parents[2]
GROUP = int(os.environ.get("HOSTILE_GROUP", "10"))
"""Strings that stand together in each field; with HOSTILE_GROUP=1 each stands alone, on every screen."""
GROUPS = [
    tuple(range(first, len(HOSTILE), len(HOSTILE) // GROUP))
    for first in range(len(HOSTILE) // GROUP)
]
SIZE = (120, 140)
PATIENCE_SECONDS = 120.0
SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x1b\x07\x9c]*(?:\x07|\x1b\\|\x9c)?|[ -/]*.?)", re.DOTALL
)
ABSTRACT = {"KeyedPanel", "QuestionPanel", "ReadingPanel", "WordPanel"}
UNSHOWN = {
    # parts of others, or only used to ask with
    "CustomerView.id", "EntryDetails.status", "Line.error_key",
}  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """What one run of the console wrote, and what it showed."""

    raw: bytes
    code: int
    shown: dict[str, Any]


def heard(target: Path, numbers: tuple[int, ...]) -> Heard:
    """Run the program on a pty of its own and read every byte."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tui.hostile_program", str(target), *map(str, numbers)],
        stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True,
        env=env | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(slave)
    raw = bytearray()
    with contextlib.suppress(OSError):
        while select.select([master], [], [], PATIENCE_SECONDS)[0] and (
            chunk := os.read(master, 65_536)
        ):
            raw += chunk
    if process.poll() is None:
        process.kill()
    code = process.wait()
    os.close(master)
    shown = json.loads(target.read_text()) if target.exists() else {}
    return Heard(bytes(raw), code, shown)


def kinds(text: str) -> set[str]:
    """The control sequences in what was written, without the numbers of colours and places."""
    return {
        re.sub(r"\d+", "#", found) if found[-1:] in "mH" and found[2:3] not in "?<=>" else found
        for found in SEQUENCE.findall(text)
    }


def unseen(text: str) -> set[str]:
    """Characters besides those sequences that move, hide or turn something."""
    bare = SEQUENCE.sub("", text)
    return {
        f"U+{ord(char):04X}"
        for char in set(bare)
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\r\n"
    }


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The control sequences of the console itself, on the same screens with nothing hostile."""
    found = heard(tmp_path_factory.mktemp("harmless") / "shown.json", ())
    assert found.code == 0
    return kinds(found.raw.decode())


@pytest.mark.parametrize("numbers", GROUPS, ids=lambda numbers: "-".join(map(str, numbers[:4])))
def test_no_control_byte_of_theirs_reaches_the_terminal(
    numbers: tuple[int, ...], tmp_path: Path, harmless: set[str]
) -> None:
    found = heard(tmp_path / "shown.json", numbers)
    text = found.raw.decode()
    assert found.code == 0, text[-2_000:]
    assert found.shown, "it stopped before the last screen"
    assert kinds(text) - harmless == set()
    assert not [item for item in SEQUENCE.findall(text) if "6666" in item]
    assert unseen(text) == set()
    assert "stopped by a fault" not in text
    every = {panel.__name__ for panel in _panels(Panel)} - ABSTRACT
    assert every - set(found.shown["screens"]) == set()
    wanted = {
        field
        for field in text_fields(
            Line, Choice, Routing, Registration, OptOut, views.Happening, views.DocumentInfo, views.Attempt,
            views.Explanation, views.EntryDetails, views.ContactView, views.CustomerView, views.ErrandView,
            views.ContactHealth, views.CustomerPage, views.ResendOffer, views.Progress, views.RunResult,
            views.Download, views.FallbackHold, views.Orphan, views.Finding, views.AccountWarning,
            views.ProviderPause, AuditRow,
        )
        if field.partition(".")[2] not in LEFT_ALONE
    }  # fmt: skip
    assert wanted - set(found.shown["fields"]) - UNSHOWN == set()


def _panels(kind: type) -> set[type]:
    """Every kind of panel there is."""
    assert commtui.screens
    direct = set(kind.__subclasses__())
    return direct.union(*map(_panels, direct)) if direct else direct


def test_there_are_forty_and_this_test_would_see_each() -> None:
    """Written as they are, all but those that are only odd letters are found."""
    assert len(set(HOSTILE)) == 40
    blind = [
        number
        for number, words in enumerate(HOSTILE)
        if not (kinds(words) or unseen(words)) and number not in ODD_LETTERS
    ]
    assert blind == []


ODD_LETTERS = {27, 32, 33, 34, 35, 36, 37}
"""Line ends, markup, combining and very long strings: for them it counts that nothing breaks."""
