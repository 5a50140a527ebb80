"""Every state of a flow and of an invoice: layer, status, class, task, what it closes; and when it is asked again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.config import Chorus, Secret, Settings
from commtui.domain.vocabulary import ErrorClass, Layer, Status
from commtui.errors import ProviderError
from commtui.providers.base import DeliveryEvent, Watch, Watched
from commtui.providers.chorus import SPEC
from commtui.providers.chorus_api import ChorusApi
from commtui.providers.chorus_codes import ACTIONS, FLOW, INTEGRATED, INVOICE, TASKS
from commtui.providers.chorus_facts import (
    About,
    flow_again,
    flow_fact,
    history_lines,
    invoice_again,
    invoice_fact,
    moment,
)
from commtui.providers.chorus_watch import Watcher
from commtui.providers.http import Http
from tests.chorus_practice import folded, serving

ENTRY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ABOUT = About(ENTRY, "CPP1", "FA-1", NOW)
SENT, REJECTED = Status.SENT, Status.REJECTED
TECHNICAL, TEMPORARY = ErrorClass.TECHNICAL, ErrorClass.TEMPORARY
RESENT = {"file_refused", "flow_broken"}
ROUTED = {"recycle", "inspect"}
ON = ROUTED | {"complete"}

FLOWS: dict[str, tuple[Status | None, ErrorClass | None, str, set[str]]] = {
    "IN_RECU": (SENT, None, "", set()),
    "IN_DEPOT_PORTAIL_EN_ATTENTE_TRAITEMENT_SE_CPP": (SENT, None, "", set()),
    "IN_TRAITE_SE_CPP": (SENT, None, "", set()),
    "IN_EN_ATTENTE_TRAITEMENT_CPP": (SENT, None, "", set()),
    "IN_EN_COURS_TRAITEMENT_CPP": (SENT, None, "", set()),
    "IN_EN_ATTENTE_RETRAITEMENT_CPP": (SENT, None, "", set()),
    "IN_INCIDENTE": (REJECTED, TEMPORARY, "flow_broken", set()),
    "IN_REJETE": (REJECTED, TECHNICAL, "file_refused", set()),
    "IN_INTEGRE_PARTIEL": (SENT, None, "", set()),
    "IN_INTEGRE": (SENT, None, "", RESENT),
    "QP_IRRECEVABLE": (REJECTED, TECHNICAL, "file_refused", set()),
    "QP_RECEVABLE": (SENT, None, "", RESENT),
    "QP_RECEVABLE_AVEC_ERREUR": (SENT, None, "", set()),
}
MESSAGE, BUSINESS, PAYMENT = Layer.MESSAGE, Layer.BUSINESS, Layer.PAYMENT
INVOICES: dict[str, tuple[Layer, Status | None, str, set[str]]] = {
    "DEPOSEE": (MESSAGE, SENT, "", ROUTED),
    "EN_COURS_ACHEMINEMENT": (MESSAGE, SENT, "", ROUTED),
    "EN_COURS_TRAITEMENT_PIVOT_S": (MESSAGE, SENT, "", set()),
    "MISE_A_DISPOSITION": (MESSAGE, SENT, "", ON),
    "A_RECYCLER": (MESSAGE, SENT, "recycle", set()),
    "EN_ATTENTE_RECYCLAGE_FOURNISSEUR": (MESSAGE, SENT, "recycle", set()),
    "ERREUR_DESTINATAIRE_PD": (MESSAGE, SENT, "inspect", set()),
    "ERREUR_DESTINATAIRE_EA": (MESSAGE, SENT, "inspect", set()),
    "NON_CONFORME": (MESSAGE, SENT, "inspect", set()),
    "TECHNIQUE_INCONNU": (MESSAGE, SENT, "inspect", set()),
    "PRISE_EN_COMPTE_DESTINATAIRE": (BUSINESS, SENT, "", ON),
    "SUSPENDUE": (BUSINESS, SENT, "complete", ROUTED),
    "A_COMPLETER": (BUSINESS, SENT, "complete", ROUTED),
    "COMPLETEE": (BUSINESS, SENT, "", ON),
    "REJETEE": (BUSINESS, REJECTED, "invoice_refused", set()),
    "SERVICE_FAIT": (BUSINESS, SENT, "", ON),
    "MANDATEE": (BUSINESS, SENT, "", ON),
    "MISE_A_DISPOSITION_COMPTABLE": (BUSINESS, SENT, "", ON),
    "COMPTABILISEE": (BUSINESS, SENT, "", ON),
    "MISE_EN_PAIEMENT": (PAYMENT, SENT, "", ON),
    "ABANDONNEE": (BUSINESS, SENT, "", ON | {"invoice_refused"}),
    "SUPPRIMEE": (BUSINESS, SENT, "", ON | {"invoice_refused"}),
    "REMPLACEE_PAR_A22": (BUSINESS, SENT, "", set()),
    "DUPLIQUE_APRES_REFUS": (BUSINESS, SENT, "", set()),
    **dict.fromkeys(
        [
            "BROUILLON",
            "A_VALIDER_1",
            "A_VALIDER_2",
            "VALIDEE_1",
            "VALIDEE_2",
            "ABSENCE_VALIDATION_1_HORS_DELAI",
            "ABSENCE_VALIDATION_2_HORS_DELAI",
            "ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE",
            "ASSOCIEE",
            "A_ASSOCIER_FOURNISSEUR",
            "A_ASSOCIER_MOA",
            "A_ASSOCIER_MOE",
            "A_VALIDER_MOE",
            "INTERPRETEE_OCR",
            "MISE_A_DISPOSITION_MOA",
            "MISE_A_DISPOSITION_MOE",
            "PRISE_EN_COMPTE_MOA",
            "PRISE_EN_COMPTE_MOE",
            "TRANSMISE_MOA",
        ],
        (BUSINESS, SENT, "", set()),
    ),
    **dict.fromkeys(
        [
            "REFUSEE_1",
            "REFUSEE_2",
            "REFUSEE_FOURNISSEUR",
            "REFUSEE_MOA",
            "REFUSEE_MOE",
            "ERREUR_COTRAITANT_SUR_VALIDEUR",
            "ERREUR_DE_MOA",
            "ERREUR_DE_MOE",
            "ERREUR_FOURNISSEUR_SUR_MOA",
            "ERREUR_FOURNISSEUR_SUR_MOE",
            "ERREUR_FOURNISSEUR_SUR_VALIDEUR",
            "ERREUR_MOA_SUR_FOURNISSEUR",
            "ERREUR_MOE_SUR_FOURNISSEUR",
            "ERREUR_MOE_SUR_MOA",
        ],
        (BUSINESS, SENT, "inspect", set()),
    ),
}


def test_the_tables_are_complete() -> None:
    assert set(FLOW) == set(FLOWS)
    assert set(INVOICE) == set(INVOICES)
    assert set(ACTIONS) == {
        "TELECHARGEMENT_FACTURE",
        "ACQUITTEMENT_REJET",
        "ACQUITTEMENT_SUSPENSION",
        "TRAITEMENT_REJET",
    }
    used = {item.task for item in (*FLOW.values(), *INVOICE.values())} - {""}
    assert used | {"number_taken", "flow_stale"} == set(TASKS)
    for meaning in (*FLOW.values(), *INVOICE.values(), *ACTIONS.values()):
        assert set(meaning.closes) <= set(TASKS)
        assert meaning.task not in meaning.closes


def test_each_task_says_its_own_remedy() -> None:
    assert "same number" in TASKS["file_refused"].advice
    assert "same number" in TASKS["flow_broken"].advice
    assert "new number" in TASKS["invoice_refused"].advice
    assert "credit note" in TASKS["invoice_refused"].advice
    assert "recycle this same invoice" in TASKS["recycle"].advice
    assert "this same invoice" in TASKS["complete"].advice
    assert len({task.advice for task in TASKS.values()}) == len(TASKS)
    for task in TASKS.values():
        assert task.sentence.endswith(".")
        assert "_" not in task.sentence + task.advice


@pytest.mark.parametrize("state", FLOWS)
def test_a_state_of_a_flow(state: str) -> None:
    status, error_class, task, closes = FLOWS[state]
    event = flow_fact(
        ABOUT,
        state,
        {"etatCourantDepotFlux": state, "dateHeureEtatCourantFlux": "2026-11-20T12:30:00+02:00"},
    )
    assert (event.kind, event.layer, event.status) == (state, Layer.TRANSPORT, status)
    assert (event.error_class, event.task, set(event.closes)) == (error_class, task, closes)
    assert event.code == (state if status is REJECTED else "")
    assert event.at == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert (event.entry_id, event.provider_message_id) == (ENTRY, "CPP1")
    if status is REJECTED:
        problem = SPEC.explain(REJECTED, event.code, event.words)
        assert problem.error_class is error_class
        assert not problem.falls_back
        assert "no invoice was created" in problem.sentence
        assert "same number" in problem.advice


@pytest.mark.parametrize("status", INVOICES)
def test_a_status_of_an_invoice(status: str) -> None:
    layer, moved, task, closes = INVOICES[status]
    row = {
        "histoStatutId": 4,
        "histoStatutCode": status,
        "histoStatutDatePassage": "2026-11-19T10:00:00+01:00",
        "histoStatutCommentaire": "voir pièce jointe",
    }
    (line,) = history_lines({"historiquesDesStatuts": {"histoStatut": [row]}}, NOW)
    event = invoice_fact(ABOUT, line)
    assert (event.kind, event.layer, event.status) == (status, layer, moved)
    assert (event.task, set(event.closes)) == (task, closes)
    assert event.at == datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
    assert event.words.endswith("voir pièce jointe")
    assert (event.code, event.error_class) == (
        (status, TECHNICAL) if moved is REJECTED else ("", None)
    )


def test_a_refused_file_and_a_refused_invoice_are_two_things() -> None:
    file, invoice = SPEC.explain(REJECTED, "IN_REJETE", ""), SPEC.explain(REJECTED, "REJETEE", "")
    assert "same number" in file.advice
    assert "new number" in invoice.advice
    assert "used up" in invoice.sentence
    assert not file.falls_back
    assert not invoice.falls_back


@pytest.mark.parametrize("state", ["IN_INTEGRE_PARTIEL", "QP_RECEVABLE_AVEC_ERREUR"])
@pytest.mark.parametrize(
    ("numbers", "number", "status", "closes"),
    [
        (["FA-2", "FA-1"], "FA-1", REJECTED, set()),
        (["fa-1 "], "FA-1", REJECTED, set()),
        (["FA-2"], "FA-1", SENT, RESENT),
        ([], "FA-1", SENT, set()),
        (["FA-2"], "", SENT, set()),
    ],
)
def test_a_flow_taken_in_part_is_read_for_our_invoice(
    state: str, numbers: list[str], number: str, status: Status, closes: set[str]
) -> None:
    errors = [{"numeroDP": it, "libelleErreurDP": f"erreur {it}"} for it in numbers]
    event = flow_fact(About(ENTRY, "CPP1", number, NOW), state, {"listeErreurDP": errors})
    assert (event.status, set(event.closes)) == (status, closes)
    if status is REJECTED:
        assert event.task == "file_refused"
        assert event.error_class is TECHNICAL
        assert "FA-2" not in event.words


def test_unheard_of_codes_are_shown_raw_and_move_nothing() -> None:
    event = flow_fact(ABOUT, "IN_NOUVEAU", {})
    assert (event.kind, event.status, event.task, event.closes) == ("IN_NOUVEAU", None, "", ())
    said = {"historiquesDesStatuts": {"histoStatut": [{"histoStatutCode": "NOUVEAU"}]}}
    event = invoice_fact(ABOUT, history_lines(said, NOW)[0])
    assert (event.kind, event.status, event.task, event.closes) == ("NOUVEAU", None, "", ())
    assert (event.at, event.timed) == (NOW, False)


def test_chorus_pros_words_are_shown_as_they_are() -> None:
    said = {
        "listeErreurDP": [{"numeroDP": "FA-1", "libelleErreurDP": "L'element X est obligatoire"}],
        "listeErreurTechnique": [
            {"codeErreur": "E12", "libelleErreur": "Signature", "natureErreur": "BLOQUANTE"}
        ],
    }
    words = flow_fact(ABOUT, "IN_REJETE", said).words
    assert "L'element X est obligatoire" in words
    assert "E12 Signature BLOQUANTE" in words


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-09-14T22:57:02+02:00", datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
        ("2026-09-14T20:57:02Z", datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
        ("2026-09-14T22:57:02", datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
        ("2026-09-14 22:57:02", datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
        ("2026-09-14", datetime(2026, 9, 13, 22, 0, tzinfo=UTC)),
        ("14/09/2026 22:57:02", datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
        ("14/09/2026 22:57", datetime(2026, 9, 14, 20, 57, tzinfo=UTC)),
        ("14/09/2026", datetime(2026, 9, 13, 22, 0, tzinfo=UTC)),
        ("2026-02-14T12:00:00", datetime(2026, 2, 14, 11, 0, tzinfo=UTC)),
        (1789419422000, datetime(2026, 9, 14, 20, 57, 2, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_every_form(written: object, at: datetime) -> None:
    assert moment(written, NOW) == (at, True)


@pytest.mark.parametrize("written", [None, "", "bientôt", {}, "2199-01-01T00:00:00Z", "9" * 19])
def test_a_time_that_cannot_be_one_is_when_it_reached_us(written: object) -> None:
    assert moment(written, NOW) == (NOW, False)


def test_lines_of_one_day_stay_in_their_order_and_apart() -> None:
    rows = [
        {"histoStatutId": key, "histoStatutCode": code, "histoStatutDatePassage": "2026-11-19"}
        for key, code in ((12, "SUSPENDUE"), (9, "DEPOSEE"), (13, "COMPLETEE"), (14, "SUSPENDUE"))
    ]
    lines = history_lines({"historiquesDesStatuts": {"histoStatut": rows}}, NOW)
    assert [line.status for line in lines] == ["DEPOSEE", "SUSPENDUE", "COMPLETEE", "SUSPENDUE"]
    assert len({line.at for line in lines}) == 4
    assert sorted(line.at for line in lines) == [line.at for line in lines]
    standing = folded(invoice_fact(ABOUT, line) for line in lines)
    assert (standing.open_tasks, standing.done_tasks) == (["complete"], ["complete"])


def test_without_a_history_the_present_status_counts() -> None:
    (line,) = history_lines({"statutCourantCode": "REJETEE"}, NOW)
    event = invoice_fact(ABOUT, line)
    assert (event.status, event.timed) == (REJECTED, False)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
NONSENSE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "historiquesDesStatuts",
        "histoStatut",
        "statutCourantCode",
        "histoStatutId",
        "histoStatutCode",
        "histoStatutDatePassage",
        "listeErreurDP",
        "listeErreurTechnique",
    ]
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, NONSENSE | st.dictionaries(NAMES, NONSENSE, max_size=4), max_size=6))
def test_no_answer_is_so_odd_that_it_raises(said: dict[str, Any]) -> None:
    for line in history_lines(said, NOW):
        assert invoice_fact(ABOUT, line).at.tzinfo is not None
    assert flow_fact(ABOUT, "IN_INTEGRE_PARTIEL", said).status in (SENT, REJECTED)


# the schedule


def near(seconds: float | None, wanted: timedelta) -> bool:
    """On time, or up to a tenth later; never before."""
    assert seconds is not None
    return wanted.total_seconds() <= seconds <= wanted.total_seconds() * 1.1


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (timedelta(0), timedelta(minutes=1)),
        (timedelta(minutes=1), timedelta(minutes=2)),
        (timedelta(minutes=3), timedelta(minutes=7)),
        (timedelta(minutes=10), timedelta(minutes=20)),
        (timedelta(minutes=30), timedelta(hours=1)),
        (timedelta(hours=23, minutes=59), timedelta(hours=1)),
        (timedelta(hours=24), timedelta(hours=6)),
        (timedelta(days=30), timedelta(hours=6)),
    ],
)
def test_a_flow_is_asked_about_less_and_less_often(age: timedelta, wait: timedelta) -> None:
    assert near(flow_again(NOW - age, NOW), wait)


def test_an_invoice_is_asked_about_twice_a_day_then_daily_then_no_more() -> None:
    assert near(invoice_again(NOW - timedelta(days=1), NOW), timedelta(hours=12))
    assert near(invoice_again(NOW - timedelta(days=89), NOW), timedelta(hours=12))
    assert near(invoice_again(NOW - timedelta(days=90), NOW), timedelta(days=1))
    assert near(invoice_again(NOW - timedelta(days=729), NOW), timedelta(days=1))
    assert invoice_again(NOW - timedelta(days=730), NOW) is None


def test_not_everything_is_asked_at_once() -> None:
    waits = {flow_again(NOW, NOW) for _ in range(20)}
    assert len(waits) > 10


# asking, over time

CR = "/cpro/transverses/v1/consulterCRDetaille"
LISTED = "/cpro/factures/v1/rechercher/fournisseur"
HISTORY = "/cpro/factures/v1/consulter/historique"
OK = {"codeRetour": 0, "libelle": "TRA_MSG_00.000"}


@dataclass
class Portal:
    """What Chorus Pro would answer now; the test changes it as time goes by."""

    url: str = ""
    flow: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    history: list[tuple[int, str, str]] = field(default_factory=list)
    """Id, status, when."""
    present: str = ""
    action: str = ""
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.broken:
            return Response(b"", 502)
        if path == CR:
            return JSONResponse(self._state())
        if path == LISTED:
            return JSONResponse(self._page(await request.json()))
        if path == HISTORY:
            return JSONResponse(self._history())
        return JSONResponse({"access_token": "t", "expires_in": 3600})

    def _state(self) -> dict[str, Any]:
        if not self.flow:
            return {"codeRetour": 20010, "libelle": "TRA_MSG_06.002"}
        return {
            **OK,
            "etatCourantDepotFlux": self.flow,
            "dateHeureEtatCourantFlux": "2026-11-20T13:00:00+01:00",
            "listeErreurDP": self.errors,
        }

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        fits = [
            row
            for row in self.rows
            if all(row.get(key) == asked[key] for key in asked if key.startswith("numero"))
        ]
        page = asked["rechercheFactureParFournisseur"]["pageResultatDemandee"]
        size = asked["rechercheFactureParFournisseur"]["nbResultatsParPage"]
        return {
            **OK,
            "listeFactures": fits[(page - 1) * size : page * size],
            "parametresRetour": {"pageCourante": page, "pages": -(-len(fits) // size)},
        }

    def _history(self) -> dict[str, Any]:
        lines = [
            {"histoStatutId": key, "histoStatutCode": code, "histoStatutDatePassage": at}
            for key, code, at in self.history
        ]
        return {
            **OK,
            "statutCourantCode": self.present or (self.history[-1][1] if self.history else ""),
            "historiquesDesStatuts": {"histoStatut": lines},
            "derniereAction": {"derniereActionCode": self.action} if self.action else None,
        }


@dataclass
class Follower:
    """Asks about one message at chosen times, and remembers what the store would."""

    portal: Portal
    http: Http
    reached: dict[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"checked": {"number": "FA-1", "seller": "33254021516357"}}
    )
    batches: list[Sequence[DeliveryEvent]] = field(default_factory=list)

    async def ask(self, after: timedelta) -> Watched:
        section = Chorus(
            "id", Secret("s"), "l", Secret("p"), self.portal.url, f"{self.portal.url}/token"
        )
        api = ChorusApi(Settings(chorus=section), self.http)
        watch = Watch(ENTRY, "CPP1", NOW, 0, dict(self.reached))
        found = await Watcher(api, watch, NOW + after).ask()
        self.reached |= found.reached
        self.batches.append(found.events)
        return found


def kinds(events: Sequence[DeliveryEvent]) -> list[str]:
    return [event.kind for event in events]


@pytest_asyncio.fixture
async def portal() -> AsyncIterator[Portal]:
    made = Portal()
    async with serving([Route("/{path:path}", made.handle, methods=["POST"])]) as url:
        made.url = url
        yield made


@pytest_asyncio.fixture
async def follower(portal: Portal) -> AsyncIterator[Follower]:
    http = Http(2, 5.0)
    yield Follower(portal, http)
    await http.aclose()


def row(number: str = "FA-1", key: int = 5, flow: str = "CPP1") -> dict[str, Any]:
    return {"identifiantFactureCPP": key, "numeroFacture": number, "numeroFluxDepot": flow}


async def test_a_flow_that_is_not_known_yet_is_pending(portal: Portal, follower: Follower) -> None:
    found = await follower.ask(timedelta(minutes=1))
    assert found.events == []
    assert near(found.again_after, timedelta(minutes=2))
    assert portal.asked.count(LISTED) == 0


async def test_a_state_is_told_once(portal: Portal, follower: Follower) -> None:
    portal.flow = "IN_RECU"
    assert kinds((await follower.ask(timedelta(minutes=1))).events) == ["IN_RECU"]
    assert (await follower.ask(timedelta(minutes=3))).events == []
    portal.flow = "IN_TRAITE_SE_CPP"
    assert kinds((await follower.ask(timedelta(minutes=10))).events) == ["IN_TRAITE_SE_CPP"]


@pytest.mark.parametrize("state", sorted(INTEGRATED))
async def test_the_invoice_is_remembered_and_its_flow_not_asked_about_again(
    portal: Portal, follower: Follower, state: str
) -> None:
    portal.flow, portal.rows = state, [row()]
    portal.history = [(1, "DEPOSEE", "2026-11-20T13:01:00+01:00")]
    found = await follower.ask(timedelta(minutes=3))
    assert kinds(found.events) == [state, "DEPOSEE"]
    assert near(found.again_after, timedelta(hours=12))
    portal.asked.clear()
    portal.history.append((2, "MISE_A_DISPOSITION", "2026-11-21T13:01:00+01:00"))
    assert kinds((await follower.ask(timedelta(hours=26))).events) == ["MISE_A_DISPOSITION"]
    assert [path for path in portal.asked if path.startswith("/cpro")] == [HISTORY]


async def test_a_history_is_told_once_even_after_the_facts_were_dropped(
    portal: Portal, follower: Follower
) -> None:
    portal.flow, portal.rows = "IN_INTEGRE", [row()]
    portal.history = [(1, "DEPOSEE", "2026-11-20"), (2, "SUSPENDUE", "2026-11-21")]
    await follower.ask(timedelta(minutes=3))
    portal.history.append((3, "COMPLETEE", "2026-12-01"))
    assert kinds((await follower.ask(timedelta(days=12))).events) == ["COMPLETEE"]
    # provider facts are kept for 62 days: only what we remember keeps the suspension from coming back
    assert (await follower.ask(timedelta(days=80))).events == []
    standing = folded(*follower.batches)
    assert (standing.open_tasks, standing.done_tasks) == ([], ["complete"])


async def test_a_status_told_without_history_is_not_told_again_with_it(
    portal: Portal, follower: Follower
) -> None:
    portal.flow, portal.rows, portal.present = "IN_INTEGRE", [row()], "SUSPENDUE"
    assert kinds((await follower.ask(timedelta(hours=1))).events) == ["IN_INTEGRE", "SUSPENDUE"]
    portal.history = [(1, "DEPOSEE", "2026-11-20"), (2, "SUSPENDUE", "2026-11-20")]
    assert kinds((await follower.ask(timedelta(hours=13))).events) == ["DEPOSEE"]
    portal.history += [(3, "COMPLETEE", "2026-11-21"), (4, "SUSPENDUE", "2026-11-21")]
    again = await follower.ask(timedelta(hours=25))
    assert kinds(again.events) == ["COMPLETEE", "SUSPENDUE"]


async def test_an_unheard_of_state_never_waits_for_ever(portal: Portal, follower: Follower) -> None:
    portal.flow = "IN_QUARANTAINE"
    found = await follower.ask(timedelta(minutes=1))
    assert [(event.kind, event.status) for event in found.events] == [("IN_QUARANTAINE", None)]
    assert near(found.again_after, timedelta(minutes=2))
    found = await follower.ask(timedelta(hours=24))
    assert [(event.kind, event.task) for event in found.events] == [("stale", "flow_stale")]
    assert "IN_QUARANTAINE" in found.events[0].words
    # the invoice may exist nevertheless
    portal.rows, portal.history = [row()], [(1, "DEPOSEE", "2026-11-20")]
    found = await follower.ask(timedelta(hours=30))
    assert kinds(found.events) == ["result", "DEPOSEE"]
    assert folded(*follower.batches).done_tasks == ["flow_stale"]


@pytest.mark.parametrize("state", ["", "IN_EN_ATTENTE_RETRAITEMENT_CPP", "IN_INTEGRE"])
async def test_a_flow_without_a_result_after_a_day_becomes_somebodys_task(
    portal: Portal, follower: Follower, state: str
) -> None:
    portal.flow = state
    found = await follower.ask(timedelta(hours=23))
    assert "stale" not in kinds(found.events)
    found = await follower.ask(timedelta(hours=24))
    assert found.events[-1].task == "flow_stale"
    assert near(found.again_after, timedelta(hours=6))
    assert (await follower.ask(timedelta(hours=30))).events == []
    portal.flow = "IN_REJETE"
    if state != "IN_INTEGRE":
        found = await follower.ask(timedelta(hours=36))
        assert found.again_after is None
        assert folded(*follower.batches).open_tasks == ["file_refused"]


async def test_a_refused_flow_is_the_last_word(portal: Portal, follower: Follower) -> None:
    portal.flow = "IN_REJETE"
    portal.errors = [{"numeroDP": "FA-1", "libelleErreurDP": "obligatoire"}]
    found = await follower.ask(timedelta(minutes=3))
    assert found.again_after is None
    (event,) = found.events
    assert (event.status, event.code, event.task) == (REJECTED, "IN_REJETE", "file_refused")


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([row(flow="CPP0")], "NUMBER_TAKEN"),
        ([row(flow="CPP0") | {"codeFournisseur": "33254021516357"}], "NUMBER_TAKEN"),
        ([row(flow="CPP0") | {"codeFournisseur": "12345678200051"}], "IN_REJETE"),
        ([row(number="FA-11", flow="CPP0")], "IN_REJETE"),
        ([], "IN_REJETE"),
    ],
)
async def test_a_duplicate_is_known_by_the_invoice_that_is_there_not_by_words(
    portal: Portal, follower: Follower, rows: list[dict[str, Any]], code: str
) -> None:
    portal.flow, portal.rows = "IN_REJETE", rows
    (event,) = (await follower.ask(timedelta(minutes=3))).events
    assert (event.status, event.code) == (REJECTED, code)
    assert event.task == ("number_taken" if code == "NUMBER_TAKEN" else "file_refused")
    problem = SPEC.explain(REJECTED, code, event.words)
    assert problem.error_class is TECHNICAL
    assert not problem.falls_back


async def test_ours_is_found_among_more_than_ten(portal: Portal, follower: Follower) -> None:
    portal.flow = "IN_INTEGRE"
    portal.rows = [*(row(f"FA-{100 + n}", 100 + n) for n in range(24)), row("FA-1", 77)]
    portal.history = [(1, "DEPOSEE", "2026-11-20")]
    await follower.ask(timedelta(minutes=3))
    assert portal.asked.count(LISTED) == 3
    assert follower.reached["watched"]["invoice"] == 77


async def test_several_that_could_be_ours_are_none(portal: Portal, follower: Follower) -> None:
    portal.flow, portal.rows = "IN_INTEGRE", [row("FA-2"), row("FA-3", 6)]
    follower.reached = {}
    found = await follower.ask(timedelta(minutes=3))
    assert kinds(found.events) == ["IN_INTEGRE"]
    portal.rows = [row("FA-2")]
    portal.history = [(1, "DEPOSEE", "2026-11-20")]
    assert kinds((await follower.ask(timedelta(minutes=10))).events) == ["DEPOSEE"]


@pytest.mark.parametrize(
    ("status", "reported", "over"),
    [
        ("MISE_EN_PAIEMENT", True, True),
        ("ABANDONNEE", True, True),
        ("SUPPRIMEE", None, True),
        ("MANDATEE", True, False),
        ("MANDATEE", None, False),
        ("MANDATEE", False, True),
        ("COMPTABILISEE", False, True),
        ("SERVICE_FAIT", False, False),
        ("SUSPENDUE", False, False),
        ("REJETEE", True, False),
    ],
)
async def test_when_nothing_more_is_to_come(
    portal: Portal, follower: Follower, status: str, reported: bool | None, over: bool
) -> None:
    portal.flow, portal.rows = "IN_INTEGRE", [row()]
    portal.history = [(1, "DEPOSEE", "2026-11-20"), (2, status, "2026-11-21")]
    follower.reached["recipient"] = {"payment_reported": reported}
    assert ((await follower.ask(timedelta(days=1))).again_after is None) is over


@pytest.mark.parametrize("action", ["ACQUITTEMENT_REJET", "TRAITEMENT_REJET"])
async def test_a_refusal_is_done_when_it_is_acknowledged(
    portal: Portal, follower: Follower, action: str
) -> None:
    portal.flow, portal.rows = "IN_INTEGRE", [row()]
    portal.history = [(1, "DEPOSEE", "2026-11-20"), (2, "REJETEE", "2026-11-21")]
    portal.action = "TELECHARGEMENT_FACTURE"
    await follower.ask(timedelta(days=1))
    assert folded(*follower.batches).open_tasks == ["invoice_refused"]
    portal.action = action
    found = await follower.ask(timedelta(days=2))
    assert kinds(found.events) == [action]
    assert found.again_after is None
    standing = folded(*follower.batches)
    assert (standing.open_tasks, standing.done_tasks) == ([], ["invoice_refused"])
    assert standing.state.status is REJECTED


async def test_an_acknowledged_suspension_is_not_a_completed_one(
    portal: Portal, follower: Follower
) -> None:
    portal.flow, portal.rows, portal.action = "IN_INTEGRE", [row()], "ACQUITTEMENT_SUSPENSION"
    portal.history = [(1, "SUSPENDUE", "2026-11-20T14:00:00")]
    await follower.ask(timedelta(days=1))
    assert folded(*follower.batches).open_tasks == ["complete"]


async def test_half_an_answer_is_kept_and_the_rest_asked_for_soon(
    portal: Portal, follower: Follower
) -> None:
    portal.flow, portal.rows, portal.broken = "IN_INTEGRE", [row()], {HISTORY}
    portal.history = [(1, "DEPOSEE", "2026-11-20")]
    found = await follower.ask(timedelta(minutes=3))
    assert kinds(found.events) == ["IN_INTEGRE"]
    assert found.again_after == 600
    with pytest.raises(ProviderError):
        await follower.ask(timedelta(minutes=13))
    portal.broken = set()
    assert kinds((await follower.ask(timedelta(minutes=23))).events) == ["DEPOSEE"]


async def test_after_two_years_it_says_that_it_stops(portal: Portal, follower: Follower) -> None:
    portal.flow, portal.rows = "IN_INTEGRE", [row()]
    portal.history = [(1, "SERVICE_FAIT", "2026-11-20")]
    await follower.ask(timedelta(days=1))
    found = await follower.ask(timedelta(days=731))
    assert kinds(found.events) == ["watch_ended"]
    assert found.again_after is None
    assert "SERVICE_FAIT" in found.events[0].words
