"""Everything that is stored about single entries: attempts, their history, content and documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.lines import Line
from commtui.domain.views import Attempt, DocumentInfo, Happening
from commtui.domain.vocabulary import (
    Cause,
    Channel,
    DocumentRole,
    Layer,
    Release,
    Source,
    Status,
    Tab,
)
from commtui.errors import NotFound
from commtui.store import lists, providers_state, workers
from commtui.store.overview import batches
from commtui.store.tables import (
    communication,
    communication_document,
    content,
    customer,
    document,
    entry,
    entry_status,
    entry_status_text,
    entry_text,
    outbox,
    provider_event,
)
from commtui.store.tables_wishes import rendered_document, template


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What an entry sent and where it stands."""

    id: str
    communication_id: str
    subject_id: str
    customer_id: str
    """The customer's id in the source system."""
    channel: Channel
    provider: str
    status: Status
    rank: int
    version: int
    rendering: int
    content_hash: str
    recipient: str
    recipient_name: str
    error_code: str
    ignored: bool
    template_version: str
    provider_message_id: str
    letter_for: str
    """The address printed in its letter, when a template made that."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why something has not left yet."""

    release: Release
    send_at: datetime | None
    expires_at: datetime | None
    due_at: datetime | None = None
    """Of its outbox row; None: it is not queued."""
    tries: int = 0
    reason: str = ""
    """The code of what stopped the last try."""
    pause: providers_state.Pause | None = None
    workers: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """The texts of one version of a communication."""

    subject: str = ""
    text: str = ""
    html: str = ""
    sms: str = ""


def stored_entry(connection: sa.Connection, entry_id: str) -> StoredEntry:
    """One entry. Raises NotFound."""
    found = stored_entries(connection, [entry_id])
    if not found:
        raise NotFound(f"there is no entry {entry_id}")
    return next(iter(found.values()))


def stored_entries(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, StoredEntry]:
    """Entries by id; unknown ids are left out."""
    found: dict[str, StoredEntry] = {}
    for batch in batches(entry_ids):
        rows = connection.execute(
            sa.select(
                entry,
                entry_text.c.recipient,
                entry_text.c.recipient_name,
                customer.c.external_id,
                content.c.letter_for,
            )
            .join(customer, customer.c.id == entry.c.customer_id)
            .outerjoin(entry_text, entry_text.c.entry_id == entry.c.id)
            .outerjoin(
                content,
                sa.and_(
                    content.c.communication_id == entry.c.communication_id,
                    content.c.version == entry.c.version,
                    content.c.rendering == entry.c.rendering,
                ),
            )
            .where(entry.c.id.in_(batch))
        )
        found.update((row.id, _stored(row)) for row in rows)
    return found


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(
        id=row.id,
        communication_id=row.communication_id,
        subject_id=row.subject_id,
        customer_id=row.external_id,
        channel=Channel(row.channel),
        provider=row.provider,
        status=Status(row.status),
        rank=row.rank,
        version=row.version,
        rendering=row.rendering,
        content_hash=row.content_hash,
        recipient=row.recipient or "",
        recipient_name=row.recipient_name or "",
        error_code=row.error_code,
        ignored=row.ignored_at is not None,
        template_version=row.template_version,
        provider_message_id=row.provider_message_id,
        letter_for=row.letter_for or "",
    )


def entries_of(connection: sa.Connection, subject_id: str) -> list[str]:
    """The entries of a subject, newest first."""
    query = (
        sa.select(entry.c.id).where(entry.c.subject_id == subject_id).order_by(entry.c.id.desc())
    )
    return list(connection.execute(query).scalars())


def lane_entries(connection: sa.Connection, communication_id: str, channel: Channel) -> list[str]:
    """The entries of a lane, newest first."""
    query = (
        sa.select(entry.c.id)
        .where(entry.c.communication_id == communication_id, entry.c.channel == channel.value)
        .order_by(entry.c.id.desc())
    )
    return list(connection.execute(query).scalars())


def attempts(connection: sa.Connection, entry_ids: Sequence[str]) -> list[Attempt]:
    """These entries as attempts, in the order asked for; unknown ids are left out."""
    lines = {line.id: line for line in lists.by_ids(connection, Tab.LOG, entry_ids)}
    rows: dict[str, Any] = {}
    for batch in batches(entry_ids):
        query = (
            sa.select(entry, entry_text.c.note, template.c.kind, template.c.language)
            .outerjoin(entry_text, entry_text.c.entry_id == entry.c.id)
            .outerjoin(template, template.c.version == entry.c.template_version)
            .where(entry.c.id.in_(batch))
        )
        rows.update((row.id, row) for row in connection.execute(query))
    return [_attempt(lines[key], rows[key]) for key in entry_ids if key in lines]


def _attempt(line: Line, row: Any) -> Attempt:
    return Attempt(
        line=line,
        cause=Cause(row.cause),
        author=row.author,
        author_verified=row.author_verified,
        replaces_id=row.replaces_id,
        settled_by=row.settled_by,
        provider_message_id=row.provider_message_id,
        version=row.version,
        note=row.note or "",
        template=f"{row.kind}/{row.language} {row.template_version}" if row.kind else "",
    )


@dataclass(frozen=True, slots=True)
class Event:
    """A provider's fact about an entry."""

    at: datetime
    received_at: datetime
    kind: str
    code: str
    words: str
    provider_message_id: str
    raw: dict[str, Any]


