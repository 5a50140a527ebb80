"""What Chorus Pro's adapter makes of documents: each syntax on the wire, and what must not leave."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from commtui.demo.invoices import SELLER_SIRET, chorus_invoice
from commtui.domain.einvoice import parse
from commtui.domain.vocabulary import DocumentRole, ErrorClass, Status
from commtui.errors import NotSent, Stopped
from commtui.providers.base import Document, SendRequest
from commtui.providers.chorus import SPEC, ChorusProvider
from commtui.providers.einvoice.rules import Rules
from tests.chorus_practice import PLAIN, ChorusPractice, practising, request_to
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = "chorus:12345678200044;service=SERVICE_DEST_SERV_OBL;engagement=EJ123456"
CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocumentContext>
 <ram:BusinessProcessSpecifiedDocumentContextParameter><ram:ID>A1</ram:ID></ram:BusinessProcessSpecifiedDocumentContextParameter>
 <ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter>
</rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>380</ram:TypeCode>
 <ram:IssueDateTime><udt:DateTimeString format="102">20261102</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>
 <ram:IncludedSupplyChainTradeLineItem>
  <ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID></ram:AssociatedDocumentLineDocument>
  <ram:SpecifiedTradeProduct><ram:Name>Item</ram:Name></ram:SpecifiedTradeProduct>
  <ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice><ram:ChargeAmount>100.00</ram:ChargeAmount></ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
  <ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">1</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
  <ram:SpecifiedLineTradeSettlement>
   <ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode><ram:RateApplicablePercent>20</ram:RateApplicablePercent></ram:ApplicableTradeTax>
   <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>100.00</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation>
  </ram:SpecifiedLineTradeSettlement>
 </ram:IncludedSupplyChainTradeLineItem>
 <ram:ApplicableHeaderTradeAgreement>
  <ram:SellerTradeParty><ram:Name>Seller</ram:Name>
   <ram:SpecifiedLegalOrganization><ram:ID schemeID="0009">{seller}</ram:ID></ram:SpecifiedLegalOrganization>
   <ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>
   <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">FR04332540215</ram:ID></ram:SpecifiedTaxRegistration>
  </ram:SellerTradeParty>
  <ram:BuyerTradeParty><ram:Name>Buyer</ram:Name>
   <ram:SpecifiedLegalOrganization><ram:ID schemeID="0009">{buyer}</ram:ID></ram:SpecifiedLegalOrganization>
   <ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>
  </ram:BuyerTradeParty>
 </ram:ApplicableHeaderTradeAgreement>
 <ram:ApplicableHeaderTradeDelivery/>
 <ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
  <ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>30</ram:TypeCode>
   <ram:PayeePartyCreditorFinancialAccount><ram:IBANID>FR7630006000011234567890189</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
  </ram:SpecifiedTradeSettlementPaymentMeans>
  <ram:ApplicableTradeTax><ram:CalculatedAmount>20.00</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>
   <ram:BasisAmount>100.00</ram:BasisAmount><ram:CategoryCode>S</ram:CategoryCode><ram:RateApplicablePercent>20</ram:RateApplicablePercent></ram:ApplicableTradeTax>
  <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString format="102">20261202</udt:DateTimeString></ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>
  <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
   <ram:LineTotalAmount>100.00</ram:LineTotalAmount><ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
   <ram:TaxTotalAmount currencyID="EUR">20.00</ram:TaxTotalAmount><ram:GrandTotalAmount>120.00</ram:GrandTotalAmount>
   <ram:DuePayableAmount>120.00</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
 </ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
"""  # noqa: E501 - XML


def cii(number: str, recipient: str) -> bytes:
    return CII.format(number=number, seller=SELLER_SIRET, buyer=parse(recipient).id).encode()


