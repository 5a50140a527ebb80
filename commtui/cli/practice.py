"""`demo`: a practice day, on a console if there is a terminal."""

from __future__ import annotations

import argparse

from commtui.cli.console import has_terminal, open_console
from commtui.config import Settings
from commtui.demo import day


def run_demo(chosen: argparse.Namespace, settings: Settings) -> int:
    """Play a practice day."""
    if chosen.headless or not has_terminal():
        return day.main(settings, folder=chosen.folder)
    return day.main(
        settings,
        folder=chosen.folder,
        open_console=lambda practice: open_console(practice, start=False),
    )
