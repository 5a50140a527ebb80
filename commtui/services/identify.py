"""What an id argument means: a subject's, a communication's or an entry's id, whole or abbreviated.

The source's own id of a communication and the reference of a subject will do, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commtui.domain.lines import Selection
from commtui.domain.text import line
from commtui.domain.vocabulary import Tab
from commtui.errors import Ambiguous, NotFound, Refused, UsageError
from commtui.store import identify as stored
from commtui.store.engine import Database
from commtui.store.identify import Found, LatestEntry


def identify(database: Database, text: str) -> Found:
    """The one thing that this id belongs to. Raises NotFound, and Ambiguous with what it fits."""
    with database.read() as connection:
        found = stored.candidates(connection, text.strip())
    if not found:
        raise NotFound(f"nothing has the id {line(text, 80)}")
    if len(found) > 1:
        raise Ambiguous(_listing(text, [f"{item.kind} {item.id} ({item.words})" for item in found]))
    return found[0]


def communications(database: Database, texts: Sequence[str]) -> list[str]:
    """The communications that these ids mean; a subject means the one it shows. Raises NotFound, Ambiguous."""
    ids = []
    for text in texts:
        found = identify(database, text)
        with database.read() as connection:
            identifier = stored.communication_of(connection, found)
        if identifier is None:
            raise Refused(f"{line(text, 80)} still has its data collected: nothing can be sent yet")
        ids.append(identifier)
    return list(dict.fromkeys(ids))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Lines that ids mean, on either list."""

    subject_ids: tuple[str, ...]
    entry_ids: tuple[str, ...]

    @property
    def selections(self) -> tuple[Selection, ...]:
        """What to act on, list by list."""
        found = (
            Selection(Tab.OVERVIEW, self.subject_ids),
            Selection(Tab.LOG, self.entry_ids),
        )
        return tuple(selection for selection in found if selection.ids)

    @property
    def selection(self) -> Selection:
        """The one list that all of them are on. Raises UsageError when they are on both."""
        if len(self.selections) != 1:
            raise UsageError("name either subjects or entries, not both at once")
        return self.selections[0]


def lines(database: Database, texts: Sequence[str]) -> Chosen:
    """The lines that these ids mean: entries on the log, everything else on the overview if it is shown there.

    Raises NotFound, Ambiguous, and Refused for what is on no list.
    """
    subjects: list[str] = []
    entries: list[str] = []
    for text in texts:
        found = identify(database, text)
        if found.kind == "entry":
            entries.append(found.id)
            continue
        with database.read() as connection:
            shown = stored.shown_by(connection, found.subject_id)
            latest = stored.latest_entries(connection, found.id)
        if found.kind == "subject" or found.id == shown:
            if shown is None:
                raise Refused(f"{line(text, 80)} still has its data collected: it is on no list")
            subjects.append(found.subject_id)
        elif latest:
            entries += [item.entry_id for item in latest]
        else:
            raise Refused(f"{line(text, 80)} has no attempt yet, and its subject shows another one")
    return Chosen(tuple(dict.fromkeys(subjects)), tuple(dict.fromkeys(entries)))


def entry(
    database: Database, text: str, wanted: Callable[[LatestEntry], bool] = lambda _: True
) -> Found:
    """The entry that an id means: itself, or the only latest attempt of a communication that is `wanted`.

    Raises NotFound, Refused when there is no attempt, Ambiguous when there are several.
    """
    found = identify(database, text)
    if found.kind == "entry":
        return found
    with database.read() as connection:
        communication_id = stored.communication_of(connection, found)
        latest = stored.latest_entries(connection, communication_id) if communication_id else []
    if not latest:
        raise Refused(f"{line(text, 80)} has no attempt yet")
    fitting = [item for item in latest if wanted(item)] or latest
    if len(fitting) > 1:
        words = [f"entry {item.entry_id} ({item.channel}, {item.status})" for item in fitting]
        raise Ambiguous(_listing(text, words))
    return Found("latest", fitting[0].entry_id, found.subject_id, found.words)


def customer(database: Database, text: str) -> str:
    """The source's id of the customer that an id of something else belongs to. Raises NotFound, Ambiguous."""
    found = identify(database, text)
    with database.read() as connection:
        return stored.customer_of(connection, found.subject_id)


def _listing(text: str, words: Sequence[str]) -> str:
    """The things listed on one line."""
    return f"{line(text, 80)} is ambiguous: " + "; ".join(line(word, 200) for word in words)
