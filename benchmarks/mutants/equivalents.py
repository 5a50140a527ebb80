"""Mutants that no test can kill, because they change nothing that anybody could see; each with its reason."""

from __future__ import annotations

EQUIVALENTS: dict[str, dict[str, str]] = {
    "fold": {
        "merge: _order(fact) > _present_order(state) → _order(fact) >= _present_order(state)": (
            "a fact that compares equal is equal in everything that would be replaced"
        ),
    },
    "channels": {
        "parse_chains: not colon or not kind.strip() or (not words) → "
        "False or not kind.strip() or (not words)": (
            "without a colon there are no names either, so it is refused all the same"
        ),
    },
    "retry": {
        "_share: '\\x1f' → another": "any separator spreads the messages as well",
    },
    "outbox": {
        "_nothing: False → another": (
            "on PostgreSQL only, where the tests are left out here: an idle worker there locks nothing"
        ),
        "claim: if _nothing(database, due) → never": (
            "spares an idle worker SQLite's write lock; what is claimed is the same"
        ),
    },
}
"""By target and mutant."""
