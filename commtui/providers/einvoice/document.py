"""Reading e-invoices: UBL, CII and Factur-X, as untrusted XML without entities, network or document types."""

from __future__ import annotations

import binascii
import io
import logging
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

SIZE_LIMIT = 10_000_000
"""Bytes of XML that are parsed."""
PDF_LIMIT = 30_000_000
"""Bytes of a PDF that is opened."""
MAIN_FILES = frozenset({"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml"})
"""What the invoice inside a PDF is called, in lower case (Factur-X 1.09, ZUGFeRD 2)."""
CREDIT_NOTES = frozenset(
    ["81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"]
)
"""UNTDID 1001 codes of a CII document that gives money back; UBL has a root element for it."""
_CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_NAMES = {"cbc": _CBC, "cac": _CAC, "rsm": _RSM, "ram": _RAM}
_AMOUNT = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_DOCTYPE = "The document has a DOCTYPE, which no invoice needs."
_TAX_SCHEMES = {"VA": "VAT"}
"""CII's word for the scheme of a tax number, as UBL has it."""


class Unreadable(ValueError):
    """The document cannot be read as an invoice; the text says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


Ids = tuple[tuple[str, str], ...]
"""Scheme and value."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside an invoice."""

    name: str
    size: int
    """Bytes, decoded."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What an invoice says, read from its bytes."""

    syntax: str
    """ubl, cii or facturx."""
    kind: str
    """invoice or credit_note."""
    number: str
    issue_date: str
    """As ISO 8601 has it."""
    currency: str
    payable: Decimal
    seller_name: str
    seller_ids: Ids
    """Of the party (BT-29), its registration (BT-30) and its taxes; of a VAT number the scheme is VAT."""
    buyer_name: str
    buyer_ids: Ids
    seller_endpoint: tuple[str, str] | None
    buyer_endpoint: tuple[str, str] | None
    buyer_reference: str
    order_reference: str
    business_process: str
    """BT-23."""
    customization: str
    """BT-24."""
    payment_means: tuple[str, ...]
    """BT-81."""
    has_iban: bool
    xml: bytes = field(repr=False)
    """The XML itself; of Factur-X the embedded file."""
    accounts: tuple[str, ...] = field(default=(), repr=False)
    """IBANs that it is to be paid to, without spaces."""
    attached: tuple[Attached, ...] = ()
    """Files inside it besides the invoice itself."""


def read(content: bytes, name: str, media_type: str) -> Invoice:
    """The invoice in these bytes. Raises Unreadable."""
    pdf = b"%PDF-" in content[:1024]
    if not pdf and (media_type == "application/pdf" or name.lower().endswith(".pdf")):
        raise Unreadable("The PDF cannot be read: it does not begin as a PDF does.")
    xml, attached = _embedded(content) if pdf else (content, ())
    root = parse(xml)
    space, _, tag = str(root.tag).removeprefix("{").rpartition("}")
    if space == f"{_UBL}{tag}-2" and tag in ("Invoice", "CreditNote"):
        if pdf:
            raise Unreadable("The PDF holds a UBL invoice; Factur-X is a PDF with CII.")
        return _ubl(root, tag, xml)
    if space == _RSM and tag == "CrossIndustryInvoice":
        return _cii(root, xml, "facturx" if pdf else "cii", attached)
    if tag == "StandardBusinessDocument":
        raise Unreadable("The invoice is wrapped in an SBDH envelope; deliver the invoice itself.")
    raise Unreadable(f"The document is no UBL or CII invoice: its root is {tag[:60]!r}.")


def parse(xml: bytes) -> Any:
    """The root element. Raises Unreadable."""
    from lxml import etree

    if len(xml) > SIZE_LIMIT:
        raise Unreadable("The XML is larger than 10 MB.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        # a comment inside a number would otherwise end what is read of it
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if b"<!DOCTYPE" in xml:
            raise Unreadable(_DOCTYPE) from None
        words = str(error).replace(", use XML_PARSE_HUGE option", "")[:200]
        raise Unreadable(f"The document is not well-formed XML: {words}") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable(_DOCTYPE)
    return root


def text_of(xml: bytes) -> str:
    """The XML as text, in whatever encoding it says that it is. Raises Unreadable."""
    encoding = parse(xml).getroottree().docinfo.encoding or "UTF-8"
    try:
        return xml.decode(encoding).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError):
        raise Unreadable(
            f"The document is not in the encoding {encoding[:40]} as it says."
        ) from None


