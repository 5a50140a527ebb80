"""Every row of the practice Chorus Pro: from the wire to status, class, code, facts, tasks and what was remembered."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from commtui.demo.chorus_scenarios import (
    CHORUS_SCENARIOS,
    DEPOSIT,
    behaviour_of,
    siret,
    tag_of,
)
from commtui.demo.invoices import chorus_invoice
from commtui.demo.scenario import First, Scenario
from commtui.domain.einvoice import Reachability, parse
from commtui.domain.vocabulary import ErrorClass, Layer, Status
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers.base import Accepted, DeliveryEvent, SendRequest
from commtui.providers.chorus import SPEC, ChorusProvider
from commtui.providers.chorus_watch import WATCHED
from tests.chorus_practice import ChorusPractice, folded, practising, request_to, watch_of
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {scenario.name: scenario for scenario in CHORUS_SCENARIOS}
ON_THE_WAY = ["DEPOSEE", "EN_COURS_ACHEMINEMENT", "MISE_A_DISPOSITION"]
PATHS: dict[str, list[str]] = {
    "paid": [
        *ON_THE_WAY,
        "PRISE_EN_COMPTE_DESTINATAIRE",
        "SERVICE_FAIT",
        "MANDATEE",
        "MISE_A_DISPOSITION_COMPTABLE",
        "COMPTABILISEE",
        "MISE_EN_PAIEMENT",
    ],
    "never reports payment": [*ON_THE_WAY, "MANDATEE"],
    "flow taken in part, this one too": ["DEPOSEE", "MISE_A_DISPOSITION"],
    "flow stuck, then processed": ["DEPOSEE"],
    "flow admissible": ["DEPOSEE"],
    "flow admissible with errors": ["DEPOSEE"],
    "twelve invoices in one flow": ["DEPOSEE"],
    "recycled": ["DEPOSEE", "A_RECYCLER", "EN_COURS_ACHEMINEMENT", "MISE_A_DISPOSITION"],
    "to be recycled": ["DEPOSEE", "A_RECYCLER"],
    "suspended, then completed": [*ON_THE_WAY, "SUSPENDUE", "COMPLETEE", "MISE_A_DISPOSITION"],
    "suspended": [*ON_THE_WAY, "SUSPENDUE"],
    "refused by the recipient": [*ON_THE_WAY, "REJETEE"],
    "refused, then acknowledged": [*ON_THE_WAY, "REJETEE", "ACQUITTEMENT_REJET"],
    "wrong recipient": ["DEPOSEE", "ERREUR_DESTINATAIRE_PD"],
    "in validation": ["DEPOSEE", "A_VALIDER_MOA"],
    "withdrawn": [*ON_THE_WAY, "ABANDONNEE"],
    "status unheard of": [*ON_THE_WAY, "ARCHIVEE_AU_GREFFE"],
}
"""What stands in the history after the flow's result; of every other row that was taken: it became available."""
NO_INVOICE = {"flow in an unheard-of state"}
OPEN_TASKS = {
    "flow refused": "file_refused",
    "flow broken": "flow_broken",
    "flow taken in part, this one not": "file_refused",
    "flow inadmissible": "file_refused",
    "to be recycled": "recycle",
    "suspended": "complete",
    "refused by the recipient": "invoice_refused",
    "wrong recipient": "inspect",
}
DONE_TASKS = {
    "recycled": "recycle",
    "suspended, then completed": "complete",
    "refused, then acknowledged": "invoice_refused",
}
OVER = {"paid", "never reports payment", "withdrawn", "refused, then acknowledged"}
"""Rows after which nothing is asked any more, beside those whose flow was refused."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[ChorusPractice]:
    async with practising() as running:
        yield running


@dataclass
class Course:
    """What happened to one request, as the core would see it."""

    request: SendRequest
    steps: MemorySteps = field(default_factory=MemorySteps)
    outcomes: list[Accepted | ProviderError] = field(default_factory=list)
    events: list[DeliveryEvent] = field(default_factory=list)
    again: float | None = 0.0
    memory: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def last(self) -> Accepted | ProviderError:
        return self.outcomes[-1]


async def tried(provider: ChorusProvider, course: Course) -> Accepted | ProviderError:
    try:
        outcome: Accepted | ProviderError = await provider.advance(course.request, course.steps)
    except ProviderError as error:
        outcome = error
    course.outcomes.append(outcome)
    return outcome


async def ask(provider: ChorusProvider, course: Course, flow: str) -> None:
    reached = {**course.steps.reached, **course.memory}
    found = await provider.poll(watch_of(course.request, flow, reached=reached))
    course.events += found.events
    course.again = found.again_after
    course.memory |= found.reached


async def run(practice: ChorusPractice, request: SendRequest) -> Course:
    """Send as the worker would: wait and try again, look lost answers up, then ask until all has happened."""
    provider, course = practice.provider(), Course(request)
    assert provider.check(request) is None
    while isinstance(await tried(provider, course), NotSent | AccountTrouble):
        if len(course.outcomes) > 3:
            return course
    await practice.settled()
    last = course.last
    flow = last.provider_message_id if isinstance(last, Accepted) else ""
    found: Any = last.events if isinstance(last, Accepted) else None
    if isinstance(last, UnknownOutcome):
        found = await provider.find(request, request.created_at, course.steps.reached)
        flow = found[0].provider_message_id if found else ""
    if flow:
        course.events += found
        await ask(provider, course, flow)
    return course


FIRST: dict[First, type[ProviderError]] = {
    First.ACCOUNT: AccountTrouble,
    First.RATE_LIMITED: RateLimited,
    First.NOT_SENT: NotSent,
    First.REJECTED: Rejected,
    First.STOPPED: Stopped,
    First.UNKNOWN: UnknownOutcome,
}


def assert_first(scenario: Scenario, outcome: Accepted | ProviderError) -> None:
    if scenario.first is First.ACCEPTED:
        assert isinstance(outcome, Accepted)
        return
    assert isinstance(outcome, ProviderError)
    assert outcome.code == scenario.first_code
    assert type(outcome) is FIRST[scenario.first]
    problem = SPEC.explain(Status.QUEUED, outcome.code, outcome.words)
    assert problem.sentence
    assert problem.advice


@pytest.mark.parametrize("scenario", CHORUS_SCENARIOS, ids=lambda row: row.name)
async def test_a_row_ends_as_it_says(practice: ChorusPractice, scenario: Scenario) -> None:
    request = request_to(scenario.recipient())
    course = await run(practice, request)
    assert_first(scenario, course.outcomes[0])

    if not scenario.events:
        assert practice.taken(request) == []
        assert course.events == []
        outcome = course.last
        assert isinstance(outcome, ProviderError)
        assert outcome.code == scenario.code
        if scenario.error_class is not None:
            problem = SPEC.explain(scenario.status, outcome.code, outcome.words)
            assert problem.error_class is scenario.error_class
        return

    (flow,) = practice.taken(request)
    assert {event.provider_message_id for event in course.events} == {flow}
    assert {event.entry_id for event in course.events} == {request.entry_id}
    assert all(event.layer is not None for event in course.events)
    standing = folded(course.events)
    assert (standing.state.status, standing.state.error_class, standing.state.code) == (
        scenario.status,
        scenario.error_class,
        scenario.code,
    )
    assert standing.open_tasks == [task for task in [OPEN_TASKS.get(scenario.name)] if task]
    assert standing.done_tasks == [task for task in [DONE_TASKS.get(scenario.name)] if task]
    assert set(standing.open_tasks + standing.done_tasks) <= set(SPEC.tasks)

    kinds = [event.kind for event in course.events]
    result = next(
        later.kind for later in reversed(scenario.events) if later.kind.startswith(("IN_", "QP_"))
    )
    flow_refused = scenario.code.startswith(("IN_", "QP_"))
    none = flow_refused or scenario.name in NO_INVOICE
    path = [] if none else PATHS.get(scenario.name, ON_THE_WAY)
    assert kinds == ["deposited", result, *path]
    assert (course.again is None) == (flow_refused or scenario.name in OVER)
    if scenario.error_class is not None:
        problem = SPEC.explain(scenario.status, scenario.code, "")
        assert problem.error_class is scenario.error_class
        assert not problem.falls_back

    told = list(course.events)
    if course.again is not None:
        await ask(practice.provider(), course, flow)
    assert course.events == told


async def test_accepted_is_not_received_and_received_is_not_approved(
    practice: ChorusPractice,
) -> None:
    course = await run(practice, request_to(ROWS["paid"].recipient(1)))
    layers = {event.kind: event.layer for event in course.events}
    assert layers["deposited"] is Layer.API
    assert layers["IN_INTEGRE"] is Layer.TRANSPORT
    assert layers["MISE_A_DISPOSITION"] is Layer.MESSAGE
    assert layers["SERVICE_FAIT"] is Layer.BUSINESS
    assert layers["MISE_EN_PAIEMENT"] is Layer.PAYMENT


async def test_the_comment_is_shown_and_the_people_behind_it_are_not_kept(
    practice: ChorusPractice,
) -> None:
    course = await run(practice, request_to(ROWS["suspended"].recipient(1)))
    event = next(event for event in course.events if event.kind == "SUSPENDUE")
    assert "Merci de joindre le bon de livraison signé." in event.words
    assert event.words.startswith("Suspended")
    kept = repr([(item, dict(item.payload)) for item in course.events]) + repr(course.memory)
    for personal in ("Durand", "Camille", "camille.durand", "0100000000"):
        assert personal not in kept


async def test_a_refused_file_says_in_chorus_pros_words_why(practice: ChorusPractice) -> None:
    course = await run(practice, request_to(ROWS["flow refused"].recipient(1)))
    assert "TypeCode.value est obligatoire" in course.events[-1].words


async def test_the_thirteenth_invoice_of_a_flow_is_found(practice: ChorusPractice) -> None:
    before = practice.api.calls["factures/v1/rechercher/fournisseur"]
    request = request_to(ROWS["twelve invoices in one flow"].recipient(1))
    course = await run(practice, request)
    assert course.events[-1].kind == "DEPOSEE"
    # once before the deposit, and two pages of the flow
    assert practice.api.calls["factures/v1/rechercher/fournisseur"] == before + 3


async def test_a_second_file_with_the_same_number_is_refused_in_the_flow_and_known_for_a_duplicate(
    practice: ChorusPractice,
) -> None:
    recipient = ROWS["available to the recipient"].recipient(2)
    first = request_to(recipient, number="FA-TWICE-1")
    course = await run(practice, first)
    assert course.events[-1].kind == "MISE_A_DISPOSITION"
    # the same number, of another day: our own look-up takes it for another invoice, Chorus Pro does not
    other = chorus_invoice("FA-TWICE-1", parse(recipient)).replace(b"2026-11-02", b"2026-11-03")
    second = await run(practice, request_to(recipient, content=other, number="FA-TWICE-1"))
    standing = folded(second.events)
    assert standing.state.status is Status.REJECTED
    assert (standing.state.code, standing.open_tasks) == ("NUMBER_TAKEN", ["number_taken"])
    assert practice.taken(first)[0] in second.events[-1].words
    assert "existe deja" in second.events[-1].words


async def test_an_invoice_that_is_there_already_is_not_deposited_again(
    practice: ChorusPractice,
) -> None:
    recipient = ROWS["available to the recipient"].recipient(3)
    await run(practice, request_to(recipient, number="FA-TWICE-2"))
    again = request_to(recipient, number="FA-TWICE-2")
    course = await run(practice, again)
    assert isinstance(course.last, Stopped)
    assert course.last.code == "number_taken"
    assert "MISE_A_DISPOSITION" in course.last.words
    assert practice.taken(again) == []


async def test_a_corrected_file_goes_out_under_the_same_number_and_closes_the_task(
    practice: ChorusPractice,
) -> None:
    refused = ROWS["flow refused"].recipient(4)
    course = await run(practice, request_to(refused, number="FA-AGAIN-1"))
    assert folded(course.events).open_tasks == ["file_refused"]
    right = ROWS["available to the recipient"].recipient(4)
    corrected = await run(practice, request_to(right, number="FA-AGAIN-1"))
    standing = folded([*course.events, *corrected.events])
    assert standing.open_tasks == []
    assert standing.done_tasks == ["file_refused"]


QUALIFICATION = {
    "12345678200051": ("", ""),
    "12345678200036": ("", "EJ123456"),
    "12345678200028": ("SERVICE_DEST_SERV_OBL", ""),
    "12345678200044": ("SERVICE_DEST_SERV_OBL", "EJ123456"),
    "11000201100044": ("SFACETAT", ""),
}


@pytest.mark.parametrize("wanted", QUALIFICATION)
async def test_the_qualification_recipients_take_what_they_want(
    practice: ChorusPractice, wanted: str
) -> None:
    service, engagement = QUALIFICATION[wanted]
    named = f"{f';service={service}' if service else ''}{f';engagement={engagement}' if engagement else ''}"
    course = await run(practice, request_to(f"chorus:{wanted}{named}"))
    assert course.events[-1].kind == "MISE_A_DISPOSITION"
    if not named:
        return
    bare = request_to(f"chorus:{wanted}")
    refused = await run(practice, bare)
    assert isinstance(refused.last, Stopped)
    kind = "_".join(
        word for word, value in (("service", service), ("engagement", engagement)) if value
    )
    assert refused.last.code == f"{kind}_missing"
    assert refused.steps.registrations[-1].outcome is Reachability.NEEDS_FIELDS
    assert practice.taken(bare) == []


async def test_could_not_check_is_never_called_not_registered(practice: ChorusPractice) -> None:
    course = await run(practice, request_to(ROWS["recipient could not be checked"].recipient(1)))
    assert isinstance(course.last, NotSent)
    assert "could not be asked" in course.last.words
    outcomes = {check.outcome for check in course.steps.registrations}
    assert outcomes == {Reachability.COULD_NOT_CHECK}
    unknown = await run(practice, request_to(ROWS["recipient unknown"].recipient(1)))
    assert unknown.steps.registrations[-1].outcome is Reachability.NOT_REGISTERED


async def test_every_row_is_chosen_by_recipients_of_its_own() -> None:
    for scenario in CHORUS_SCENARIOS:
        for number in (0, 1, 7):
            recipient = scenario.recipient(number)
            assert behaviour_of(recipient) is scenario
            assert behaviour_of(parse(recipient).id) is scenario
            assert parse(recipient).recipient == recipient
        assert len({scenario.recipient(number) for number in range(12)}) == 12
    tags = [scenario.tag for scenario in CHORUS_SCENARIOS]
    assert len(set(tags)) == len(tags)


async def test_recipients_of_nobody_have_a_right_check_digit() -> None:
    for tag, number in itertools.product(("00", "17", "58"), (0, 3, 99_999_999)):
        digits = siret(tag, number)
        assert len(digits) == 14
        assert tag_of(digits) == tag
        odd, even = digits[-1::-2], digits[-2::-2]
        total = sum(map(int, odd)) + sum(sum(divmod(2 * int(char), 10)) for char in even)
        assert total % 10 == 0


async def test_everybody_else_is_available() -> None:
    for recipient in ("chorus:12345678200051", "chorus:21750001600019;service=X", ""):
        assert behaviour_of(recipient) is CHORUS_SCENARIOS[0]


async def test_the_table_has_every_status_that_an_operator_acts_on() -> None:
    kinds = {later.kind for row in CHORUS_SCENARIOS for later in row.events}
    assert {"A_RECYCLER", "SUSPENDUE", "COMPLETEE", "REJETEE", "MISE_EN_PAIEMENT"} <= kinds
    assert {"IN_REJETE", "IN_INCIDENTE", "IN_INTEGRE_PARTIEL", "IN_INTEGRE"} <= kinds
    classes = {row.error_class for row in CHORUS_SCENARIOS}
    assert classes == {None, *ErrorClass} - {ErrorClass.POLICY}


# what the stand-in itself refuses


async def posted(practice: ChorusPractice, path: str, body: object, **headers: str) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        token = await client.post(
            f"{practice.url}/api/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": practice.account.chorus_client_id,
                "client_secret": practice.account.chorus_client_secret,
                "scope": "openid",
            },
        )
        account = f"{practice.account.chorus_login}:{practice.account.chorus_password}"
        sent = {
            "authorization": f"Bearer {token.json()['access_token']}",
            "cpro-account": base64.b64encode(account.encode()).decode(),
        }
        return await client.post(
            f"{practice.url}/cpro/{path}", json=body, headers={**sent, **headers}
        )


async def test_the_stand_in_refuses_what_is_not_a_deposit(practice: ChorusPractice) -> None:
    right = {
        "fichierFlux": "PGE+",
        "nomFichier": "a.xml",
        "syntaxeFlux": "IN_DP_E1_UBL_INVOICE",
        "avecSignature": False,
    }
    for wrong in (
        {"fichierFlux": "%%%"},
        {"syntaxeFlux": "IN_DP_E1_UBL_201"},
        {"nomFichier": f"{'a' * 47}.xml"},
        {"nomFichier": "a.pdf"},
    ):
        answer = await posted(practice, "factures/v1/deposer/flux", {**right, **wrong})
        assert answer.status_code == 200
        assert answer.json()["codeRetour"] != 0


async def test_the_stand_ins_gateway_answers_without_a_body(practice: ChorusPractice) -> None:
    answer = await posted(practice, "structures/v1/rechercher", {}, **{"cpro-account": "no"})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["www-authenticate"]
    answer = await posted(practice, "structures/v1/rechercher", {}, authorization="Bearer no")
    assert (answer.status_code, answer.content) == (401, b"")


async def test_the_record_knows_whose_deposit_it_was(practice: ChorusPractice) -> None:
    request = request_to(ROWS["available to the recipient"].recipient(9))
    await run(practice, request)
    kept = next(item for item in practice.ledger.accepted if item.entry_id == request.entry_id)
    assert kept.recipient == parse(request.recipient).id
    assert kept.scenario == "available to the recipient"
    assert datetime.fromisoformat(kept.at) <= datetime.now(UTC)


async def test_a_row_may_answer_other_steps_than_the_deposit() -> None:
    steps = {row.reply.step for row in CHORUS_SCENARIOS if row.reply}
    assert DEPOSIT in steps
    assert len(steps) == 2


async def test_what_is_remembered_is_small(practice: ChorusPractice) -> None:
    course = await run(practice, request_to(ROWS["paid"].recipient(2)))
    assert set(course.memory) == {WATCHED}
    assert len(repr(course.memory)) < 600
