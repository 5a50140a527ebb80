"""Every row of the practice Peppol: from the wire to status, class, code, facts, tasks and proofs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from commtui.demo.peppol_scenarios import (
    LISTINGS,
    NO_HOOK,
    PEPPOL_SCENARIOS,
    STAGE,
    behaviour_of,
    belgian,
    tag_of,
)
from commtui.demo.scenario import First, Scenario
from commtui.domain.einvoice import Reachability, parse
from commtui.domain.fold import EntryState, Fact, merge
from commtui.domain.vocabulary import ErrorClass, Layer, Status
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers.base import Accepted, DeliveryEvent, Document, SendRequest
from commtui.providers.peppol import SPEC
from tests.peppol_practice import (
    PeppolPractice,
    invoice,
    practising,
    request_to,
    watch_of,
)
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {scenario.name: scenario for scenario in PEPPOL_SCENARIOS}
NOT_NOW = {"could_not_check"}
"""Codes of what is only put off."""
SENT = ("sent", Layer.TRANSPORT)
FACTS: dict[str, set[tuple[str, Layer | None]]] = {
    "MLS AP": {SENT, ("mls:AP", Layer.MESSAGE)},
    "MLS AB": {SENT, ("mls:AB", Layer.MESSAGE)},
    "MLS RE": {SENT, ("mls:RE", Layer.MESSAGE)},
    "IMR AP": {SENT, ("imr:IP", Layer.BUSINESS), ("imr:AP", Layer.BUSINESS)},
    "IMR RE": {SENT, ("imr:AB", Layer.BUSINESS), ("imr:RE", Layer.BUSINESS)},
    "IMR UQ, then AP and PD": {
        SENT,
        ("imr:UQ", Layer.BUSINESS),
        ("imr:AP", Layer.BUSINESS),
        ("imr:PD", Layer.PAYMENT),
    },
    "IMR CA": {SENT, ("imr:CA", Layer.BUSINESS)},
    "IMR UQ": {SENT, ("imr:UQ", Layer.BUSINESS)},
    "send failed: recipient's registration": {("send_failed", Layer.TRANSPORT)},
    "send failed: rule": {("send_failed", Layer.TRANSPORT)},
    "send failed: no clear reason": {("send_failed", Layer.TRANSPORT)},
    "stuck in transit": set(),
    "answers that nobody can read": {SENT, ("mls:unreadable", Layer.MESSAGE)},
    "the document is rewritten": {SENT, ("archived:differs", Layer.API)},
}
"""By row, what is in the ledger of facts beside being accepted; of every other row that was sent: sent."""
OPEN_TASKS = {"IMR RE": "buyer_rejected", "IMR UQ": "buyer_question"}
FALLS_BACK = {
    "MLS RE",
    "send failed: recipient's registration",
    "send failed: rule",
    "not registered",
    "not registered, directory silent",
    "registered without an SMP",
    "document type not supported",
}


@dataclass
class Played:
    """What became of one request."""

    request: SendRequest
    steps: MemorySteps = field(default_factory=MemorySteps)
    first: Accepted | ProviderError | None = None
    last: Accepted | ProviderError | None = None
    reference: str = ""
    events: list[DeliveryEvent] = field(default_factory=list)
    proofs: list[Document] = field(default_factory=list)
    again_after: float | None = 0.0

    @property
    def kinds(self) -> set[tuple[str, Layer | None]]:
        return {(event.kind, event.layer) for event in self.events}

    def state(self) -> EntryState:
        """What the facts add up to."""
        at = datetime.now(UTC)
        state = EntryState(Status.QUEUED, at, 1)
        if self.reference:
            state = merge(state, Fact(Status.SENT, at))
        for event in self.events:
            if event.status is not None:
                fact = Fact(event.status, event.at, event.error_class, event.code)
                state = merge(state, fact)
        return state

    def open_task(self) -> str:
        """The task that is left, as the store keeps them."""
        task = ""
        for event in sorted(self.events, key=lambda item: item.at):
            task = "" if task in event.closes else task
            task = event.task or task
        return task


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[PeppolPractice]:
    async with practising() as running:
        yield running


async def attempt(practice: PeppolPractice, played: Played) -> Accepted | ProviderError:
    try:
        return await practice.provider().advance(played.request, played.steps)
    except ProviderError as error:
        return error


def wait_out(steps: MemorySteps) -> None:
    """Let the time pass in which an unanswered call might still come through."""
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    steps.reached["sending"] = {"at": long_ago.isoformat()}


async def settle(practice: PeppolPractice, played: Played) -> Sequence[DeliveryEvent]:
    """Ask until there is a definite answer."""
    while True:
        found = await practice.provider().find(
            played.request, played.request.created_at, played.steps.reached
        )
        if found is not None:
            return found


async def deliver(practice: PeppolPractice, played: Played, scenario: Scenario) -> None:
    """Try as a worker does, until it is accepted or refused for good."""
    played.first = played.last = await attempt(practice, played)
    for _ in range(3):
        last = played.last
        begun = "begin" in played.steps.committed
        if isinstance(last, UnknownOutcome) and begun:
            played.events += await settle(practice, played)
            played.reference = played.events[0].provider_message_id
            return
        if not isinstance(last, AccountTrouble | NotSent | UnknownOutcome):
            break
        if last.code in NOT_NOW:
            return
        played.last = await attempt(practice, played)
    if isinstance(played.last, Accepted):
        played.reference = played.last.provider_message_id
        played.events += played.last.events


async def watch(practice: PeppolPractice, played: Played, wanted: set[Any]) -> None:
    """Poll until everything that is expected was told."""
    reached: dict[str, Any] = {}
    while True:
        asked = watch_of(played.request, played.reference, reached={**reached})
        found = await practice.provider().poll(asked)
        played.events += [item for item in found.events if item not in played.events]
        played.proofs += found.evidence
        played.again_after = found.again_after
        reached |= found.reached
        if wanted <= played.kinds:
            return


def refused_outright(row: Scenario) -> bool:
    """Whether the access point says no to the request that sends, rather than later."""
    return row.status is Status.REJECTED and row.first is First.REJECTED


@pytest.mark.parametrize(
    "scenario",
    [
        row
        for row in PEPPOL_SCENARIOS
        if row.status in (Status.SENT, Status.REJECTED) and not refused_outright(row)
    ],
    ids=lambda row: row.name,
)
async def test_a_row_that_is_accepted_ends_as_it_says(
    practice: PeppolPractice, scenario: Scenario
) -> None:
    played = Played(request_to(scenario.recipient()))
    await deliver(practice, played, scenario)
    if scenario.first is First.ACCEPTED:
        assert isinstance(played.first, Accepted), played.first
        assert [(item.kind, item.layer) for item in played.first.events] == [
            ("accepted", Layer.API)
        ]
    else:
        assert isinstance(played.first, ProviderError)
        assert played.first.code == scenario.first_code
    wanted = FACTS.get(scenario.name, {SENT})
    await watch(practice, played, wanted)

    assert practice.taken(played.request) == [played.reference]
    said = {"accepted", "archived", "send_attempted", "document_created"}
    assert {(kind, layer) for kind, layer in played.kinds if kind not in said} == wanted
    state = played.state()
    assert (state.status, state.error_class, state.code) == (
        scenario.status,
        scenario.error_class,
        scenario.code,
    )
    assert played.open_task() == OPEN_TASKS.get(scenario.name, "")
    assert (played.again_after is None) == (("send_failed", Layer.TRANSPORT) in wanted)
    if scenario.error_class:
        problem = SPEC.explain(scenario.status, scenario.code, "")
        assert problem.error_class is scenario.error_class
        assert problem.falls_back == (scenario.name in FALLS_BACK)
    assert {event.entry_id for event in played.events} == {played.request.entry_id}
    assert {event.provider_message_id for event in played.events} == {played.reference}
    proven(played, sent=SENT in wanted)
    await hinted(practice, played, scenario)


def proven(played: Played, *, sent: bool) -> None:
    """The proofs: what was sent, what the access point says about it, and ours when it is another."""
    found = {item.name: item for item in played.proofs}
    if not sent:
        assert found == {}
        return
    record = json.loads(found["access-point.json"].content)
    ours = played.request.documents[0].content
    same = found["as-sent.xml"].content == ours
    assert record["sent_sha256"] == hashlib.sha256(found["as-sent.xml"].content).hexdigest()
    assert record["uploaded_sha256"] == hashlib.sha256(ours).hexdigest()
    assert record["document"]["id"] == played.reference
    assert "send_success" in {item["event_type"] for item in record["timeline"]}
    assert "signed_url" not in json.dumps(record)
    assert ("as-uploaded.xml" in found) == (not same)
    assert (("archived", Layer.API) in played.kinds) == same
    if not same:
        assert found["as-uploaded.xml"].content == ours


async def hinted(practice: PeppolPractice, played: Played, scenario: Scenario) -> None:
    """The webhook about it, whose signature is right and which only hints."""
    hooks = [
        later
        for later in scenario.events
        if later.kind in ("send_success", "send_failed") and not later.without & NO_HOOK
    ]
    assert SPEC.receiver is not None
    receiver = SPEC.receiver(practice.settings())

    def of_it() -> list[DeliveryEvent]:
        found = []
        for hook in practice.hooks:
            receiver.verify(hook)
            found += receiver.parse(hook)
        return [item for item in found if item.provider_message_id == played.reference]

    await practice.until(lambda: len(of_it()) >= len(hooks))
    assert [(item.ask, item.status) for item in of_it()] == [(True, None)] * len(hooks)


@pytest.mark.parametrize(
    "scenario", filter(refused_outright, PEPPOL_SCENARIOS), ids=lambda row: row.name
)
async def test_a_row_that_is_refused_at_the_last_step_ends_as_it_says(
    practice: PeppolPractice, scenario: Scenario
) -> None:
    played = Played(request_to(scenario.recipient()))
    await deliver(practice, played, scenario)
    assert type(played.first) is Rejected
    assert played.first.code == scenario.code
    assert played.steps.committed[-1] == "begin"
    assert practice.taken(played.request) == []
    problem = SPEC.explain(Status.REJECTED, scenario.code, played.first.words)
    assert (problem.error_class, problem.falls_back) == (scenario.error_class, False)


@pytest.mark.parametrize(
    "scenario",
    [row for row in PEPPOL_SCENARIOS if row.status in (Status.FAILED, Status.QUEUED)],
    ids=lambda row: row.name,
)
async def test_a_row_that_is_stopped_before_sending_ends_as_it_says(
    practice: PeppolPractice, scenario: Scenario
) -> None:
    played = Played(request_to(scenario.recipient()))
    await deliver(practice, played, scenario)
    again = scenario.status is Status.QUEUED
    assert (type(played.first), scenario.first) in (
        (NotSent, First.NOT_SENT),
        (Stopped, First.STOPPED),
    )
    assert played.first.code == scenario.code
    assert "begin" not in played.steps.committed
    assert practice.taken(played.request) == []
    problem = SPEC.explain(Status.FAILED, scenario.code, played.first.words)
    assert problem.error_class is (scenario.error_class or ErrorClass.TEMPORARY)
    assert problem.falls_back == (scenario.name in FALLS_BACK)
    assert "not registered" not in problem.sentence or scenario.code == "not_registered"
    if tag_of(played.request.recipient) in LISTINGS:
        (check,) = played.steps.registrations
        expected = Reachability.COULD_NOT_CHECK if again else Reachability(scenario.code)
        assert check.outcome is expected


async def test_an_answer_of_500_is_unknown_until_it_is_certainly_still_a_draft(
    practice: PeppolPractice,
) -> None:
    scenario = ROWS["500 at send, not taken"]
    played = Played(request_to(scenario.recipient()))
    outcome = await attempt(practice, played)
    assert isinstance(outcome, UnknownOutcome)
    assert outcome.code == scenario.code
    assert SPEC.explain(Status.UNKNOWN, outcome.code, "").error_class is scenario.error_class
    provider, since = practice.provider(), played.request.created_at
    assert await provider.find(played.request, since, played.steps.reached) is None
    wait_out(played.steps)
    assert await provider.find(played.request, since, played.steps.reached) == []
    assert practice.taken(played.request) == []


async def test_every_row_is_chosen_by_valid_participants_of_its_own() -> None:
    for scenario in PEPPOL_SCENARIOS:
        for number in (0, 1, 77, 9999):
            recipient = scenario.recipient(number)
            assert behaviour_of(recipient) is scenario
            participant = parse(recipient).id
            assert behaviour_of(participant) is scenario
            value = participant.removeprefix("0208:")
            assert len(value) == 10
            assert 97 - int(value[:8]) % 97 == int(value[8:])
        assert len({scenario.recipient(number) for number in range(50)}) == 50
    tags = [scenario.tag for scenario in PEPPOL_SCENARIOS]
    assert len(set(tags)) == len(tags)
    assert set(LISTINGS) <= set(tags)


async def test_everybody_else_is_sent_to() -> None:
    for participant in ("0088:4012345000009", "0208:0202239951", "0009:11000201100044"):
        assert behaviour_of(f"peppol:{participant}").name == "sent"


async def test_the_table_has_every_kind_of_end() -> None:
    ends = {scenario.status for scenario in PEPPOL_SCENARIOS}
    assert ends == {Status.SENT, Status.REJECTED, Status.FAILED, Status.QUEUED, Status.UNKNOWN}
    assert {scenario.error_class for scenario in PEPPOL_SCENARIOS} == {
        None,
        ErrorClass.PERMANENT,
        ErrorClass.TECHNICAL,
        ErrorClass.UNKNOWN,
    }


# what the stand-in refuses, as the real one does


@pytest_asyncio.fixture(loop_scope="module")
async def api(practice: PeppolPractice) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {practice.account.peppol_api_key}"}
    async with httpx.AsyncClient(base_url=practice.url, headers=key, trust_env=False) as client:
        yield client


def form(content: bytes, name: str = "a.xml") -> dict[str, Any]:
    return {"files": {"file": (name, content, "application/xml")}}


ROUTE = {
    "sender_peppol_scheme": "0208",
    "sender_peppol_id": "0202239951",
    "receiver_peppol_scheme": "0088",
    "receiver_peppol_id": "4012345000009",
}
OTHER = "peppol:0088:4012345000009"


async def test_nobody_is_answered_without_the_key(practice: PeppolPractice) -> None:
    async with httpx.AsyncClient(base_url=practice.url, trust_env=False) as client:
        for method, path in (
            ("GET", "/api/me/"),
            ("GET", "/api/drafts/"),
            ("GET", "/api/validate/peppol-id?peppol_id=0208:1"),
            ("POST", "/api/documents/ubl"),
            ("POST", "/api/documents/x/send"),
            ("DELETE", "/api/documents/x"),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == 401
            assert answer.json() == {"detail": "API key is missing, invalid, or inactive"}


async def test_a_file_has_to_be_a_field_of_a_form(api: httpx.AsyncClient) -> None:
    for path in ("/api/documents/ubl", "/api/validate/ubl"):
        answer = await api.post(path, content=invoice(OTHER))
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "file"]
    answer = await api.post("/api/documents/ubl", **form(b"<a/>"))
    assert answer.status_code == 415


async def test_a_wrong_amount_breaks_the_rule_about_it(api: httpx.AsyncClient) -> None:
    good = await api.post("/api/validate/ubl", **form(invoice(OTHER)))
    assert (good.status_code, good.json()["is_valid"], good.json()["issues"]) == (201, True, [])
    wrong = invoice(OTHER).replace(b">121.00</cbc:Payable", b">120.00</cbc:Payable")
    bad = (await api.post("/api/validate/ubl", **form(wrong))).json()
    assert not bad["is_valid"]
    assert [item["rule_id"] for item in bad["issues"]] == ["BR-CO-16"]


async def test_a_document_is_sent_once_and_deleted_only_before(
    practice: PeppolPractice, api: httpx.AsyncClient
) -> None:
    made = (await api.post("/api/documents/ubl", **form(invoice(OTHER)))).json()
    one = f"/api/documents/{made['id']}"
    assert made["state"] == "DRAFT"
    sent = await api.post(f"{one}/send", params=ROUTE)
    assert (sent.status_code, sent.json()["state"]) == (200, "TRANSIT")
    assert (await api.post(f"{one}/send", params=ROUTE)).status_code == 405
    assert (await api.delete(one)).status_code == 400
    assert (await api.get("/api/documents/none")).status_code == 404
    draft = (await api.post("/api/documents/ubl", **form(invoice(OTHER)))).json()
    assert (await api.delete(f"/api/documents/{draft['id']}")).json() == {"is_deleted": True}
    assert (await api.post(f"/api/documents/{draft['id']}/send")).status_code == 404
    record = next(it for it in practice.ledger.accepted if it.provider_message_id == made["id"])
    assert record.recipient == OTHER


async def test_without_the_four_ids_they_are_derived_from_tax_numbers(
    practice: PeppolPractice, api: httpx.AsyncClient
) -> None:
    """What an adapter gets that leaves them out: the EndpointID in the document is ignored."""
    tax = (
        b"<cac:PartyTaxScheme><cbc:CompanyID>BE0999999922</cbc:CompanyID><cac:TaxScheme>"
        b"<cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme><cac:PartyLegalEntity>"
        b"<cbc:RegistrationName>Fixture Buyer"
    )
    legal = b"<cac:PartyLegalEntity><cbc:RegistrationName>Fixture Buyer"
    with_tax = invoice(OTHER).replace(legal, tax)
    made = (await api.post("/api/documents/ubl", **form(with_tax))).json()
    assert (await api.post(f"/api/documents/{made['id']}/send")).status_code == 200
    assert practice.ledger.accepted[-1].recipient == "peppol:0208:0999999922"
    bare = (await api.post("/api/documents/ubl", **form(invoice(OTHER)))).json()
    assert (await api.post(f"/api/documents/{bare['id']}/send")).status_code == 400
    foreign = {**ROUTE, "sender_peppol_id": "0999999922"}
    sent = await api.post(f"/api/documents/{bare['id']}/send", params=foreign)
    assert sent.status_code == 409


async def test_lists_come_in_pages_and_are_searched(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await api.post("/api/documents/ubl", **form(invoice(OTHER, f"PAGED-{number}")))
    pages = [
        (
            await api.get("/api/drafts/", params={"search": "paged-", "page_size": 2, "page": page})
        ).json()
        for page in (1, 2, 3)
    ]
    assert [page["has_next_page"] for page in pages] == [True, True, False]
    numbers = [item["invoice_id"] for page in pages for item in page["items"]]
    assert numbers == [f"PAGED-{number}" for number in (4, 3, 2, 1, 0)]
    assert pages[0]["total"] == 5
    assert (await api.get("/api/drafts/", params={"page_size": 101})).status_code == 422
    assert (await api.get("/api/outbox/", params={"search": "paged-"})).json()["total"] == 0


async def test_a_signed_address_works_once_and_without_the_key(api: httpx.AsyncClient) -> None:
    content = invoice(OTHER)
    made = (await api.post("/api/documents/ubl", **form(content, "mine.xml"))).json()
    found = (await api.get(f"/api/documents/{made['id']}/ubl")).json()
    assert found["file_name"] == "mine.xml"
    assert found["file_hash"] == hashlib.sha256(content).hexdigest()
    assert (await api.get(found["signed_url"])).status_code == 403
    found = (await api.get(f"/api/documents/{made['id']}/ubl")).json()
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(found["signed_url"])).content == content
        assert (await client.get(found["signed_url"])).status_code == 403


async def test_a_number_with_wrong_check_digits_is_registered_nowhere(
    api: httpx.AsyncClient,
) -> None:
    good, bad = belgian(2_022_399), "0208:0002022300"
    for participant, expected in ((good, True), (bad, False)):
        query = {"peppol_id": participant}
        found = (await api.get("/api/validate/peppol-id", params=query)).json()
        assert (found["is_valid"], found["dns_valid"]) == (expected, expected)
        trace = (await api.get("/api/lookup", params=query)).json()
        assert (trace["status"] == "success") is expected
    assert (await api.get("/api/validate/peppol-id?peppol_id=hello")).status_code == 422


async def test_a_lost_upload_leaves_one_draft_that_is_found_again(
    practice: PeppolPractice,
) -> None:
    scenario = ROWS["lost answer at stage"]
    assert scenario.reply is not None
    assert scenario.reply.step == STAGE
    played = Played(request_to(scenario.recipient(5)))
    before = len(practice.api.drafts)
    assert isinstance(await attempt(practice, played), UnknownOutcome)
    assert len(practice.api.drafts) == before + 1
    assert isinstance(await attempt(practice, played), Accepted)
    assert len(practice.api.drafts) == before
