"""The desk of a command, closed at its end."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from commtui.bootstrap import open_desk
from commtui.config import Settings
from commtui.domain.lines import Query
from commtui.domain.vocabulary import Chip, Ignored
from commtui.services.desk import Desk

NO_WORKER = "; no worker is running: commtui worker"
"""Said where a worker has to do the rest and none is there."""


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """The operator's desk. Raises DatabaseAway."""
    opened = open_desk(settings)
    try:
        yield opened
    finally:
        opened.close()


def query(chosen: argparse.Namespace) -> Query:
    """The filters that the arguments name."""
    return Query(
        text=" ".join(chosen.query),
        chip=Chip(getattr(chosen, "chip", None) or "all"),
        ignored=Ignored(chosen.ignored),
    )
