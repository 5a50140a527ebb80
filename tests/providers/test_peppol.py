"""Peppol through its access point: steps and restarts, lost answers, refusals, facts by layer, proofs, webhooks."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.config import Peppol, Secret, Settings
from commtui.demo.peppol_scenarios import PEPPOL_SCENARIOS
from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.vocabulary import Channel, DocumentRole, ErrorClass, Layer, Status
from commtui.errors import (
    AccountTrouble,
    BadSignature,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
    Unreadable,
)
from commtui.providers.base import Accepted, DeliveryEvent, Document, RawWebhook, SendRequest
from commtui.providers.einvoice.rules import Rules
from commtui.providers.einvoice_be import EInvoiceBe
from commtui.providers.http import Http
from commtui.providers.peppol import SPEC, PeppolProvider
from commtui.providers.peppol_access import HistoryItem, Opinion, Sort, Stage, Standing
from commtui.providers.peppol_codes import (
    INVOICE_RESPONSE,
    MESSAGE_STATUS,
    PROBLEMS,
    TASKS,
    document_type,
    explain,
)
from commtui.providers.peppol_facts import About, again_after, facts, response_code, standing_facts
from tests.peppol_practice import (
    PeppolPractice,
    invoice,
    practising,
    request_to,
    serving,
    watch_of,
)
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {scenario.name: scenario for scenario in PEPPOL_SCENARIOS}
NOW = dt.datetime.now(dt.UTC)
LONG_AGO = (NOW - dt.timedelta(minutes=10)).isoformat()
BILLING = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
INVOICE = document_type("invoice", BILLING)
STEPS = ["checked", "recipient", "validated", "staging", "staged", "sending", "begin"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[PeppolPractice]:
    async with practising() as running:
        yield running


def to(name: str, number: int = 0, **values: Any) -> SendRequest:
    return request_to(ROWS[name].recipient(number), **values)


def reached(committed: Sequence[str], **values: Any) -> MemorySteps:
    """Steps of an entry that came as far as these."""
    steps = MemorySteps()
    steps.reached.update({step: {} for step in committed}, **values)
    return steps


# what is checked without a request


def document(role: DocumentRole = DocumentRole.EINVOICE, kind: str = "application/xml") -> Document:
    return Document(role, "a.xml", kind, b"<Invoice/>")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, None),
        ({"recipient": " "}, "missing_recipient"),
        ({"routing": None}, "invalid_recipient"),
        ({"documents": ()}, "missing_content"),
        ({"documents": (document(DocumentRole.ATTACHMENT),)}, "missing_content"),
        ({"documents": (document(), document())}, "too_many_documents"),
        ({"documents": (document(), document(kind="application/pdf"))}, None),
    ],
)
async def test_what_cannot_be_sent_is_said_without_a_request(
    practice: PeppolPractice, values: Mapping[str, Any], code: str | None
) -> None:
    before = practice.ledger.requests
    request = replace(to("sent"), **values)
    found = practice.provider().check(request)
    assert (found[0] if found else None) == code
    if found:
        assert SPEC.explain(Status.FAILED, *found).error_class is not ErrorClass.UNKNOWN
    assert practice.ledger.requests == before


async def test_a_chorus_recipient_is_none_of_ours(practice: PeppolPractice) -> None:
    other = request_to("peppol:0009:12345678200051")
    routed = replace(other, routing=replace(other.routing, network="chorus"))  # type: ignore[type-var]
    found = practice.provider().check(routed)
    assert found is not None
    assert found[0] == "invalid_recipient"


# steps


async def test_each_step_is_committed_before_the_next_request(practice: PeppolPractice) -> None:
    request, steps = to("valid with a warning"), MemorySteps()
    accepted = await practice.provider().advance(request, steps)
    assert steps.committed == STEPS
    assert practice.taken(request) == [accepted.provider_message_id]
    assert steps.reached["staged"] == {"id": accepted.provider_message_id}
    digest = hashlib.sha256(request.documents[0].content).hexdigest()
    checked = steps.reached["checked"]
    assert (checked["sha256"], checked["number"]) == (digest, request.reference)
    assert checked["document_type"] == INVOICE
    assert request.reference in steps.words[0]
    assert "121.00" in steps.words[0]
    assert "registered for this kind of document" in steps.words[1]
    assert "PEPPOL-EN16931-R061" in steps.words[2]
    (event,) = accepted.events
    assert (event.kind, event.layer, event.status) == ("accepted", Layer.API, None)


async def test_the_four_ids_come_from_the_document(practice: PeppolPractice) -> None:
    """The invoice has no tax number of the buyer at all: without the ids it would be refused with 400."""
    request = to("sent", 3)
    await practice.provider().advance(request, MemorySteps())
    assert [
        item.recipient for item in practice.ledger.accepted if item.entry_id == request.entry_id
    ] == [request.recipient]


class Crash(Exception):
    """The worker ends here."""


@dataclass
class Fragile(MemorySteps):
    """Steps of a worker that dies right after one of them."""

    at: str = ""

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        await super().commit(step, reference, words)
        self._die(step)

    async def begin(self) -> None:
        await super().begin()
        self._die("begin")

    def _die(self, step: str) -> None:
        if step == self.at:
            self.at = ""
            raise Crash


async def worked(provider: PeppolProvider, request: SendRequest, steps: MemorySteps) -> str:
    """What workers do one after the other until the entry is settled; the document's id."""
    for _ in range(4):
        steps.committed.clear()
        try:
            return (await provider.advance(request, steps)).provider_message_id
        except (Crash, UnknownOutcome):
            if "begin" not in steps.committed:
                continue
        steps.reached["sending"] = {"at": LONG_AGO}
        found = await provider.find(request, request.created_at, steps.reached)
        assert found is not None
        if found:
            return found[0].provider_message_id
    raise AssertionError("never settled")


