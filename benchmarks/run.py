"""Ratios, each against something measured in the same run: absolute figures belong to the machine.

`python -m benchmarks.run [--rows 500000] [--messages 400]`; the big database is kept in .bench/.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.crowd import crowd
from commtui.bootstrap import open_working, sending_providers
from commtui.domain.lines import Query, Sort
from commtui.domain.vocabulary import Channel, Chip, Purpose, Tab
from commtui.providers.base import SendRequest
from commtui.providers.http import Http
from commtui.services.importing import Importer
from commtui.services.lists import Lists
from commtui.store.engine import Database, sqlite_module
from commtui.worker import Worker
from tests.system.plant import Plant, email_line

PAGE = 50
SMALL = 20_000
ROUNDS = 60
FOLDER = Path(".bench")


@dataclass(frozen=True)
class Ratio:
    """Ours against a baseline of the same run."""

    name: str
    ours: float
    baseline: float
    unit: str
    target: str

    def line(self) -> str:
        """A row of the table."""
        ratio = self.ours / self.baseline if self.baseline else float("inf")
        return f"{self.name:<60} {self.ours:>10.2f} {self.baseline:>10.2f} {self.unit:<6} {ratio:>8.2f}x  {self.target}"


def main() -> int:
    """Measure everything and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--messages", type=int, default=400)
    chosen = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    print(f"filling {SMALL} and {chosen.rows} lines, unless they are in {FOLDER}/ …", flush=True)
    small = crowd((FOLDER / f"{SMALL}.db").absolute(), SMALL)
    big = crowd((FOLDER / f"{chosen.rows}.db").absolute(), chosen.rows)
    print(f"{'':<60} {'ours':>10} {'baseline':>10}")
    for ratio in (*_reading(small, big), *_sending(chosen.messages)):
        print(ratio.line(), flush=True)
    return 0


def _reading(small: Database, big: Database) -> list[Ratio]:
    found = []
    for tab in Tab:
        page = _page(big, tab, Query())
        name = f"{tab}: page by the services / the same SQL by the driver"
        found.append(_compared(name, page, _bare(big, page), "<= 1.3 (T7)"))
    for tab in Tab:
        for chip in (Chip.ALL, Chip.FAILED):
            query = Query(chip=chip)
            name = f"{tab}, chip {chip.label}: page of the big database / the small"
            found.append(
                _compared(name, _page(big, tab, query), _page(small, tab, query), "<= 1.5 (T6)")
            )
    name = "log, in the middle: page of the big database / the small"
    found.append(_compared(name, _middle(big), _middle(small), "<= 1.5 (T6)"))
    lists = Lists(big)
    name = "log: live GROUP BY / the chips by counters"
    found.append(
        _compared(name, _grouped(big), lambda: lists.counts(Tab.LOG, Query()), ">= 50 (T7)", 10)
    )
    return found


def _compared(
    name: str,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    target: str,
    rounds: int = ROUNDS,
) -> Ratio:
    """Medians in milliseconds, taken by turns so that a busy moment meets both."""
    taken: dict[Callable[[], object], list[float]] = {ours: [], baseline: []}
    for work in taken:
        work()
    for _ in range(rounds):
        for work, times in taken.items():
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
    medians = [statistics.median(times) * 1000 for times in taken.values()]
    return Ratio(name, medians[0], medians[1], "ms", target)


def _page(database: Database, tab: Tab, query: Query) -> Callable[[], object]:
    lists = Lists(database)
    return lambda: lists.page(tab, query, Sort(), limit=PAGE)


def _middle(database: Database) -> Callable[[], object]:
    lists = Lists(database)
    total = lists.matching(Tab.LOG, Query())
    key = lists.page(Tab.LOG, Query(), Sort(), limit=1, offset=total // 2).last
    return lambda: lists.page(Tab.LOG, Query(), Sort(), limit=PAGE, after=key)


def _grouped(database: Database) -> Callable[[], object]:
    def work() -> object:
        with database.read() as connection:
            return connection.exec_driver_sql(
                "SELECT chip, count(*) FROM entry WHERE ignored_at IS NULL GROUP BY chip"
            ).all()

    return work


def _bare(database: Database, work: Callable[[], object]) -> Callable[[], object]:
    """What a piece of work asks of SQLite, asked through the driver alone."""
    asked: list[tuple[str, Sequence[Any]]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    with database.read() as connection:
        engine = connection.engine
    path = engine.url.database
    sa.event.listen(engine, "before_cursor_execute", note)
    work()
    sa.event.remove(engine, "before_cursor_execute", note)
    module, _ = sqlite_module()
    bare = module.connect(path, isolation_level=None)
    selects = [(statement, values) for statement, values in asked if "SELECT" in statement]

    def again() -> None:
        bare.execute("BEGIN")
        for statement, values in selects:
            bare.execute(statement, values).fetchall()
        bare.rollback()

    return again


def _sending(messages: int) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="commtui-bench-") as folder:
        plant = Plant(Path(folder), f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            imported = _import_rate(plant, messages)
            bare = asyncio.run(_bare_rate(plant, messages))
            ours = _worker_rate(plant, messages)
        finally:
            plant.close()
    return [
        Ratio(
            "worker: messages sent / bare HTTP client, as many in flight",
            ours,
            bare,
            "/s",
            ">= 0.6 (T9)",
        ),
        Ratio("import: lines / JSON parsed and nothing else", *imported, "/s", ""),
    ]


def _import_rate(plant: Plant, number: int) -> tuple[float, float]:
    lines = [json.dumps(email_line(index)).encode() for index in range(number)]
    importer = Importer(plant.desk.database, plant.settings, plant.desk.operator)
    began = time.perf_counter()
    importer.run(lines, documents=None)
    ours = number / (time.perf_counter() - began)
    began = time.perf_counter()
    for line in lines:
        json.loads(line)
    return ours, number / (time.perf_counter() - began)


async def _bare_rate(plant: Plant, number: int) -> float:
    slots = plant.settings.worker.concurrency
    http = Http(slots, 20.0)
    provider = sending_providers(plant.settings, http)["sendgrid"]
    database = plant.desk.database

    async def send(index: int) -> None:
        await provider.send(
            SendRequest(
                entry_id=database.new_id(),
                channel=Channel.EMAIL,
                recipient=f"customer{index}@example.com",
                recipient_name="Customer",
                subject=f"Invoice {index}",
                text="Please pay.",
                html="",
                documents=(),
                kind="invoice",
                purpose=Purpose.TRANSACTIONAL,
                country="",
                created_at=database.now(),
            )
        )

    await asyncio.gather(*(send(index) for index in range(slots)))
    began = time.perf_counter()
    await asyncio.gather(*(send(index) for index in range(number)))
    rate = number / (time.perf_counter() - began)
    await http.aclose()
    return rate


def _worker_rate(plant: Plant, number: int) -> float:
    plant.send_all()

    async def work() -> float:
        working = open_working(plant.settings)
        began = time.perf_counter()
        await Worker(working).run(until_idle=True)
        taken = time.perf_counter() - began
        await working.aclose()
        return taken

    return number / asyncio.run(work())


if __name__ == "__main__":
    sys.exit(main())
