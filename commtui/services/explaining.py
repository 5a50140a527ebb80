"""Failures, and why something has not left yet, in plain sentences with what to do."""

from __future__ import annotations

from datetime import datetime, tzinfo

from commtui.domain.lines import Line
from commtui.domain.views import Explanation
from commtui.domain.vocabulary import FAILED_STATUSES, Channel, ErrorClass, Release, Status
from commtui.errors import NotFound
from commtui.providers import registry
from commtui.providers.base import Problem
from commtui.store.details import Waiting
from commtui.store.providers_state import Pause, Why

GIVEN_UP = "given_up"
"""The code of an unknown outcome that an operator gave up on."""
_AFTERWARDS = "what waits goes out"
_BY_ITSELF = "Nothing to do: it goes out by itself."


def explain(line: Line, waiting: Waiting, now: datetime, zone: tzinfo | None) -> Explanation | None:
    """What a line's status means to an operator; None when all is well."""
    if line.status in FAILED_STATUSES:
        return _failure(line)
    sentence, advice = "", ""
    if line.status is Status.NOT_SENT:
        sentence, advice = _not_sent(line, waiting, now, zone)
    elif line.status is Status.QUEUED:
        sentence, advice = _queued(line, waiting, now, zone)
    elif line.status is Status.SENDING:
        sentence, advice = f"It is being handed to {_label(line.provider)} now.", _BY_ITSELF
    return Explanation(None, sentence, advice) if sentence else None


def _failure(line: Line) -> Explanation:
    problem = _problem(line.provider, line.status, line.error_code, line.error_message)
    sentence = problem.sentence
    if line.after_delivery:
        sentence += " Before that it had been reported as delivered."
    return Explanation(line.error_class or problem.error_class, sentence, problem.advice)


def _problem(provider: str, status: Status, code: str, words: str) -> Problem:
    if code == GIVEN_UP:
        return Problem(
            ErrorClass.UNKNOWN,
            "Whether it was sent was never found out, and an operator gave up on it.",
            "Ask the customer; if nothing arrived, send it again.",
        )
    return registry.explain(provider, status, code, words)


def _not_sent(line: Line, waiting: Waiting, now: datetime, zone: tzinfo | None) -> tuple[str, str]:
    if line.channel is Channel.MANUAL and line.entry_id:
        return _to_do(line)
    if waiting.expires_at is not None and waiting.expires_at <= now:
        return (
            f"It expired on {_moment(waiting.expires_at, zone)} before anybody sent it.",
            "Have the source system deliver a new message if it is still wanted.",
        )
    dated = waiting.send_at is not None and waiting.send_at > now
    if waiting.release is Release.HOLD:
        until = f", and then for its date, {_moment(waiting.send_at, zone)}" if dated else ""
        return (
            f"It waits for release{until}: nothing leaves until somebody sends it.",
            "Send it with bulk send on the Communication tab.",
        )
    if dated:
        return f"It waits for its date, {_moment(waiting.send_at, zone)}.", _BY_ITSELF
    return _by_workers("It leaves by itself.", waiting)


def _to_do(line: Line) -> tuple[str, str]:
    """What a manual task asks for, and why there is one."""
    asked = registry.task(line.provider, line.error_code)
    if asked is not None:
        return f"Manual action required: {asked.sentence}", asked.advice
    if line.reason and "→" in line.reason:
        return (
            f"Manual action required: no other way is left ({line.reason}).",
            "Hand it over by hand and complete the task, or correct the contact details and send it.",
        )
    problem = registry.explain("manual", Status.NOT_SENT, "", "")
    return problem.sentence, problem.advice


def _queued(line: Line, waiting: Waiting, now: datetime, zone: tzinfo | None) -> tuple[str, str]:
    label = _label(line.provider)
    later = waiting.due_at is not None and waiting.due_at > now
    if waiting.pause is not None:
        return _paused(label, waiting.pause, zone)
    if waiting.reason:
        problem = _problem(line.provider, Status.REJECTED, waiting.reason, line.error_message)
        again = f" at {_moment(waiting.due_at, zone)}" if later else " now"
        advice = problem.advice if problem.error_class is ErrorClass.TECHNICAL else _BY_ITSELF
        return f"{problem.sentence} It is tried again{again}.", advice
    if later:
        return f"It waits for its date, {_moment(waiting.due_at, zone)}.", _BY_ITSELF
    return _by_workers(f"It waits to be handed to {label}.", waiting)


def _paused(label: str, pause: Pause, zone: tzinfo | None) -> tuple[str, str]:
    if pause.until is None:
        since = _moment(pause.since, zone)
        return (
            f"{label} was paused by {pause.by}, {since}: {pause.reason}",
            "What waits goes out by itself once somebody releases the provider (H).",
        )
    advice = remedy(pause)
    return f"{label} is paused until {_moment(pause.until, zone)}: {pause.reason}", advice


def remedy(pause: Pause) -> str:
    """What to do about a provider that is paused by itself."""
    if pause.why is Why.OUTAGE:
        return "Nothing to do: it is tried again by itself, first with one message."
    known = pause.code and registry.explain(pause.provider, Status.REJECTED, pause.code, "")
    if not known or known.error_class is ErrorClass.UNKNOWN:
        return f"Have the account put right; {_AFTERWARDS} by itself afterwards."
    if _AFTERWARDS in known.advice:
        return known.advice
    return f"{known.advice} {_AFTERWARDS.capitalize()} by itself afterwards."


def _by_workers(sentence: str, waiting: Waiting) -> tuple[str, str]:
    if waiting.workers:
        return sentence, _BY_ITSELF
    return (
        f"{sentence} But no worker is running.",
        "Start one: commtui worker, or commtui up.",
    )


def _moment(at: datetime | None, zone: tzinfo | None) -> str:
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _label(provider: str) -> str:
    try:
        return registry.by_key(provider).label
    except NotFound:
        return "the provider"
