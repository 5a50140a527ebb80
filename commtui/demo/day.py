"""A practice day: a site of its own, an interesting past, then the console, or the whole day without one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from commtui.bootstrap import open_desk
from commtui.config import Settings
from commtui.demo import headless
from commtui.demo.data import PREFIX, practice_lines
from commtui.demo.operator import Operator, TookTooLong
from commtui.demo.report import Report
from commtui.demo.site import Site
from commtui.domain.lines import Query, Selection, Sort
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.errors import CommError, Refused
from commtui.services.desk import Desk
from commtui.services.importing import Importer, ImportResult

SEED = 12_345
CONSOLE_SCALE, HEADLESS_SCALE = 1.0, 0.25
"""How fast practice time passes."""
EXPANDED_SECONDS, PAST_SECONDS = 15.0, 5.0
"""How long the console waits for its past at most; the rest of it happens on the screen."""


def main(
    settings: Settings,
    *,
    folder: Path | None = None,
    open_console: Callable[[Settings], int] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Play a practice day, with a console if one can be opened; returns the exit code.

    `folder` keeps everything; without it a temporary one is used and deleted. Another database than the
    folder's is used only when the environment names it, and only for practice. Raises Refused, DatabaseAway.
    """
    url = environ.get("COMMTUI_DATABASE__URL", "")
    scale = CONSOLE_SCALE if open_console else HEADLESS_SCALE
    with Site(settings, folder, url) as site, _desk(site.settings) as desk:
        refuse_foreign(desk)
        site.start(scale)
        operator = Operator(desk, site)
        first, later = waves(practice_lines(SEED, desk.database.now()))
        if open_console is None:
            return _without_console(operator, site, first, later)
        _say(f"Preparing practice data in {site.folder} …")
        past(operator, site.settings, first, later)
        return open_console(site.settings)


def waves(
    lines: Iterable[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first communication of each subject, and those that come later."""
    seen: set[tuple[str, ...]] = set()
    first: list[dict[str, Any]] = []
    later: list[dict[str, Any]] = []
    for item in lines:
        subject = item["subject"]
        key = (item["customer"]["id"], subject["type"], subject["reference"])
        (later if key in seen else first).append(item)
        seen.add(key)
    return first, later


def refuse_foreign(desk: Desk) -> None:
    """Leave a database alone that holds anything but practice data. Raises Refused."""
    query = Query(ignored=Ignored.ALSO)
    page = desk.page(Tab.OVERVIEW, query, Sort(), limit=200)
    lines = list(page.lines)
    while len(page.lines) == 200 and all(line.customer_id.startswith(PREFIX) for line in lines):
        page = desk.page(Tab.OVERVIEW, query, Sort(), limit=200, after=page.last)
        lines = list(page.lines)
    foreign = any(not line.customer_id.startswith(PREFIX) for line in lines)
    if foreign or (not lines and desk.emptiness(Tab.OVERVIEW, query).anything):
        raise Refused(
            "this database holds communications that are not practice data, and practice sends what it "
            "finds; unset COMMTUI_DATABASE__URL, name an empty database, or choose another folder"
        )


def bring_in(desk: Desk, settings: Settings, lines: Iterable[dict[str, Any]]) -> ImportResult:
    """Import lines as `commtui import` does."""
    encoded = (json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in lines)
    return Importer(desk.database, settings, desk.operator).run(encoded, documents=None)


def past(
    operator: Operator,
    settings: Settings,
    first: list[dict[str, Any]],
    later: list[dict[str, Any]],
) -> None:
    """What happened before the console opens: much was sent, some of it failed, the rest waits."""
    bring_in(operator.desk, settings, first)
    query = Query(chip=Chip.NOT_SENT)
    _, run_id = operator.bulk_send(Selection(Tab.OVERVIEW, query=query))
    with suppress(TookTooLong):
        operator.until_expanded(run_id, EXPANDED_SECONDS)
    bring_in(operator.desk, settings, later)
    with suppress(TookTooLong):
        operator.until_quiet(PAST_SECONDS)


def _without_console(
    operator: Operator, site: Site, first: list[dict[str, Any]], later: list[dict[str, Any]]
) -> int:
    report = Report()
    started: datetime = operator.desk.database.now()
    try:
        headless.play(
            operator,
            site,
            report,
            started,
            (bring_in(operator.desk, site.settings, wave) for wave in (first, later)),
            sum("send_at" in item for item in (*first, *later)),
        )
    except CommError as error:
        report.check("Stopped", str(error), good=False)
    sys.stdout.write(report.text())
    return 0 if report.good else 1


@contextmanager
def _desk(settings: Settings) -> Iterator[Desk]:
    desk = open_desk(settings)
    try:
        yield desk
    finally:
        desk.close()


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