def facturx(number: str, recipient: str) -> bytes:
    """A PDF that carries the invoice, as pypdf attaches it; Chorus Pro wants PDF/A-3, which nobody here checks."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(width=595, height=842)
    writer.add_attachment("factur-x.xml", cii(number, recipient))
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[ChorusPractice]:
    async with practising() as running:
        yield running


def with_document(content: bytes, name: str, media_type: str) -> SendRequest:
    document = Document(DocumentRole.EINVOICE, name, media_type, content)
    return replace(request_to(PLAIN), documents=(document,))


@pytest.mark.parametrize(
    ("request_", "syntax", "ending"),
    [
        (request_to(PLAIN, number="FA-UBL"), "IN_DP_E1_UBL_INVOICE", ".xml"),
        (
            with_document(cii("FA-CII", PLAIN), "i.xml", "application/xml"),
            "IN_DP_E1_CII_16B",
            ".xml",
        ),
        (
            with_document(facturx("FA-PDF", PLAIN), "i.pdf", "application/pdf"),
            "IN_DP_E2_CII_FACTURX",
            ".pdf",
        ),
    ],
    ids=["UBL", "CII", "Factur-X"],
)
async def test_each_syntax_goes_out_byte_for_byte_under_its_own_name(
    practice: ChorusPractice, request_: SendRequest, syntax: str, ending: str
) -> None:
    done = await practice.provider().advance(request_, MemorySteps())
    (flow,) = [it for it in practice.api.deposits if it.number == done.provider_message_id]
    assert flow.syntax == syntax
    assert len(flow.name) <= 50
    assert flow.name.endswith(ending)
    (kept,) = [it for it in practice.ledger.accepted if it.entry_id == request_.entry_id]
    digest = hashlib.sha256(request_.documents[0].content).hexdigest()
    assert kept.attachments == ((flow.name, digest),)
    await practice.settled()
    assert flow.state == "IN_INTEGRE"


FIXTURE = Path(__file__).parents[1] / "fixtures" / "einvoice" / "chorus_min.xml"


async def stopped(practice: ChorusPractice, request: SendRequest) -> Stopped:
    """The error that stops a request, once it is certain that nothing was asked or sent."""
    calls, steps = practice.api.calls.total(), MemorySteps()
    with pytest.raises(Stopped) as caught:
        await practice.provider().advance(request, steps)
    assert practice.api.calls.total() == calls
    assert steps.begun_at is None
    problem = SPEC.explain(Status.FAILED, caught.value.code, caught.value.words)
    assert problem.error_class is not ErrorClass.UNKNOWN
    assert problem.sentence
    assert problem.advice
    return caught.value


async def test_the_fixture_goes_out_and_a_mutated_one_is_stopped_with_its_rule(
    practice: ChorusPractice,
) -> None:
    content = FIXTURE.read_bytes()
    request, steps = request_to(BOTH, content), MemorySteps()
    await practice.provider().advance(request, steps)
    assert steps.words[0].startswith("FA2026-0001, 120.00 EUR")
    assert steps.reached["checked"]["number"] == "FA2026-0001"
    assert steps.reached["checked"]["seller"] == SELLER_SIRET
    assert any(SELLER_SIRET in note for note in steps.reached["checked"]["notes"])

    wrong = content.replace(
        b'PayableAmount currencyID="EUR">120.00', b'PayableAmount currencyID="EUR">119.00'
    )
    error = await stopped(practice, request_to(BOTH, wrong))
    assert error.code == "BR-CO-16"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"12345678200044", b"12345678200028", "SIRET"),
        (b"SERVICE_DEST_SERV_OBL", b"OTHER", "service code"),
        (b"EJ123456", b"EJ654321", "engagement number"),
        (
            b"<cac:OrderReference><cbc:ID>EJ123456</cbc:ID></cac:OrderReference>",
            b"",
            "engagement number",
        ),
    ],
    ids=["SIRET", "service", "engagement", "no engagement"],
)
async def test_bytes_that_name_another_recipient_are_stopped(
    practice: ChorusPractice, old: bytes, new: bytes, what: str
) -> None:
    error = await stopped(practice, request_to(BOTH, FIXTURE.read_bytes().replace(old, new)))
    assert error.code == "recipient_differs"
    assert what in error.words


async def test_a_buyer_with_two_sirets_is_stopped(practice: ChorusPractice) -> None:
    content = FIXTURE.read_bytes().replace(
        b'<cbc:CompanyID schemeID="0009">12345678200044',
        b'<cbc:CompanyID schemeID="0009">12345678200028',
    )
    assert (await stopped(practice, request_to(BOTH, content))).code == "recipient_differs"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable"),
        (b"%PDF-1.7 nothing", "unreadable"),
        (b"<Invoice/>", "unreadable"),
        (
            FIXTURE.read_bytes().replace(b"FA2026-0001", b"FA2026-0001-AND-MORE-X"),
            "chorus_number_length",
        ),
        (
            FIXTURE.read_bytes().replace(b"<cbc:ProfileID>A1", b"<cbc:ProfileID>B1"),
            "chorus_business_process",
        ),
        (FIXTURE.read_bytes().replace(b"<cbc:IssueDate>2026-11-02</cbc:IssueDate>", b""), "xsd"),
    ],
    ids=["nothing", "PDF without an invoice", "other XML", "long number", "reform code", "schema"],
)
async def test_documents_that_must_not_leave(
    practice: ChorusPractice, content: bytes, code: str
) -> None:
    assert (await stopped(practice, request_to(BOTH, content))).code == code


@pytest.mark.parametrize("count", [0, 2])
async def test_there_has_to_be_exactly_one_invoice(practice: ChorusPractice, count: int) -> None:
    request = request_to(PLAIN)
    attached = Document(DocumentRole.ATTACHMENT, "terms.pdf", "application/pdf", b"%PDF")
    request = replace(request, documents=(attached, *(request.documents * count)))
    code = "missing_content" if count == 0 else "too_many_documents"
    checked = practice.provider().check(request)
    assert checked is not None
    assert checked[0] == code
    assert (await stopped(practice, request)).code == code


async def test_a_recipient_of_another_network_is_refused(practice: ChorusPractice) -> None:
    provider, request = practice.provider(), request_to(PLAIN)
    assert provider.check(request) is None
    other = replace(
        request, recipient="peppol:0208:0202239951", routing=parse("peppol:0208:0202239951")
    )
    for wrong, code in (
        (other, "invalid_recipient"),
        (replace(request, routing=None), "invalid_recipient"),
        (replace(request, recipient=" "), "missing_recipient"),
    ):
        checked = provider.check(wrong)
        assert checked is not None
        assert checked[0] == code


async def test_a_supplier_without_a_siret_stands_with_its_vat_number(
    practice: ChorusPractice,
) -> None:
    siret = f'<cbc:CompanyID schemeID="0009">{SELLER_SIRET}</cbc:CompanyID>'
    party = f'<cbc:ID schemeID="0009">{SELLER_SIRET}</cbc:ID>'
    written = chorus_invoice("FA-FOREIGN", parse(PLAIN)).decode()
    written = written.replace(siret, "").replace(party, "<cbc:ID>BE0202239951</cbc:ID>")
    content = written.encode()
    steps = MemorySteps()
    await practice.provider().advance(request_to(PLAIN, content), steps)
    assert steps.reached["checked"]["seller"] == "BE0202239951"


async def test_what_was_checked_is_not_checked_again(practice: ChorusPractice) -> None:
    request, steps = request_to(PLAIN), MemorySteps()
    provider = practice.provider()
    await provider.advance(request, steps)
    again = MemorySteps(reached={name: steps.reached[name] for name in ("checked", "recipient")})
    before = practice.api.calls["structures/v1/rechercher"]
    await practice.settled()
    with pytest.raises(Stopped, match="number_taken"):
        await provider.advance(request, again)
    assert again.committed == []
    assert practice.api.calls["structures/v1/rechercher"] == before


async def test_rules_that_cannot_be_run_let_the_document_wait_until_they_can(
    practice: ChorusPractice, tmp_path: Path
) -> None:
    request, steps, calls = request_to(PLAIN), MemorySteps(), practice.api.calls.total()
    broken = Rules(command=(str(tmp_path / "nothing"),))
    with pytest.raises(NotSent) as caught:
        await ChorusProvider(practice.settings(), practice.http, broken).advance(request, steps)
    assert caught.value.code == "rules_crashed"
    assert caught.value.retry_after
    assert (practice.api.calls.total(), steps.reached, steps.begun_at) == (calls, {}, None)
    problem = SPEC.explain(Status.QUEUED, caught.value.code, caught.value.words)
    assert problem.error_class is ErrorClass.TECHNICAL
    assert "nothing was sent yet" in problem.sentence

    done = await practice.provider().advance(request, steps)
    assert practice.taken(request) == [done.provider_message_id]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("chorus_profile", "profile"),
        ("chorus_attachment", "attachments"),
        ("chorus_engagement_length", "50 characters"),
    ],
)
async def test_chorus_pros_own_limits_have_sentences_of_their_own(code: str, said: str) -> None:
    problem = SPEC.explain(Status.FAILED, code, "")
    assert said in problem.sentence
    assert problem.error_class is ErrorClass.TECHNICAL
