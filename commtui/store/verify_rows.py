"""Verification beside the seals: moved columns against the fold, side texts and documents against hashes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from commtui.domain.fold import Fact, Told, replay
from commtui.domain.imported import digest
from commtui.domain.sealing import Finding
from commtui.domain.vocabulary import Chip, ErrorClass, Status, chip_of
from commtui.store.entries import NO_WORDS, salted
from commtui.store.overview import batches
from commtui.store.tables import (
    audit,
    audit_text,
    communication,
    communication_document,
    content,
    document,
    entry,
    entry_status,
    entry_status_text,
    entry_text,
)

PAGE = 500
_FIRST = "00000000-0000-0000-0000-000000000000"


@dataclass
class Seen:
    """What went by, for the report; and entries whose history has to be read in the order it was written."""

    erased: int = 0
    documents: int = 0
    doubtful: dict[str, list[Any]] = field(default_factory=dict)


def entries(connection: sa.Connection, seen: Seen) -> Iterator[Finding]:
    """Every entry: its recipient, its content, its history's words, and its state as the fold of its history."""
    for rows in _pages(connection, entry):
        ids = [row.id for row in rows]
        texts = _by_id(connection, entry_text.c.entry_id, ids)
        history = _history(connection, ids)
        every = [item for items in history.values() for item in items]
        said = _by_id(connection, entry_status_text.c.entry_status_id, [item.id for item in every])
        yield from _words("status", every, said, seen)
        yield from _contents(connection, rows)
        for row in rows:
            place = f"entry {row.id}"
            told = history.get(row.id, [])
            yield from _recipient(place, row, texts.get(row.id), seen)
            yield from _copies(place, texts.get(row.id), told, said)
            if not told:
                yield Finding(place, "has no history")
            elif _differences(row, told):
                seen.doubtful[row.id] = told


def doubtful(connection: sa.Connection, seen: Seen, positions: dict[str, int]) -> Iterator[Finding]:
    """Entries that differ from their history by id, compared again in the order of the journal.

    Ids carry the time at which their transaction began; two that waited for each other may have been
    written the other way round.
    """
    for ids in batches(list(seen.doubtful)):
        for row in connection.execute(sa.select(entry).where(entry.c.id.in_(ids))):
            told = sorted(seen.doubtful[row.id], key=lambda item: positions.get(item.id, 0))
            if different := _differences(row, told):
                yield Finding(f"entry {row.id}", f"does not agree with its history: {different}")


def audits(connection: sa.Connection, seen: Seen) -> Iterator[Finding]:
    """The words of every audit row."""
    for rows in _pages(connection, audit):
        said = _by_id(connection, audit_text.c.audit_id, [row.id for row in rows])
        yield from _words("audit", rows, said, seen)


def documents(connection: sa.Connection, seen: Seen) -> Iterator[Finding]:
    """The bytes of every document, one at a time."""
    last = ""
    while row := connection.execute(
        sa.select(document).where(document.c.sha256 > last).order_by(document.c.sha256).limit(1)
    ).first():
        last = row.sha256
        seen.documents += 1
        if not row.content and row.size:
            seen.erased += 1
        elif hashlib.sha256(row.content).hexdigest() != row.sha256 or len(row.content) != row.size:
            yield Finding(f"document {row.sha256}", "does not have the bytes of its hash")


