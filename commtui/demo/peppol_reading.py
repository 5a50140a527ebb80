"""What the practice access point reads of a UBL file, and the few rules that it checks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
_NAMES = {"a": f"{_UBL}:CommonAggregateComponents-2", "b": f"{_UBL}:CommonBasicComponents-2"}
_SORTS = {
    f"{{{_UBL}:Invoice-2}}Invoice": "INVOICE",
    f"{{{_UBL}:CreditNote-2}}CreditNote": "CREDIT_NOTE",
}


class Unreadable(Exception):
    """Not a UBL invoice or credit note."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document's head; participants as `<scheme>:<value>`, empty when it names none."""

    sort: str
    number: str
    buyer_name: str
    buyer: str
    seller_tax: str
    """What the seller's participant is taken for by the tax number alone."""
    buyer_tax: str


def read(content: bytes) -> Read:
    """The head of a document. Raises Unreadable."""
    root = _root(content)
    parties = {"seller": "AccountingSupplierParty", "buyer": "AccountingCustomerParty"}
    at = {name: f"a:{tag}/a:Party" for name, tag in parties.items()}
    endpoint = root.find(f"{at['buyer']}/b:EndpointID", _NAMES)
    return Read(
        sort=_SORTS[root.tag],
        number=_text(root, "b:ID"),
        buyer_name=_text(root, f"{at['buyer']}/a:PartyLegalEntity/b:RegistrationName"),
        buyer=f"{endpoint.get('schemeID')}:{endpoint.text}" if endpoint is not None else "",
        seller_tax=_derived(_text(root, f"{at['seller']}/a:PartyTaxScheme/b:CompanyID")),
        buyer_tax=_derived(_text(root, f"{at['buyer']}/a:PartyTaxScheme/b:CompanyID")),
    )


def issues(content: bytes) -> list[dict[str, Any]]:
    """What is wrong with a document, in the form of the API; only well-formedness and the amount to pay count."""
    try:
        root = _root(content)
    except Unreadable:
        return [issue("UBL-XSD", "The document is not a UBL 2.1 invoice or credit note.")]
    total = "a:LegalMonetaryTotal/b:"
    try:
        payable, gross, prepaid, rounding = (
            Decimal(_text(root, f"{total}{name}") or "0")
            for name in (
                "PayableAmount",
                "TaxInclusiveAmount",
                "PrepaidAmount",
                "PayableRoundingAmount",
            )
        )
    except InvalidOperation:
        return [issue("UBL-XSD", "An amount is not a number.", "/LegalMonetaryTotal")]
    if payable == gross - prepaid + rounding:
        return []
    words = "[BR-CO-16]-Amount due for payment does not equal what is left to pay."
    return [issue("BR-CO-16", words, "/LegalMonetaryTotal")]


def _root(content: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unreadable from None
    if root.tag not in _SORTS:
        raise Unreadable
    return root


def _text(root: Any, path: str) -> str:
    return (root.findtext(path, namespaces=_NAMES) or "").strip()


def _derived(tax_number: str) -> str:
    return f"0208:{tax_number.removeprefix('BE')}" if tax_number.startswith("BE") else ""


def issue(rule: str, words: str, place: str = "/", sort: str = "error") -> dict[str, Any]:
    """One thing that is wrong, in the form of the API."""
    return {
        "message": words,
        "type": sort,
        "rule_id": rule,
        "flag": "fatal" if sort == "error" else "warning",
        "location": place,
        "test": None,
        "schematron": "PEPPOL-EN16931-UBL",
    }
