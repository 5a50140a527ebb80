"""Attempts and what happened to them, as text for panels."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from commtui.domain.lines import Line
from commtui.domain.text import line, safe
from commtui.domain.views import Attempt, DocumentInfo, EntryDetails, Explanation, Happening
from commtui.domain.vocabulary import STATUS_LOOKS, Cause, ErrorClass, Layer, Source
from commtui.widgets.columns import remarks
from commtui.widgets.look import Look, number

CLASS_WORDS = {
    ErrorClass.PERMANENT: "permanent: this address will not work",
    ErrorClass.TEMPORARY: "temporary: the other side may accept it later",
    ErrorClass.TECHNICAL: "technical: on our side (credentials, credit, configuration, document)",
    ErrorClass.POLICY: "policy: refused by the recipient or suppressed",
    ErrorClass.UNKNOWN: "unknown: the code is not known to commtui",
}
_CAUSE_WORDS = {
    Cause.INITIAL: "first attempt",
    Cause.BULK: "bulk send",
    Cause.RESEND: "resend",
    Cause.FALLBACK: "fallback",
    Cause.TASK: "task",
}
_SOURCE_WORDS = {
    Source.WORKER: "worker",
    Source.EVENT: "webhook",
    Source.POLL: "poll",
    Source.OPERATOR: "operator",
}
_LAYER_WORDS = {
    Layer.API: ("API", "whether our access point or portal took it"),
    Layer.TRANSPORT: ("Transport", "whether it reached the recipient's platform"),
    Layer.MESSAGE: ("Message", "whether it was read and checked there"),
    Layer.BUSINESS: ("Business", "what the recipient says to it"),
    Layer.PAYMENT: ("Payment", "whether it was paid"),
}


def fields(pairs: Iterable[tuple[str, str]]) -> Text:
    """Names and values in two columns; pairs without a value are left out."""
    text = Text()
    for name, value in pairs:
        if value:
            text.append(f"{name:<12}", "bold").append(line(value, 2000) + "\n")
    text.rstrip()
    return text


def section(title: str) -> Text:
    """A heading within a panel."""
    return Text("\n").append(title, "bold underline").append("\n")


def explained(explanation: Explanation | None) -> Text:
    """A failure in plain words, and what to do."""
    text = Text()
    if explanation is not None:
        text.append(f"{safe(explanation.sentence, 600)}\n", "bold")
        text.append("What to do  ", "bold").append(safe(explanation.advice, 600))
    return text


def way_words(here: Line, look: Look) -> str:
    """The channel decision, where the message did not simply go the way that was wanted."""
    return look.plain(here.reason) if "→" in here.reason else ""


def headline(here: Line, look: Look) -> Text:
    """A line's status with what else is to know about it."""
    text = Text().append(look.status(here.status), "bold")
    flags = [
        "ignored" * here.ignored,
        f"fixed by {look.day(here.settled_at)}" if here.settled_at else "",
        "delivered twice" * here.delivered_twice,
        "after delivery" * here.after_delivery,
        f"{here.others} other {'communication needs' if here.others == 1 else 'communications need'} attention"
        if here.others
        else "",
    ]
    for flag in filter(None, flags):
        text.append(look.plain(f" · {flag}"))
    return text


def attempt_line(attempt: Attempt, look: Look) -> Text:
    """One attempt on one or two lines."""
    here = attempt.line
    text = Text(f"{look.moment(here.acted_at):<13}")
    text.append(f"{look.status(here.status):<20} ", "bold")
    text.append(f"{here.channel.label:<10}{line(here.recipient, 60)}")
    told = [
        _CAUSE_WORDS[attempt.cause],
        f"by {line(attempt.author, 40)}" + ("" if attempt.author_verified else " (unverified)")
        if attempt.author
        else "",
        f"id {here.entry_id or here.id}",
    ]
    text.append(look.plain("\n             " + " · ".join(filter(None, told))), "dim")
    if said := remarks(here, look):
        text.append(f"\n             {said}", "dim")
    return text


def attempts_text(attempts: Iterable[Attempt], look: Look) -> Text:
    """Attempts beneath each other."""
    return Text("\n").join(attempt_line(attempt, look) for attempt in attempts)


def history_text(history: Iterable[Happening], look: Look) -> Text:
    """Every event and status change in time order."""
    rows = []
    for happening in history:
        row = Text(f"{look.full(happening.at)}  {_SOURCE_WORDS[happening.source]:<9}")
        row.append(line(happening.word, 40), "bold")
        if happening.status is not None:
            row.append(look.plain(f" → {STATUS_LOOKS[happening.status].label}"), "bold")
        code = "" if happening.code == happening.word else happening.code
        for said in (happening.author, code, happening.words):
            if said:
                row.append(look.plain(" · ")).append(line(said, 300))
        rows.append(row)
    return Text("\n").join(rows)


def ledger_text(history: Iterable[Happening], look: Look) -> Text:
    """The facts about an e-invoice by layer; a layer that nobody reported on says so."""
    known = [happening for happening in history if happening.layer is not None]
    text = Text("Accepted is not received, and received is not approved.\n")
    for layer, (name, meaning) in _LAYER_WORDS.items():
        facts = [happening for happening in known if happening.layer is layer]
        text.append(f"{name:<11}", "bold").append(f"{meaning}\n", "dim")
        for fact in facts:
            text.append(f"  {look.full(fact.at)}  ").append(line(fact.word, 60), "bold")
            for said in ("" if fact.code == fact.word else fact.code, fact.words):
                if said:
                    text.append(look.plain(" · ")).append(line(said, 300))
            text.append("\n")
        if not facts:
            text.append("  nothing reported\n")
    text.rstrip()
    return text


def documents_text(details: EntryDetails) -> Text:
    """The documents and proofs without their bytes."""
    rows = [_document_row(document, document.role.value) for document in details.documents]
    rows += [_document_row(document, "evidence") for document in details.evidence]
    return Text("\n").join(rows)


def _document_row(document: DocumentInfo, role: str) -> Text:
    about = f"{role}, {line(document.media_type, 40)}, {number(document.size)} bytes"
    return Text(f"{line(document.name, 80)}  {about}")
