"""Reading e-invoices: UBL, CII and Factur-X, as untrusted XML without entities, network or document types."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

SIZE_LIMIT = 10_000_000
"""Bytes of XML that are parsed."""
_CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_NAMES = {"cbc": _CBC, "cac": _CAC, "rsm": _RSM, "ram": _RAM}
_EMBEDDED = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")


class Unreadable(ValueError):
    """The document cannot be read as an invoice; the text says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


Ids = tuple[tuple[str, str], ...]
"""Scheme and value."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What an invoice says, read from its bytes."""

    syntax: str
    """ubl, cii or facturx."""
    kind: str
    """invoice or credit_note."""
    number: str
    issue_date: str
    currency: str
    payable: Decimal
    seller_name: str
    seller_ids: Ids
    buyer_name: str
    buyer_ids: Ids
    seller_endpoint: tuple[str, str] | None
    buyer_endpoint: tuple[str, str] | None
    buyer_reference: str
    order_reference: str
    business_process: str
    customization: str
    payment_means: tuple[str, ...]
    has_iban: bool
    xml: bytes = field(repr=False)
    """The XML itself; of Factur-X the embedded file."""


def read(content: bytes, name: str, media_type: str) -> Invoice:
    """The invoice in these bytes. Raises Unreadable."""
    pdf = content.startswith(b"%PDF") or media_type == "application/pdf" or name.endswith(".pdf")
    xml = _embedded(content) if pdf else content
    root = parse(xml)
    space, _, tag = str(root.tag).removeprefix("{").rpartition("}")
    if space.startswith(_UBL) and tag in ("Invoice", "CreditNote"):
        return _ubl(root, tag, xml)
    if space == _RSM and tag == "CrossIndustryInvoice":
        return _cii(root, xml, "facturx" if pdf else "cii")
    if tag == "StandardBusinessDocument":
        raise Unreadable("The invoice is wrapped in an SBDH envelope; deliver the invoice itself.")
    raise Unreadable(f"The document is no UBL or CII invoice: its root is {tag[:60]!r}.")


def parse(xml: bytes) -> Any:
    """The root element. Raises Unreadable."""
    from lxml import etree

    if len(xml) > SIZE_LIMIT:
        raise Unreadable("The XML is larger than 10 MB.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"The document is not well-formed XML: {str(error)[:200]}") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("The document has a DOCTYPE, which no invoice needs.")
    return root


def _embedded(content: bytes) -> bytes:
    """The XML inside a Factur-X PDF. Raises Unreadable."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        attached = PdfReader(io.BytesIO(content)).attachments
        for name in _EMBEDDED:
            if found := attached.get(name):
                return bytes(found[0])
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"The PDF cannot be read: {type(error).__name__}") from None
    raise Unreadable("The PDF has no embedded invoice (factur-x.xml).")


def _text(root: Any, path: str) -> str:
    found = root.find(path, _NAMES)
    return (found.text or "").strip() if found is not None else ""


def _pair(found: Any) -> tuple[str, str]:
    return str(found.get("schemeID") or ""), (found.text or "").strip()


def _ids(root: Any, *paths: str) -> Ids:
    pairs = [_pair(found) for path in paths for found in root.findall(path, _NAMES)]
    return tuple(dict.fromkeys(pair for pair in pairs if pair[1]))


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _ubl(root: Any, tag: str, xml: bytes) -> Invoice:
    seller = "cac:AccountingSupplierParty/cac:Party/"
    buyer = "cac:AccountingCustomerParty/cac:Party/"

    def ids(party: str) -> Ids:
        return _ids(
            root,
            f"{party}cac:PartyIdentification/cbc:ID",
            f"{party}cac:PartyLegalEntity/cbc:CompanyID",
            f"{party}cac:PartyTaxScheme/cbc:CompanyID",
        )

    def endpoint(party: str) -> tuple[str, str] | None:
        found = root.find(f"{party}cbc:EndpointID", _NAMES)
        return _pair(found) if found is not None else None

    name = "cac:PartyLegalEntity/cbc:RegistrationName"
    payable = root.find("cac:LegalMonetaryTotal/cbc:PayableAmount", _NAMES)
    means = root.findall("cac:PaymentMeans/cbc:PaymentMeansCode", _NAMES)
    return Invoice(
        syntax="ubl",
        kind="invoice" if tag == "Invoice" else "credit_note",
        number=_text(root, "cbc:ID"),
        issue_date=_text(root, "cbc:IssueDate"),
        currency=_text(root, "cbc:DocumentCurrencyCode"),
        payable=_amount(payable.text or "" if payable is not None else ""),
        seller_name=_text(root, seller + name),
        seller_ids=ids(seller),
        buyer_name=_text(root, buyer + name),
        buyer_ids=ids(buyer),
        seller_endpoint=endpoint(seller),
        buyer_endpoint=endpoint(buyer),
        buyer_reference=_text(root, "cbc:BuyerReference"),
        order_reference=_text(root, "cac:OrderReference/cbc:ID"),
        business_process=_text(root, "cbc:ProfileID"),
        customization=_text(root, "cbc:CustomizationID"),
        payment_means=tuple((item.text or "").strip() for item in means),
        has_iban=bool(_text(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID")),
        xml=xml,
    )


def _cii(root: Any, xml: bytes, syntax: str) -> Invoice:
    document, context = "rsm:ExchangedDocument/", "rsm:ExchangedDocumentContext/"
    trade = "rsm:SupplyChainTradeTransaction/"
    agreement = trade + "ram:ApplicableHeaderTradeAgreement/"
    settlement = trade + "ram:ApplicableHeaderTradeSettlement/"
    means = settlement + "ram:SpecifiedTradeSettlementPaymentMeans/"

    def party(which: str) -> tuple[str, Ids, tuple[str, str] | None]:
        place = f"{agreement}ram:{which}TradeParty/"
        found = root.find(f"{place}ram:URIUniversalCommunication/ram:URIID", _NAMES)
        ids = _ids(
            root,
            f"{place}ram:ID",
            f"{place}ram:GlobalID",
            f"{place}ram:SpecifiedLegalOrganization/ram:ID",
            f"{place}ram:SpecifiedTaxRegistration/ram:ID",
        )
        return _text(root, f"{place}ram:Name"), ids, _pair(found) if found is not None else None

    seller_name, seller_ids, seller_endpoint = party("Seller")
    buyer_name, buyer_ids, buyer_endpoint = party("Buyer")
    issued = next(iter(root.iterfind(f"{document}ram:IssueDateTime/*")), None)
    day = (issued.text or "").strip() if issued is not None else ""
    totals = "ram:SpecifiedTradeSettlementHeaderMonetarySummation/ram:DuePayableAmount"
    return Invoice(
        syntax=syntax,
        kind="credit_note" if _text(root, f"{document}ram:TypeCode") == "381" else "invoice",
        number=_text(root, f"{document}ram:ID"),
        issue_date=f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else day,
        currency=_text(root, f"{settlement}ram:InvoiceCurrencyCode"),
        payable=_amount(_text(root, settlement + totals)),
        seller_name=seller_name,
        seller_ids=seller_ids,
        buyer_name=buyer_name,
        buyer_ids=buyer_ids,
        seller_endpoint=seller_endpoint,
        buyer_endpoint=buyer_endpoint,
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
        payment_means=tuple(
            (item.text or "").strip() for item in root.findall(f"{means}ram:TypeCode", _NAMES)
        ),
        has_iban=bool(_text(root, f"{means}ram:PayeePartyCreditorFinancialAccount/ram:IBANID")),
        xml=xml,
    )
