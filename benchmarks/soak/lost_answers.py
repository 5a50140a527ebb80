"""Every third answer lost after acceptance, 1,000 sends with callbacks: how many unknowns settle within a minute."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import sqlalchemy as sa

from benchmarks.soak.proof import Result, Round
from commtui.domain.vocabulary import Status
from commtui.store.tables import entry_status
from tests.system.lossy import Lossy
from tests.system.mixed import mixed_lines
from tests.system.plant import Plant, until

EMAILS, TEXTS = 800, 200
WITHIN_SECONDS = 60.0
LEAST_SHARE = 0.99
NETWORK_SCALE = 1.0
"""The network's callbacks come when they would."""


def play_lost_answers(given: Round) -> Result:
    """Send, lose answers, and see what settles what is unknown."""
    plant = Plant(given.folder, given.url, scale=NETWORK_SCALE)
    try:
        plant.start_web()
        plant.bring(mixed_lines(EMAILS, TEXTS, 0))
        run_id = plant.send_all()
        with Lossy(plant.network_url) as relay:
            worker = plant.start(
                "worker",
                COMMTUI_SENDGRID__BASE_URL=relay.url,
                COMMTUI_TWILIO__BASE_URL=relay.url,
                COMMTUI_WORKER__REQUEST_SECONDS="2",
            )
            until(lambda: plant.closed(run_id), "the end of the bulk send", 600)
            until(plant.events_delivered, "the network's events", 300)
            until(lambda: not plant.desk.health().unknown, "everything to settle", 300)
            plant.stop(worker)
            lost = len(relay.lost)
        waits = _waits(plant)
        quick = sum(wait <= WITHIN_SECONDS for wait in waits)
        problems = plant.wrong()
        if waits and quick < LEAST_SHARE * len(waits):
            problems.append(f"only {quick} of {len(waits)} unknowns settled within a minute")
        if not waits:
            problems.append("no outcome became unknown")
        figures = {
            "sent": plant.taken(),
            "answers lost": lost,
            "became unknown": len(waits),
            "settled within 60 s": quick,
        }
        return Result(figures, problems)
    finally:
        plant.close()


def _waits(plant: Plant) -> list[float]:
    """Seconds that each unknown outcome took to settle by itself; endless ones as infinity."""
    rows: dict[str, list[tuple[float, str]]] = {}
    with plant.desk.database.read() as connection:
        query = sa.select(entry_status.c.id, entry_status.c.entry_id, entry_status.c.status)
        for row in connection.execute(query.order_by(entry_status.c.id)):
            rows.setdefault(row.entry_id, []).append((_written(row.id), row.status))
    return [wait for history in rows.values() for wait in _of_one(history)]


def _of_one(history: Iterable[tuple[float, str]]) -> Iterable[float]:
    since: float | None = None
    for at, status in history:
        if status == Status.UNKNOWN.value and since is None:
            since = at
        elif status != Status.UNKNOWN.value and since is not None:
            yield at - since
            since = None
    if since is not None:
        yield float("inf")


def _written(identifier: str) -> float:
    """When a row was written, by its own id (UUIDv7: milliseconds since 1970)."""
    return (uuid.UUID(identifier).int >> 80) / 1000
