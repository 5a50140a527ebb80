"""`customer erase`: what would go, and with --yes that it is gone, with the limits of both."""

from __future__ import annotations

import argparse

from commtui.cli.output import say, say_json
from commtui.domain.text import line
from commtui.domain.views import Erasure
from commtui.services.desk import Desk
from commtui.services.records import instant

LIMITS = (
    "not reached: back-ups (let them expire), files somebody downloaded, the providers' own logs",
    "not reached: provider events and raw calls that do not name them; retention lets those go",
    "kept: the log's ids, references, salted hashes, statuses and times, and the customer's id in the source",
)


def erase(opened: Desk, customer_id: str, chosen: argparse.Namespace) -> int:
    """Print what would go, or erase; 1 when something is left to do."""
    if chosen.yes:
        found = opened.erasing.erase(customer_id, compact=chosen.compact)
    else:
        found = opened.erasing.plan(customer_id)
    if chosen.json:
        say_json(_record(found, done=chosen.yes), indent=2)
    else:
        for words in _lines(found, done=chosen.yes):
            say(words)
    return 1 if chosen.yes and _left(found) else 0


def _left(found: Erasure) -> str:
    """What is left to do; empty when nothing is."""
    if found.remnants and not found.compacted:
        return (
            f"{found.remnants} of the erased texts still stand in the file, in free space or as somebody "
            "else's: --compact rewrites the file, which holds the database for some seconds"
        )
    return ""


def _lines(found: Erasure, *, done: bool) -> list[str]:
    name = line(found.customer_id, 80)
    before = f" (erased before, on {found.erased_before:%Y-%m-%d})" if found.erased_before else ""
    words = [f"customer {name}{before}: " + ("erased" if done else "this would be erased")]
    words += [f"{number:>8}  {kind}" for kind, number in found.rows]
    if found.withdrawn:
        words.append(
            f"{found.withdrawn:>8}  messages waiting, unknown or for a person: fail as erased"
        )
    if found.put_aside:
        words.append(f"{found.put_aside:>8}  communications not sent yet: never sent")
    words.append(f"{found.kept:>8}  entries of the log stay as they are")
    words += LIMITS
    if not done:
        words.append("dry run: nothing is erased; --yes does it, and nobody can take it back")
    elif left := _left(found):
        words.append(left)
    elif found.remnants:
        words.append(
            f"{found.remnants} of the texts stand in the file still: somebody else has them too"
        )
    return words


def _record(found: Erasure, *, done: bool) -> dict[str, object]:
    return {
        "customer": found.customer_id,
        "erased": done,
        "erased_before": instant(found.erased_before),
        "rows": dict(found.rows),
        "withdrawn": found.withdrawn,
        "put_aside": found.put_aside,
        "kept_entries": found.kept,
        "compacted": found.compacted,
        "remnants": found.remnants,
    }