@pytest.mark.parametrize("step", [*STEPS, "nowhere"])
async def test_a_worker_that_dies_after_any_step_makes_no_second_invoice(
    practice: PeppolPractice, step: str
) -> None:
    request = to("sent", 10 + STEPS.index(step) if step in STEPS else 9)
    before = len(practice.api.drafts)
    reference = await worked(practice.provider(), request, Fragile(at=step))
    assert practice.taken(request) == [reference]
    assert len(practice.api.drafts) == before


@pytest.mark.parametrize("name", ["lost answer at stage", "lost answer at send"])
async def test_a_lost_answer_makes_no_second_invoice(practice: PeppolPractice, name: str) -> None:
    request = to(name, 20)
    before = len(practice.api.drafts)
    reference = await worked(practice.provider(), request, MemorySteps())
    assert practice.taken(request) == [reference]
    assert len(practice.api.drafts) == before


class Naive(PeppolProvider):
    """Starts again from the beginning when no answer came, as retrying clients do."""

    async def _staged(self, request: SendRequest, invoice: Document, *_more: Any) -> str:
        return await self._point.stage(invoice.content, f"{request.entry_id}.xml")

    async def find(self, *_asked: Any) -> Sequence[DeliveryEvent] | None:
        return []


async def test_the_naive_way_sends_twice(practice: PeppolPractice) -> None:
    settings = practice.settings()
    naive = Naive(settings, EInvoiceBe(settings.peppol, practice.http), None)
    request = to("lost answer at send", 21)
    await worked(naive, request, MemorySteps())
    assert len(practice.taken(request)) == 2


async def test_only_drafts_of_this_very_entry_are_used_or_deleted(practice: PeppolPractice) -> None:
    request, elder = to("sent", 30), to("sent", 31)
    point = EInvoiceBe(practice.settings().peppol, practice.http)
    content, name = request.documents[0].content, f"{request.entry_id}.xml"
    others = [
        await point.stage(content, f"{elder.entry_id}.xml"),
        await point.stage(content, "by-hand.xml"),
        await point.stage(content.replace(b"Fixture item", b"Another item"), name),
    ]
    for number in range(101):
        others.append(await point.stage(content, f"{number}.xml"))
    ours = [await point.stage(content, name) for _ in range(3)]
    steps = reached(["staging", "validated"], recipient={"at": NOW.isoformat()})
    accepted = await practice.provider().advance(request, steps)
    assert accepted.provider_message_id == ours[0]
    left = set(practice.api.drafts)
    assert set(others) <= left
    assert not left & set(ours)


async def test_a_405_is_the_first_call_that_came_through_after_all() -> None:
    """Still a draft long after the call, so the same document is sent again, and was sent once."""
    async with practising(scale=1000) as practice:
        request, steps = to("405 after a lost answer"), MemorySteps()
        provider = practice.provider()
        with pytest.raises(UnknownOutcome):
            await provider.advance(request, steps)
        assert await provider.find(request, NOW, steps.reached) is None
        steps.reached["sending"] = {"at": LONG_AGO}
        assert await provider.find(request, NOW, steps.reached) == []
        accepted = await provider.advance(request, steps)
        assert practice.taken(request) == [accepted.provider_message_id]
        assert "accepted" in {item.kind for item in accepted.events}


async def test_find_knows_nothing_before_a_draft_exists(practice: PeppolPractice) -> None:
    request = to("sent", 32)
    assert await practice.provider().find(request, NOW, {}) is None
    gone = {"staged": {"id": "doc_gone"}}
    assert await practice.provider().find(request, NOW, gone) is None


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ("TRANSIT", [Status.SENT]),
        ("SENT", [Status.SENT, Status.SENT]),
        ("FAILED", [Status.SENT, Status.REJECTED]),
    ],
)
async def test_find_says_everything_that_is_known(state: str, ends: list[Status]) -> None:
    script, http, request = Scripted("nothing", 500, state=state), Http(1, 2.0), to("sent")
    async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
        kept = {"staged": {"id": "doc1"}}
        found = await provider_at(url, http).find(request, NOW, kept)
    await http.aclose()
    assert [item.status for item in found or ()] == ends
    assert {(item.entry_id, item.provider_message_id) for item in found or ()} == {
        (request.entry_id, "doc1")
    }


# our own stops


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b">0202239951</cbc:EndpointID>", b">0999999922</cbc:EndpointID>", "sender_differs"),
        (b'="0208">0202239951</cbc:End', b'="9925">BE0202239951</cbc:End', "sender_differs"),
        (b"OTHER", b"", "recipient_differs"),
        (b">121.00</cbc:PayableAmount>", b">120.00</cbc:PayableAmount>", "BR-CO-16"),
        (b"</Invoice>", b"", "unreadable"),
    ],
)  # fmt: skip
async def test_a_document_that_is_wrong_goes_nowhere(
    practice: PeppolPractice, old: bytes, new: bytes, code: str
) -> None:
    recipient = ROWS["sent"].recipient(33)
    content = invoice(ROWS["sent"].recipient(34) if old == b"OTHER" else recipient)
    request = request_to(recipient, content.replace(old, new))
    before, steps = practice.ledger.requests, MemorySteps()
    with pytest.raises(Stopped) as caught:
        await practice.provider().advance(request, steps)
    assert caught.value.code == code
    assert caught.value.words
    problem = SPEC.explain(Status.FAILED, code, caught.value.words)
    assert (problem.error_class, problem.falls_back) == (ErrorClass.TECHNICAL, False)
    assert code in problem.sentence or "nothing was sent" in problem.sentence
    assert practice.ledger.requests == before
    assert steps.committed == []


async def test_values_of_participants_ignore_case() -> None:
    async with practising() as practice:
        request = request_to("peppol:9925:be0202239951", invoice("peppol:9925:BE0202239951"))
        await practice.provider().advance(request, MemorySteps())
        assert practice.ledger.accepted[0].recipient == "peppol:9925:BE0202239951"


# the recipient's registration


def check(outcome: Reachability, hours: float = 1, wanted: str = INVOICE) -> Registration:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    return Registration(outcome, at, "as it was", {"document_type": wanted})


