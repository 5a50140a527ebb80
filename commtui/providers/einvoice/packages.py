"""Where installed packages keep their files, found without importing them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

Find = Callable[[str], Path | None]
"""The folder or file of a package by its name; None when it is not installed."""


def find(package: str) -> Path | None:
    """Where a package lies; None when it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin else None
