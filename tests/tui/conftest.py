"""Desks for the console's tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commtui.domain.vocabulary import Tab
from tests.tui.fake_desk import NOW, FakeDesk, make_line


@pytest.fixture
def desk() -> FakeDesk:
    """Forty lines on either list, two thirds of them failed."""
    return filled(40)


def filled(count: int) -> FakeDesk:
    """A desk with so many lines on either list."""
    made = FakeDesk(
        overview=[make_line(number, failed=number % 3 != 1) for number in range(count)],
        log=[make_line(number, failed=number % 3 != 1, tab=Tab.LOG) for number in range(count)],
    )
    if count > 2:
        made.overview[2] = replace(made.overview[2], others=2)
        made.log[0] = replace(made.log[0], settled_at=NOW)
    return made
