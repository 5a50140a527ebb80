"""The state machine of tests/machine for a long time: a thousand steps a round, each round by its own seed."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.soak.proof import Result, Round
from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests.machine.network import Broken
from tests.machine.office_machine import OfficeMachine

EXAMPLES, STEPS = 10, 100
ROUNDS = 120
"""Some runs end before their last step: this makes more than 100,000."""


def play_state_machine(given: Round) -> Result:
    """Operators, workers, providers and customers in any order; what breaks is said with the round's seed."""

    class Machine(OfficeMachine):
        pass

    if given.engine == "postgresql":
        template = Database(given.url)
        prepare(template)
        template.close()
        Machine.open_database = staticmethod(lambda: _fresh(given.url))
    number = given.chance.randrange(2**32)
    problems = []
    try:
        run_state_machine_as_test(
            seed(number)(Machine),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                database=None,
                deadline=None,
                phases=(Phase.generate,),
                report_multiple_bugs=False,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Broken as broken:
        problems.append(f"seed {number}: {broken}\n{chr(10).join(broken.__notes__)}")
    return Result({"steps": Machine.steps}, problems)


@contextlib.contextmanager
def _fresh(url: str) -> Iterator[str]:
    """A database like that of the round."""
    path, _, options = url.partition("?")
    server, _, like = path.rpartition("/")
    name = f"m{uuid.uuid4().hex[:12]}"
    admin = f"{server}/postgres?{options}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    yield f"{server}/{name}?{options}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
