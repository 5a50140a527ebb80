"""Subjects with all their communications, the shown one and the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.lines import Line
from commtui.domain.overview import CommunicationState
from commtui.domain.vocabulary import Chip, Release, Tab, chip_of
from commtui.store import lists
from commtui.store.overview import states
from commtui.store.tables import communication


@dataclass(frozen=True, slots=True)
class CommunicationFacts:
    """A communication apart from its attempts."""

    id: str
    external_id: str
    kind: str
    purpose: str
    wanted: tuple[str, ...]
    release: Release
    send_at: datetime | None
    expires_at: datetime | None
    collecting: bool
    version: int
    ignored: bool
    created_at: datetime
    updated_at: datetime


def communications(connection: sa.Connection, subject_id: str) -> list[CommunicationFacts]:
    """The communications of a subject, newest first; those still collecting too."""
    query = (
        sa.select(communication)
        .where(communication.c.subject_id == subject_id)
        .order_by(communication.c.id.desc())
    )
    return [
        CommunicationFacts(
            id=row.id,
            external_id=row.external_id,
            kind=row.kind,
            purpose=row.purpose,
            wanted=tuple(row.wanted),
            release=Release(row.release),
            send_at=row.send_at,
            expires_at=row.expires_at,
            collecting=row.collecting,
            version=row.version,
            ignored=row.ignored_at is not None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in connection.execute(query)
    ]


def others(connection: sa.Connection, line: Line) -> list[Line]:
    """The communications of an overview line's subject besides the shown one, newest first.

    Each is its worst lane's latest attempt; without any its line has the communication's id.
    """
    found = sorted(
        (
            state
            for state in states(connection, [line.subject_id])[line.subject_id]
            if state.id != line.communication_id
        ),
        key=lambda state: state.newest,
        reverse=True,
    )
    entries = [state.worst.latest_entry_id for state in found]
    tried = {
        other.id: other
        for other in lists.by_ids(connection, Tab.LOG, [entry for entry in entries if entry])
    }
    facts = {fact.id: fact for fact in communications(connection, line.subject_id)}
    return [
        tried[entry] if entry else _untried(line, state, facts[state.id])
        for state, entry in zip(found, entries, strict=True)
    ]


def _untried(line: Line, state: CommunicationState, facts: CommunicationFacts) -> Line:
    """A communication without an attempt, as a line beside the shown one of its subject."""
    status = state.worst.status
    return replace(
        line,
        id=state.id,
        communication_id=state.id,
        entry_id=None,
        kind=facts.kind,
        channel=state.worst.channel,
        provider="",
        recipient="",
        status=status,
        chip=chip_of(status) or Chip.NOT_SENT,
        error_class=None,
        error_code="",
        error_message="",
        error_key="",
        created_at=facts.created_at,
        sent_at=None,
        updated_at=facts.updated_at,
        acted_at=facts.created_at,
        ignored=state.ignored,
        attempts=0,
        sort_id=state.newest,
        others=0,
        after_delivery=False,
        delivered_twice=False,
        note="",
    )
