"""The whole check of an e-invoice before it leaves: read, schema, rules of its route, limits of its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from commtui.domain.einvoice import Network
from commtui.providers import wire
from commtui.providers.einvoice import chorus_limits, document, identifiers, rules, schema
from commtui.providers.einvoice.document import Invoice, Unreadable
from commtui.providers.einvoice.rules import Finding, Report, Rules, RulesCrashed

EXTRA = "install commtui[einvoice]"
NOTES_LIMIT = 20
TEXT_LIMIT = 400
OTHERS_NAMED = 5
CRASHED = "rules_crashed"
"""The code of rules that could not be run: our trouble, whatever the document is."""
AGAIN_SECONDS = 300.0
"""Until a document is checked again whose rules could not be run."""


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

    @property
    def crashed(self) -> bool:
        """Whether the rules could not be run, so that nothing is known about the document."""
        return self.code == CRASHED


@dataclass(slots=True)
class _Log:
    """What is found on the way, in the order of the checks."""

    said: list[str]
    notes: list[str] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)

    def stopped(self, code: str, words: str) -> Checked:
        """The result when something else than a rule stops it."""
        return Checked(False, code, wire.text(words), "; ".join(self.said), self._shown())

    def result(self) -> Checked:
        """The result of the rules."""
        code = self.broken[0].rule if self.broken else ""
        summary = wire.text("; ".join(self.said))
        return Checked(not self.broken, code, _words(self.broken), summary, self._shown())

    def _shown(self) -> tuple[str, ...]:
        kept = list(dict.fromkeys(wire.text(note, TEXT_LIMIT + 200) for note in self.notes))
        if len(kept) > NOTES_LIMIT:
            kept[NOTES_LIMIT - 1 :] = [f"and {len(kept) - NOTES_LIMIT + 1} more warnings"]
        return tuple(kept)


def check(
    content: bytes, name: str, media_type: str, route: str, runner: Rules | None = None
) -> Checked:
    """Check the bytes that are to be sent, for the route chorus or peppol; they are not changed.

    Makes no request; `runner` runs the rules, by default in the child process that this process shares.
    """
    network = Network(route)
    try:
        invoice = document.read(content, name, media_type)
        text = document.text_of(invoice.xml)
    except Unreadable as error:
        return Checked(False, "unreadable", wire.text(error.words), "", ())
    log = _Log([f"{invoice.number[:60]}, {invoice.payable} {invoice.currency[:10]}"])
    if refused := _form(network, invoice):
        return log.stopped(*refused)
    held = schema.check(invoice)
    if held.problem:
        log.said.append(f"{held.name}: not valid")
        return log.stopped("xsd", f"The document breaks its schema: {held.problem}")
    log.said.append(f"{held.name} ok")
    if failed := _rules(network, invoice, text, runner or rules.shared(), log):
        return log.stopped(*failed)
    limits = _limits(network, invoice, len(content), name)
    log.notes += limits.notes
    if limits.problems and not log.broken:
        return log.stopped(*limits.problems[0])
    return log.result()


def _form(network: Network, invoice: Invoice) -> tuple[str, str] | None:
    """Why a document of this form cannot take this route, whatever it says."""
    if network is Network.PEPPOL and invoice.syntax != "ubl":
        # its document types and its compiled rules are those of UBL: reference, sections 2.4 and 6.1
        named = "Factur-X" if invoice.syntax == "facturx" else "CII"
        return "wrong_syntax", f"Peppol BIS Billing is sent as UBL; this document is {named}."
    if invoice.syntax != "ubl" and not schema.profile(invoice.customization):
        return (
            "chorus_profile",
            f"The profile {invoice.customization[:80]!r} (BT-24) is none for a whole invoice by EN 16931 "
            "on Chorus Pro: use Factur-X BASIC, EN 16931 or EXTENDED.",
        )
    return None


def _rules(
    network: Network, invoice: Invoice, text: str, runner: Rules, log: _Log
) -> tuple[str, str] | None:
    """Run the rules of a route; a reason why they say nothing, or None when they spoke."""
    chosen = runner.choose(network, invoice)
    today = datetime.now(UTC).date()
    for rule_set in chosen.sets:
        try:
            report = runner.run(rule_set, text)
        except RulesCrashed as error:
            log.said.append(f"{rule_set.title}: could not be run")
            return CRASHED, f"{rule_set.title} could not be run: {error}"
        if not report.fired:
            log.said.append(f"{rule_set.title}: no rule applied")
            return "zero_rules", f"No rule of {rule_set.title} applied: nothing was checked."
        log.said.append(_outcome(rule_set.title, report))
        log.broken += [item for item in report.findings if item.fatal]
        log.notes += [_note(item) for item in report.findings if not item.fatal]
        if old := rule_set.age(today):
            log.notes.append(old)
    if chosen.missing:
        log.said.append(f"{' and '.join(chosen.missing)} not checked: {EXTRA}")
    return None


def _limits(network: Network, invoice: Invoice, size: int, name: str) -> chorus_limits.Limits:
    """What the network wants beyond the rules, and what check digits show for certain."""
    digits = _check_digits(invoice)
    if network is Network.CHORUS:
        found = chorus_limits.check(invoice, size, name, invoice.attached)
        return chorus_limits.Limits(found.problems, (*found.notes, *digits))
    return chorus_limits.Limits(_participants(invoice), digits)


def _participants(invoice: Invoice) -> tuple[tuple[str, str], ...]:
    """Participants that cannot exist; the codes are the Peppol rules that say the same."""
    found = []
    for who, endpoint in (("seller", invoice.seller_endpoint), ("buyer", invoice.buyer_endpoint)):
        scheme, value = endpoint or ("", "")
        if scheme == "0208" and not identifiers.belgian(value):
            words = f"The {who}'s Belgian enterprise number {value[:40]} fails its check digits."
            found.append(("PEPPOL-COMMON-R043", words))
        if scheme == "0088" and not identifiers.gln(value):
            words = f"The {who}'s GLN {value[:40]} fails its check digit."
            found.append(("PEPPOL-COMMON-R040", words))
    return tuple(found)


def _check_digits(invoice: Invoice) -> tuple[str, ...]:
    return tuple(
        f"The IBAN ending in {account[-4:]} fails its check digits."
        for account in invoice.accounts
        if not identifiers.iban(account)
    )


def _outcome(title: str, report: Report) -> str:
    fatal = [item.rule for item in report.findings if item.fatal]
    if fatal:
        return f"{title}: {', '.join(dict.fromkeys(fatal[:OTHERS_NAMED]))}"
    warnings = len(report.findings)
    if warnings:
        return f"{title}: {warnings} warning{'s' if warnings > 1 else ''}"
    return f"{title} ok"


def _note(item: Finding) -> str:
    more = " (later releases allow more: not held against it)" if item.loosened else ""
    return f"{item.rule}: {_cut(item.text)}{more}"


def _words(broken: Sequence[Finding]) -> str:
    """The first broken rule in its own words, where, and which others."""
    if not broken:
        return ""
    first = broken[0]
    where = f" At {first.place[:200]}." if first.place else ""
    others = list(dict.fromkeys(item.rule for item in broken[1:]))
    more = ""
    if others:
        named = ", ".join(others[:OTHERS_NAMED])
        more = f" And {len(broken) - 1} more: {named}{'…' if len(others) > OTHERS_NAMED else ''}."
    return wire.text(f"{first.rule}: {_cut(first.text)}{where}{more}")


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"
