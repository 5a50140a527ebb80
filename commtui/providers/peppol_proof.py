"""The proof of a sent e-invoice: the bytes that the access point sent, beside those that were uploaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from commtui.domain.vocabulary import DocumentRole
from commtui.errors import ProviderError
from commtui.providers.base import Document
from commtui.providers.peppol_access import AccessPoint, HistoryItem, Standing
from commtui.providers.peppol_facts import About

KEPT, MISSING = "kept", "missing"


@dataclass(frozen=True, slots=True)
class Proof:
    """What could be had as a proof, and what it says."""

    state: str
    """KEPT, or MISSING: asked for again."""
    kind: str
    words: str
    documents: tuple[Document, ...] = field(default=(), repr=False)


def invoices(documents: Sequence[Document]) -> list[Document]:
    """The e-invoices among documents: the XML where there is XML, whatever its reader makes of it."""
    found = [item for item in documents if item.role is DocumentRole.EINVOICE]
    written = [item for item in found if item.media_type.endswith("xml")]
    return written or found


async def fetch(
    point: AccessPoint,
    about: About,
    sent: Sequence[Document],
    history: Sequence[HistoryItem],
    standing: Standing,
) -> Proof:
    """Fetch the sent document, compare it with the uploaded one, and write down what the access point says."""
    try:
        copy = await point.sent_copy(about.reference)
    except ProviderError as error:
        words = f"The sent document could not be fetched yet ({error.code}); it is tried again."
        return Proof(MISSING, "not_archived", words)
    digest = hashlib.sha256(copy.content).hexdigest()
    uploaded = next(iter(invoices(sent)), None)
    ours = hashlib.sha256(uploaded.content).hexdigest() if uploaded else ""
    record = {
        "document": dict(standing.raw),
        "sent": dict(copy.record),
        "sent_sha256": digest,
        "uploaded_sha256": ours,
        "timeline": [_written(item) for item in history],
    }
    content = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)
    kept = [
        Document(DocumentRole.EINVOICE, "as-sent.xml", "application/xml", copy.content),
        Document(
            DocumentRole.ATTACHMENT,
            "access-point.json",
            "application/json",
            content.encode(errors="replace"),
        ),
    ]
    if digest == ours:
        words = f"The document sent is the one uploaded, byte for byte (SHA-256 {digest})."
        return Proof(KEPT, "archived", words, tuple(kept))
    if uploaded:
        kept.append(replace(uploaded, name="as-uploaded.xml"))
    words = f"The document sent (SHA-256 {digest}) is not the one uploaded ({ours or 'not kept'})."
    return Proof(KEPT, "archived:differs", words, tuple(kept))


def _written(item: HistoryItem) -> dict[str, object]:
    return {
        "event_type": item.word,
        "timestamp": item.at.isoformat() if item.at else None,
        "id": item.identifier,
        "details": dict(item.details),
    }
