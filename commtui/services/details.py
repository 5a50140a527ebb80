"""What is known of single lines: the overview's limited details, the log's complete ones, all attempts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from commtui.domain.lines import Line
from commtui.domain.views import Attempt, EntryDetails, Explanation, LineSummary
from commtui.domain.vocabulary import Channel, Status, Tab
from commtui.errors import NotFound
from commtui.services.explaining import explain
from commtui.store import details as stored
from commtui.store import errands, evidences, lists, subjects
from commtui.store.engine import Database


class Details:
    """Reads single lines; moments within sentences are in `zone` (None: the machine's)."""

    def __init__(self, database: Database, zone: ZoneInfo | None = None) -> None:
        self._database = database
        self._zone = zone

    def summary(self, subject_id: str) -> LineSummary:
        """The overview's limited details. Raises NotFound."""
        with self._database.read() as connection:
            found = lists.by_ids(connection, Tab.OVERVIEW, [subject_id])
            if not found:
                raise NotFound(f"there is no line for subject {subject_id}")
            line = found[0]
            waiting = stored.waiting(
                connection, line.communication_id, line.entry_id, self._database.now()
            )
            return LineSummary(
                line=line,
                explanation=self._explained(line, waiting),
                others=tuple(subjects.others(connection, line)),
            )

    def details(self, entry_id: str) -> EntryDetails:
        """The log's complete details. Raises NotFound."""
        with self._database.read() as connection:
            entry = stored.stored_entry(connection, entry_id)
            lane = stored.attempts(
                connection, stored.lane_entries(connection, entry.communication_id, entry.channel)
            )
            attempt = next(item for item in lane if item.line.id == entry_id)
            version = (entry.communication_id, entry.version)
            waiting = stored.waiting(
                connection, entry.communication_id, entry_id, self._database.now()
            )
            content = stored.contents(connection, [(*version, entry.rendering)]).get(
                (*version, entry.rendering), stored.Content()
            )
            again = attempt.line.status is Status.QUEUED and bool(waiting.reason)
            return EntryDetails(
                attempt=attempt,
                explanation=self._explained(attempt.line, waiting),
                history=tuple(stored.history(connection, [entry_id])[entry_id]),
                before=tuple(item for item in lane if item.line.id < entry_id),
                after=tuple(item for item in lane if item.line.id > entry_id),
                documents=stored.documents(connection, [version])[version],
                content_subject="" if entry.channel is Channel.SMS else content.subject,
                content_text=content.sms if entry.channel is Channel.SMS else content.text,
                next_try_at=waiting.due_at if again else None,
                recipient_name=entry.recipient_name,
                evidence=tuple(evidences.of_entries(connection, [entry_id])[entry_id]),
                errands=tuple(errands.of_entry(connection, entry_id)),
            )

    def attempts(self, subject_id: str) -> tuple[Attempt, ...]:
        """All attempts of a subject, newest first."""
        with self._database.read() as connection:
            ids = stored.entries_of(connection, subject_id)
            return tuple(stored.attempts(connection, ids))

    def _explained(self, line: Line, waiting: stored.Waiting) -> Explanation | None:
        return explain(line, waiting, self._database.now(), self._zone)