def events(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, list[Event]]:
    """What the providers reported about entries, in the order in which it came."""
    found: dict[str, list[Event]] = defaultdict(list)
    for batch in batches(entry_ids):
        query = (
            sa.select(provider_event)
            .where(provider_event.c.entry_id.in_(batch))
            .order_by(provider_event.c.id)
        )
        for row in connection.execute(query):
            found[row.entry_id].append(
                Event(
                    row.at,
                    row.received_at,
                    row.kind,
                    row.payload["code"],
                    row.payload["words"],
                    row.provider_message_id,
                    row.payload["raw"],
                )
            )
    return found


def history(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, list[Happening]]:
    """Every status change, try and provider event of entries, in time order."""
    told: dict[str, list[Any]] = defaultdict(list)
    for batch in batches(entry_ids):
        query = (
            sa.select(entry_status, entry_status_text.c.words)
            .outerjoin(entry_status_text, entry_status_text.c.entry_status_id == entry_status.c.id)
            .where(entry_status.c.entry_id.in_(batch))
            .order_by(entry_status.c.id)
        )
        for row in connection.execute(query):
            told[row.entry_id].append(row)
    reported = events(connection, entry_ids)
    return {key: _merged(told[key], reported.get(key, [])) for key in entry_ids}


def _merged(told: Iterable[Any], reported: Iterable[Event]) -> list[Happening]:
    happenings = []
    before = ""
    moved: list[tuple[datetime, str, str]] = []
    for row in told:
        if row.source in (Source.EVENT.value, Source.POLL.value):
            moved.append((row.at, row.word, row.error_code))
        happenings.append(
            Happening(
                at=row.at,
                source=Source(row.source),
                word=row.word,
                code=row.error_code,
                words=row.words or "",
                author=row.author if row.source == Source.OPERATOR.value else "",
                status=Status(row.status) if row.status != before else None,
                layer=Layer(row.layer) if row.layer else None,
            )
        )
        before = row.status
    for event in reported:
        key = (event.at, event.kind, event.code)
        if key in moved:
            moved.remove(key)
            continue
        happenings.append(Happening(event.at, Source.EVENT, event.kind, event.code, event.words))
    return sorted(happenings, key=lambda happening: happening.at)


def documents(
    connection: sa.Connection, versions: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int, int], tuple[DocumentInfo, ...]]:
    """The documents by communication, version and rendering, without their bytes: the source's, then a made letter."""
    own: dict[tuple[str, int], list[DocumentInfo]] = defaultdict(list)
    made: dict[tuple[str, int, int], list[DocumentInfo]] = defaultdict(list)
    for batch in batches(sorted({identifier for identifier, _, _ in versions})):
        for row in connection.execute(
            sa.select(communication_document, document.c.size)
            .join(document, document.c.sha256 == communication_document.c.sha256)
            .where(communication_document.c.communication_id.in_(batch))
            .order_by(communication_document.c.position)
        ):
            own[(row.communication_id, row.version)].append(_document(row))
        for row in connection.execute(
            sa.select(rendered_document, document.c.size)
            .join(document, document.c.sha256 == rendered_document.c.sha256)
            .where(rendered_document.c.communication_id.in_(batch))
        ):
            made[(row.communication_id, row.version, row.rendering)].append(_document(row))
    return {key: (*own[key[:2]], *made[key]) for key in versions}


def _document(row: Any) -> DocumentInfo:
    return DocumentInfo(DocumentRole(row.role), row.name, row.media_type, row.size, row.sha256)


def newest_renderings(
    connection: sa.Connection, versions: Sequence[tuple[str, int]]
) -> list[tuple[str, int, int]]:
    """These versions of communications with what a template made of each last; 0: what the source delivered."""
    newest: dict[tuple[str, int], int] = {}
    for batch in batches(sorted({identifier for identifier, _ in versions})):
        query = (
            sa.select(
                content.c.communication_id, content.c.version, sa.func.max(content.c.rendering)
            )
            .where(content.c.communication_id.in_(batch))
            .group_by(content.c.communication_id, content.c.version)
        )
        newest.update(
            ((key, version), number) for key, version, number in connection.execute(query)
        )
    return [(*key, newest.get(key, 0)) for key in versions]


def contents(
    connection: sa.Connection, versions: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int, int], Content]:
    """The texts by communication, version and rendering; missing ones are left out."""
    wanted = set(versions)
    found = {}
    for batch in batches(sorted({identifier for identifier, _, _ in wanted})):
        query = sa.select(content).where(content.c.communication_id.in_(batch))
        for row in connection.execute(query):
            key = (row.communication_id, row.version, row.rendering)
            if key in wanted:
                found[key] = Content(row.subject, row.text, row.html, row.sms)
    return found


def waiting(
    connection: sa.Connection, communication_id: str, entry_id: str | None, now: datetime
) -> Waiting:
    """What holds a communication, or its entry, back. Raises NotFound."""
    row = connection.execute(
        sa.select(
            communication.c.release,
            communication.c.send_at,
            communication.c.expires_at,
            outbox.c.due_at,
            outbox.c.tries,
            outbox.c.reason,
            outbox.c.provider,
        )
        .outerjoin(
            outbox,
            sa.and_(outbox.c.communication_id == communication.c.id, outbox.c.entry_id == entry_id),
        )
        .where(communication.c.id == communication_id)
    ).first()
    if row is None:
        raise NotFound(f"there is no communication {communication_id}")
    pauses = providers_state.pauses(connection, now)
    return Waiting(
        release=Release(row.release),
        send_at=row.send_at,
        expires_at=row.expires_at,
        due_at=row.due_at,
        tries=row.tries or 0,
        reason=row.reason or "",
        pause=next((pause for pause in pauses if pause.provider == row.provider), None),
        workers=len(workers.alive(connection, now, "worker")),
    )