@pytest.mark.parametrize(
    ("last", "asked"),
    [
        (None, True),
        (check(Reachability.REACHABLE), False),
        (check(Reachability.REACHABLE, hours=25), True),
        (check(Reachability.REACHABLE, wanted=document_type("credit_note", BILLING)), True),
        (check(Reachability.NOT_REGISTERED), True),
        (check(Reachability.COULD_NOT_CHECK), True),
    ],
)
async def test_a_yes_is_believed_for_a_day_and_for_one_kind_of_document(
    practice: PeppolPractice, last: Registration | None, asked: bool
) -> None:
    request, steps = replace(to("sent", 40), registration=last), MemorySteps()
    before = practice.dns.queries
    await practice.provider().advance(request, steps)
    assert (practice.dns.queries > before) is asked
    assert bool(steps.registrations) is asked
    if asked:
        (found,) = steps.registrations
        assert found.outcome is Reachability.REACHABLE
        assert found.details["document_type"] == INVOICE
    else:
        assert "as it was" in steps.words[1]


async def test_a_step_of_yesterday_is_looked_at_again(practice: PeppolPractice) -> None:
    steps = MemorySteps()
    old = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=25)).isoformat()
    steps.reached["recipient"] = {"at": old}
    await practice.provider().advance(to("sent", 41), steps)
    assert len(steps.registrations) == 1


async def test_without_a_directory_of_ours_only_the_access_point_is_asked(
    practice: PeppolPractice,
) -> None:
    before = practice.dns.queries
    steps = MemorySteps()
    await practice.provider(dns="off").advance(to("sent", 42), steps)
    assert "Directory" not in steps.registrations[0].words
    with pytest.raises(Stopped) as caught:
        await practice.provider(dns=" OFF ").advance(to("not registered", 42), MemorySteps())
    assert caught.value.code == "not_registered"
    assert practice.dns.queries == before


# answers of the access point


@dataclass
class Scripted:
    """An access point whose next answer to one kind of call is scripted; all others go well."""

    fails: str
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, Any] | None = None
    calls: list[str] = field(default_factory=list)
    state: str = "TRANSIT"
    timeline: Sequence[Mapping[str, Any]] = ()
    url_of_file: str = ""
    content: bytes = b""

    async def answer(self, request: Request) -> Response:
        """What is scripted, or success."""
        path = request.url.path
        call = f"{request.method} {path.removeprefix('/api/')}"
        self.calls.append(call)
        if call.startswith(self.fails):
            body = self.body if isinstance(self.body, str | bytes) else json.dumps(self.body)
            headers = {"content-type": "application/json", **self.headers}
            return Response(body, self.status, headers)
        if path == "/file":
            return Response(self.content)
        return JSONResponse(self._good(call), 201 if "ubl" in call and "POST" in call else 200)

    def _good(self, call: str) -> Any:
        if "peppol-id" in call:
            return {"is_valid": True, "dns_valid": True, "supported_document_types": []}
        if "validate" in call:
            return {"is_valid": True, "issues": []}
        if call == "GET me/":
            return self.account
        if call.endswith("timeline"):
            return {"document_id": "doc1", "events": list(self.timeline)}
        if call.endswith("/ubl"):
            return {"id": "doc1", "file_name": "a.xml", "signed_url": self.url_of_file}
        return {"id": "doc1", "state": self.state, "created_at": "2026-11-23T10:00:00"}


KEY = "contract-key-secret"


def provider_at(url: str, http: Http, **values: Any) -> PeppolProvider:
    section = {"api_key": Secret(KEY), "sender_id": "0208:0202239951", "dns": "off"}
    settings = Settings(peppol=Peppol(**{**section, "base_url": url, **values}))
    assert SPEC.create is not None
    made = SPEC.create(settings, http)
    assert isinstance(made, PeppolProvider)
    return made


async def error_of(script: Scripted, steps: MemorySteps | None = None) -> ProviderError:
    """The error that sending ends with at a scripted access point."""
    http = Http(1, 2.0)
    try:
        async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
            with pytest.raises(ProviderError) as caught:
                await provider_at(url, http).advance(to("sent"), steps or MemorySteps())
            return caught.value
    finally:
        await http.aclose()


METHODS = ["GET", "POST", "DELETE"]
SEND, STAGE = "POST documents/doc1/send", "POST documents/ubl"
VALIDATE, ASK = "POST validate/ubl", "GET validate/peppol-id"
SAID = {"detail": f"as it is: Bearer {KEY}"}
WAIT = {"retry-after": "900"}


