"""What Chorus Pro says about a deposited file and its invoice, as facts of their layers, and when to ask again.

Chorus Pro pushes nothing, so it is asked, on the schedule of the reference (e-invoicing, section 1.7). Names, mail
addresses and telephone numbers of the recipient's people stand in its answers and are left there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from commtui.domain.vocabulary import Layer, Status
from commtui.providers import wire
from commtui.providers.base import DeliveryEvent
from commtui.providers.chorus_api import mapping, number, rows
from commtui.providers.chorus_codes import (
    FLOW_STALE,
    NUMBER_TAKEN,
    PARTIAL,
    REFUSED_IN_PART,
    TAKEN_IN_PART,
    Meaning,
    action_meaning,
    flow_meaning,
    invoice_meaning,
)
from commtui.providers.chorus_problems import explain

FIRST_POLL = timedelta(minutes=1)
FLOW_POINTS = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 10, 30))
"""After the deposit, when its flow is asked about; then hourly until it is stale, and four times a day after that."""
HOURLY, STALE_AFTER, STALE_AGAIN = timedelta(hours=1), timedelta(hours=24), timedelta(hours=6)
INVOICE_AGAIN, OFTEN_UNTIL, SELDOM_AGAIN = (
    timedelta(hours=12),
    timedelta(days=90),
    timedelta(days=1),
)
WATCHED_FOR = timedelta(days=730)
JITTER = 0.1
"""At most this much later than planned, so that not everything is asked at once."""
PARIS = ZoneInfo("Europe/Paris")
_CLOCK_SLACK = timedelta(days=1)
_FRENCH = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
_MILLISECONDS = 10**11
"""Unix times above it are in milliseconds."""
_ERRORS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class About:
    """The message that facts are about."""

    entry_id: str
    flow: str
    """Its flow number, which is its id at Chorus Pro."""
    number: str
    """The invoice's, as its bytes say; empty when it is not known any more."""
    now: datetime


def flow_again(accepted_at: datetime, now: datetime) -> float:
    """Seconds until a flow without a result is asked about again."""
    age = now - accepted_at
    point = next((point for point in FLOW_POINTS if point > age), None)
    if point is not None:
        return _later(point - age)
    return _later(HOURLY if age < STALE_AFTER else STALE_AGAIN)


def invoice_again(accepted_at: datetime, now: datetime) -> float | None:
    """Seconds until an invoice is asked about again; None when nothing is expected any more."""
    age = now - accepted_at
    if age >= WATCHED_FOR:
        return None
    return _later(INVOICE_AGAIN if age < OFTEN_UNTIL else SELDOM_AGAIN)


def _later(wait: timedelta) -> float:
    return wait.total_seconds() * (1 + random.uniform(0, JITTER))  # noqa: S311 - spreads load


def moment(value: object, now: datetime) -> tuple[datetime, bool]:
    """A time as Chorus Pro writes it (the forms differ by route), Paris time unless it names a zone.

    Also says whether it could be read; otherwise it is `now`.
    """
    found = wire.text(value, 40).strip()
    at = _read_time(found)
    if at is None or at > now + _CLOCK_SLACK:
        return now, False
    return at, True


