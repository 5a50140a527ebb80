"""A plant on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.plant import Plant


@pytest.fixture
def plant(tmp_path: Path, database_url: str) -> Iterator[Plant]:
    made = Plant(tmp_path, database_url)
    yield made
    made.close()