@pytest.mark.parametrize(
    ("call", "status", "body", "expected", "code"),
    [
        (SEND, 400, SAID, Rejected, "400"),
        (SEND, 401, SAID, AccountTrouble, "401"),
        (SEND, 402, SAID, AccountTrouble, "402"),
        (SEND, 403, SAID, AccountTrouble, "403"),
        (SEND, 404, SAID, Rejected, "404"),
        (SEND, 406, SAID, Rejected, "406"),
        (SEND, 408, SAID, UnknownOutcome, "408"),
        (SEND, 409, SAID, AccountTrouble, "409"),
        (SEND, 422, {"detail": [{"loc": ["query", "x"], "msg": KEY}]}, Rejected, "422"),
        (SEND, 425, SAID, UnknownOutcome, "425"),
        (SEND, 429, SAID, RateLimited, "429"),
        (SEND, 500, SAID, UnknownOutcome, "500"),
        (SEND, 502, f"<h1>{KEY}</h1>", UnknownOutcome, "502"),
        (SEND, 503, SAID, UnknownOutcome, "503"),
        (SEND, 302, "", UnknownOutcome, "302"),
        (SEND, 200, "{", UnknownOutcome, "200"),
        (SEND, 200, [], UnknownOutcome, "200"),
        (SEND, 200, {"id": "doc1"}, UnknownOutcome, "200"),
        (STAGE, 401, SAID, AccountTrouble, "401"),
        (STAGE, 404, SAID, Rejected, "404"),
        (STAGE, 409, SAID, UnknownOutcome, "409"),
        (STAGE, 415, SAID, Rejected, "415"),
        (STAGE, 422, SAID, Rejected, "422"),
        (STAGE, 429, SAID, RateLimited, "429"),
        (STAGE, 500, SAID, UnknownOutcome, "500"),
        (STAGE, 201, {"id": None}, UnknownOutcome, "201"),
        (VALIDATE, 401, SAID, AccountTrouble, "401"),
        (VALIDATE, 422, SAID, Rejected, "422"),
        (VALIDATE, 500, SAID, UnknownOutcome, "500"),
        (VALIDATE, 201, {"issues": []}, UnknownOutcome, "unreadable"),
        (VALIDATE, 201, {"is_valid": False, "issues": []}, Stopped, "rule"),
        (VALIDATE, 201, {"is_valid": True, "issues": [{"rule_id": "BR-01"}]}, Stopped, "BR-01"),
        (ASK, 401, SAID, AccountTrouble, "401"),
        (ASK, 422, SAID, Stopped, "invalid_recipient"),
        (ASK, 429, SAID, RateLimited, "429"),
        (ASK, 404, SAID, NotSent, "could_not_check"),
        (ASK, 500, SAID, NotSent, "could_not_check"),
        (ASK, 200, "no JSON", NotSent, "could_not_check"),
        (ASK, 200, {"is_valid": False}, NotSent, "could_not_check"),
        (ASK, 200, {"is_valid": False, "dns_valid": False}, Stopped, "not_registered"),
        (ASK, 200, {"is_valid": False, "dns_valid": True}, Stopped, "no_endpoint"),
        (ASK, 200, {"is_valid": True, "dns_valid": False}, Stopped, "no_endpoint"),
    ],
)
async def test_an_answer_ends_in_one_class_and_gives_nothing_away(
    call: str, status: int, body: Any, expected: type[ProviderError], code: str
) -> None:
    script = Scripted(call, status, body)
    steps = MemorySteps()
    error = await error_of(script, steps)
    assert (type(error), error.code) == (expected, code)
    assert ("begin" in steps.committed) == (call == SEND)
    assert script.calls.count(SEND) == (call == SEND)
    for shown in (str(error), repr(error), error.words):
        assert KEY not in shown
    if expected not in (UnknownOutcome, RateLimited):
        problem = SPEC.explain(Status.REJECTED, error.code, error.words)
        assert problem.error_class is not ErrorClass.UNKNOWN
        assert problem.advice


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_is_asked_for_is_kept(status: int) -> None:
    error = await error_of(Scripted(SEND, status, SAID, WAIT))
    assert isinstance(error, RateLimited)
    assert error.retry_after == 900


@pytest.mark.parametrize(
    ("types", "supported"),
    [
        ([INVOICE], True),
        ([INVOICE.partition("::")[2]], True),
        (["invoice", "credit_note"], True),
        ([], True),
        ([document_type("credit_note", BILLING)], False),
        ([INVOICE.lower()], False),
    ],
)
async def test_only_a_list_of_identifiers_can_lack_one(types: list[str], supported: bool) -> None:
    body = {"is_valid": True, "dns_valid": True, "supported_document_types": types}
    script = Scripted(ASK, 200, body)
    if not supported:
        assert (await error_of(script)).code == "unsupported"
        return
    script.fails = "nothing"
    http = Http(1, 2.0)
    async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
        await provider_at(url, http).advance(to("sent"), MemorySteps())
    await http.aclose()


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"credit_balance": 0, "peppol_ids": ["0208:0202239951"]}, "no_credit"),
        ({"credit_balance": 7, "peppol_ids": ["0208:0999999922"]}, "sender_not_allowed"),
        ({"credit_balance": 7, "peppol_ids": ["0208:0202239951"]}, "409"),
        ({}, "409"),
        (None, "409"),
    ],
)
async def test_the_account_says_why_it_may_not_send(account: Any, code: str) -> None:
    error = await error_of(Scripted(SEND, 409, SAID, account=account))
    assert isinstance(error, AccountTrouble)
    assert error.code == code


@pytest.mark.parametrize(
    ("state", "expected"),
    [("TRANSIT", None), ("SENT", None), ("FAILED", None), ("DRAFT", "405"), ("RECEIVED", "405")],
)
async def test_after_a_405_the_state_decides(state: str, expected: str | None) -> None:
    script, http = Scripted(SEND, 405, SAID, state=state), Http(1, 2.0)
    async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
        provider = provider_at(url, http)
        if expected:
            with pytest.raises(UnknownOutcome) as caught:
                await provider.advance(to("sent"), MemorySteps())
            assert caught.value.code == expected
        else:
            accepted = await provider.advance(to("sent"), MemorySteps())
            ends = {item.status for item in accepted.events} - {None}
            assert ends == {"SENT": {Status.SENT}, "FAILED": {Status.REJECTED}}.get(state, set())
    await http.aclose()


async def test_another_access_point_fits() -> None:
    """One with a single call, which sends under a reference of ours."""

    class Single:
        """Keeps the protocol with one request."""

        def __init__(self) -> None:
            self.sent: list[tuple[str, Any]] = []

        async def check_recipient(self, participant: str, document_type: str) -> Any:
            return Opinion(Reachability.REACHABLE)

        async def validate(self, content: bytes, name: str) -> Sequence[Any]:
            return ()

        async def stage(self, content: bytes, name: str) -> str:
            return name.removesuffix(".xml")

        async def staged_before(self, number: str, content: bytes, name: str) -> Sequence[str]:
            return ()

        async def discard(self, reference: str) -> None:
            raise AssertionError

        async def submit(self, reference: str, route: Any) -> Standing | None:
            self.sent.append((reference, route))
            return Standing(Stage.SENT, "sent")

        async def standing(self, reference: str) -> Standing | None:
            return Standing(Stage.SENT, "sent") if self.sent else None

        async def history(self, reference: str) -> Sequence[HistoryItem]:
            return ()

        async def sent_copy(self, reference: str) -> Any:
            raise NotSent("peppol", "none")

    point, request = Single(), to("sent")
    settings = Settings(peppol=Peppol(sender_id="0208:0202239951"))
    provider = PeppolProvider(settings, point, None)
    accepted = await provider.advance(request, MemorySteps())
    assert accepted.provider_message_id == request.entry_id
    assert point.sent[0][1].receiver == tuple(request.recipient.split(":")[1:])