def _read_time(found: str) -> datetime | None:
    seconds = number(found)
    try:
        if seconds is not None:
            scale = 1000 if seconds > _MILLISECONDS else 1
            return datetime.fromtimestamp(seconds / scale, UTC)
        at = _french(found) or datetime.fromisoformat(found)
        return (at if at.tzinfo else at.replace(tzinfo=PARIS)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _french(found: str) -> datetime | None:
    for form in _FRENCH:
        try:
            return datetime.strptime(found, form).replace(tzinfo=PARIS)
        except ValueError:
            continue
    return None


def accepted(about: About, words: str) -> DeliveryEvent:
    """That Chorus Pro took the file: the first of five different things that are called success."""
    return DeliveryEvent(
        kind="deposited",
        at=about.now,
        entry_id=about.entry_id,
        provider_message_id=about.flow,
        recipient="",
        status=Status.SENT,
        words=words,
        payload={"numeroFluxDepot": about.flow},
        layer=Layer.API,
        timed=False,
    )


def flow_fact(about: About, state: str, said: Mapping[str, Any]) -> DeliveryEvent:
    """The present state of a flow; in one that was taken in part, of our invoice in it."""
    errors = rows(said.get("listeErreurDP"))
    meaning = flow_meaning(state)
    if state in PARTIAL:
        meaning = _in_part(about, errors) or meaning
    ours = [row for row in errors if _same(row.get("numeroDP"), about.number)]
    words = _joined(meaning.words, _refusals(ours or errors, said))
    at, timed = moment(said.get("dateHeureEtatCourantFlux"), about.now)
    payload = {
        "etatCourantDepotFlux": state,
        "dateHeureEtatCourantFlux": said.get("dateHeureEtatCourantFlux"),
        "nomFichier": said.get("nomFichier"),
        "listeErreurDP": errors[:_ERRORS_LIMIT],
        "listeErreurTechnique": rows(said.get("listeErreurTechnique"))[:_ERRORS_LIMIT],
    }
    return _event(about, state, meaning, words, at, payload, timed=timed)


def _in_part(about: About, errors: Sequence[Mapping[str, Any]]) -> Meaning | None:
    """Whether our invoice is among the refused ones; None when the list does not let us tell."""
    numbers = [row.get("numeroDP") for row in errors]
    if not about.number or not numbers:
        return None
    if any(_same(value, about.number) for value in numbers):
        return REFUSED_IN_PART
    return TAKEN_IN_PART


def _same(value: object, wanted: str) -> bool:
    return bool(wanted) and wire.text(value, 200).strip().casefold() == wanted.casefold()


def _refusals(errors: Iterable[Mapping[str, Any]], said: Mapping[str, Any]) -> str:
    """Chorus Pro's own words; they are cut there and may hold several messages, so nobody may reason from them."""
    found = [wire.text(row.get("libelleErreurDP"), 400) for row in errors]
    for row in rows(said.get("listeErreurTechnique")):
        parts = (row.get("codeErreur"), row.get("libelleErreur"), row.get("natureErreur"))
        found.append(" ".join(filter(None, (wire.text(part, 400) for part in parts))))
    return "; ".join(part for part in found[:_ERRORS_LIMIT] if part)


def number_taken(about: About, refused: DeliveryEvent, flow: str) -> DeliveryEvent:
    """A refused flow whose invoice number Chorus Pro has already, from another flow: the other one won."""
    words = (
        f"Invoice {about.number} is there already, from flow {flow or '(none)'}. {refused.words}"
    )
    meaning = Meaning(Layer.TRANSPORT, words, Status.REJECTED, NUMBER_TAKEN, final=True)
    return _event(
        about,
        refused.kind,
        meaning,
        wire.text(words),
        refused.at,
        refused.payload,
        timed=refused.timed,
        code="NUMBER_TAKEN",
    )


def stale(about: About, last: str) -> DeliveryEvent:
    """A flow that has had no result for a day."""
    words = f"No result a day after the deposit; the last state is {last or 'not known'}."
    meaning = Meaning(Layer.TRANSPORT, words, None, FLOW_STALE)
    return _event(about, "stale", meaning, words, about.now, {"etatCourantDepotFlux": last})


def no_longer_stale(about: About) -> DeliveryEvent:
    """A flow that has its result after all."""
    words = "Chorus Pro has reported a result."
    meaning = Meaning(Layer.TRANSPORT, words, None, closes=(FLOW_STALE,))
    return _event(about, "result", meaning, words, about.now, {})


def unwatched(about: About, last: str) -> DeliveryEvent:
    """An invoice that is not asked about any more."""
    words = f"Not asked about any more after two years; the last status is {last or 'not known'}."
    return _event(
        about,
        "watch_ended",
        Meaning(Layer.MESSAGE, words, None),
        words,
        about.now,
        {"statut": last},
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice's history, without the people in it."""

    key: str
    """Tells it from the others, at every time of asking."""
    status: str
    at: datetime
    timed: bool
    comment: str
    raw: Mapping[str, Any]


def history_lines(said: Mapping[str, Any], now: datetime) -> list[Line]:
    """The lines of an invoice's history in their order; its present status alone when there are none."""
    listed = rows(mapping(said.get("historiquesDesStatuts")).get("histoStatut"))
    if all(number(row.get("histoStatutId")) is not None for row in listed):
        listed.sort(key=lambda row: number(row.get("histoStatutId")) or 0)
    lines = []
    for position, row in enumerate(listed):
        status = wire.text(row.get("histoStatutCode"), 60).strip()
        if not status:
            continue
        at, timed = moment(row.get("histoStatutDatePassage"), now)
        identifier = wire.text(row.get("histoStatutId"), 40)
        raw = {
            "histoStatutId": identifier,
            "histoStatutCode": status,
            "histoStatutDatePassage": wire.text(row.get("histoStatutDatePassage"), 40),
        }
        # several on one day may come with the day only: they stay in their order, and apart
        if timed and not at.microsecond:
            at += timedelta(microseconds=position)
        comment = wire.text(row.get("histoStatutCommentaire"), 1000).strip()
        key = identifier or f"{status}@{raw['histoStatutDatePassage']}"
        lines.append(Line(key, status, at, timed, comment, raw))
    present = wire.text(said.get("statutCourantCode"), 60).strip()
    if not lines and present:
        lines.append(Line(present_key(present), present, now, False, "", {"statut": present}))
    return lines


def present_key(status: str) -> str:
    """The key of a status that was told without a history."""
    return f"now:{status}"


def invoice_fact(about: About, line: Line) -> DeliveryEvent:
    """A line of an invoice's history; its comment is the only explanation that people get."""
    meaning = invoice_meaning(line.status)
    return _event(
        about,
        line.status,
        meaning,
        _joined(meaning.words, line.comment),
        line.at,
        {**line.raw, "histoStatutCommentaire": line.comment},
        timed=line.timed,
    )


def action_fact(about: About, action: str) -> DeliveryEvent:
    """The last thing that somebody did with an invoice; Chorus Pro does not say when."""
    meaning = action_meaning(action)
    payload = {"derniereActionCode": action}
    return _event(about, action, meaning, meaning.words, about.now, payload, timed=False)


def _joined(ours: str, theirs: str) -> str:
    return wire.text(f"{ours} {theirs}".strip())


def _event(
    about: About,
    kind: str,
    meaning: Meaning,
    words: str,
    at: datetime,
    payload: Mapping[str, Any],
    *,
    timed: bool = True,
    code: str = "",
) -> DeliveryEvent:
    refused = meaning.status is Status.REJECTED
    code = code or (kind if refused else "")
    return DeliveryEvent(
        kind=kind,
        at=at,
        entry_id=about.entry_id,
        provider_message_id=about.flow,
        recipient="",
        status=meaning.status,
        error_class=explain(Status.REJECTED, code, words).error_class if refused else None,
        code=code,
        words=words,
        timed=timed,
        payload=payload,
        layer=meaning.layer,
        task=meaning.task,
        closes=meaning.closes,
    )
