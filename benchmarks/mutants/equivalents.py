"""Mutants that no test can kill, because they change nothing that anybody could see; each with its reason."""

from __future__ import annotations

EQUIVALENTS: dict[str, dict[str, str]] = {
    "fold": {
        "merge: _order(fact) > _present_order(state) → _order(fact) >= _present_order(state)": (
            "a fact that compares equal is equal in everything that would be replaced"
        ),
    },
}
"""By target and mutant."""