# facts


def item(sort: Sort, details: Mapping[str, Any], minutes: int = 0) -> HistoryItem:
    return HistoryItem(sort, f"{sort}_received", NOW + dt.timedelta(minutes=minutes), "e1", details)


ABOUT = About("entry", "doc1", NOW - dt.timedelta(hours=1))
STANDING = Standing(Stage.SENT, "SENT")


@pytest.mark.parametrize(
    ("sort", "code", "layer", "status", "task", "closes"),
    [
        ("mls", "AP", Layer.MESSAGE, None, "", False),
        ("mls", "AB", Layer.MESSAGE, None, "", False),
        ("mls", "RE", Layer.MESSAGE, Status.REJECTED, "", False),
        ("imr", "AB", Layer.BUSINESS, None, "", False),
        ("imr", "IP", Layer.BUSINESS, None, "", True),
        ("imr", "UQ", Layer.BUSINESS, None, "buyer_question", False),
        ("imr", "CA", Layer.BUSINESS, None, "", True),
        ("imr", "RE", Layer.BUSINESS, Status.REJECTED, "buyer_rejected", False),
        ("imr", "AP", Layer.BUSINESS, None, "", True),
        ("imr", "PD", Layer.PAYMENT, None, "", True),
    ],
)
async def test_a_code_means_something_in_its_layer_only(
    sort: str, code: str, layer: Layer, status: Status | None, task: str, closes: bool
) -> None:
    (event,) = facts(ABOUT, [item(Sort(sort), {"code": code})], STANDING)
    assert (event.kind, event.code, event.layer) == (f"{sort}:{code}", f"{sort}:{code}", layer)
    assert (event.status, event.task) == (status, task)
    assert ("buyer_question" in event.closes) is closes
    assert (event.error_class is not None) == (status is not None)
    table = MESSAGE_STATUS if sort == "mls" else INVOICE_RESPONSE
    assert table[code] in event.words
    assert not event.task or TASKS[event.task].advice


async def test_every_code_of_both_layers_is_tried_above() -> None:
    assert (len(MESSAGE_STATUS), len(INVOICE_RESPONSE)) == (3, 7)
    for code in set(MESSAGE_STATUS) & set(INVOICE_RESPONSE):
        message, business = (
            facts(ABOUT, [item(sort, {"code": code})], STANDING)[0]
            for sort in (Sort.MESSAGE_STATUS, Sort.INVOICE_RESPONSE)
        )
        assert (message.kind, message.layer, message.words) != (
            business.kind,
            business.layer,
            business.words,
        )


async def test_a_refusal_by_the_network_falls_back_and_one_by_the_buyer_does_not() -> None:
    falls = {code: explain(Status.REJECTED, code, "").falls_back for code in PROBLEMS}
    assert falls["mls:RE"]
    assert falls["send_failed:recipient"]
    assert falls["send_failed:document"]
    assert falls["not_registered"]
    assert falls["no_endpoint"]
    assert falls["unsupported"]
    for never in ("imr:RE", "send_failed", "could_not_check", "rule", "409", "401", "400"):
        assert not falls[never]


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"code": "RE"}, "RE"),
        ({"status": "re "}, "RE"),
        ({"response_code": "AP"}, "AP"),
        ({"responseCode": "AP"}, "AP"),
        ({"Status-Code": "UQ"}, "UQ"),
        ({"response": {"code": "IP", "text": "RE"}}, "IP"),
        ({"responses": [{"x": 1}, {"status": "PD"}]}, "PD"),
        ({"code": "CA", "response": {"code": "RE"}}, "CA"),
        ({"code": "CA", "status": "CA"}, "CA"),
        ({"code": "CA", "status": "RE"}, ""),
        ({"code": "ok", "response": {"status": "RE"}}, "RE"),
        ({"code": ["RE"]}, ""),
        ({"reason": "RE"}, ""),
        ({"a": {"b": {"c": {"d": {"code": "RE"}}}}}, ""),
        ({"details": "status RE"}, ""),
        ({"code": 7}, ""),
        ({}, ""),
    ],
)
async def test_details_are_read_leniently_and_never_guessed(
    details: Mapping[str, Any], code: str
) -> None:
    assert response_code(details, INVOICE_RESPONSE) == code
    (event,) = facts(ABOUT, [item(Sort.INVOICE_RESPONSE, details)], STANDING)
    assert event.kind == (f"imr:{code}" if code else "imr:unreadable")
    assert event.payload["details"] == details
    if not code:
        assert (event.status, event.task, event.closes) == (None, "", ())
        assert event.layer is Layer.BUSINESS


async def test_reasons_stand_in_words() -> None:
    details = {"code": "RE", "reasons": [{"code": "PRI"}, {"code": "QTY"}], "action": "NIN"}
    (event,) = facts(ABOUT, [item(Sort.INVOICE_RESPONSE, details)], STANDING)
    assert "issue a new invoice" in event.words
    assert "prices incorrect" in event.words
    assert "quantity incorrect" in event.words