def _pages(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    last = _FIRST
    while rows := connection.execute(
        sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(PAGE)
    ).all():
        last = rows[-1].id
        yield rows


def _by_id(connection: sa.Connection, key: sa.Column[Any], ids: Sequence[str]) -> dict[str, Any]:
    return {
        row._mapping[key]: row
        for batch in batches(ids)
        for row in connection.execute(sa.select(key.table).where(key.in_(batch)))
    }


def _history(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for batch in batches(ids):
        query = (
            sa.select(entry_status)
            .where(entry_status.c.entry_id.in_(batch))
            .order_by(entry_status.c.id)
        )
        for row in connection.execute(query):
            found[row.entry_id].append(row)
    return found


def _words(
    kind: str, rows: Sequence[Any], said: Mapping[str, Any], seen: Seen
) -> Iterator[Finding]:
    """Words beside sealed rows, against the salted hashes that these hold; an empty hash is older than seals."""
    for row in rows:
        text = said.get(row.id)
        place = f"{kind} {row.id}"
        if not row.words_hash:
            continue
        if row.words_hash == NO_WORDS:
            if text is not None and text.words:
                yield Finding(place, "has words now, and had none when it was written")
        elif text is None:
            yield Finding(place, "has lost its words; erasure would have emptied them")
        elif not text.salt and not text.words:
            seen.erased += 1
        elif salted(text.salt, text.words) != row.words_hash:
            yield Finding(place, "has other words than it was written with")


def _copies(
    place: str, text: Any, told: Sequence[Any], said: Mapping[str, Any]
) -> Iterator[Finding]:
    """An entry shows the last words of its history, and no others."""
    if text is None or not all(item.words_hash for item in told):
        return
    words = {said[item.id].words for item in told if item.id in said}
    for name, shown in (("an error", text.error_words), ("a note", text.note)):
        if shown and shown not in words:
            yield Finding(place, f"shows {name} in words that its history does not have")


def _recipient(place: str, row: Any, text: Any, seen: Seen) -> Iterator[Finding]:
    if text is None:
        yield Finding(place, "has lost its recipient; erasure would have emptied it")
    elif not text.salt and not text.recipient:
        seen.erased += 1
    elif salted(text.salt, text.recipient) != row.recipient_hash:
        yield Finding(place, "has another recipient than it was written with")


def _contents(connection: sa.Connection, rows: Sequence[Any]) -> Iterator[Finding]:
    """Content and documents of entries, against the hash that each entry was written with."""
    ids = sorted({row.communication_id for row in rows})
    contents: dict[tuple[str, int, int], Any] = {}
    listed: dict[tuple[str, int], list[list[str]]] = defaultdict(list)
    owners = _by_id(connection, communication.c.id, ids)
    for batch in batches(ids):
        for item in connection.execute(
            sa.select(content).where(content.c.communication_id.in_(batch))
        ):
            contents[item.communication_id, item.version, item.rendering] = item
        for item in connection.execute(
            sa.select(communication_document)
            .where(communication_document.c.communication_id.in_(batch))
            .order_by(communication_document.c.position)
        ):
            listed[item.communication_id, item.version].append(
                [item.role, item.name, item.media_type, item.sha256]
            )
    for row in rows:
        place = f"entry {row.id}"
        owner = owners.get(row.communication_id)
        if owner is None:
            yield Finding(place, "belongs to a communication that is not there")
        elif (owner.subject_id, owner.customer_id) != (row.subject_id, row.customer_id):
            yield Finding(place, "belongs to another subject or customer than its communication")
        found = contents.get((row.communication_id, row.version, row.rendering))
        if found is None:
            yield Finding(place, "has lost its content")
        elif not _content_fits(found, listed[row.communication_id, row.version], row.content_hash):
            yield Finding(place, "has other content or documents than it was written with")


def _content_fits(found: Any, listed: list[list[str]], wanted: str) -> bool:
    texts = {name: getattr(found, name) for name in ("subject", "text", "html", "sms")}
    if found.content_hash:
        return bool(found.content_hash == wanted)
    if not any(texts.values()) and found.context in (None, {}):
        # emptied by erasure, or never there: what it was is not known any more
        return True
    half = len(wanted) // 2
    forms = ({"content": form, "context": found.context} for form in (texts, None))
    fits = any(digest(form) == wanted[:half] for form in forms)
    named = all(name for _, name, _, _ in listed)
    return fits and (not named or digest(listed) == wanted[half:])


def _differences(row: Any, told: Sequence[Any]) -> str:
    """What an entry's moved columns are, and what its history makes them; empty when they agree.

    A history that began before seals does not tell what the fold was given.
    """
    if not all(item.fact for item in told):
        return ""
    state, message_id = replay([_told(item) for item in told])
    wanted = {
        "status": state.status.value,
        "chip": (chip_of(state.status) or Chip.NOT_SENT).value,
        "status_at": state.at,
        "rank": state.rank,
        "error_class": state.error_class.value if state.error_class else "",
        "error_code": state.code,
        "sent_at": state.sent_at,
        "delivered_at": state.delivered_at,
        "provider_message_id": message_id,
    }
    return ", ".join(
        f"{name} is {getattr(row, name)} and should be {value}"
        for name, value in wanted.items()
        if getattr(row, name) != value
    )


def _told(item: Any) -> Told:
    fact = Fact(
        Status(item.fact),
        item.at,
        ErrorClass(item.error_class) if item.error_class else None,
        item.error_code,
        item.rank,
    )
    return Told(fact, item.step, item.provider_message_id)
