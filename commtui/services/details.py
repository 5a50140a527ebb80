"""What is known of single lines: the overview's limited details, the log's complete ones, all attempts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from commtui.domain.lines import Line
from commtui.domain.views import Attempt, EntryDetails, Explanation, LineSummary
from commtui.domain.vocabulary import Channel, ErrorClass, Status, Tab
from commtui.errors import NotFound
from commtui.services.explaining import explain
from commtui.services.rendering import Rendering
from commtui.store import details as stored
from commtui.store import errands, evidences, lists, subjects
from commtui.store.engine import Database


class Details:
    """Reads single lines; moments within sentences are in `zone` (None: the machine's)."""

    def __init__(
        self, database: Database, rendering: Rendering, zone: ZoneInfo | None = None
    ) -> None:
        self._database = database
        self._rendering = rendering
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
            others = tuple(subjects.others(connection, line))
        return LineSummary(
            line=line,
            explanation=self._unmade(line) or self._explained(line, waiting),
            others=others,
        )

    def details(self, entry_id: str) -> EntryDetails:
        """The log's complete details. Raises NotFound."""
        with self._database.read() as connection:
            entry = stored.stored_entry(connection, entry_id)
            lane = stored.attempts(
                connection, stored.lane_entries(connection, entry.communication_id, entry.channel)
            )
            attempt = next(item for item in lane if item.line.id == entry_id)
            version = (entry.communication_id, entry.version, entry.rendering)
            waiting = stored.waiting(
                connection, entry.communication_id, entry_id, self._database.now()
            )
            content = stored.contents(connection, [version]).get(version, stored.Content())
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

    def _unmade(self, line: Line) -> Explanation | None:
        """That a message which has never been sent cannot be, since its template does not make it."""
        if line.status is not Status.NOT_SENT or line.entry_id:
            return None
        problem = self._rendering.look(line.communication_id)
        if not problem:
            return None
        return Explanation(
            ErrorClass.TECHNICAL,
            f"It cannot be sent: its text cannot be made. {problem}.",
            "Put the template right, or have the source deliver what is missing; then send it.",
        )

    def _explained(self, line: Line, waiting: stored.Waiting) -> Explanation | None:
        return explain(line, waiting, self._database.now(), self._zone)