def _embedded(content: bytes) -> tuple[bytes, tuple[Attached, ...]]:
    """The XML inside a Factur-X PDF, and what else it carries. Raises Unreadable."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    # what is wrong with a PDF is said in our words; the reader's own would go to the console
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    if len(content) > PDF_LIMIT:
        raise Unreadable("The PDF is larger than 30 MB.")
    try:
        files = [
            (item.name, bytes(item.content))
            for item in PdfReader(io.BytesIO(content)).attachment_list
        ]
    except (
        PyPdfError,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise Unreadable(f"The PDF cannot be read: {type(error).__name__}.") from None
    invoices = [held for name, held in files if name.lower() in MAIN_FILES]
    if not invoices:
        raise Unreadable("The PDF has no embedded invoice (factur-x.xml).")
    if len(invoices) > 1:
        raise Unreadable("The PDF has more than one embedded invoice; it must be one.")
    rest = [Attached(name, len(held)) for name, held in files if name.lower() not in MAIN_FILES]
    return invoices[0], tuple(rest)


def _text(root: Any, path: str) -> str:
    found = root.find(path, _NAMES)
    return (found.text or "").strip() if found is not None else ""


def _texts(root: Any, path: str) -> tuple[str, ...]:
    return tuple((found.text or "").strip() for found in root.findall(path, _NAMES))


def _pair(found: Any) -> tuple[str, str]:
    scheme = str(found.get("schemeID") or "")
    return _TAX_SCHEMES.get(scheme, scheme), (found.text or "").strip()


def _ids(root: Any, *paths: str) -> Ids:
    pairs = [_pair(found) for path in paths for found in root.findall(path, _NAMES)]
    return tuple(dict.fromkeys(pair for pair in pairs if pair[1]))


def _endpoint(root: Any, path: str) -> tuple[str, str] | None:
    found = root.find(path, _NAMES)
    return _pair(found) if found is not None else None


def _number(text: str) -> str:
    if not text:
        raise Unreadable("The invoice has no number (BT-1).")
    return text


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise Unreadable("The invoice does not say in figures what is to be paid (BT-115).")
    return Decimal(text)


def _ibans(values: tuple[str, ...]) -> tuple[str, ...]:
    bare = ("".join(value.split()).upper() for value in values)
    return tuple(value for value in bare if _IBAN.fullmatch(value))


def _attached(root: Any, tag: str) -> tuple[Attached, ...]:
    """Files that stand in the XML as base64."""
    found = []
    for item in root.iter(tag):
        try:
            size = len(binascii.a2b_base64(item.text or ""))
        except (binascii.Error, ValueError):
            size = len(item.text or "")
        found.append(Attached(str(item.get("filename") or ""), size))
    return tuple(found)


def _ubl(root: Any, tag: str, xml: bytes) -> Invoice:
    seller = "cac:AccountingSupplierParty/cac:Party/"
    buyer = "cac:AccountingCustomerParty/cac:Party/"

    def ids(party: str) -> Ids:
        plain = _ids(
            root,
            f"{party}cac:PartyIdentification/cbc:ID",
            f"{party}cac:PartyLegalEntity/cbc:CompanyID",
        )
        taxes = root.findall(f"{party}cac:PartyTaxScheme", _NAMES)
        numbers = (
            (_text(tax, "cac:TaxScheme/cbc:ID"), _text(tax, "cbc:CompanyID")) for tax in taxes
        )
        return tuple(dict.fromkeys([*plain, *(pair for pair in numbers if pair[1])]))

    def name(party: str) -> str:
        registered = _text(root, f"{party}cac:PartyLegalEntity/cbc:RegistrationName")
        return registered or _text(root, f"{party}cac:PartyName/cbc:Name")

    accounts = _ibans(_texts(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID"))
    return Invoice(
        syntax="ubl",
        kind="invoice" if tag == "Invoice" else "credit_note",
        number=_number(_text(root, "cbc:ID")),
        issue_date=_text(root, "cbc:IssueDate"),
        currency=_text(root, "cbc:DocumentCurrencyCode"),
        payable=_amount(_text(root, "cac:LegalMonetaryTotal/cbc:PayableAmount")),
        seller_name=name(seller),
        seller_ids=ids(seller),
        buyer_name=name(buyer),
        buyer_ids=ids(buyer),
        seller_endpoint=_endpoint(root, f"{seller}cbc:EndpointID"),
        buyer_endpoint=_endpoint(root, f"{buyer}cbc:EndpointID"),
        buyer_reference=_text(root, "cbc:BuyerReference"),
        order_reference=_text(root, "cac:OrderReference/cbc:ID"),
        business_process=_text(root, "cbc:ProfileID"),
        customization=_text(root, "cbc:CustomizationID"),
        payment_means=_texts(root, "cac:PaymentMeans/cbc:PaymentMeansCode"),
        has_iban=bool(accounts),
        xml=xml,
        accounts=accounts,
        attached=_attached(root, f"{{{_CBC}}}EmbeddedDocumentBinaryObject"),
    )


def _cii(root: Any, xml: bytes, syntax: str, attached: tuple[Attached, ...]) -> Invoice:
    document, context = "rsm:ExchangedDocument/", "rsm:ExchangedDocumentContext/"
    trade = "rsm:SupplyChainTradeTransaction/"
    agreement = trade + "ram:ApplicableHeaderTradeAgreement/"
    settlement = trade + "ram:ApplicableHeaderTradeSettlement/"
    means = settlement + "ram:SpecifiedTradeSettlementPaymentMeans/"
    totals = settlement + "ram:SpecifiedTradeSettlementHeaderMonetarySummation/"
    seller, buyer = f"{agreement}ram:SellerTradeParty/", f"{agreement}ram:BuyerTradeParty/"

    def ids(party: str) -> Ids:
        return _ids(
            root,
            f"{party}ram:ID",
            f"{party}ram:GlobalID",
            f"{party}ram:SpecifiedLegalOrganization/ram:ID",
            f"{party}ram:SpecifiedTaxRegistration/ram:ID",
        )

    issued = next(root.iterfind(f"{document}ram:IssueDateTime/*", _NAMES), None)
    day = (issued.text or "").strip() if issued is not None else ""
    accounts = _ibans(_texts(root, f"{means}ram:PayeePartyCreditorFinancialAccount/ram:IBANID"))
    code = _text(root, f"{document}ram:TypeCode")
    return Invoice(
        syntax=syntax,
        kind="credit_note" if code in CREDIT_NOTES else "invoice",
        number=_number(_text(root, f"{document}ram:ID")),
        issue_date=f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day) else day,
        currency=_text(root, f"{settlement}ram:InvoiceCurrencyCode"),
        payable=_amount(_text(root, f"{totals}ram:DuePayableAmount")),
        seller_name=_text(root, f"{seller}ram:Name"),
        seller_ids=ids(seller),
        buyer_name=_text(root, f"{buyer}ram:Name"),
        buyer_ids=ids(buyer),
        seller_endpoint=_endpoint(root, f"{seller}ram:URIUniversalCommunication/ram:URIID"),
        buyer_endpoint=_endpoint(root, f"{buyer}ram:URIUniversalCommunication/ram:URIID"),
        buyer_reference=_text(root, f"{agreement}ram:BuyerReference"),
        order_reference=_text(
            root, f"{agreement}ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID"
        ),
        business_process=_text(
            root, f"{context}ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID"
        ),
        customization=_text(
            root, f"{context}ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"
        ),
        payment_means=_texts(root, f"{means}ram:TypeCode"),
        has_iban=bool(accounts),
        xml=xml,
        accounts=accounts,
        attached=(*attached, *_attached(root, f"{{{_RAM}}}AttachmentBinaryObject")),
    )
