"""What an access point says about a sent invoice, as facts of their layers, and when to ask it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from commtui.domain.vocabulary import Layer, Status
from commtui.providers import wire
from commtui.providers.base import DeliveryEvent
from commtui.providers.peppol_access import HistoryItem, Sort, Stage, Standing
from commtui.providers.peppol_codes import (
    ANSWERED,
    FAILURES,
    IMR_REFUSED,
    INVOICE_RESPONSE,
    LAYERS,
    MESSAGE_STATUS,
    MLS_REFUSED,
    QUESTION,
    REASONS,
    REJECTED,
    SEND_FAILED,
    STALLED,
    explain,
)

OFFSETS = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 900))
"""After acceptance, when it is asked about; then hourly until it was sent, and once a day after that."""
HOURLY, DAILY = timedelta(hours=1), timedelta(days=1)
STALE_AFTER = timedelta(hours=24)
WATCHED_FOR = timedelta(days=30)
"""Until when answers of the recipient and the buyer are waited for; none of them has to come."""
_CODE_KEYS = frozenset({"code", "status", "responsecode", "statuscode"})
_DEPTH = 4
_RAW_LIMIT = 600


@dataclass(frozen=True, slots=True)
class About:
    """The message that facts are about."""

    entry_id: str
    reference: str
    accepted_at: datetime
    """For facts that came without a time."""


def facts(about: About, history: Sequence[HistoryItem], standing: Standing) -> list[DeliveryEvent]:
    """Everything in a document's history that says something about it, the same facts every time.

    The history has to be read after the standing, so that it holds the reason for it.
    """
    found = []
    for item in history:
        if item.sort in (Sort.MESSAGE_STATUS, Sort.INVOICE_RESPONSE):
            found.append(_response(about, item))
        elif item.sort in (Sort.ATTEMPTED, Sort.OTHER):
            found.append(_event(about, item, item.word, words=_raw(item.details)))
        elif item.sort is Sort.FAILED and standing.stage is Stage.SENT:
            # an earlier try of the access point's own; while under way, its state has yet to follow
            words = _raw(item.details)
            found.append(_event(about, item, "attempt_failed", layer=Layer.TRANSPORT, words=words))
    return found


def standing_facts(
    about: About, history: Sequence[HistoryItem], standing: Standing, now: datetime
) -> list[DeliveryEvent]:
    """What the present state says; to be told once."""
    if standing.stage is Stage.SENT:
        item = _last(history, Sort.SENT) or HistoryItem(Sort.SENT, standing.word, now)
        event = _event(about, item, "sent", layer=Layer.TRANSPORT)
        return [replace(event, status=Status.SENT, payload=_payload(item, standing))]
    if standing.stage is Stage.FAILED:
        item = _last(history, Sort.FAILED) or HistoryItem(Sort.FAILED, standing.word, now)
        return [_failed(about, item, standing)]
    if standing.stage is Stage.OTHER:
        item = HistoryItem(Sort.OTHER, standing.word, now)
        event = _event(about, item, f"state:{standing.word}", layer=Layer.API)
        return [replace(event, payload=_payload(item, standing))]
    return []


def accepted(about: About, standing: Standing, at: datetime, *, settles: bool) -> DeliveryEvent:
    """That the access point took the document; `settles` when nothing else says that it was sent."""
    return DeliveryEvent(
        kind="accepted",
        at=at,
        entry_id=about.entry_id,
        provider_message_id=about.reference,
        recipient="",
        status=Status.SENT if settles else None,
        words=f"The access point took it: {standing.word}",
        payload=dict(standing.raw),
        layer=Layer.API,
    )


def taken_at(history: Sequence[HistoryItem]) -> datetime | None:
    """When the access point was told to send it, by its own history."""
    item = _last(history, Sort.ATTEMPTED)
    return item.at if item else None


def noted(about: About, kind: str, at: datetime, words: str, layer: Layer) -> DeliveryEvent:
    """Something that we found out ourselves."""
    return DeliveryEvent(
        kind=kind,
        at=at,
        entry_id=about.entry_id,
        provider_message_id=about.reference,
        recipient="",
        words=words,
        timed=False,
        layer=layer,
    )


def stalled(about: About, standing: Standing) -> DeliveryEvent:
    """That nothing was heard for a day."""
    words = f"After a day the access point still says {standing.word or 'nothing'}."
    event = noted(about, STALLED, about.accepted_at + STALE_AFTER, words, Layer.TRANSPORT)
    return replace(event, task=STALLED, timed=True)


def again_after(stage: Stage, accepted_at: datetime, now: datetime) -> float | None:
    """Seconds until the next question: the offsets first, hourly to 24 hours while under way, then daily."""
    if stage is Stage.FAILED:
        return None
    age = now - accepted_at
    for offset in OFFSETS:
        if offset > age:
            return (offset - age).total_seconds()
    if age >= WATCHED_FOR:
        return None
    interval = DAILY if stage is Stage.SENT or age >= STALE_AFTER else HOURLY
    return interval.total_seconds()


def response_code(details: Mapping[str, Any], known: Iterable[str]) -> str:
    """The code in a response's details, whose form nobody documents: the only known one on the highest level
    that has any, under a name such as code, status or response_code; empty when there is no such one."""
    wanted = frozenset(known)
    level: list[Any] = [details]
    for _ in range(_DEPTH):
        found = {
            value.strip().upper()
            for part in level
            if isinstance(part, Mapping)
            for name, value in part.items()
            if _bare(name) in _CODE_KEYS and isinstance(value, str)
        } & wanted
        if found:
            return found.pop() if len(found) == 1 else ""
        level = [inner for part in level for inner in _inner(part)]
    return ""


def _inner(part: Any) -> list[Any]:
    if isinstance(part, Mapping):
        return list(part.values())
    return list(part) if isinstance(part, list) else []


def _bare(name: object) -> str:
    return wire.code(name).replace("_", "")


def _response(about: About, item: HistoryItem) -> DeliveryEvent:
    """A message level status or an invoice response; one without a known code stays raw and says nothing."""
    table = MESSAGE_STATUS if item.sort is Sort.MESSAGE_STATUS else INVOICE_RESPONSE
    code = response_code(item.details, table)
    layer = LAYERS[item.sort.value]
    if not code:
        return _event(about, item, f"{item.sort}:unreadable", layer=layer, words=_raw(item.details))
    kind = f"{item.sort}:{code}"
    if kind == "imr:PD":
        layer = Layer.PAYMENT
    said = "; ".join(filter(None, (table[code], _reasons(item.details), _raw(item.details))))
    event = replace(_event(about, item, kind, layer=layer, words=said), code=kind)
    if kind in (MLS_REFUSED, IMR_REFUSED):
        problem = explain(Status.REJECTED, kind, said)
        event = replace(event, status=Status.REJECTED, error_class=problem.error_class)
    tasks = {IMR_REFUSED: REJECTED, "imr:UQ": QUESTION}
    closes = (QUESTION,) if kind in ANSWERED else ()
    return replace(event, task=tasks.get(kind, ""), closes=(*closes, STALLED))


def _failed(about: About, item: HistoryItem, standing: Standing) -> DeliveryEvent:
    said = _raw(item.details)
    code = next((code for pattern, code in FAILURES if pattern.search(said)), SEND_FAILED)
    return replace(
        _event(about, item, SEND_FAILED, layer=Layer.TRANSPORT, words=said),
        status=Status.REJECTED,
        error_class=explain(Status.REJECTED, code, said).error_class,
        code=code,
        closes=(STALLED,),
        payload=_payload(item, standing),
    )


def _event(
    about: About,
    item: HistoryItem,
    kind: str,
    *,
    layer: Layer | None = None,
    words: str = "",
) -> DeliveryEvent:
    return DeliveryEvent(
        kind=kind,
        at=item.at or about.accepted_at,
        entry_id=about.entry_id,
        provider_message_id=about.reference,
        recipient="",
        words=words,
        event_id=item.identifier,
        timed=item.at is not None,
        payload={"event_type": item.word, "id": item.identifier, "details": dict(item.details)},
        layer=layer,
        closes=(STALLED,) if item.sort is Sort.SENT else (),
    )


def _payload(item: HistoryItem, standing: Standing) -> dict[str, Any]:
    return {"document": dict(standing.raw), "details": dict(item.details)}


def _reasons(details: Mapping[str, Any]) -> str:
    """Known reason and action codes in the details, in words."""
    found: list[str] = []
    level: list[Any] = [details]
    for _ in range(_DEPTH):
        level = [inner for part in level for inner in _inner(part)]
        found += [value for value in level if isinstance(value, str) and value in REASONS]
    return ", ".join(REASONS[value] for value in dict.fromkeys(found))


def _raw(details: Mapping[str, Any]) -> str:
    """Details as they came, short enough for a line of the history."""
    if not details:
        return ""
    return wire.text(json.dumps(details, ensure_ascii=False, sort_keys=True), _RAW_LIMIT)


def _last(history: Sequence[HistoryItem], sort: Sort) -> HistoryItem | None:
    return next((item for item in reversed(history) if item.sort is sort), None)
