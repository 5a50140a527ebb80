"""`download`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from commtui.cli.opening import desk, query
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.domain.lines import Selection
from commtui.domain.text import line
from commtui.domain.vocabulary import Tab
from commtui.errors import UsageError
from commtui.services import identify
from commtui.services.desk import Desk


def run_download(chosen: argparse.Namespace, settings: Settings) -> int:
    """Write a ZIP."""
    if chosen.ids and (chosen.query or chosen.chip):
        raise UsageError("name either a query or --ids")
    with desk(settings) as opened:
        path: Path = chosen.output or opened.default_download_path()
        made = opened.download(
            _selection(opened, chosen), path, _progress if sys.stderr.isatty() else None
        )
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    if chosen.json:
        say_json({"path": made.path, "lines": made.lines, "files": made.files, "size": made.size})
    else:
        say(f"{line(made.path)}: {made.lines} lines, {made.files} files, {made.size} bytes")
    return 0


def _selection(opened: Desk, chosen: argparse.Namespace) -> Selection:
    if chosen.ids:
        return identify.lines(opened.database, chosen.ids).selection
    return Selection(Tab.LOG if chosen.log else Tab.OVERVIEW, query=query(chosen))


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total} lines")
    sys.stderr.flush()
