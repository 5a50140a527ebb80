"""What migrations may not do: rebuild a table of the log, which loses its triggers, or drop one."""

from __future__ import annotations

import re
from importlib import resources

import pytest

LOG = ("entry", "entry_status", "audit", "seal", "journal")
FORBIDDEN = {
    "batch mode": r"batch_alter_table|render_as_batch",
    "a table of the log dropped or renamed": rf"DROP TABLE (IF EXISTS )?({'|'.join(LOG)})\b"
    rf"|ALTER TABLE ({'|'.join(LOG)}) RENAME TO|RENAME TO ({'|'.join(LOG)})\b",
    "a column of the log dropped": rf"ALTER TABLE ({'|'.join(LOG)}) DROP COLUMN",
    "triggers switched off": r"DISABLE TRIGGER|session_replication_role|writable_schema",
}


def migrations() -> list[tuple[str, str]]:
    """Name and text of every file of the migrations."""
    folder = resources.files("commtui.store.migrations")
    files = [item for part in (folder, folder / "versions") for item in part.iterdir()]
    return sorted(
        (item.name, item.read_text(encoding="utf-8"))
        for item in files
        if item.name.endswith((".py", ".sql"))
    )


def offences(text: str) -> list[str]:
    """What a migration does that none may."""
    return [name for name, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)]


def test_no_migration_rebuilds_or_drops_a_table_of_the_log() -> None:
    found = migrations()
    assert len(found) > 5
    assert {name: bad for name, text in found if (bad := offences(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "with op.batch_alter_table('entry') as batch:",
        "DROP TABLE entry_status",
        "ALTER TABLE entry RENAME TO old_entry",
        "ALTER TABLE new_entry RENAME TO entry",
        "ALTER TABLE audit DROP COLUMN result",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
    ],
)
def test_each_of_these_would_be_noticed(text: str) -> None:
    assert offences(text)
