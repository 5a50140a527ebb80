"""`db`: what somebody who looks after the database does."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from commtui.bootstrap import open_database
from commtui.cli import db_keep
from commtui.cli.output import say, say_json, warn
from commtui.config import Settings


def run_db(chosen: argparse.Namespace, settings: Settings) -> int:
    """One action on the database."""
    return _ACTIONS[chosen.action](chosen, settings)


def _verify(chosen: argparse.Namespace, settings: Settings) -> int:
    """Check the whole record; 1 when anything is off."""
    from commtui.services.sealing import read_heads
    from commtui.services.verifying import verify

    kept = Path(settings.seals.file) if settings.seals.file else None
    outside: dict[int, str] = {}
    for path in filter(None, (kept, chosen.heads)):
        if path == kept and not path.exists():
            warn(f"seals.file: {path} is not there, so no hash in it could be compared")
            continue
        outside |= read_heads(path)
    database = open_database(settings)
    try:
        report = verify(database, outside)
    finally:
        database.close()
    if chosen.json:
        say_json({**asdict(report), "heads_outside": len(outside)}, indent=2)
    else:
        for finding in report.findings:
            warn(f"{finding.place}: {finding.words}")
        say(
            f"{report.seals} seals over {report.sealed} records; {report.waiting} wait for the next"
        )
        say(
            f"last seal {report.head or 'none'}; {len(outside)} compared with hashes kept elsewhere"
        )
        say(f"{report.documents} documents; {report.erased} texts or documents emptied by erasure")
        say(f"{len(report.findings)} findings" if report.findings else "nothing is off")
    return 1 if report.findings else 0


def _roles(_chosen: argparse.Namespace, _settings: Settings) -> int:
    """Print the SQL of PostgreSQL's roles."""
    from commtui.store.roles import statements

    for statement in statements():
        say(f"{statement};")
    return 0


_ACTIONS = {"verify": _verify, "roles": _roles, **db_keep.ACTIONS}
