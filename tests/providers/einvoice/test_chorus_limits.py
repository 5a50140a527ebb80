"""Chorus Pro's own limits: each has an invoice that breaks it and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from commtui.demo import invoices
from commtui.domain import einvoice
from commtui.providers.einvoice import checking, chorus_limits, document
from commtui.providers.einvoice.document import Attached

SIRET = "12345678200051"
RIGHT = invoices.chorus_invoice("F1", einvoice.parse(f"chorus:{SIRET}"))
INVOICE = document.read(RIGHT, "i.xml", "application/xml")
VAT = ("VAT", "BE0202239951")
FRENCH_VAT = ("VAT", "FR04332540215")


def codes(size: int = 1000, attachments: tuple[Attached, ...] = (), **fields: Any) -> list[str]:
    """The limits that the invoice breaks with these fields."""
    found = chorus_limits.check(replace(INVOICE, **fields), size, "i.xml", attachments)
    return [code for code, _ in found.problems]


def test_a_right_one_breaks_none() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"number": "F" * 20}, []),
        ({"number": "F" * 21}, ["chorus_number_length"]),
        ({"business_process": "A1"}, []),
        ({"business_process": "A2"}, []),
        ({"business_process": "A9"}, []),
        ({"business_process": "A12"}, []),
        ({"business_process": "B1"}, ["chorus_business_process"]),
        ({"business_process": "S1"}, ["chorus_business_process"]),
        ({"business_process": "M1"}, ["chorus_business_process"]),
        ({"business_process": ""}, ["chorus_business_process"]),
        ({"syntax": "cii", "business_process": "B1"}, ["chorus_business_process"]),
        ({"payment_means": ()}, ["chorus_payment_means"]),
        ({"payment_means": ("30",), "has_iban": False}, ["chorus_iban"]),
        ({"payment_means": ("31",), "has_iban": False}, ["chorus_iban"]),
        ({"payment_means": ("42",), "has_iban": False}, ["chorus_iban"]),
        ({"payment_means": ("48",), "has_iban": False}, []),
        ({"kind": "credit_note"}, ["chorus_payment_means"]),
        ({"kind": "credit_note", "payment_means": ()}, []),
        ({"buyer_reference": "FACTURES_PUBLIQUES"}, ["chorus_service"]),
        ({"buyer_reference": "SERVICE"}, []),
        ({"order_reference": "E" * 50}, []),
        ({"order_reference": "E" * 51}, ["chorus_engagement_length"]),
    ],
)
def test_a_field_breaks_its_limit(fields: dict[str, Any], broken: list[str]) -> None:
    assert codes(**fields) == broken


@pytest.mark.parametrize(
    ("who", "ids", "broken"),
    [
        ("buyer", (("0009", SIRET),), False),
        ("buyer", (("0002", "123456782"), ("0009", SIRET)), False),
        ("buyer", (), True),
        ("buyer", (("0002", "123456782"),), True),
        ("buyer", (("0009", "123456782"),), True),
        ("buyer", (("0009", SIRET), ("0009", "123456782")), True),
        ("buyer", (("0009", "1234567820005A"),), True),
        ("buyer", (("0009", "١" * 14),), True),
        ("buyer", (("", SIRET),), True),
        ("buyer", (VAT,), True),
        ("seller", (("0009", SIRET),), False),
        ("seller", (), True),
        ("seller", (FRENCH_VAT,), True),
        ("seller", (("0002", "123456782"), FRENCH_VAT), True),
        ("seller", (VAT,), False),
        ("seller", (("", "BE0202239951"), FRENCH_VAT), False),
        ("seller", (("VAT", "EL123456789"),), False),
        ("seller", (("VAT", "CHE123456789"),), True),
        ("seller", (("", "BESELLER"),), True),
        ("seller", (("0228", "0123456"),), False),
        ("seller", (("0009", "123456782"), VAT), True),
    ],
)
def test_both_parties_need_a_siret_but_a_supplier_from_abroad(
    who: str, ids: document.Ids, broken: bool
) -> None:
    assert codes(**{f"{who}_ids": ids}) == (["chorus_siret"] if broken else [])


@pytest.mark.parametrize("country", [b"MQ", b"GP", b"RE", b"GF", b"YT"])
def test_overseas_is_no_other_country(country: bytes) -> None:
    overseas = RIGHT.replace(b"Code>FR<", b"Code>" + country + b"<")
    assert overseas.count(b"Code>" + country) == 2
    found = checking.check(overseas, "i.xml", "application/xml", "chorus")
    assert (found.ok, found.code) == (True, "")


@pytest.mark.parametrize(
    ("size", "attachments", "broken"),
    [
        (10_000_000, (), []),
        (10_000_001, (), ["chorus_size"]),
        (1, (Attached("a.pdf", 9_999_999),), []),
        (1, (Attached("a.pdf", 10_000_000),), ["chorus_attachment"]),
        (1, (Attached("a" * 46 + ".pdf", 1),), []),
        (1, (Attached("a" * 47 + ".pdf", 1),), ["chorus_attachment"]),
        (1, (Attached("A.PDF", 1), Attached("b.xlsx", 1)), []),
        (1, (Attached("run.exe", 1),), ["chorus_attachment"]),
        (1, (Attached("pdf", 1),), ["chorus_attachment"]),
        (1, (Attached("a.pdf", 9_500_000),) * 13, ["chorus_size"]),
        (10_000_000, (Attached("a.pdf", 9_900_000),) * 11, []),
    ],
)
def test_sizes_names_and_extensions_have_limits(
    size: int, attachments: tuple[Attached, ...], broken: list[str]
) -> None:
    assert codes(size, attachments) == broken


def test_the_words_say_what_to_correct() -> None:
    long = chorus_limits.check(replace(INVOICE, number="F" * 21), 1, "i.xml", ()).problems[0][1]
    assert "21 characters" in long
    assert "takes 20" in long
    siren = replace(INVOICE, buyer_ids=(("0002", "123456782"),))
    assert "a SIREN is not enough" in chorus_limits.check(siren, 1, "i.xml", ()).problems[0][1]


def test_a_siret_that_fails_its_check_digit_is_a_note_and_no_problem() -> None:
    found = chorus_limits.check(INVOICE, 1, "i.xml", ())
    assert found.problems == ()
    assert [note for note in found.notes if "33254021516357" in note]
    assert not [note for note in found.notes if SIRET in note]


def test_a_credit_note_as_ubl_is_noted() -> None:
    credit = replace(INVOICE, kind="credit_note", payment_means=())
    assert any("Factur-X is surer" in note for note in chorus_limits.check(credit, 1, "", ()).notes)
    cii = replace(credit, syntax="cii")
    assert not any("Factur-X" in note for note in chorus_limits.check(cii, 1, "", ()).notes)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<cbc:ID>F1</cbc:ID>", b"<cbc:ID>F23456789012345678901</cbc:ID>", "chorus_number_length"),
        (b">A1</cbc:ProfileID>", b">B1</cbc:ProfileID>", "chorus_business_process"),
        (SIRET.encode(), SIRET[:9].encode(), "chorus_siret"),
        (b"33254021516357", b"332540215", "chorus_siret"),
    ],
)
def test_the_whole_check_ends_with_them(old: bytes, new: bytes, code: str) -> None:
    found = checking.check(RIGHT.replace(old, new), "i.xml", "application/xml", "chorus")
    assert (found.ok, found.code) == (False, code)
    assert "EN 16931 1.3.16 ok" in found.summary


def test_a_broken_rule_comes_before_them() -> None:
    wrong = RIGHT.replace(b">A1<", b">B1<").replace(
        b">120.00</cbc:PayableAmount>", b">121.00</cbc:PayableAmount>"
    )
    assert checking.check(wrong, "i.xml", "application/xml", "chorus").code == "BR-CO-16"


def test_they_hold_on_their_own_route_only() -> None:
    to = einvoice.parse("peppol:0208:0843766574")
    long = invoices.peppol_invoice("F" * 30, "0208:0202239951", to)
    assert checking.check(long, "i.xml", "application/xml", "peppol").ok
