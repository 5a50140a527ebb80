"""10,000 events told up to forty times each, in any order, to workers that are killed: the same end as told once."""

from __future__ import annotations

from benchmarks.soak.proof import Result, Round
from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests import shuffled

EVENTS, MESSAGES, KILLS = 10_000, 2_000, 20
ROUNDS = 2


def play_events(given: Round, events: int = EVENTS) -> Result:
    """The same events once in order, on SQLite, and then in any order on the round's database."""
    seed = given.chance.randrange(1_000_000)
    messages = max(events * MESSAGES // EVENTS, 10)
    ordered = _prepared(f"sqlite:///{given.folder / 'ordered.db'}")
    office, entries = shuffled.office_with(ordered, messages)
    shuffled.take_in(office.database, list(shuffled.told(seed, entries, events).in_order()))
    shuffled.apply(office.database)
    expected = shuffled.state(office.database)
    office.database.close()

    office, entries = shuffled.office_with(_prepared(given.url), messages)
    calls = list(shuffled.told(seed, entries, events).shuffled(given.chance))
    shuffled.take_in(office.database, calls)
    log = given.folder / "workers.log"
    killed = shuffled.apply_under_fire(office.database, given.url, log, given.chance, KILLS)
    found = shuffled.state(office.database)
    office.database.close()
    problems = list(shuffled.differences(expected, found))
    kept = sum(found["facts"].values())
    if kept != events:
        problems.append(f"{kept} facts are kept, not {events}")
    told = sum(body.count(b'"sg_event_id"') for body in calls)
    return Result({"events": events, "told": told, "calls": len(calls), "kills": killed}, problems)


def _prepared(url: str) -> str:
    """A new database with the schema."""
    database = Database(url)
    prepare(database)
    database.close()
    return url
