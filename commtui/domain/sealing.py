"""Seals: the same bytes for a record on both databases, and a chain of hashes over intervals of records.

What a seal holds of personal text are salted hashes, never the text, so it stays valid when the text is erased.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

FORMAT = 1
_ENTRY = (
    *(
        "id",
        "communication_id",
        "subject_id",
        "customer_id",
        "channel",
        "provider",
        "cause",
        "author",
    ),
    *("author_verified", "replaces_id", "bulk_run_id", "version", "rendering", "template_version"),
    *(
        "recipient_hash",
        "content_hash",
        "category",
        "location_group",
        "created_at",
        "reason",
        "task",
    ),
)
_STATUS = (
    *(
        "id",
        "entry_id",
        "at",
        "status",
        "word",
        "source",
        "try_number",
        "error_class",
        "error_code",
    ),
    *(
        "author",
        "author_verified",
        "layer",
        "fact",
        "rank",
        "step",
        "provider_message_id",
        "words_hash",
    ),
)
_AUDIT = (
    *("id", "at", "operator", "operator_verified", "action", "targets", "result", "login_uid"),
    *("process_uid", "database_role", "words_hash"),
)
COLUMNS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    1: {"entry": _ENTRY, "status": _STATUS, "audit": _AUDIT}
}
"""What is hashed of each kind of record, by format. A new column is a new format; old seals keep theirs."""
_MEMBER = struct.Struct(">B16sQ8s")


class Kind(IntEnum):
    """Which table a sealed record stands in."""

    ENTRY = 1
    STATUS = 2
    AUDIT = 3

    @property
    def word(self) -> str:
        """As messages and formats name it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the record that is not as it was written."""

    place: str
    """What it is about: "entry 0193…", "seal 7", "guard"."""
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification of the record found."""

    findings: tuple[Finding, ...]
    seals: int
    head: str
    """Hash of the last seal; empty when there is none."""
    sealed: int
    """Records in the chain."""
    waiting: int
    """Records that wait for the next seal."""
    erased: int
    """Recipients and words that were emptied."""
    documents: int


@dataclass(frozen=True, slots=True)
class Member:
    """A sealed record: where it stands, and the beginning of its hash, which tells what was changed."""

    kind: Kind
    id: str
    seq: int
    """Its number in the journal: the order in which rows of one entry were written."""
    mark: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain."""

    number: int
    at: datetime
    upto: tuple[int, int]
    """Transaction and number of the last journal row in it."""
    records: int
    members: bytes
    digest: str
    """Over the whole hashes of its records, in order."""
    previous: str
    hash: str
    format: int = FORMAT

    @property
    def computed(self) -> str:
        """What its hash has to be."""
        return _hash(
            {
                "format": self.format,
                "number": self.number,
                "at": _plain(self.at),
                "upto": list(self.upto),
                "records": self.records,
                "members": hashlib.sha256(self.members).hexdigest(),
                "digest": self.digest,
                "previous": self.previous,
            }
        ).hex()


def record_hash(kind: Kind, row: Mapping[str, Any], form: int = FORMAT) -> bytes:
    """The hash of a record's columns: ASCII JSON with sorted keys, times in UTC with microseconds."""
    names = COLUMNS[form][kind.word]
    return _hash([kind.word, {name: _plain(row[name]) for name in names}])


def digest(hashes: Iterable[bytes]) -> str:
    """One hash over many, in order."""
    whole = hashlib.sha256()
    for item in hashes:
        whole.update(item)
    return whole.hexdigest()


def pack(members: Sequence[Member]) -> bytes:
    """Members as a seal keeps them: 33 bytes each."""
    return b"".join(
        _MEMBER.pack(item.kind, uuid.UUID(item.id).bytes, item.seq, item.mark[:8])
        for item in members
    )


def unpack(packed: bytes) -> list[Member]:
    """The members again. Raises ValueError when these are not the bytes of members."""
    if len(packed) % _MEMBER.size:
        raise ValueError("cut off")
    return [
        Member(Kind(kind), str(uuid.UUID(bytes=identifier)), seq, mark)
        for kind, identifier, seq, mark in _MEMBER.iter_unpack(packed)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def _hash(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).digest()
