"""`check`: what is not as it should be, one line each."""

from __future__ import annotations

import argparse

from commtui.bootstrap import open_database
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.services.housekeeping import findings, oldest_event


def run_check(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print findings; 1 when there are some."""
    database = open_database(settings)
    try:
        found, oldest = findings(database), oldest_event(database)
    finally:
        database.close()
    days = settings.retention.events_days
    if chosen.json:
        kept = {"days": days, "oldest": oldest.isoformat() if oldest else None}
        say_json({"findings": found, "events_kept": kept}, indent=2)
        return 1 if found else 0
    for words in found or ["all is as it should be"]:
        say(words)
    since = f", the oldest is of {oldest}" if oldest else ""
    say(f"provider events are kept for {days} days{since}")
    return 1 if found else 0
