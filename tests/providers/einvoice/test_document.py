"""What an operator sees of an e-invoice is read from its bytes, whatever they are."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from commtui.demo import invoices
from commtui.domain import einvoice
from commtui.providers.einvoice import document
from commtui.providers.einvoice.document import Attached, Invoice, Unreadable

FIXTURES = Path(__file__).parents[2] / "fixtures" / "einvoice"
TO = einvoice.parse("chorus:12345678200044;service=SERVICE_DEST_SERV_OBL;engagement=EJ123456")
FACTURX = invoices.chorus_facturx("FA2026-0001", TO)
CII = invoices.chorus_cii("FA2026-0001", TO)
CHORUS_MIN = (FIXTURES / "chorus_min.xml").read_bytes()
PEPPOL_MIN = (FIXTURES / "peppol_min.xml").read_bytes()
LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><a>&a11;</a>"
)


def read(content: bytes, name: str = "i.xml", media_type: str = "application/xml") -> Invoice:
    return document.read(content, name, media_type)


def changed(content: bytes, *pairs: tuple[bytes, bytes]) -> bytes:
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    return content


def with_files(*files: tuple[str, bytes]) -> bytes:
    """A PDF of one empty page with these files in it."""
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    for name, content in files:
        writer.add_attachment(name, content)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def locked(content: bytes) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt("secret", algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def test_ubl_is_read() -> None:
    found = read((FIXTURES / "chorus_via_peppol.xml").read_bytes())
    assert (found.syntax, found.kind, found.number) == ("ubl", "invoice", "FA2026-0001")
    assert (found.issue_date, found.payable, found.currency) == (
        "2026-11-02",
        Decimal("120.00"),
        "EUR",
    )
    assert found.buyer_endpoint == ("0009", "11000201100044")
    assert ("0009", "12345678200044") in found.buyer_ids
    assert (found.buyer_reference, found.order_reference) == ("SERVICE_DEST_SERV_OBL", "EJ123456")
    assert (found.payment_means, found.has_iban) == (("30",), True)


def test_ids_say_what_they_are() -> None:
    found = read(CHORUS_MIN)
    assert found.seller_ids == (("0009", "33254021516357"), ("VAT", "FR04332540215"))
    assert (found.seller_endpoint, found.buyer_endpoint) == (None, None)
    assert (found.seller_name, found.buyer_name) == ("Fixture Seller", "Fixture Buyer")
    assert (found.business_process, found.customization) == ("A1", "urn:cen.eu:en16931:2017")


@pytest.mark.parametrize(
    ("content", "name", "media_type", "syntax"),
    [
        (CII, "i.xml", "application/xml", "cii"),
        (FACTURX, "i.pdf", "application/pdf", "facturx"),
        (FACTURX, "i.bin", "", "facturx"),
    ],
)
def test_cii_and_factur_x_say_what_ubl_says(
    content: bytes, name: str, media_type: str, syntax: str
) -> None:
    ubl = read(invoices.chorus_invoice("FA2026-0001", TO))
    found = read(content, name, media_type)
    assert found.syntax == syntax
    same = [
        "kind",
        "number",
        "issue_date",
        "currency",
        "payable",
        "seller_name",
        "seller_ids",
        "buyer_name",
        "buyer_ids",
        "buyer_reference",
        "order_reference",
        "business_process",
        "payment_means",
        "has_iban",
        "accounts",
    ]
    assert {name: getattr(found, name) for name in same} == {
        name: getattr(ubl, name) for name in same
    }
    assert found.xml == CII


def test_a_credit_note_is_known_by_its_root_or_by_its_code() -> None:
    ubl = changed(CHORUS_MIN, (b"<Invoice ", b"<CreditNote "), (b"</Invoice>", b"</CreditNote>"))
    ubl = ubl.replace(b"xsd:Invoice-2", b"xsd:CreditNote-2")
    assert read(ubl).kind == "credit_note"
    assert (
        read(changed(CII, (b">380</ram:TypeCode>", b">381</ram:TypeCode>"))).kind == "credit_note"
    )
    assert read(CII).kind == "invoice"


def test_endpoints_of_cii_are_read() -> None:
    address = b'<ram:URIUniversalCommunication><ram:URIID schemeID="0009">1</ram:URIID></ram:URIUniversalCommunication>'
    end = b"</ram:PostalTradeAddress></ram:BuyerTradeParty>"
    found = read(
        changed(CII, (end, end.replace(b"</ram:Buyer", address + b"</ram:Buyer"))),
    )
    assert (found.seller_endpoint, found.buyer_endpoint) == (None, ("0009", "1"))


@pytest.mark.parametrize(
    ("account", "iban"),
    [
        (b"FR76 3000 6000 0112 3456 7890 189", True),
        (b"fr7630006000011234567890189", True),
        (b"123456789", False),
        (b"", False),
    ],
)
def test_an_account_is_an_iban_or_not(account: bytes, iban: bool) -> None:
    found = read(changed(CHORUS_MIN, (b"FR7630006000011234567890189", account)))
    assert found.has_iban is iban
    assert found.accounts == (("FR7630006000011234567890189",) if iban else ())


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII"])
def test_every_encoding_reads_the_same(encoding: str) -> None:
    name = "Fixture Seller" if encoding == "US-ASCII" else "Société Été"
    text = CHORUS_MIN.decode().replace("Fixture Seller", name).replace('"UTF-8"', f'"{encoding}"')
    content = text.encode(encoding)
    assert read(content).seller_name == name
    assert f">{name}<" in document.text_of(content)


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    content = b"\xef\xbb\xbf" + CHORUS_MIN
    assert read(content).number == "FA2026-0001"
    assert document.text_of(content).startswith("<?xml")


def test_a_comment_inside_a_number_does_not_hide_the_rest_of_it() -> None:
    content = changed(CHORUS_MIN, (b"<cbc:ID>FA2026-0001", b"<cbc:ID>FA<!-- x -->2026-<?x y?>0001"))
    assert read(content).number == "FA2026-0001"


def test_files_inside_it_are_listed_with_their_size() -> None:
    reference = (
        b"<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        b'<cbc:EmbeddedDocumentBinaryObject mimeCode="text/csv" filename="times.csv">YWJjZA=='
        b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference>"
    )
    start = b"<cac:AccountingSupplierParty>"
    content = changed(CHORUS_MIN, (start, reference + start))
    assert read(content).attached == (Attached("times.csv", 4),)
    pdf = with_files(("factur-x.xml", CII), ("plan.png", b"12345"))
    assert read(pdf, "i.pdf", "application/pdf").attached == (Attached("plan.png", 5),)
    assert read(FACTURX, "i.pdf", "application/pdf").attached == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not well-formed"),
        (b"rubbish", "not well-formed"),
        (b"\x00\xff\xfe\x01" * 50, "not well-formed"),
        (PEPPOL_MIN[:900], "not well-formed"),
        (b"<a>" * 5000, "not well-formed"),
        (b"<a>" * 300 + b"</a>" * 300, "depth"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "encoding"),
        (b'<a xmlns="x"/>', "its root is 'a'"),
        (b'<Invoice xmlns="x"/>', "its root is 'Invoice'"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>', "DOCTYPE"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "DOCTYPE"),
        (LAUGHS, "DOCTYPE"),
        (b'<StandardBusinessDocument xmlns="x"/>', "SBDH"),
        (b"<a>" + b" " * 10_000_001 + b"</a>", "larger than 10 MB"),
        (changed(PEPPOL_MIN, (b"<cbc:ID>INV-2026-0001", b"<cbc:ID>")), "no number"),
        (changed(PEPPOL_MIN, (b">121.00</cbc:Payable", b">NaN</cbc:Payable")), "in figures"),
        (changed(PEPPOL_MIN, (b">121.00</cbc:Payable", b">1e9</cbc:Payable")), "in figures"),
    ],
)
def test_what_is_no_invoice_is_refused_in_words_and_at_once(content: bytes, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreadable, match=words):
        read(content)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"%PDF-1.4 nothing", "PDF cannot be read"),
        (lambda: FACTURX[:1000], "PDF cannot be read"),
        (lambda: FACTURX[: len(FACTURX) // 2], "PDF cannot be read"),
        (lambda: locked(FACTURX), "PDF cannot be read"),
        (lambda: b"%PDF-1.7" + b" " * 30_000_000, "larger than 30 MB"),
        (lambda: CII, "does not begin as a PDF"),
        (lambda: with_files(), "no embedded invoice"),
        (lambda: with_files(("other.xml", CII)), "no embedded invoice"),
        (
            lambda: with_files(("factur-x.xml", CII), ("ZUGFeRD-invoice.xml", CII)),
            "more than one embedded invoice",
        ),
        (
            lambda: with_files(("factur-x.xml", CII), ("factur-x.xml", CII)),
            "more than one embedded invoice",
        ),
        (lambda: with_files(("factur-x.xml", CHORUS_MIN)), "Factur-X is a PDF with CII"),
        (lambda: with_files(("factur-x.xml", LAUGHS)), "DOCTYPE"),
    ],
)
def test_a_pdf_without_one_readable_invoice_is_refused_in_words(
    make: Callable[[], bytes], words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        read(make(), "i.pdf", "application/pdf")


def test_an_account_number_is_in_no_representation() -> None:
    assert "FR7630006000011234567890189" not in repr(read(CHORUS_MIN))