@pytest.mark.parametrize(
    ("details", "code", "error_class"),
    [
        ({"description": "PEPPOL:NOT_SERVICED"}, "send_failed:recipient", ErrorClass.PERMANENT),
        ({"error": "Receiver 0208:1 is not registered"}, "send_failed:recipient", ErrorClass.PERMANENT),
        ({"error": "Participant not found in SML"}, "send_failed:recipient", ErrorClass.PERMANENT),
        ({"error": "[BR-CO-16] wrong"}, "send_failed:document", ErrorClass.TECHNICAL),
        ({"error": "PEPPOL-EN16931-R010"}, "send_failed:document", ErrorClass.TECHNICAL),
        ({"error": "time-out"}, "send_failed", ErrorClass.UNKNOWN),
        ({"error": "the file was not found"}, "send_failed", ErrorClass.UNKNOWN),
        ({}, "send_failed", ErrorClass.UNKNOWN),
    ],
)  # fmt: skip
async def test_a_failed_sending_says_what_its_details_say(
    details: Mapping[str, Any], code: str, error_class: ErrorClass
) -> None:
    failed = Standing(Stage.FAILED, "FAILED")
    history = [item(Sort.FAILED, {"error": "earlier"}, -5), item(Sort.FAILED, details)]
    (event,) = standing_facts(ABOUT, history, failed, NOW)
    assert (event.status, event.code, event.error_class) == (Status.REJECTED, code, error_class)
    assert (event.layer, event.at) == (Layer.TRANSPORT, NOW)
    assert facts(ABOUT, history, failed) == []


async def test_a_failed_try_of_something_that_was_sent_is_no_refusal() -> None:
    history = [item(Sort.FAILED, {"error": "time-out"}), item(Sort.SENT, {}, 5)]
    (event,) = facts(ABOUT, history, STANDING)
    assert (event.kind, event.status, event.layer) == ("attempt_failed", None, Layer.TRANSPORT)
    assert facts(ABOUT, history, Standing(Stage.IN_TRANSIT, "TRANSIT")) == []
    (sent,) = standing_facts(ABOUT, history, STANDING, NOW)
    assert (sent.status, sent.at) == (Status.SENT, NOW + dt.timedelta(minutes=5))


async def test_a_fact_without_a_time_is_the_same_fact_every_time() -> None:
    bare = HistoryItem(Sort.MESSAGE_STATUS, "mlr_received", None, "", {"code": "AP"})
    first, second = (facts(ABOUT, [bare], STANDING)[0] for _ in range(2))
    assert first == second
    assert (first.at, first.timed) == (ABOUT.accepted_at, False)


# asking


@pytest.mark.parametrize(
    ("stage", "age", "again"),
    [
        (Stage.IN_TRANSIT, 0, 10),
        (Stage.IN_TRANSIT, 10, 20),
        (Stage.IN_TRANSIT, 12, 18),
        (Stage.IN_TRANSIT, 30, 30),
        (Stage.IN_TRANSIT, 60, 60),
        (Stage.IN_TRANSIT, 120, 180),
        (Stage.IN_TRANSIT, 300, 600),
        (Stage.IN_TRANSIT, 900, 3600),
        (Stage.IN_TRANSIT, 82_800, 3600),
        (Stage.IN_TRANSIT, 86_400, 86_400),
        (Stage.OTHER, 900, 3600),
        (Stage.SENT, 10, 20),
        (Stage.SENT, 900, 86_400),
        (Stage.SENT, 29 * 86_400, 86_400),
        (Stage.SENT, 30 * 86_400, None),
        (Stage.IN_TRANSIT, 30 * 86_400, None),
        (Stage.FAILED, 0, None),
    ],
)
async def test_the_schedule(stage: Stage, age: float, again: float | None) -> None:
    assert again_after(stage, NOW - dt.timedelta(seconds=age), NOW) == again


@dataclass
class Watching:
    """One accepted document at a scripted access point, asked about again and again."""

    script: Scripted
    provider: PeppolProvider
    request: SendRequest
    accepted_at: dt.datetime
    reached: dict[str, Any] = field(default_factory=dict)
    proofs: list[Document] = field(default_factory=list)
    again_after: float | None = 0

    async def ask(self) -> list[DeliveryEvent]:
        """What one more question brings."""
        watch = watch_of(
            self.request, "doc1", accepted_at=self.accepted_at, reached=dict(self.reached)
        )
        found = await self.provider.poll(watch)
        self.reached |= found.reached
        self.proofs += found.evidence
        self.again_after = found.again_after
        return list(found.events)


@pytest_asyncio.fixture(loop_scope="module")
async def watching() -> AsyncIterator[Watching]:
    script, http = Scripted("nothing", 500), Http(1, 2.0)
    request = to("sent")
    async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
        script.url_of_file, script.content = f"{url}/file", request.documents[0].content
        yield Watching(script, provider_at(url, http), request, dt.datetime.now(dt.UTC))
    await http.aclose()


async def test_being_sent_is_told_once_and_proven_once(watching: Watching) -> None:
    assert await watching.ask() == []
    watching.script.state = "SENT"
    first = await watching.ask()
    assert [event.kind for event in first] == ["sent", "archived"]
    assert first[0].status is Status.SENT
    assert [item.name for item in watching.proofs] == ["as-sent.xml", "access-point.json"]
    assert await watching.ask() == []
    assert len(watching.proofs) == 2


async def test_a_proof_that_cannot_be_had_now_is_had_later(watching: Watching) -> None:
    watching.script.state = "SENT"
    watching.script.fails = "GET /file"
    assert [event.kind for event in await watching.ask()] == ["sent", "not_archived"]
    assert await watching.ask() == []
    assert watching.proofs == []
    watching.script.fails = "nothing"
    assert [event.kind for event in await watching.ask()] == ["archived"]
    assert len(watching.proofs) == 2


async def test_the_file_is_not_fetched_from_a_private_network_that_an_answer_names(
    watching: Watching,
) -> None:
    """As long as the access point itself is public; the call that names it is let through for the test."""
    http = Http(1, 2.0)
    base = watching.script.url_of_file.removesuffix("/file")
    point = EInvoiceBe(Peppol(api_key=Secret(KEY), base_url="https://api.example.com"), http)
    point._base = base
    with pytest.raises(NotSent) as caught:
        await point.sent_copy("doc1")
    await http.aclose()
    assert caught.value.code == "foreign_address"
    assert watching.script.calls == ["GET documents/doc1/ubl"]


