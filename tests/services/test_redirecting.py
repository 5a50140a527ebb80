"""Letters and e-invoices in test mode: a sheet with the test address in front, and never to a network."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from commtui.config import Redirects, Settings
from commtui.domain.vocabulary import Channel, DocumentRole
from commtui.errors import Stopped
from commtui.providers import letters_pdf
from commtui.providers.base import Accepted
from commtui.services.redirecting import BEGUN, EINVOICE, Redirecting, as_sent
from commtui.store.redirects import REDIRECTED
from tests.ping_practice import ADDRESS, letter, play, practising, request_to

POST = "QA; 3 rue de la Paix; 69001 Lyon; FR"
LINES = "QA\n3 rue de la Paix\n69001 Lyon\nFR"
TEST = Settings(mode="test", test=Redirects(email="qa@example.com", post=POST))


def text_of(pdf: bytes, page: int) -> str:
    return " ".join(PdfReader(io.BytesIO(pdf)).pages[page].extract_text().split())


@pytest.mark.parametrize("address", [POST, "QA; Bahnhofstrasse 1; 8001 Zürich; CH"])
def test_a_letter_gets_a_sheet_with_the_test_address_and_stays_printable(address: str) -> None:
    settings = replace(TEST, test=Redirects(post=address))
    request = request_to(ADDRESS, letter(ADDRESS, pages=2))
    way = Redirecting(settings).way(request, {})
    assert way.request.recipient.splitlines() == [part.strip() for part in address.split(";")]
    assert way.to == ", ".join(way.request.recipient.splitlines())
    (document,) = way.request.documents
    assert document.role is DocumentRole.LETTER
    first = text_of(document.content, 0)
    assert all(line in first for line in way.request.recipient.splitlines())
    assert "This is a test" in first
    assert "Lefèvre" not in first
    assert len(PdfReader(io.BytesIO(document.content)).pages) == 3
    assert text_of(document.content, 1) == text_of(request.documents[0].content, 0)
    assert letters_pdf.problem(document.content, way.request.country) is None


async def test_ping_reads_the_test_address_and_takes_the_letter_for_it() -> None:
    async with practising() as practice:
        request = Redirecting(TEST).way(request_to(ADDRESS), {}).request
        assert practice.provider().check(request) is None
        played = await play(practice, request)
        assert isinstance(played.last, Accepted)
        (taken,) = practice.ledger.accepted
        assert "69001 Lyon" in taken.recipient
        assert "75011" not in taken.recipient


async def test_without_the_sheet_ping_reads_another_address_and_nothing_is_sent() -> None:
    async with practising() as practice:
        played = await play(practice, replace(request_to(ADDRESS), recipient=LINES))
        assert isinstance(played.last, Stopped)
        assert practice.ledger.accepted == []


@pytest.mark.parametrize("recipient", ["peppol:0208:0202239951", "chorus:12345678200044"])
def test_an_e_invoice_is_not_sent_because_its_document_names_the_buyer(recipient: str) -> None:
    request = replace(request_to(ADDRESS), channel=Channel.EINVOICE, recipient=recipient)
    assert Redirecting(TEST).way(request, {}).problem == EINVOICE
    assert Redirecting(replace(TEST, mode="live")).way(request, {}).problem == ""


def test_a_task_for_a_person_needs_no_address() -> None:
    assert Redirecting(TEST).problem(Channel.MANUAL) == ""


def test_what_was_begun_as_a_test_stays_one() -> None:
    request, reached = request_to(ADDRESS), {REDIRECTED: {"to": "qa@example.com"}}
    assert Redirecting(replace(TEST, mode="live")).way(request, reached).problem == BEGUN
    assert as_sent(request, reached).recipient == "qa@example.com"
    assert as_sent(request, {}) is request
