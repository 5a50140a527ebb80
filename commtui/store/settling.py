"""An outcome that nobody knew becomes known by itself: that stands in the audit, as an operator's decision does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commtui.domain.vocabulary import SYSTEM, Source, Status
from commtui.store import audits
from commtui.store.entries import Change
from commtui.store.writing import Writing

_BY = {
    Source.EVENT: "a webhook",
    Source.POLL: "asking the provider",
    Source.WORKER: "the worker's late answer",
}


def note_settled(
    writing: Writing,
    changed: Sequence[tuple[Any, Mapping[str, Any]]],
    changes: Sequence[Change],
) -> None:
    """Write which unknown outcomes these changes settled, by what, and how."""
    by = {change.entry_id: change.source for change in changes}
    for row, after in changed:
        settled = row.status == Status.UNKNOWN.value and after["status"] != row.status
        if settled and by[row.id] in _BY:
            audits.write(
                writing.connection,
                writing.database,
                SYSTEM,
                "unknown outcome settled",
                [row.id],
                {"by": _BY[by[row.id]], "status": after["status"]},
            )
