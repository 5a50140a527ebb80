"""All or nothing: one switch, rolled forward when the importer dies after it, cleared away before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.config import Settings
from commtui.domain.imported import line_of
from commtui.domain.lines import Query
from commtui.domain.vocabulary import Author, Tab
from commtui.errors import Refused
from commtui.services.import_lines import LineParser, plain_of
from commtui.services.importing import Importer, ImportResult, finish_atomic
from commtui.services.lists import Lists
from commtui.store import import_staging as staging
from commtui.store.engine import Database
from commtui.store.tables import audit, import_line, import_run

OPERATOR = Author("rosa", True)


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"C-{number}",
        "subject": {"type": "invoice", "reference": str(number)},
        "customer": {"id": f"K-{number % 5}", "name": "Léa"},
        "kind": "invoice",
        "content": {"subject": "s", "text": "t"},
        **changes,
    }


def raw(lines: Iterable[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(item).encode() for item in lines]


def run(database: Database, lines: Iterable[bytes], *, atomic: bool = True) -> ImportResult:
    return Importer(database, Settings(), OPERATOR).run(lines, documents=None, atomic=atomic)


def total(database: Database) -> int:
    return Lists(database).counts(Tab.OVERVIEW, Query()).all


def left(database: Database) -> int:
    """Rows that staging left behind."""
    with database.read() as connection:
        tables = (import_line, import_run)
        return sum(
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        )


def staged_run(database: Database, lines: Iterable[dict[str, Any]]) -> str:
    """What an importer leaves that dies before its switch."""
    run_id = staging.open_run(database, OPERATOR)
    plains = [plain_of(LineParser().parse(item), []) for item in raw(lines)]
    items = [staging.StagedLine(line_of(n, plain), plain) for n, plain in enumerate(plains, 1)]
    staging.stage(database, run_id, 1, items, staging.Seen(), "hold")
    return run_id


def test_good_lines_all_go_in(database: Database) -> None:
    run(database, raw([line(1), line(2)]), atomic=False)
    changed = line(1, kind="reminder")
    lines = [changed, line(2), *map(line, range(3, 61)), changed, line(7, kind="reminder")]
    assert run(database, raw(lines)) == ImportResult(created=58, updated=2, unchanged=2)
    assert total(database) == 60
    assert left(database) == 0


@pytest.mark.parametrize(
    "bad",
    [
        line(99, kind=5),
        line(1, subject={"type": "invoice", "reference": "moved"}),
        line(2, subject={"type": "invoice", "reference": "moved within the file"}),
        line(2, collecting=True),
    ],
)
def test_one_bad_line_keeps_all_out(database: Database, bad: dict[str, Any]) -> None:
    run(database, raw([line(1)]), atomic=False)
    result = run(database, raw([*map(line, range(1, 61)), bad]))
    assert (result.created, result.updated, result.unchanged) == (0, 0, 0)
    assert [item.line for item in result.refused] == [61]
    assert total(database) == 1
    assert left(database) == 0


def test_an_interruption_before_the_switch_leaves_nothing(database: Database) -> None:
    def broken() -> Iterator[bytes]:
        yield from raw(map(line, range(60)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(database, broken())
    assert total(database) == 0
    assert left(database) == 0


def test_after_the_switch_a_dead_importers_lines_go_in(database: Database) -> None:
    run_id = staged_run(database, map(line, range(60)))
    assert finish_atomic(database) == 0
    assert total(database) == 0
    staging.switch(database, run_id, OPERATOR, {"created": 60})
    assert finish_atomic(database) > 0
    assert total(database) == 60
    assert (left(database), finish_atomic(database)) == (0, 0)


def test_the_next_import_rolls_an_interrupted_one_forward_first(database: Database) -> None:
    run_id = staged_run(database, [line(1, kind="old")])
    staging.switch(database, run_id, OPERATOR, {"created": 1})
    assert run(database, raw([line(1)]), atomic=False) == ImportResult(updated=1)


def test_what_was_never_switched_is_cleared_away_after_an_hour(database: Database) -> None:
    run_id = staged_run(database, map(line, range(60)))
    with database.write() as connection:
        connection.execute(
            import_run.update().values(updated_at=database.now() - timedelta(hours=2))
        )
    assert finish_atomic(database) > 0
    assert (left(database), total(database)) == (0, 0)
    with pytest.raises(Refused, match="import the file again"):
        staging.switch(database, run_id, OPERATOR, {})


def test_the_switch_is_on_record_with_its_counts(database: Database) -> None:
    run(database, raw([line(1)]))
    with database.read() as connection:
        row = connection.execute(sa.select(audit)).one()
    assert (row.action, row.operator, row.targets) == ("import", "rosa", ["atomic"])
    assert row.result == {"created": 1, "updated": 0, "unchanged": 0, "refused": 0}
