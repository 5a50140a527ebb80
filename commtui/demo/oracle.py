"""The practice network's own record against the log: what reached customers, and what the log says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from commtui.demo.ledger import PracticeMessage
from commtui.domain.vocabulary import Status

MAY_BE_ACCEPTED = frozenset(
    {
        Status.UNKNOWN,
        Status.SENT,
        Status.DELIVERED,
        Status.BOUNCED,
        Status.DROPPED,
        Status.BLOCKED,
        Status.FAILED,
        Status.UNDELIVERED,
        Status.RETURNED,
    }
)
"""What the log may say of an entry that the network took, once nothing is under way."""
REJECTS_LATER = frozenset({"chorus", "peppol"})
"""Networks that reject what they took; elsewhere a rejection is the answer to the request itself."""
MUST_BE_ACCEPTED = MAY_BE_ACCEPTED - {Status.UNKNOWN, Status.FAILED}
"""What the log may say only of an entry that the network took; our own check fails entries, too."""


def problems(accepted: Sequence[PracticeMessage], log: Mapping[str, Status]) -> list[str]:
    """What is wrong, in sentences; `log` has every entry's status once nothing is under way."""
    taken = Counter(message.entry_id for message in accepted)
    found = [
        f"entry {entry_id or '(none)'} was accepted {number} times"
        for entry_id, number in taken.items()
        if number > 1
    ]
    late = {message.entry_id for message in accepted if message.provider in REJECTS_LATER}
    for entry_id in taken:
        status = log.get(entry_id)
        if status is None:
            found.append(f"the network accepted {entry_id or 'a message'}, which is not in the log")
        elif status is Status.REJECTED and entry_id in late:
            continue
        elif status not in MAY_BE_ACCEPTED:
            found.append(f"the network accepted {entry_id}, but the log says {status}")
    found.extend(
        f"the log says {status} of {entry_id}, but the network never accepted it"
        for entry_id, status in log.items()
        if status in MUST_BE_ACCEPTED and entry_id not in taken
    )
    return found


def read_accepted(rows: Iterable[Mapping[str, object]]) -> list[PracticeMessage]:
    """The network's record from its JSON form."""
    return [PracticeMessage(**row) for row in rows]  # type: ignore[arg-type]
