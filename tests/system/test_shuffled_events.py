"""Events told up to forty times, in any order, to workers that die: the same end as told once, in order."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests import shuffled
from tests.conftest import named

SEED, MESSAGES, EVENTS, KILLS = 11, 20, 120, 2


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes empty databases of one engine."""
    made: list[str] = []

    def make() -> str:
        name = f"z{uuid.uuid4().hex[:12]}"
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / name}.db"
            database = Database(url)
            prepare(database)
            database.close()
            return url
        server: str = request.getfixturevalue("postgresql_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE commtui_template")
        made.append(name)
        return named(server, name)

    yield make
    for name in made:
        with psycopg.connect(
            request.getfixturevalue("postgresql_server"), autocommit=True
        ) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def in_order(url: str) -> shuffled.State:
    office, entries = shuffled.office_with(url, MESSAGES)
    shuffled.take_in(office.database, list(shuffled.told(SEED, entries, EVENTS).in_order()))
    shuffled.apply(office.database)
    state = shuffled.state(office.database)
    office.database.close()
    return state


def test_events_told_many_times_in_any_order_to_workers_that_die_end_as_told_once(
    fresh: Callable[[], str], tmp_path: Path
) -> None:
    expected = in_order(fresh())
    chance = random.Random(SEED)
    url = fresh()
    office, entries = shuffled.office_with(url, MESSAGES)
    calls = list(shuffled.told(SEED, entries, EVENTS).shuffled(chance))
    shuffled.take_in(office.database, calls)
    killed = shuffled.apply_under_fire(office.database, url, tmp_path / "worker.log", chance, KILLS)
    found = shuffled.state(office.database)
    office.database.close()
    assert killed == KILLS
    assert sum(expected["facts"].values()) == EVENTS == sum(found["facts"].values())
    assert len({values[0] for values in expected["entries"].values()}) >= 4
    assert shuffled.differences(expected, found) == []


def test_a_receiver_that_believes_whatever_it_heard_last_is_caught(
    fresh: Callable[[], str],
) -> None:
    expected = in_order(fresh())
    office, entries = shuffled.office_with(fresh(), MESSAGES)
    calls = list(shuffled.told(SEED, entries, EVENTS).shuffled(random.Random(SEED)))
    shuffled.apply_naively(office.database, calls[: len(calls) // 3])
    wrong = shuffled.differences(expected, shuffled.state(office.database))
    office.database.close()
    assert [item for item in wrong if item.startswith("entries ")]
    assert [item for item in wrong if item.startswith("twice in a history")]
