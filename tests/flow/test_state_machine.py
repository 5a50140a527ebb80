"""Whatever happens in whatever order: no invariant breaks, and mistakes planted on purpose are found."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import named
from tests.machine.network import Broken
from tests.machine.office_machine import OfficeMachine
from tests.machine.planted import PLANTED

STEPS = 50
HAPPENED = frozenset(
    {
        "accept",
        "reject",
        "not sent",
        "lost",
        "died: claimed",
        "died: begun",
        "died: called",
        "late answer",
        "heard: delivered",
        "heard: bad",
        "resend",
        "opted out",
        "ignored",
    }
)
"""A run in which one of these never happened has not shown much."""


def play(machine: type[OfficeMachine], examples: int, steps: int = STEPS) -> None:
    """Run it, the same way every time."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_thousand_steps_break_nothing() -> None:
    class Machine(OfficeMachine):
        pass

    # what is drawn depends on what else is imported, so now and then it takes longer until all has happened
    for examples in (24, 48, 96):
        play(Machine, examples)
        if Machine.told >= HAPPENED:
            break
    assert Machine.steps >= 1_000
    assert HAPPENED - Machine.told == set()


def test_steps_on_postgresql_break_nothing_either(postgresql_server: str) -> None:
    @contextlib.contextmanager
    def fresh() -> Iterator[str]:
        name = f"m{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE commtui_template")
        yield named(postgresql_server, name)
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    class Machine(OfficeMachine):
        open_database = staticmethod(fresh)

    play(Machine, examples=4)
    assert Machine.steps >= 100


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_found(mistake: str) -> None:
    machine, planted, says = PLANTED[mistake]
    with planted(), pytest.raises(Broken, match=f"^({says}):"):
        play(machine, examples=100)
