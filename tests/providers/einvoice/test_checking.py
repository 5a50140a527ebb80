"""E-invoices are checked before they leave: three that are right, one that is not, and rubbish."""

from __future__ import annotations

import hashlib
import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from commtui.demo import invoices
from commtui.domain import einvoice
from commtui.providers.einvoice import checking, chorus_limits, document, rules
from commtui.providers.einvoice.checking import Checked

FIXTURES = Path(__file__).parents[2] / "fixtures" / "einvoice"


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.xml").read_bytes()


def check(content: bytes, route: str, name: str = "i.xml") -> Checked:
    return checking.check(content, name, "application/xml", route)


@pytest.mark.parametrize(
    ("name", "route"),
    [("peppol_min", "peppol"), ("chorus_min", "chorus"), ("chorus_via_peppol", "peppol")],
)
def test_the_three_invoices_pass_on_their_routes(name: str, route: str) -> None:
    content = fixture(name)
    before = hashlib.sha256(content).hexdigest()
    found = check(content, route)
    assert (found.ok, found.code) == (True, "")
    assert "UBL 2.1 XSD ok" in found.summary
    assert "EN 16931 1.3.16 ok" in found.summary
    assert ("Peppol BIS" in found.summary) == (route == "peppol")
    assert hashlib.sha256(content).hexdigest() == before


def test_a_mutated_one_is_stopped_with_the_rule_that_it_breaks() -> None:
    mutated = fixture("peppol_min").replace(
        b">121.00</cbc:PayableAmount>", b">120.00</cbc:PayableAmount>"
    )
    found = check(mutated, "peppol")
    assert (found.ok, found.code) == (False, "BR-CO-16")
    assert "Amount due for payment" in found.words


def test_the_rules_of_another_route_are_not_mixed_in() -> None:
    content = fixture("chorus_min")
    peppol = next(item for item in rules.sets("peppol", "ubl") if item.name == "Peppol BIS")
    fired, findings = rules.run(peppol, content)
    assert fired > 0
    fatal = {item.rule.rpartition("-")[2] for item in findings if item.fatal}
    assert fatal == {"R004", "R007", "R010", "R020"}
    assert check(content, "chorus").ok


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not well-formed"),
        (b"rubbish", "not well-formed"),
        (b'<a xmlns="x"/>', "its root is 'a'"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><a>&z;</a>', "DOCTYPE"),
        (b'<StandardBusinessDocument xmlns="x"/>', "SBDH"),
        (b"<a>" + b" " * 10_000_001 + b"</a>", "larger than 10 MB"),
        (b"%PDF-1.4 nothing", "PDF cannot be read"),
    ],
)
def test_rubbish_is_refused_in_words(content: bytes, words: str) -> None:
    found = check(content, "peppol")
    assert (found.ok, found.code) == (False, "unreadable")
    assert words in found.words


def test_what_breaks_the_schema_is_named_with_its_line() -> None:
    broken = fixture("peppol_min").replace(b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon 2026")
    found = check(broken, "peppol")
    assert found.code == "xsd"
    assert "line" in found.words


def test_zero_rules_fired_is_not_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    content = fixture("peppol_min")
    cii = rules.RuleSet("CII rules", "1", rules.sets("peppol", "ubl")[0].released, Path())
    facturx = rules.sets("chorus", "cii")[0]
    assert rules.run(facturx, content)[0] == 0
    assert cii.title == "CII rules 1"
    monkeypatch.setattr(rules, "sets", lambda route, syntax: (facturx,))
    found = check(content, "chorus")
    assert (found.ok, found.code) == (False, "zero_rules")


def test_without_the_extra_the_summary_says_so_and_the_schema_still_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "sets", lambda route, syntax: ())
    found = check(fixture("peppol_min"), "peppol")
    assert found.ok
    assert "not checked: install commtui[einvoice]" in found.summary
    broken = fixture("peppol_min").replace(b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon 2026")
    assert check(broken, "peppol").code == "xsd"


def test_a_rule_process_that_is_killed_costs_nothing_but_a_moment() -> None:
    assert check(fixture("peppol_min"), "peppol").ok
    child = rules._PROCESS._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert check(fixture("peppol_min"), "peppol").ok


def test_what_an_operator_sees_is_read_from_the_bytes() -> None:
    found = document.read(fixture("chorus_via_peppol"), "i.xml", "application/xml")
    assert (found.syntax, found.kind, found.number) == ("ubl", "invoice", "FA2026-0001")
    assert (found.payable, found.currency) == (Decimal("120.00"), "EUR")
    assert found.buyer_endpoint == ("0009", "11000201100044")
    assert ("0009", "12345678200044") in found.buyer_ids
    assert (found.buyer_reference, found.order_reference) == ("SERVICE_DEST_SERV_OBL", "EJ123456")
    assert found.payment_means == ("30",)
    assert found.has_iban


CHORUS = invoices.chorus_invoice("F1", einvoice.parse("chorus:12345678200051"))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<cbc:ID>F1</cbc:ID>", b"<cbc:ID>F23456789012345678901</cbc:ID>", "chorus_number_length"),
        (b">A1</cbc:ProfileID>", b">B1</cbc:ProfileID>", "chorus_business_process"),
        (b"12345678200051", b"123456782", "chorus_siret"),
        (b"33254021516357", b"332540215", "chorus_siret"),
        (b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon 2026", "xsd"),
    ],
)
def test_chorus_has_limits_of_its_own(old: bytes, new: bytes, code: str) -> None:
    assert check(CHORUS, "chorus").ok
    assert check(CHORUS.replace(old, new), "chorus").code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payment_means": ()}, "chorus_payment_means"),
        ({"kind": "credit_note"}, "chorus_payment_means"),
        ({"has_iban": False}, "chorus_iban"),
        ({"buyer_reference": "FACTURES_PUBLIQUES"}, "chorus_service"),
    ],
)
def test_chorus_limits_by_field(changes: dict[str, object], code: str) -> None:
    from dataclasses import replace

    read = document.read(CHORUS, "i.xml", "application/xml")
    assert chorus_limits.problem(read, len(CHORUS)) is None
    found = chorus_limits.problem(replace(read, **changes), len(CHORUS))  # type: ignore[arg-type]
    assert found is not None
    assert found[0] == code
    assert chorus_limits.problem(read, 10_000_001) is not None


def test_practice_invoices_pass_the_rules_of_their_route() -> None:
    to = einvoice.parse("peppol:0208:0843766574")
    assert check(invoices.peppol_invoice("F <1>", "0208:0202239951", to), "peppol").ok
    service = einvoice.parse("chorus:12345678200044;service=S&1;engagement=E")
    assert check(invoices.chorus_invoice("F1", service), "chorus").ok