async def test_a_day_in_transit_makes_a_task_that_being_sent_closes(watching: Watching) -> None:
    watching.accepted_at -= dt.timedelta(hours=25)
    (event,) = await watching.ask()
    assert (event.task, event.layer, event.status) == ("stalled", Layer.TRANSPORT, None)
    assert await watching.ask() == [event], "the same fact, so that it is stored once"
    assert watching.again_after == 86_400
    watching.script.state = "SENT"
    sent = (await watching.ask())[0]
    assert "stalled" in sent.closes
    assert sent.at >= event.at


async def test_what_is_gone_is_not_asked_about_again(watching: Watching) -> None:
    watching.script.fails, watching.script.status = "GET documents/doc1", 404
    (event,) = await watching.ask()
    assert (event.kind, event.status) == ("gone", None)
    assert watching.again_after is None


async def test_a_state_nobody_knows_stays_raw(watching: Watching) -> None:
    watching.script.state = "RECEIVED"
    (event,) = await watching.ask()
    assert (event.kind, event.status, event.layer) == ("state:RECEIVED", None, Layer.API)
    assert await watching.ask() == []
    assert watching.again_after is not None


@pytest.mark.parametrize("fails", ["GET documents/doc1", "GET documents/doc1/timeline"])
async def test_an_access_point_that_cannot_be_asked_says_nothing(
    watching: Watching, fails: str
) -> None:
    watching.script.fails, watching.script.status = fails, 500
    with pytest.raises(ProviderError):
        await watching.ask()


async def test_the_history_comes_in_order_whatever_its_form(watching: Watching) -> None:
    watching.script.state = "SENT"
    watching.script.timeline = [
        {"event_type": "imr_received", "timestamp": "2026-11-23T12:00:00Z", "details": {"code": "AP"}},
        {"event_type": "imr_received", "timestamp": "2026-11-23T11:00:00", "details": {"code": "UQ"}},
        {"event_type": "send_success", "timestamp": "2026-11-23T12:30:00+02:00", "id": None},
        {"event_type": "mlr_received", "timestamp": "soon", "details": "AP"},
        {"event_type": "email_processed", "timestamp": "2999-01-01T00:00:00Z"},
        {"event_type": {"a": 1}},
        "nonsense",
    ]  # fmt: skip
    events = {event.kind: event for event in await watching.ask()}
    hours = {kind: event.at.hour for kind, event in events.items() if event.timed}
    assert hours == {"imr:UQ": 11, "imr:AP": 12, "sent": 10}
    assert {"mls:unreadable", "email_processed", "unreadable"} <= set(events)


# webhooks

VECTOR = {
    "id": "evt-e7wyc7gtpqx4z73x2wqmwhebhbb3r8n3ovfhcsdbulxr3s2awf49de76yglrnri3",
    "tenant_id": "ten-abc123",
    "created_at": 1762780249,
    "type": "document.sent",
    "data": {"document_id": "doc-1"},
    "text": '⚡️ New webhook event: document.sent\n\n{\n  "document_id": "doc-1"\n}',
}
SIGNATURE = "sha256=2f8ec8fab5adedd8f82a2b4064f559c40b14aed0c6da27ed394e51176b10bd1b"
RECEIVED = dt.datetime.fromtimestamp(1762780260, dt.UTC)


def hook(body: str | bytes, signature: str = SIGNATURE, **values: Any) -> RawWebhook:
    raw = body.encode() if isinstance(body, str) else body
    made = RawWebhook("/webhooks/peppol", {"x-signature": signature}, raw, RECEIVED)
    return replace(made, **values)


def receiver(secrets: str = "secret") -> Any:
    assert SPEC.receiver is not None
    return SPEC.receiver(Settings(peppol=Peppol(webhook_secret=Secret(secrets))))


def signed(event: Mapping[str, Any], key: str = "secret") -> str:
    written = json.dumps(event, sort_keys=True).encode()
    return "sha256=" + hmac.new(key.encode(), written, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(VECTOR),
        json.dumps(VECTOR, ensure_ascii=False),
        json.dumps(VECTOR, indent=3, sort_keys=True),
        json.dumps(dict(reversed(VECTOR.items())), separators=(",", ":")),
    ],
)
async def test_the_event_is_signed_and_not_the_way_it_is_written(body: str) -> None:
    receiver().verify(hook(body))
    receiver("other, secret").verify(hook(body))
    (event,) = receiver().parse(hook(body))
    assert (event.kind, event.provider_message_id) == ("document.sent", "doc-1")
    assert (event.ask, event.status, event.entry_id) == (True, None, None)
    assert (event.event_id, event.at.year) == (VECTOR["id"], 2025)


