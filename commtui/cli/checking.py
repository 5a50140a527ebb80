"""`check`: what is not as it should be, one line each."""

from __future__ import annotations

import argparse

from commtui.bootstrap import open_database
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.services.housekeeping import findings


def run_check(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print findings; 1 when there are some."""
    database = open_database(settings)
    try:
        found = findings(database)
    finally:
        database.close()
    if chosen.json:
        say_json({"findings": found}, indent=2)
    for words in () if chosen.json else found or ["all is as it should be"]:
        say(words)
    return 1 if found else 0
