"""E-invoices of practice that pass the rules of their route: UBL, CII and Factur-X, from texts of our own."""

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
_CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
  <rsm:ExchangedDocumentContext>
    <ram:BusinessProcessSpecifiedDocumentContextParameter><ram:ID>A1</ram:ID></ram:BusinessProcessSpecifiedDocumentContextParameter>
    <ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter>
  </rsm:ExchangedDocumentContext>
  <rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>380</ram:TypeCode>
    <ram:IssueDateTime><udt:DateTimeString format="102">20261102</udt:DateTimeString></ram:IssueDateTime>
  </rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:IncludedSupplyChainTradeLineItem>
      <ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID></ram:AssociatedDocumentLineDocument>
      <ram:SpecifiedTradeProduct><ram:Name>Energy</ram:Name></ram:SpecifiedTradeProduct>
      <ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>
        <ram:ChargeAmount>{net}</ram:ChargeAmount></ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
      <ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">1</ram:BilledQuantity>
      </ram:SpecifiedLineTradeDelivery>
      <ram:SpecifiedLineTradeSettlement>
        <ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode>
          <ram:RateApplicablePercent>{rate}</ram:RateApplicablePercent></ram:ApplicableTradeTax>
        <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>{net}</ram:LineTotalAmount>
        </ram:SpecifiedTradeSettlementLineMonetarySummation>
      </ram:SpecifiedLineTradeSettlement>
    </ram:IncludedSupplyChainTradeLineItem>
    <ram:ApplicableHeaderTradeAgreement>{reference}
      <ram:SellerTradeParty>{seller}</ram:SellerTradeParty>
      <ram:BuyerTradeParty>{buyer}</ram:BuyerTradeParty>{order}
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeDelivery><ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime>
      <udt:DateTimeString format="102">20261031</udt:DateTimeString></ram:OccurrenceDateTime>
    </ram:ActualDeliverySupplyChainEvent></ram:ApplicableHeaderTradeDelivery>
    <ram:ApplicableHeaderTradeSettlement>
      <ram:PaymentReference>{number}</ram:PaymentReference><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
      <ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>30</ram:TypeCode><ram:PayeePartyCreditorFinancialAccount>
        <ram:IBANID>{iban}</ram:IBANID></ram:PayeePartyCreditorFinancialAccount></ram:SpecifiedTradeSettlementPaymentMeans>
      <ram:ApplicableTradeTax><ram:CalculatedAmount>{tax}</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>
        <ram:BasisAmount>{net}</ram:BasisAmount><ram:CategoryCode>S</ram:CategoryCode>
        <ram:RateApplicablePercent>{rate}</ram:RateApplicablePercent></ram:ApplicableTradeTax>
      <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>
        <udt:DateTimeString format="102">20261202</udt:DateTimeString>
      </ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>{net}</ram:LineTotalAmount>
        <ram:TaxBasisTotalAmount>{net}</ram:TaxBasisTotalAmount>
        <ram:TaxTotalAmount currencyID="EUR">{tax}</ram:TaxTotalAmount>
        <ram:GrandTotalAmount>{gross}</ram:GrandTotalAmount><ram:DuePayableAmount>{gross}</ram:DuePayableAmount>
      </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    </ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
"""
_PAGE = """#set page(paper: "a4", margin: 25mm)
#set document(title: "Invoice")
= #sys.inputs.number
#sys.inputs.total EUR
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


def _filled(template: str, number: str, amount: Decimal, rate: int, **parts: str) -> bytes:
    net = amount.quantize(Decimal("0.01"))
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    return template.format(
        number=escape(number), net=net, tax=tax, gross=net + tax, rate=rate, iban=_IBAN, **parts
    ).encode()


def _siret(value: str) -> tuple[str, str]:
    value = escape(value)
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
        _UBL,
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


def chorus_cii(
    number: str,
    recipient: Routing,
    *,
    amount: Decimal = Decimal("100.00"),
    seller_siret: str = SELLER_SIRET,
) -> bytes:
    """The same invoice as `chorus_invoice`, as CII."""
    order = recipient.engagement
    service = recipient.service_code
    return _filled(
        _CII,
        number,
        amount,
        20,
        reference=f"<ram:BuyerReference>{escape(service)}</ram:BuyerReference>" if service else "",
        order="<ram:BuyerOrderReferencedDocument>"
        f"<ram:IssuerAssignedID>{escape(order)}</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>"
        if order
        else "",
        seller=_trade_party("Aurore Énergie", seller_siret, "FR04332540215"),
        buyer=_trade_party("Commune", recipient.id),
    )


def chorus_facturx(
    number: str,
    recipient: Routing,
    *,
    amount: Decimal = Decimal("100.00"),
    seller_siret: str = SELLER_SIRET,
) -> bytes:
    """The same invoice as `chorus_cii` inside a PDF/A-3 of one page: Factur-X, profile EN 16931."""
    import typst
    from facturx import generate_from_binary  # type: ignore[import-untyped]

    xml = chorus_cii(number, recipient, amount=amount, seller_siret=seller_siret)
    total = (amount * Decimal("1.2")).quantize(Decimal("0.01"))
    page = typst.compile(
        _PAGE.encode(),
        ignore_system_fonts=True,
        sys_inputs={"number": number, "total": str(total)},
        pdf_standards="a-3b",
        timestamp=0,
    )
    made: bytes = generate_from_binary(page, xml, level="en16931", check_xsd=False)
    return made


def _trade_party(name: str, siret: str, tax: str = "") -> str:
    number = escape(siret)
    registration = f'<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">{tax}</ram:ID></ram:SpecifiedTaxRegistration>'
    return (
        f'<ram:GlobalID schemeID="0009">{number}</ram:GlobalID><ram:Name>{escape(name)}</ram:Name>'
        f'<ram:SpecifiedLegalOrganization><ram:ID schemeID="0009">{number}</ram:ID></ram:SpecifiedLegalOrganization>'
        "<ram:PostalTradeAddress><ram:PostcodeCode>75001</ram:PostcodeCode><ram:CityName>Paris</ram:CityName>"
        f"<ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>{registration if tax else ''}"
    )


def peppol_invoice(
    number: str, sender_id: str, recipient: Routing, *, amount: Decimal = Decimal("100.00")
) -> bytes:
    """A BIS Billing 3 invoice between two participants in Belgium."""
    value = sender_id.partition(":")[2]
    legal = f"<cbc:CompanyID>{escape(value)}</cbc:CompanyID>"
    return _filled(
        _UBL,
        number,
        amount,
        21,
        customization=_BIS,
        profile="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
        reference=_references(recipient.service_code or number, recipient.engagement),
        seller=_party("Aurore Energie", "BE", endpoint=sender_id, tax=f"BE{value}", legal=legal),
        buyer=_party("Customer", "BE", endpoint=recipient.id),
    )