@pytest.mark.parametrize(
    ("call", "secrets"),
    [
        (hook(json.dumps({**VECTOR, "type": "document.sent.failed"})), "secret"),
        (hook(json.dumps(VECTOR), "sha256=" + "0" * 64), "secret"),
        (hook(json.dumps(VECTOR), SIGNATURE.removeprefix("sha256=")), "secret"),
        (hook(json.dumps(VECTOR), "é"), "secret"),
        (hook(json.dumps(VECTOR), headers={}), "secret"),
        (hook(json.dumps(VECTOR)), "other"),
        (hook(json.dumps(VECTOR)), ""),
        (hook(json.dumps(VECTOR)), " , "),
        (hook(json.dumps(VECTOR)[:-1] + ', "type": "document.sent"}'), "secret"),
        (hook('{"a": NaN}', signed({"a": float("nan")})), "secret"),
        (hook('{"a": Infinity}', signed({"a": float("inf")})), "secret"),
        (hook("[1]", "sha256=" + hmac.new(b"secret", b"[1]", "sha256").hexdigest()), "secret"),
        (hook("not JSON"), "secret"),
        (hook(b"\xff\xfe"), "secret"),
        (hook("[" * 100_000), "secret"),
        (hook("1" * 10_000), "secret"),
        (hook(b""), "secret"),
    ],
    ids=range(17),
)
async def test_what_is_not_signed_by_us_is_refused(call: RawWebhook, secrets: str) -> None:
    with pytest.raises(BadSignature):
        receiver(secrets).verify(call)


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, True),
        ({"type": "document.sent.failed"}, True),
        ({"type": "document.never-heard-of"}, True),
        ({"type": None}, True),
        ({"created_at": 1762780249 - 6 * 86_400}, True),
        ({"created_at": 1762780249 - 8 * 86_400}, False),
        ({"data": {}}, False),
        ({"data": None}, False),
        ({"data": {"document_id": 5.5e300}}, True),
    ],
)
async def test_a_webhook_only_asks_and_an_old_one_not_even_that(
    changes: Mapping[str, Any], asks: bool
) -> None:
    event = {**VECTOR, **changes}
    call = hook(json.dumps(event), signed(event))
    receiver().verify(call)
    (found,) = receiver().parse(call)
    assert found.ask is asks
    assert (found.status, found.task, found.layer) == (None, "", None)
    assert found.kind


async def test_a_body_that_is_no_event_is_unreadable() -> None:
    for body in ("[]", "{", '{"a": 1, "a": 2}', ""):
        with pytest.raises(Unreadable):
            receiver().parse(hook(body))


# the spec


async def test_the_spec_says_what_it_needs() -> None:
    assert (SPEC.key, SPEC.channel, SPEC.webhook_paths) == (
        "peppol",
        Channel.EINVOICE,
        ("/webhooks/peppol",),
    )
    assert not SPEC.configured(Settings())
    assert SPEC.configured(Settings(peppol=Peppol(api_key=Secret("k"), sender_id="0208:1")))
    assert SPEC.repeats_for is None, "the send call has no idempotency key"
    for field_ in SPEC.fields:
        assert hasattr(Peppol(), field_.name)


async def test_every_problem_and_task_says_what_to_do() -> None:
    for code, problem in PROBLEMS.items():
        assert explain(Status.REJECTED, code, "") is problem
        assert problem.sentence.endswith(".")
        assert problem.advice
    for task in TASKS.values():
        assert task.sentence
        assert task.advice
    assert explain(Status.REJECTED, "never-heard-of", "").error_class is ErrorClass.UNKNOWN
    assert explain(Status.UNKNOWN, "500", "").error_class is ErrorClass.UNKNOWN


async def test_accepted_is_not_received_and_received_is_not_approved(
    practice: PeppolPractice,
) -> None:
    """Nothing short of a fact of its own layer says more than it does."""
    request, steps = to("sent", 50), MemorySteps()
    accepted = await practice.provider().advance(request, steps)
    assert isinstance(accepted, Accepted)
    assert accepted.status is Status.SENT
    watch = watch_of(request, accepted.provider_message_id)
    kinds: set[str] = set()
    while "sent" not in kinds:
        found = await practice.provider().poll(watch)
        kinds = {event.kind for event in found.events}
        assert not {event.layer for event in found.events} & {Layer.MESSAGE, Layer.BUSINESS}
        assert {event.status for event in found.events} <= {None, Status.SENT}


async def test_rules_that_cannot_be_run_let_the_document_wait_until_they_can(
    practice: PeppolPractice, tmp_path: Path
) -> None:
    request, steps = to("sent"), MemorySteps()
    point, broken = (
        EInvoiceBe(practice.settings().peppol, practice.http),
        Rules(command=(str(tmp_path / "nothing"),)),
    )
    with pytest.raises(NotSent) as caught:
        await PeppolProvider(practice.settings(), point, None, broken).advance(request, steps)
    assert caught.value.code == "rules_crashed"
    assert caught.value.retry_after
    assert (steps.committed, steps.registrations) == ([], [])
    problem = explain(Status.QUEUED, caught.value.code, caught.value.words)
    assert problem.error_class is ErrorClass.TECHNICAL
    assert "not sent yet" in problem.sentence

    done = await practice.provider().advance(request, steps)
    assert practice.taken(request) == [done.provider_message_id]


@pytest.mark.parametrize(
    ("account", "codes"),
    [
        ({"credit_balance": 50, "peppol_ids": ["0208:0202239951"]}, []),
        ({"credit_balance": 49, "peppol_ids": ["0208:0202239951"]}, ["low_credit"]),
        ({"credit_balance": 0.0, "peppol_ids": ["0208:0202239951"]}, ["no_credit"]),
        ({"credit_balance": 1000, "peppol_ids": []}, ["sender_not_allowed"]),
        ({"credit_balance": 3, "peppol_ids": ["0208:1"]}, ["sender_not_allowed", "low_credit"]),
        ({"credit_balance": True, "peppol_ids": "0208:1"}, []),
        ({}, []),
    ],
)
async def test_the_account_says_what_will_stop_us(
    account: Mapping[str, Any], codes: list[str]
) -> None:
    script, http = Scripted("nothing", 200, account=account), Http(1, 2.0)
    async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
        found = await provider_at(url, http).account({})
    await http.aclose()
    assert [item.code for item in found] == codes
    for item in found:
        problem = explain(Status.REJECTED, item.code, item.sentence)
        assert problem.error_class is ErrorClass.TECHNICAL
        assert problem.advice
    assert all("49" in item.sentence for item in found if codes == ["low_credit"])


async def test_an_account_that_is_refused_or_cannot_be_asked_is_no_clean_one() -> None:
    for answer, kind in ((401, AccountTrouble), (500, UnknownOutcome), (429, RateLimited)):
        script, http = Scripted("GET me/", answer), Http(1, 2.0)
        async with serving([Route("/{path:path}", script.answer, methods=METHODS)]) as url:
            with pytest.raises(kind):
                await provider_at(url, http).account({})
        await http.aclose()
