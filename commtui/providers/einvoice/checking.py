"""The whole check of an e-invoice before it leaves: read, schema, rules of its route, limits of its network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from commtui.providers.einvoice import chorus_limits, document, rules, schema
from commtui.providers.einvoice.rules import Finding, RulesCrashed

NOTES_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found."""

    ok: bool
    code: str
    """The first rule that is broken; empty when none is."""
    words: str
    summary: str
    """One line for the log: number, total, and what checked it with which version."""
    notes: tuple[str, ...]
    """Warnings, which never stop anything."""


def check(content: bytes, name: str, media_type: str, route: str) -> Checked:
    """Check the bytes that are to be sent, for the route chorus or peppol; they are not changed."""
    try:
        invoice = document.read(content, name, media_type)
    except document.Unreadable as error:
        return Checked(False, "unreadable", error.words, "", ())
    if route == "peppol" and invoice.syntax != "ubl":
        words = "Peppol BIS Billing is sent as UBL; this document is CII."
        return Checked(False, "wrong_syntax", words, "", ())
    head = f"{invoice.number}, {invoice.payable} {invoice.currency}"
    if broken := schema.problem(invoice):
        return Checked(False, "xsd", f"The document breaks its schema: {broken}", head, ())
    said = [f"{schema.name(invoice)} ok"]
    notes: list[str] = []
    stopped = _rules(invoice, route, said, notes)
    if stopped is None and route == "chorus":
        notes += chorus_limits.notes(invoice)
        stopped = chorus_limits.problem(invoice, len(content))
    summary = "; ".join([head, *said])
    code, words = stopped or ("", "")
    return Checked(stopped is None, code, words, summary, tuple(notes[:NOTES_LIMIT]))


def _rules(
    invoice: document.Invoice, route: str, said: list[str], notes: list[str]
) -> tuple[str, str] | None:
    """Run the rules of a route; the first fatal one as code and words."""
    chosen = rules.sets(route, invoice.syntax)
    if not chosen:
        said.append("EN 16931 not checked: install commtui[einvoice]")
        return None
    today = datetime.now(UTC).date()
    for rule_set in chosen:
        try:
            fired, findings = rules.run(rule_set, invoice.xml)
        except RulesCrashed as error:
            return "rules_crashed", f"{rule_set.title} could not be run: {error}"
        if not fired:
            return "zero_rules", f"No rule of {rule_set.title} applied: nothing was checked."
        fatal = [item for item in findings if item.fatal]
        warnings = [item for item in findings if not item.fatal]
        notes += [f"{item.rule}: {item.text}" for item in warnings]
        if fatal:
            return fatal[0].rule or "rule", _broken(fatal)
        count = f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else "ok"
        said.append(f"{rule_set.title}: {count}" if warnings else f"{rule_set.title} {count}")
        if (today - rule_set.released).days > rules.OLD_AFTER_DAYS:
            notes.append(f"{rule_set.title} is of {rule_set.released}: newer rules may exist")
    return None


def _broken(fatal: list[Finding]) -> str:
    more = f" ({len(fatal) - 1} more)" if len(fatal) > 1 else ""
    return f"{fatal[0].rule}: {fatal[0].text}{more}"
