"""E-invoices of practice: UBL that passes the rules of its route, built from a text of our own."""

from __future__ import annotations

from decimal import Decimal
from xml.sax.saxutils import escape

from commtui.domain.einvoice import Routing

SELLER_SIRET = "33254021516357"
"""A supplier of Chorus Pro's qualification; its check digit is wrong, as it is there."""
_UBL = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:CustomizationID>{customization}</cbc:CustomizationID>
  <cbc:ProfileID>{profile}</cbc:ProfileID>
  <cbc:ID>{number}</cbc:ID>
  <cbc:IssueDate>2026-11-02</cbc:IssueDate>
  <cbc:DueDate>2026-12-02</cbc:DueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  {reference}
  <cac:AccountingSupplierParty><cac:Party>{seller}</cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>{buyer}</cac:Party></cac:AccountingCustomerParty>
  <cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode><cbc:PaymentID>{number}</cbc:PaymentID>
    <cac:PayeeFinancialAccount><cbc:ID>{iban}</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
  <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount><cac:TaxSubtotal>
    <cbc:TaxableAmount currencyID="EUR">{net}</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount>
    <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>
  </cac:TaxSubtotal></cac:TaxTotal>
  <cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="EUR">{net}</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">{gross}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">{gross}</cbc:PayableAmount></cac:LegalMonetaryTotal>
  <cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity>
    <cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
    <cac:Item><cbc:Name>Energy</cbc:Name><cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent>
      <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory></cac:Item>
    <cac:Price><cbc:PriceAmount currencyID="EUR">{net}</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
</Invoice>
"""
_BIS = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_IBAN = "FR7630006000011234567890189"


def _party(
    name: str, country: str, *, endpoint: str = "", ids: str = "", tax: str = "", legal: str = ""
) -> str:
    scheme, _, value = endpoint.partition(":")
    parts = [
        f'<cbc:EndpointID schemeID="{scheme}">{escape(value)}</cbc:EndpointID>' if endpoint else "",
        ids,
        "<cac:PostalAddress><cbc:CityName>Paris</cbc:CityName><cbc:PostalZone>75001</cbc:PostalZone>"
        f"<cac:Country><cbc:IdentificationCode>{country}</cbc:IdentificationCode></cac:Country></cac:PostalAddress>",
        f"<cac:PartyTaxScheme><cbc:CompanyID>{tax}</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
        if tax
        else "",
        f"<cac:PartyLegalEntity><cbc:RegistrationName>{escape(name)}</cbc:RegistrationName>{legal}</cac:PartyLegalEntity>",
    ]
    return "".join(parts)


def _filled(number: str, amount: Decimal, rate: int, **parts: str) -> bytes:
    net = amount.quantize(Decimal("0.01"))
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    return _UBL.format(
        number=escape(number), net=net, tax=tax, gross=net + tax, rate=rate, iban=_IBAN, **parts
    ).encode()


def _siret(value: str) -> tuple[str, str]:
    return (
        f'<cac:PartyIdentification><cbc:ID schemeID="0009">{value}</cbc:ID></cac:PartyIdentification>',
        f'<cbc:CompanyID schemeID="0009">{value}</cbc:CompanyID>',
    )


def _references(service: str, engagement: str) -> str:
    buyer = f"<cbc:BuyerReference>{escape(service)}</cbc:BuyerReference>" if service else ""
    order = (
        f"<cac:OrderReference><cbc:ID>{escape(engagement)}</cbc:ID></cac:OrderReference>"
        if engagement
        else ""
    )
    return buyer + order


def chorus_invoice(
    number: str,
    recipient: Routing,
    *,
    amount: Decimal = Decimal("100.00"),
    seller_siret: str = SELLER_SIRET,
) -> bytes:
    """An invoice to a French public body, for a direct deposit."""
    seller_ids, seller_legal = _siret(seller_siret)
    buyer_ids, buyer_legal = _siret(recipient.id)
    return _filled(
        number,
        amount,
        20,
        customization="urn:cen.eu:en16931:2017",
        profile="A1",
        reference=_references(recipient.service_code, recipient.engagement),
        seller=_party(
            "Aurore Énergie", "FR", ids=seller_ids, tax="FR04332540215", legal=seller_legal
        ),
        buyer=_party("Commune", "FR", ids=buyer_ids, legal=buyer_legal),
    )


def peppol_invoice(
    number: str, sender_id: str, recipient: Routing, *, amount: Decimal = Decimal("100.00")
) -> bytes:
    """A BIS Billing 3 invoice between two participants in Belgium."""
    value = sender_id.partition(":")[2]
    legal = f"<cbc:CompanyID>{escape(value)}</cbc:CompanyID>"
    return _filled(
        number,
        amount,
        21,
        customization=_BIS,
        profile="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
        reference=_references(recipient.service_code or number, recipient.engagement),
        seller=_party("Aurore Energie", "BE", endpoint=sender_id, tax=f"BE{value}", legal=legal),
        buyer=_party("Customer", "BE", endpoint=recipient.id),
    )
