"""An imported line as plain values, and the rules for what it may change in what is already known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from commtui.domain.vocabulary import Channel, DocumentRole, Purpose, Release, Status


class Outcome(StrEnum):
    """What an accepted line did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line was not taken: its number in the file, the field, and the reason with the remedy."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportedCustomer:
    """A customer as a line brings it; what the line left out is in neither mapping, and null is empty."""

    id: str
    details: Mapping[str, str]
    """name, language, country, location_group"""
    contacts: Mapping[str, str]
    """email, phone; address and einvoice as canonical JSON"""
    opt_out: tuple[str, ...] | None = None
    """What the customer refuses: marketing, or a channel; None: the line left it out."""


@dataclass(frozen=True, slots=True)
class ImportedContent:
    """The texts of a message, or the context that a template makes them from."""

    subject: str = ""
    text: str = ""
    html: str = ""
    sms: str = ""
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """A document whose bytes are stored already."""

    role: DocumentRole
    name: str
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """One communication as the source system describes it."""

    number: int
    """Of the line in its file, from 1."""
    id: str
    customer: ImportedCustomer
    category: str
    """The subject's type."""
    reference: str
    title: str | None
    """None: the line left it out."""
    kind: str
    purpose: Purpose
    channels: tuple[Channel, ...]
    content: ImportedContent
    documents: tuple[ImportedDocument, ...]
    release: Release | None
    """None: the setting decides."""
    send_at: datetime | None
    expires_at: datetime | None
    collecting: bool
    line_hash: str
    content_hash: str
    """The first half is of the texts, the second of the documents."""

    @property
    def subject_key(self) -> str:
        """Which subject it is about, as `subject_key` makes it."""
        return subject_key(self.customer.id, self.category, self.reference)


def subject_key(customer_id: str, category: str, reference: str) -> str:
    """A short key of a subject in the source system's terms."""
    return digest([customer_id, category, reference])


def digest(value: object) -> str:
    """128 bits, in hexadecimal, of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]


def canonical(value: object) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def line_of(
    number: int, plain: Mapping[str, Any], hashes: tuple[str, str] | None = None
) -> ImportedLine:
    """The line from its plain JSON form; staged lines bring the hashes (line, content) along."""
    texts = {"content": plain["content"], "context": plain["context"]}
    line_hash, content_hash = hashes or (
        digest(plain),
        digest(texts) + digest(plain["documents"]),
    )
    customer, subject = plain["customer"], plain["subject"]
    return ImportedLine(
        number=number,
        id=plain["id"],
        customer=ImportedCustomer(
            customer["id"],
            customer["details"],
            customer["contacts"],
            tuple(customer["opt_out"]) if "opt_out" in customer else None,
        ),
        category=subject["type"],
        reference=subject["reference"],
        title=subject.get("title"),
        kind=plain["kind"],
        purpose=Purpose(plain["purpose"]),
        channels=tuple(Channel(channel) for channel in plain["channels"]),
        content=ImportedContent(**(plain["content"] or {}), context=plain["context"]),
        documents=tuple(
            ImportedDocument(DocumentRole(role), name, media_type, sha256)
            for role, name, media_type, sha256 in plain["documents"]
        ),
        release=Release(plain["release"]) if plain["release"] else None,
        send_at=_instant(plain["send_at"]),
        expires_at=_instant(plain["expires_at"]),
        collecting=plain["collecting"],
        line_hash=line_hash,
        content_hash=content_hash,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Known:
    """A communication as it is stored when a line with its id arrives."""

    subject_key: str
    line_hash: str
    collecting: bool
    started: Status | None = None
    """The status of a lane that forbids replacing content; None while all may still change."""
    kind: str = ""
    purpose: str = ""
    channels: tuple[str, ...] = ()
    release: str = ""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    content_hash: str = ""

    def with_line(self, line: ImportedLine) -> Known:
        """What is known once an accepted line is applied."""
        return replace(
            self,
            subject_key=line.subject_key,
            line_hash=line.line_hash,
            collecting=line.collecting,
            kind=line.kind,
            purpose=line.purpose.value,
            channels=tuple(channel.value for channel in line.channels),
            release=line.release.value if line.release else self.release,
            send_at=line.send_at,
            expires_at=line.expires_at,
            content_hash=line.content_hash,
        )


def judge(line: ImportedLine, known: Known | None) -> Outcome | Refusal:
    """Whether a line may go in, and as what."""
    if known is None:
        return Outcome.CREATED
    if known.line_hash == line.line_hash:
        return Outcome.UNCHANGED
    if known.subject_key != line.subject_key:
        return Refusal(
            line.number,
            "subject",
            "this id belongs to another subject or customer, and a communication cannot move; "
            "give it an id of its own",
        )
    if line.collecting and not known.collecting:
        return Refusal(
            line.number,
            "collecting",
            "this communication is complete already and cannot go back to collecting; "
            "leave `collecting` out, or use a new id",
        )
    changed = changed_fields(line, known)
    if known.started is not None and changed:
        word = "waiting to be sent" if known.started is Status.QUEUED else known.started.value
        return Refusal(
            line.number,
            changed[0],
            f"the message is already {word}, so {', '.join(changed)} cannot be replaced any more; "
            "send the change as a new communication with an id of its own",
        )
    return Outcome.UPDATED


def changed_fields(line: ImportedLine, known: Known) -> list[str]:
    """The fields of a communication (customer and title apart) that a line would change."""
    half = len(line.content_hash) // 2
    pairs: tuple[tuple[str, object, object], ...] = (
        ("content", line.content_hash[:half], known.content_hash[:half]),
        ("documents", line.content_hash[half:], known.content_hash[half:]),
        ("channels", tuple(channel.value for channel in line.channels), known.channels),
        ("kind", line.kind, known.kind),
        ("purpose", line.purpose.value, known.purpose),
        ("release", line.release.value if line.release else known.release, known.release),
        ("send_at", line.send_at, known.send_at),
        ("expires_at", line.expires_at, known.expires_at),
    )
    return [name for name, new, old in pairs if new != old]


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach a customer: the source's word, and an operator's correction of it."""

    source_value: str = ""
    correction: str = ""
    replaced_value: str = ""
    """What the source said when the operator corrected it."""

    @property
    def value(self) -> str:
        """The one in use."""
        return self.correction or self.source_value

    def brought(self, value: str) -> Contact:
        """The contact after the source says `value`: a correction holds until that is something new."""
        if self.correction and value not in (self.replaced_value, self.correction):
            return Contact(value)
        return replace(self, source_value=value)
