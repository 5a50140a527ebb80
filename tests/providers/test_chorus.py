"""Chorus Pro's adapter: every answer of the gateway at every step, tokens, and a deposit that is made once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.config import Chorus, Secret, Settings
from commtui.demo.chorus_scenarios import CHORUS_SCENARIOS
from commtui.demo.invoices import SELLER_SIRET
from commtui.domain.einvoice import Reachability
from commtui.domain.vocabulary import ErrorClass, Layer, Status
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
)
from commtui.providers.base import Accepted, SendRequest, Steps
from commtui.providers.chorus import SPEC, ChorusProvider
from commtui.providers.chorus_api import ChorusApi
from commtui.providers.http import Http
from tests.chorus_practice import PLAIN, ChorusPractice, practising, request_to, serving, watch_of
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {scenario.name: scenario for scenario in CHORUS_SCENARIOS}
TOKEN = "/api/oauth/token"
SEARCH, CONSULT = "/cpro/structures/v1/rechercher", "/cpro/structures/v1/consulter"
LISTED, DEPOSIT = "/cpro/factures/v1/rechercher/fournisseur", "/cpro/factures/v1/deposer/flux"
FLOW, HISTORY = (
    "/cpro/transverses/v1/consulterCRDetaille",
    "/cpro/factures/v1/consulter/historique",
)
SECRETS = ("piste-secret", "cpro-pass word+", "the-token")
OK = {"codeRetour": 0, "libelle": "TRA_MSG_00.000"}
HAPPY: dict[str, dict[str, Any]] = {
    TOKEN: {"access_token": "the-token", "expires_in": 3600},
    SEARCH: {
        **OK,
        "listeStructures": [
            {"idStructureCPP": 7, "identifiantStructure": PLAIN[7:], "statut": "ACTIVE"}
        ],
    },
    CONSULT: {**OK, "parametres": {}},
    LISTED: {**OK, "listeFactures": []},
    DEPOSIT: {**OK, "numeroFluxDepot": "CPP1"},
}


@dataclass
class Piste:
    """A server whose every answer is set by the test."""

    url: str = ""
    answers: dict[str, Response | None] = field(default_factory=dict)
    requests: list[tuple[str, Request, bytes]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.requests]

    async def handle(self, request: Request) -> Response | None:
        path = request.url.path
        self.requests.append((path, request, await request.body()))
        if path in self.answers:
            return self.answers[path]
        return JSONResponse(HAPPY[path])

    def settings(self, **values: Any) -> Settings:
        section: dict[str, Any] = {
            "client_id": "piste-id",
            "client_secret": Secret(SECRETS[0]),
            "login": "TECH_1_x@cpro.fr",
            "password": Secret(SECRETS[1]),
            "base_url": self.url,
            "token_url": f"{self.url}{TOKEN}",
        }
        return Settings(chorus=Chorus(**{**section, **values}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http() -> AsyncIterator[Http]:
    made = Http(4, 5.0)
    yield made
    await made.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def piste() -> AsyncIterator[Piste]:
    made = Piste()
    async with serving([Route("/{path:path}", made.handle, methods=["POST"])]) as url:
        made.url = url
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[ChorusPractice]:
    async with practising() as running:
        yield running


async def failure(provider: ChorusProvider, steps: MemorySteps | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await provider.advance(request_to(PLAIN), steps or MemorySteps())
    return caught.value


# the gateway, at every step

EMPTY = Response(b"", 200)
GARBAGE = Response("<h1>maintenance</h1>", 200, media_type="text/html")
WAIT = {"retry-after": "900"}


def status(code: int, **headers: str) -> Response:
    return Response(b"", code, headers={name.replace("_", "-"): v for name, v in headers.items()})


READS: list[tuple[str, Response | None, type[ProviderError]]] = [
    ("hang up", None, NotSent),
    ("400", status(400), NotSent),
    ("401", status(401), AccountTrouble),
    ("402", status(402), AccountTrouble),
    ("403", status(403), AccountTrouble),
    ("404", status(404), AccountTrouble),
    ("408", status(408), NotSent),
    ("429", status(429, retry_after="900"), RateLimited),
    ("500", status(500), NotSent),
    ("502", status(502), NotSent),
    ("503", status(503), NotSent),
    ("503 with Retry-After", status(503, retry_after="900"), RateLimited),
    ("302", status(302, location="http://127.0.0.1:1/"), NotSent),
    ("empty", EMPTY, NotSent),
    ("garbage", GARBAGE, NotSent),
    ("no codeRetour", JSONResponse({"libelle": "x"}), NotSent),
    ("codeRetour", JSONResponse({"codeRetour": 20050, "libelle": "GCU"}), NotSent),
]


@pytest.mark.parametrize(("name", "answer", "expected"), READS, ids=lambda it: str(it)[:30])
@pytest.mark.parametrize("path", [SEARCH, CONSULT, LISTED])
async def test_a_question_without_an_answer_sends_nothing(
    piste: Piste, http: Http, path: str, name: str, answer: Response, expected: type[ProviderError]
) -> None:
    piste.answers[path] = answer
    provider, steps = ChorusProvider(piste.settings(), http), MemorySteps()
    if path == LISTED and name == "codeRetour":
        # refused by Chorus Pro itself, this question only spares a deposit
        assert isinstance(await provider.advance(request_to(PLAIN), steps), Accepted)
        return
    error = await failure(provider, steps)
    assert type(error) is expected
    assert DEPOSIT not in piste.paths()
    assert steps.begun_at is None
    problem = SPEC.explain(Status.QUEUED, error.code, error.words)
    assert problem.advice
    if isinstance(error, RateLimited):
        assert error.retry_after == pytest.approx(900, abs=2)
    elif isinstance(error, NotSent) and path != LISTED:
        assert error.code == "could_not_check"
        assert steps.registrations[-1].outcome is Reachability.COULD_NOT_CHECK


DEPOSITS: list[tuple[str, Response | None, type[ProviderError], str]] = [
    ("hang up", None, UnknownOutcome, "no_answer"),
    ("400", status(400), Rejected, "400"),
    ("401", status(401), AccountTrouble, "401"),
    ("402", status(402), AccountTrouble, "402"),
    ("403", status(403), AccountTrouble, "403"),
    ("404", status(404), Rejected, "404"),
    ("408", status(408), UnknownOutcome, "408"),
    ("409", status(409), UnknownOutcome, "409"),
    ("413", status(413), Rejected, "413"),
    ("415", status(415), Rejected, "415"),
    ("425", status(425), UnknownOutcome, "425"),
    ("429", status(429, retry_after="900"), RateLimited, "429"),
    ("500", status(500), UnknownOutcome, "500"),
    ("502", status(502), UnknownOutcome, "502"),
    ("503", status(503), UnknownOutcome, "503"),
    ("503 with Retry-After", status(503, retry_after="900"), RateLimited, "503"),
    ("504", status(504), UnknownOutcome, "504"),
    ("302", status(302, location="http://127.0.0.1:1/"), UnknownOutcome, "302"),
    ("empty", EMPTY, UnknownOutcome, "200"),
    ("garbage", GARBAGE, UnknownOutcome, "200"),
    ("no codeRetour", JSONResponse({"numeroFluxDepot": "CPP9"}), UnknownOutcome, "200"),
    ("no flow number", JSONResponse(OK), UnknownOutcome, "no_flow_number"),
    (
        "too large",
        JSONResponse({"codeRetour": 20001, "libelle": "GDP_MSG_11.022"}),
        Rejected,
        "codeRetour_20001",
    ),
    (
        "codeRetour as text",
        JSONResponse({"codeRetour": "20001", "libelle": "GDP_MSG_11.022"}),
        Rejected,
        "codeRetour_20001",
    ),
    (
        "codeRetour with 400",
        JSONResponse({"codeRetour": 20001, "libelle": "GDP_MSG_11.022"}, 400),
        Rejected,
        "codeRetour_20001",
    ),
    (
        "codeRetour with 500",
        JSONResponse({"codeRetour": 20001, "libelle": "x"}, 500),
        UnknownOutcome,
        "500",
    ),
    (
        "a number although refused",
        JSONResponse({"codeRetour": 1, "numeroFluxDepot": "CPP9"}),
        Rejected,
        "codeRetour_1",
    ),
]


@pytest.mark.parametrize(
    ("name", "answer", "expected", "code"), DEPOSITS, ids=[row[0] for row in DEPOSITS]
)
async def test_every_answer_to_a_deposit(
    piste: Piste,
    http: Http,
    name: str,
    answer: Response | None,
    expected: type[ProviderError],
    code: str,
) -> None:
    piste.answers[DEPOSIT] = answer
    provider, steps, request = ChorusProvider(piste.settings(), http), MemorySteps(), None
    request = request_to(PLAIN)
    with pytest.raises(ProviderError) as caught:
        await provider.advance(request, steps)
    error = caught.value
    assert type(error) is expected
    assert error.code == code
    assert steps.begun_at is not None
    assert piste.paths().count(DEPOSIT) == 1

    del piste.answers[DEPOSIT]
    # what a worker that ended before it recorded that answer would learn
    found = await provider.find(request, request.created_at, steps.reached)
    if isinstance(error, UnknownOutcome):
        assert found is None
        with pytest.raises(UnknownOutcome):
            await provider.advance(request, steps)
        assert piste.paths().count(DEPOSIT) == 1
        return
    assert found == []
    if isinstance(error, Rejected):
        with pytest.raises(Rejected) as again:
            await provider.advance(request, steps)
        assert (again.value.code, again.value.words) == (error.code, error.words)
        assert piste.paths().count(DEPOSIT) == 1
        assert not SPEC.explain(Status.REJECTED, "codeRetour_1", "").falls_back
        return
    assert isinstance(await provider.advance(request, steps), Accepted)
    assert piste.paths().count(DEPOSIT) == 2


@pytest.mark.parametrize(
    ("answer", "expected", "code"),
    [
        (JSONResponse({"error": "invalid_client"}, 400), AccountTrouble, "token_refused"),
        (status(401), AccountTrouble, "token_refused"),
        (status(403), AccountTrouble, "token_refused"),
        (status(404), AccountTrouble, "404"),
        (status(429, retry_after="900"), RateLimited, "429"),
        (status(500), NotSent, "500"),
        (EMPTY, NotSent, "200"),
        (JSONResponse({"token_type": "Bearer"}), NotSent, "200"),
        (None, NotSent, "no_answer"),
    ],
    ids=[
        "a client that is unknown",
        "401",
        "403",
        "404",
        "429",
        "500",
        "an empty answer",
        "an answer without a token",
        "no answer",
    ],
)
async def test_no_token(
    piste: Piste, http: Http, answer: Response | None, expected: type[ProviderError], code: str
) -> None:
    piste.answers[TOKEN] = answer
    error = await failure(ChorusProvider(piste.settings(), http))
    assert type(error) is expected
    # a recipient that cannot be asked about says so, whatever the reason
    assert error.code in (code, "could_not_check")
    assert set(piste.paths()) == {TOKEN}


async def test_an_unreachable_gateway_sends_nothing(piste: Piste, http: Http) -> None:
    settings = piste.settings(base_url="http://127.0.0.1:1")
    steps = MemorySteps(reached={"recipient": {"at": datetime.now(UTC).isoformat()}})
    error = await failure(ChorusProvider(settings, http), steps)
    assert (type(error), error.code) == (NotSent, "unreachable")
    assert steps.begun_at is None


async def test_unknown_codes_are_shown_and_never_guessed() -> None:
    for code in ("codeRetour_4711", "IN_SOMETHING", "SOMETHING"):
        problem = SPEC.explain(Status.REJECTED, code, "words")
        assert problem.error_class is ErrorClass.UNKNOWN
        assert code in problem.sentence
        assert not problem.falls_back
    assert SPEC.explain(Status.FAILED, "BR-CO-16", "").error_class is ErrorClass.TECHNICAL
    assert SPEC.explain(Status.FAILED, "no_provider", "").error_class is ErrorClass.TECHNICAL
    lost = SPEC.explain(Status.UNKNOWN, "no_answer", "")
    assert "may have been sent" in lost.sentence


# what is on the wire


@pytest.mark.parametrize("suffix", ["", "/", "/cpro", "/cpro/"])
async def test_every_call_is_a_post_of_json_with_token_and_technical_account(
    piste: Piste, http: Http, suffix: str
) -> None:
    provider = ChorusProvider(piste.settings(base_url=piste.url + suffix), http)
    done = await provider.advance(request_to(PLAIN), MemorySteps())
    assert done.provider_message_id == "CPP1"
    assert piste.paths() == [TOKEN, SEARCH, CONSULT, LISTED, DEPOSIT]
    account = base64.b64encode(f"TECH_1_x@cpro.fr:{SECRETS[1]}".encode()).decode()
    for _, request, _ in piste.requests[1:]:
        assert request.headers["authorization"] == "Bearer the-token"
        assert request.headers["cpro-account"] == account
        assert request.headers["content-type"] == "application/json;charset=utf-8"
        assert request.headers["accept"] == "application/json;charset=utf-8"
    (event,) = done.events
    assert (event.status, event.layer, event.kind) == (Status.SENT, Layer.API, "deposited")


async def quoted(provider: ChorusProvider) -> str:
    """Everything that an error says."""
    try:
        await provider.advance(request_to(PLAIN), MemorySteps())
    except ProviderError as error:
        return f"{error.words} {error!r}"
    return ""


@pytest.mark.parametrize("before", [0, 150, 190, 199, 290])
async def test_a_secret_that_is_cut_is_not_quoted_in_part(
    piste: Piste, http: Http, before: int
) -> None:
    echo = "x" * before + SECRETS[1] + "y" * 300
    for answer in (status(401, x_reason=echo), JSONResponse({"codeRetour": 1, "libelle": echo})):
        piste.answers[SEARCH] = answer
        assert SECRETS[1][:6] not in await quoted(ChorusProvider(piste.settings(), http))


async def test_no_secret_is_quoted(piste: Piste, http: Http) -> None:
    account = base64.b64encode(f"TECH_1_x@cpro.fr:{SECRETS[1]}".encode()).decode()
    secrets = (*SECRETS, account, "cpro-pass+word%2B")
    said = " ".join(secrets)
    echoes = [
        status(401, www_authenticate=said),
        status(403, x_reason=said),
        JSONResponse({"codeRetour": 5, "libelle": said}),
        JSONResponse({"message": said}, 400),
        JSONResponse({"error": said}, 500),
    ]
    refused = 0
    for echo in echoes:
        for path in (TOKEN, SEARCH, DEPOSIT):
            piste.answers = {path: echo}
            words = await quoted(ChorusProvider(piste.settings(), http))
            refused += bool(words)
            # a token that was never given is nobody's secret
            shown = [item for item in secrets if path != TOKEN or item != "the-token"]
            assert not [item for item in shown if item in words]
    assert refused == len(echoes) * 3
    assert SECRETS[1] not in repr(piste.settings())


async def test_a_401_says_what_its_header_says(piste: Piste, http: Http) -> None:
    piste.answers[SEARCH] = status(401, x_apim_reason="technical account expired")
    error = await failure(ChorusProvider(piste.settings(), http))
    assert "technical account expired" in error.words
    assert "expired" in SPEC.explain(Status.QUEUED, error.code, "").sentence
    assert "password" in SPEC.explain(Status.QUEUED, error.code, "").sentence


# tokens


async def test_a_token_is_fetched_once_for_many_calls(practice: ChorusPractice) -> None:
    before = practice.api.calls["oauth/token"]
    provider = practice.provider()
    await asyncio.gather(*(provider.advance(request_to(PLAIN), MemorySteps()) for _ in range(4)))
    assert practice.api.calls["oauth/token"] == before + 1


async def test_a_token_is_replaced_four_minutes_before_it_ends(practice: ChorusPractice) -> None:
    api = ChorusApi(practice.settings(), practice.http)
    before = practice.api.calls["oauth/token"]
    practice.api.token_seconds = 241
    await api.ready()
    await api.ready()
    assert practice.api.calls["oauth/token"] == before + 1
    practice.api.token_seconds = 239
    api = ChorusApi(practice.settings(), practice.http)
    await api.ready()
    await api.ready()
    assert practice.api.calls["oauth/token"] == before + 3
    practice.api.token_seconds = 3600


async def test_a_question_is_asked_again_with_a_new_token_and_only_once(
    practice: ChorusPractice, piste: Piste, http: Http
) -> None:
    provider = practice.provider()
    await provider.advance(request_to(PLAIN), MemorySteps())
    practice.api.revoke_tokens()
    before = practice.api.calls["oauth/token"]
    await provider.advance(request_to(PLAIN), MemorySteps())
    assert practice.api.calls["oauth/token"] == before + 1

    piste.answers[SEARCH] = status(401)
    assert isinstance(await failure(ChorusProvider(piste.settings(), http)), AccountTrouble)
    assert piste.paths() == [TOKEN, SEARCH, TOKEN, SEARCH]


async def test_a_deposit_is_never_repeated_for_a_token(piste: Piste, http: Http) -> None:
    piste.answers[DEPOSIT] = status(401)
    provider, steps, request = ChorusProvider(piste.settings(), http), MemorySteps(), None
    error = await failure(provider, steps)
    assert isinstance(error, AccountTrouble)
    assert piste.paths().count(DEPOSIT) == 1
    del piste.answers[DEPOSIT]
    request = request_to(PLAIN)
    await provider.advance(request, MemorySteps())
    # the refused token is not used any more
    assert piste.paths().count(TOKEN) == 2


# once


class Crash(RuntimeError):
    """The worker is gone."""


@dataclass
class CrashingSteps(MemorySteps):
    """Steps of a worker that is gone at one of its commits: just before it, or just after."""

    crash_at: int = -1
    before: bool = True
    operations: int = 0

    def _operation(self) -> bool:
        self.operations += 1
        return self.operations - 1 == self.crash_at

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        now = self._operation()
        if now and self.before:
            raise Crash
        await super().commit(step, reference, words)
        if now:
            raise Crash

    async def begin(self) -> None:
        now = self._operation()
        if now and self.before:
            raise Crash
        await super().begin()
        if now:
            raise Crash

    def restarted(self) -> MemorySteps:
        """What the database has for the next worker."""
        return MemorySteps(reached=dict(self.reached), begun_at=self.begun_at)


OPERATIONS = ["checked", "recipient", "deposit", "begin", "answer"]


async def restart(
    practice: ChorusPractice, request: SendRequest, crash_at: int, *, before: bool
) -> Accepted | ProviderError | None:
    """Crash at one commit, then go on as a new worker does, with everything processed meanwhile."""
    steps = CrashingSteps(crash_at=crash_at, before=before)
    with pytest.raises(Crash):
        await practice.provider().advance(request, steps)
    await practice.settled()
    following = steps.restarted()
    try:
        return await practice.provider().advance(request, following)
    except ProviderError as error:
        return error


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(len(OPERATIONS)), ids=OPERATIONS)
async def test_a_restart_at_any_step_never_deposits_twice(
    practice: ChorusPractice, crash_at: int, before: bool
) -> None:
    request = request_to(PLAIN)
    outcome = await restart(practice, request, crash_at, before=before)
    taken = practice.taken(request)
    if (OPERATIONS[crash_at], before) == ("begin", False):
        # begun, and gone before the request: nobody can know, so nobody sends
        assert isinstance(outcome, UnknownOutcome)
        assert taken == []
        return
    assert isinstance(outcome, Accepted)
    assert taken == [outcome.provider_message_id]


async def test_a_lost_answer_is_looked_up_until_it_is_there(practice: ChorusPractice) -> None:
    request, steps = request_to(ROWS["lost answer"].recipient(5)), MemorySteps()
    provider = practice.provider()
    with pytest.raises(UnknownOutcome):
        await provider.advance(request, steps)
    while (found := await provider.find(request, request.created_at, steps.reached)) is None:
        await asyncio.sleep(0)
    assert [event.provider_message_id for event in found] == practice.taken(request)
    assert found[0].status is Status.SENT
    assert found[0].entry_id == request.entry_id
    again = await provider.advance(request, steps)
    assert again.provider_message_id == found[0].provider_message_id
    assert len(practice.taken(request)) == 1


class Naive(ChorusProvider):
    """Takes a time-out for a no, and deposits once more."""

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        try:
            return await super().advance(request, steps)
        except UnknownOutcome:
            return await super().advance(request, MemorySteps())


async def deposits_after_a_lost_answer(kind: type[ChorusProvider]) -> int:
    """How often an adapter deposits when the first answer is lost and the flow waits to be processed."""
    # so slow that the invoice is not listed before the second try
    async with practising(scale=600.0) as slow:
        request = request_to(ROWS["lost answer"].recipient(6))
        provider, steps = kind(slow.settings(), slow.http), MemorySteps()
        for _ in range(3):
            with contextlib.suppress(UnknownOutcome):
                await provider.advance(request, steps)
        return len(slow.taken(request))


async def test_an_adapter_that_repeats_after_a_lost_answer_is_caught_depositing_twice() -> None:
    assert await deposits_after_a_lost_answer(ChorusProvider) == 1
    assert await deposits_after_a_lost_answer(Naive) > 1


async def test_an_answer_that_could_not_be_kept_still_counts(practice: ChorusPractice) -> None:
    class Away(MemorySteps):
        async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
            if "begin" in self.committed:
                raise NotSent("chorus", "not_begun", "The database went away.")
            await super().commit(step, reference, words)

    request = request_to(PLAIN)
    done = await practice.provider().advance(request, Away())
    assert practice.taken(request) == [done.provider_message_id]
    refused = request_to(ROWS["file too large"].recipient(2))
    with pytest.raises(Rejected):
        await practice.provider().advance(refused, Away())


# looking up


def listed(request: SendRequest, **values: Any) -> dict[str, Any]:
    row = {
        "numeroFacture": request.reference,
        "numeroFluxDepot": "CPP7",
        "statut": "DEPOSEE",
        "codeDestinataire": PLAIN[7:],
        "dateFacture": "2026-11-02",
    }
    return {**row, **values}


BEGUN: dict[str, dict[str, Any]] = {"deposit": {"number": "x"}}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, True),
        ({"codeFournisseur": SELLER_SIRET}, True),
        ({"codeDestinataire": "MAIRIE"}, True),
        ({"dateFacture": "2026-11-02T00:00:00+01:00"}, True),
        ({"dateFacture": None, "codeDestinataire": None}, True),
        ({"numeroFacture": "FA-OTHER"}, False),
        ({"codeDestinataire": "12345678200028"}, False),
        ({"codeFournisseur": "12345678200028"}, False),
        ({"dateFacture": "2025-11-02"}, False),
        ({"numeroFluxDepot": None}, False),
    ],
    ids=str,
)
async def test_only_the_very_invoice_settles_a_lost_answer(
    piste: Piste, http: Http, values: dict[str, Any], found: bool
) -> None:
    request = request_to(PLAIN)
    rows = [listed(request, **values)]
    piste.answers[LISTED] = JSONResponse({**OK, "listeFactures": rows})
    provider = ChorusProvider(piste.settings(), http)
    events = await provider.find(request, request.created_at, BEGUN)
    assert (events is not None) is found
    if events:
        assert events[0].provider_message_id == "CPP7"
        assert "DEPOSEE" in events[0].words


async def test_two_flows_with_the_invoice_settle_nothing(piste: Piste, http: Http) -> None:
    request = request_to(PLAIN)
    rows = [listed(request), listed(request, numeroFluxDepot="CPP8")]
    piste.answers[LISTED] = JSONResponse({**OK, "listeFactures": rows})
    provider = ChorusProvider(piste.settings(), http)
    assert await provider.find(request, request.created_at, BEGUN) is None


async def test_it_is_looked_up_on_every_page(piste: Piste, http: Http) -> None:
    request, asked = request_to(PLAIN), []

    async def pages(called: Request) -> Response | None:
        if called.url.path != LISTED:
            return await piste.handle(called)
        body = await called.json()
        assert body["numeroFacture"] == request.reference
        page = body["rechercheFactureParFournisseur"]["pageResultatDemandee"]
        asked.append(page)
        rows = [listed(request)] if page == 3 else [listed(request, numeroFacture="no")] * 10
        return JSONResponse(
            {**OK, "listeFactures": rows, "parametresRetour": {"pageCourante": page, "pages": 3}}
        )

    async with serving([Route("/{path:path}", pages, methods=["POST"])]) as url:
        settings = piste.settings(base_url=url, token_url=f"{url}{TOKEN}")
        found = await ChorusProvider(settings, http).find(request, request.created_at, BEGUN)
    assert found
    assert asked == [1, 2, 3]


async def test_not_listed_is_no_proof_but_a_kept_answer_is(piste: Piste, http: Http) -> None:
    provider, request = ChorusProvider(piste.settings(), http), request_to(PLAIN)

    async def find(reached: dict[str, dict[str, Any]]) -> Any:
        return await provider.find(request, request.created_at, reached)

    assert await find(BEGUN) is None
    assert await find({}) is None
    asked = len(piste.requests)
    (event,) = await find({"deposit": {"flow": "CPP4"}})
    assert event.provider_message_id == "CPP4"
    assert await find({"deposit": {"answer": "not taken"}}) == []
    assert len(piste.requests) == asked


async def test_what_cannot_be_asked_settles_nothing(piste: Piste, http: Http) -> None:
    piste.answers[LISTED] = status(500)
    provider, request = ChorusProvider(piste.settings(), http), request_to(PLAIN)
    with pytest.raises(ProviderError):
        await provider.find(request, request.created_at, BEGUN)
    steps = MemorySteps(reached=dict(BEGUN), begun_at=datetime.now(UTC))
    with pytest.raises(NotSent):
        await provider.advance(request, steps)
    with pytest.raises(ProviderError):
        await provider.poll(watch_of(request, "CPP1", reached={"watched": {"integrated": True}}))
    assert DEPOSIT not in piste.paths()


async def test_a_document_that_cannot_be_read_any_more_settles_nothing(
    piste: Piste, http: Http
) -> None:
    request = request_to(PLAIN)
    gone = replace(request, documents=())
    other = replace(request, documents=request_to("chorus:12345678200036").documents)
    provider = ChorusProvider(piste.settings(), http)
    for wrong in (gone, other):
        assert await provider.find(wrong, request.created_at, BEGUN) is None
    assert piste.requests == []


# our own account


async def test_the_account_warns_before_the_password_expires(practice: ChorusPractice) -> None:
    steps, today = MemorySteps(), datetime.now(UTC).date()
    assert await practice.provider().account({}) == ()
    await practice.provider().advance(request_to(PLAIN), steps)
    for days, code, word in (
        (40, "", ""),
        (10, "password_expiring", "expires"),
        (-2, "password_expired", "expired"),
    ):
        practice.api.password_expires = day = today + timedelta(days=days)
        found = await practice.provider().account(steps.reached)
        assert [item.code for item in found] == [code] * bool(code)
        for item in found:
            assert word in item.sentence
            assert day.isoformat() in item.sentence
            assert "chorus.password" in SPEC.explain(Status.REJECTED, item.code, "").advice
    practice.api.password_expires = date.max - timedelta(days=1)


async def test_the_account_says_when_its_credentials_are_refused(
    practice: ChorusPractice, piste: Piste, http: Http
) -> None:
    ours = {"checked": {"seller": SELLER_SIRET}}
    for wrong, code, word in (
        ({"client_secret": Secret("x")}, "token_refused", "PISTE"),
        ({"password": Secret("x")}, "401", "technical"),
    ):
        with pytest.raises(AccountTrouble) as caught:
            await practice.provider(**wrong).account(ours)
        assert caught.value.code == code
        assert word in SPEC.explain(Status.REJECTED, code, "").sentence
    piste.answers[SEARCH] = status(500)
    with pytest.raises(NotSent):
        await ChorusProvider(piste.settings(), http).account(ours)
    piste.answers = {SEARCH: JSONResponse({**OK, "listeStructures": []})}
    assert await ChorusProvider(piste.settings(), http).account(ours) == ()
