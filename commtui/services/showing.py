"""Everything about one subject as a record for scripts: communications, entries, history, events, documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commtui.domain.lines import Line
from commtui.domain.overview import CommunicationState
from commtui.domain.views import Attempt, DocumentInfo, ErrandView, Explanation, Happening
from commtui.domain.vocabulary import Tab
from commtui.services.explaining import explain
from commtui.services.identify import identify
from commtui.services.records import errand, instant, record
from commtui.store import details, errands, lists, subjects
from commtui.store.details import Content, Event
from commtui.store.engine import Database
from commtui.store.identify import Found
from commtui.store.overview import states
from commtui.store.subjects import CommunicationFacts


@dataclass(frozen=True, slots=True)
class _Dossier:
    """What is read of a subject, in one snapshot."""

    line: Line | None
    explanation: Explanation | None
    facts: Sequence[CommunicationFacts]
    lanes: Mapping[str, CommunicationState]
    contents: Mapping[tuple[str, int, int], Content]
    documents: Mapping[tuple[str, int, int], Sequence[DocumentInfo]]
    entries: Sequence[Attempt]
    """Newest first."""
    history: Mapping[str, Sequence[Happening]]
    events: Mapping[str, Sequence[Event]]
    errands: Mapping[str, Sequence[ErrandView]]


class Showing:
    """Reads whole subjects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show(self, text: str) -> dict[str, Any]:
        """The line that an id means, and everything about its subject. Raises NotFound, Ambiguous."""
        found = identify(self._database, text)
        dossier = self._read(found)
        line, why = dossier.line, dossier.explanation
        ids = [attempt.line.id for attempt in reversed(dossier.entries)]
        return {
            **(record(line) if line else {"id": found.id, "subject_id": found.subject_id}),
            "asked": {"kind": found.kind, "id": found.id},
            "explanation": why
            and {"class": why.error_class, "sentence": why.sentence, "advice": why.advice},
            "communications": [_communication(fact, dossier) for fact in dossier.facts],
            "entries": [_entry(attempt, dossier) for attempt in dossier.entries],
            "history": [
                {"entry_id": key, **_happening(item)}
                for key in ids
                for item in dossier.history[key]
            ],
            "events": [
                {"entry_id": key, **_event(item)}
                for key in ids
                for item in dossier.events.get(key, ())
            ],
            "documents": [
                {"communication_id": key[0], "version": key[1], **_document(info)}
                for key in sorted(dossier.documents)
                for info in dossier.documents[key]
            ],
        }

    def _read(self, found: Found) -> _Dossier:
        subject_id, now = found.subject_id, self._database.now()
        with self._database.read() as connection:
            facts = subjects.communications(connection, subject_id)
            versions = details.newest_renderings(
                connection,
                [(fact.id, version) for fact in facts for version in range(1, fact.version + 1)],
            )
            ids = details.entries_of(connection, subject_id)
            entries = details.attempts(connection, ids)
            line = _line(found, lists.by_ids(connection, Tab.OVERVIEW, [subject_id]), entries)
            waiting = line and details.waiting(
                connection, line.communication_id, line.entry_id, now
            )
            return _Dossier(
                line=line,
                explanation=explain(line, waiting, now, None) if line and waiting else None,
                facts=facts,
                lanes={state.id: state for state in states(connection, [subject_id])[subject_id]},
                contents=details.contents(connection, versions),
                documents=details.documents(connection, versions),
                entries=entries,
                history=details.history(connection, ids),
                events=details.events(connection, ids),
                errands=errands.of_entries(connection, ids),
            )


def _line(found: Found, shown: Sequence[Line], entries: Sequence[Attempt]) -> Line | None:
    """What was asked for as a line: an entry's own, else the newest of the communication, else the subject's."""
    if found.kind == "entry":
        return next(item.line for item in entries if item.line.id == found.id)
    if found.kind == "communication" and not (shown and shown[0].communication_id == found.id):
        own = [item.line for item in entries if item.line.communication_id == found.id]
        return own[0] if own else None
    return shown[0] if shown else None


def _communication(facts: CommunicationFacts, dossier: _Dossier) -> dict[str, Any]:
    state = dossier.lanes.get(facts.id)
    lanes = state.lanes if state else ()
    text = next(
        (dossier.contents[key] for key in dossier.contents if key[:2] == (facts.id, facts.version)),
        Content(),
    )
    return {
        "id": facts.id,
        "external_id": facts.external_id,
        "kind": facts.kind,
        "purpose": facts.purpose,
        "channels": list(facts.wanted),
        "release": facts.release.value,
        "send_at": instant(facts.send_at),
        "expires_at": instant(facts.expires_at),
        "collecting": facts.collecting,
        "version": facts.version,
        "ignored": facts.ignored,
        "created_at": instant(facts.created_at),
        "updated_at": instant(facts.updated_at),
        "content": {
            "subject": text.subject,
            "text": text.text,
            "html": text.html,
            "sms": text.sms,
        },
        "lanes": [
            {
                "channel": lane.channel.value,
                "status": lane.status.value,
                "attempts": lane.attempts,
                "latest_entry_id": lane.latest_entry_id,
                "ignored": lane.ignored,
            }
            for lane in lanes
        ],
    }


def _entry(attempt: Attempt, dossier: _Dossier) -> dict[str, Any]:
    identifier = attempt.line.id
    return {
        **record(attempt.line),
        "cause": attempt.cause.value,
        "author": attempt.author,
        "author_verified": attempt.author_verified,
        "replaces_id": attempt.replaces_id,
        "settled_by": attempt.settled_by,
        "provider_message_id": attempt.provider_message_id,
        "version": attempt.version,
        "template": attempt.template,
        "note": attempt.note or attempt.line.note,
        "history": [_happening(item) for item in dossier.history[identifier]],
        "events": [_event(item) for item in dossier.events.get(identifier, ())],
        "errands": [errand(item) for item in dossier.errands.get(identifier, ())],
    }


def _happening(item: Happening) -> dict[str, Any]:
    return {
        "at": instant(item.at),
        "source": item.source.value,
        "word": item.word,
        "status": item.status.value if item.status else None,
        "code": item.code,
        "words": item.words,
        "author": item.author,
        **({"layer": item.layer.value} if item.layer else {}),
    }


def _event(item: Event) -> dict[str, Any]:
    return {
        "at": instant(item.at),
        "received_at": instant(item.received_at),
        "kind": item.kind,
        "code": item.code,
        "words": item.words,
        "provider_message_id": item.provider_message_id,
        "payload": item.raw,
    }


def _document(info: DocumentInfo) -> dict[str, Any]:
    return {
        "role": info.role.value,
        "name": info.name,
        "media_type": info.media_type,
        "size": info.size,
        "sha256": info.sha256,
    }
