"""Housekeeping: what it tidies away, and what it leaves alone; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from commtui.domain.vocabulary import Tab
from commtui.errors import NotFound
from commtui.store.tables import bulk_run
from tests.office import Office, message


def test_dry_runs_that_nobody_confirmed_are_forgotten_and_confirmed_runs_are_kept(
    office: Office,
) -> None:
    office.put(message("1"), message("2"))
    kept = office.queue("1")
    left_alone = office.plan("2")
    with office.database.write() as connection:
        long_ago = office.database.now() - timedelta(hours=2)
        connection.execute(bulk_run.update().values(created_at=long_ago))
    office.housekeeping.tidy()
    assert office.bulk.progress(kept.run_id).expanded == 1
    with pytest.raises(NotFound):
        office.bulk.progress(left_alone.run_id)


def test_tidying_changes_no_line_and_no_count(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(5)))
    office.send("1", "2")
    before = [(office.lines(tab), office.counts(tab)) for tab in Tab]
    office.housekeeping.tidy()
    while office.housekeeping.catch_up():
        pass
    assert [(office.lines(tab), office.counts(tab)) for tab in Tab] == before


def test_sqlite_knows_how_its_indexes_are_filled_after_tidying(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(5)))
    office.housekeeping.tidy()
    if not office.database.sqlite:
        return
    with office.database.read() as connection:
        known = set(connection.execute(sa.text("SELECT idx FROM sqlite_stat1")).scalars())
    assert {"ix_subject_sort", "ix_subject_customer", "ix_subject_chip"} <= known
