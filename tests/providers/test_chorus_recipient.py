"""What Chorus Pro says about a recipient: structure, service, engagement, and what it does not say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.config import Chorus, Secret, Settings
from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.chorus import SPEC
from commtui.providers.chorus_api import ChorusApi
from commtui.providers.chorus_recipient import Wanted, look_up
from commtui.providers.http import Http
from tests.chorus_practice import serving

SIRET = "12345678200044"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OK = {"codeRetour": 0, "libelle": "TRA_MSG_00.000"}
SERVICE, ENGAGEMENT = "codeServiceDoitEtreRenseigne", "numeroEJDoitEtreRenseigne"
EITHER = "gestionNumeroEJOuCodeService"
PLAIN = {"idService": 5, "codeService": "COMPTA", "estActif": True}
PUBLIC = {"idService": 1, "codeService": "FACTURES_PUBLIQUES", "estActif": True}


@dataclass
class Office:
    """A public body as Chorus Pro describes it."""

    url: str = ""
    structures: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {
                "idStructureCPP": 7,
                "identifiantStructure": SIRET,
                "designationStructure": "Ville de Lyon",
                "statut": "ACTIVE",
            }
        ]
    )
    rules: Any = field(default_factory=dict)
    services: list[dict[str, Any]] = field(default_factory=lambda: [PUBLIC, PLAIN])
    service: dict[str, Any] = field(default_factory=lambda: {"numeroEngagement": False})
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/cpro/structures/v1/")
        if path == "/token":
            return JSONResponse({"access_token": "t", "expires_in": 3600})
        self.asked.append(path)
        body = await request.json()
        paging = body.get("parametres") or body.get("parametresRechercherServicesStructure") or {}
        page = paging.get("pageResultatDemandee", 1)
        # a server that shows three at a time, whatever it is asked for
        listed = {"rechercher": self.structures, "rechercher/services": self.services}
        if path in listed:
            rows = listed[path]
            name = "listeStructures" if path == "rechercher" else "listeServices"
            shown = rows[(page - 1) * 3 : page * 3]
            pages = {"pageCourante": page, "pages": -(-len(rows) // 3)}
            return JSONResponse({**OK, name: shown, "parametresRetour": pages})
        answer = self.service if path == "consulter/service" else self.rules
        return JSONResponse({**OK, "parametres": answer})


@dataclass
class Asked:
    """Looks at a recipient."""

    office: Office
    http: Http

    async def about(
        self, service: str = "", engagement: str = "", *, meant: bool = True
    ) -> Registration:
        section = Chorus(
            "id", Secret("s"), "l", Secret("p"), self.office.url, f"{self.office.url}/token"
        )
        api = ChorusApi(Settings(chorus=section), self.http)
        return await look_up(api, Wanted(SIRET, service, engagement, meant), NOW)


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    async with serving([Route("/{path:path}", made.handle, methods=["POST"])]) as url:
        made.url = url
        yield made


@pytest_asyncio.fixture
async def asked(office: Office) -> AsyncIterator[Asked]:
    http = Http(2, 5.0)
    yield Asked(office, http)
    await http.aclose()


def assert_refused(found: Registration, outcome: Reachability, code: str) -> None:
    assert (found.outcome, found.details["code"]) == (outcome, code)
    assert found.at == NOW
    assert found.words
    problem = SPEC.explain(Status.FAILED, code, found.words)
    assert problem.error_class is ErrorClass.PERMANENT
    assert problem.falls_back
    assert problem.advice


@pytest.mark.parametrize(
    ("flags", "service", "engagement", "code"),
    [
        ((), "", "", ""),
        ((), "COMPTA", "EJ1", ""),
        ((SERVICE,), "COMPTA", "", ""),
        ((SERVICE,), "", "EJ1", "service_missing"),
        ((ENGAGEMENT,), "", "EJ1", ""),
        ((ENGAGEMENT,), "COMPTA", "", "engagement_missing"),
        ((SERVICE, ENGAGEMENT), "COMPTA", "EJ1", ""),
        ((SERVICE, ENGAGEMENT), "COMPTA", "", "service_engagement_missing"),
        ((SERVICE, ENGAGEMENT), "", "EJ1", "service_engagement_missing"),
        ((EITHER,), "COMPTA", "", ""),
        ((EITHER,), "", "EJ1", ""),
        ((EITHER,), "", "", "service_or_engagement_missing"),
        # one of the two is enough, whatever the other flags are
        ((EITHER, SERVICE, ENGAGEMENT), "", "EJ1", ""),
    ],
)
async def test_what_a_structure_wants(
    office: Office,
    asked: Asked,
    flags: tuple[str, ...],
    service: str,
    engagement: str,
    code: str,
) -> None:
    office.rules = dict.fromkeys(flags, True)
    found = await asked.about(service, engagement)
    if code:
        assert_refused(found, Reachability.NEEDS_FIELDS, code)
        return
    assert found.outcome is Reachability.REACHABLE
    assert found.details["service"] == service
    assert found.details["engagement"] == engagement
    assert "Ville de Lyon" in found.words


async def test_whoever_is_not_there_is_not_registered(office: Office, asked: Asked) -> None:
    office.structures = []
    assert_refused(await asked.about(), Reachability.NOT_REGISTERED, "not_registered")
    office.structures = [{"idStructureCPP": 7, "identifiantStructure": "12345678200028"}]
    assert_refused(await asked.about(), Reachability.NOT_REGISTERED, "not_registered")


async def test_a_structure_on_a_later_page_is_found(office: Office, asked: Asked) -> None:
    others = [{"identifiantStructure": str(number)} for number in range(7)]
    office.structures = [*others, *office.structures]
    assert (await asked.about()).outcome is Reachability.REACHABLE
    assert office.asked.count("rechercher") == 3


async def test_whoever_is_not_active_has_no_endpoint(office: Office, asked: Asked) -> None:
    office.structures[0]["statut"] = "INACTIVE"
    assert_refused(await asked.about(), Reachability.NO_ENDPOINT, "recipient_inactive")


@pytest.mark.parametrize(
    "change",
    [{"statut": "EN_SOMMEIL"}, {"idStructureCPP": None}, {"idStructureCPP": "x"}],
    ids=str,
)
async def test_what_is_not_understood_was_not_checked(
    office: Office, asked: Asked, change: dict[str, Any]
) -> None:
    office.structures[0] |= change
    found = await asked.about()
    assert found.outcome is Reachability.COULD_NOT_CHECK
    assert found.details["code"] == "could_not_check"


async def test_rules_that_are_not_told_were_not_checked(office: Office, asked: Asked) -> None:
    office.rules = None
    assert (await asked.about()).outcome is Reachability.COULD_NOT_CHECK


@pytest.mark.parametrize(
    ("services", "code"),
    [
        ([PUBLIC], "service_unknown"),
        ([PUBLIC, PLAIN | {"codeService": "compta"}], "service_unknown"),
        ([PLAIN | {"estActif": False}], "service_inactive"),
        ([PLAIN | {"dateFinService": "2026-11-19"}], "service_inactive"),
        ([PLAIN | {"dateDbtService": "2026-11-21T00:00:00+01:00"}], "service_inactive"),
        ([PLAIN | {"dateDbtService": "2020-01-01", "dateFinService": "2026-11-20"}], ""),
        ([PLAIN | {"dateFinService": "jamais"}], ""),
        ([PLAIN | {"estActif": False}, PLAIN], ""),
        ([PLAIN | {"codeService": f"S{number}"} for number in range(8)] + [PLAIN], ""),
    ],
    ids=["only public", "other case", "off", "over", "not yet", "today", "odd", "again", "pages"],
)
async def test_the_service_has_to_be_there_and_active(
    office: Office, asked: Asked, services: list[dict[str, Any]], code: str
) -> None:
    office.services = services
    found = await asked.about("COMPTA")
    if code:
        assert_refused(found, Reachability.NEEDS_FIELDS, code)
    else:
        assert found.outcome is Reachability.REACHABLE


async def test_the_public_service_is_refused(asked: Asked) -> None:
    found = await asked.about("FACTURES_PUBLIQUES")
    assert_refused(found, Reachability.NEEDS_FIELDS, "service_refused")


@pytest.mark.parametrize(
    ("service", "engagement", "code"),
    [
        ({"numeroEngagement": True}, "", "service_engagement_needed"),
        ({"numeroEngagement": True}, "EJ1", ""),
        ({"numeroEngagement": False}, "", ""),
        ({}, "", ""),
    ],
    ids=str,
)
async def test_a_service_may_want_an_engagement_although_its_structure_does_not(
    office: Office, asked: Asked, service: dict[str, Any], engagement: str, code: str
) -> None:
    office.service = service
    found = await asked.about("COMPTA", engagement)
    if code:
        assert_refused(found, Reachability.NEEDS_FIELDS, code)
    else:
        assert found.outcome is Reachability.REACHABLE
    assert ("consulter/service" in office.asked) is not bool(engagement)


async def test_a_mere_reference_of_the_buyer_is_no_service(office: Office, asked: Asked) -> None:
    office.services = [PUBLIC]
    assert (await asked.about("PO 4711", meant=False)).outcome is Reachability.REACHABLE
    found = await asked.about("PO 4711")
    assert_refused(found, Reachability.NEEDS_FIELDS, "service_unknown")
    office.services = [PUBLIC, PLAIN]
    found = await asked.about("PO 4711", meant=False)
    assert_refused(found, Reachability.NEEDS_FIELDS, "service_unknown")


@pytest.mark.parametrize(("flag", "reported"), [(True, False), (False, True), (None, True)])
async def test_whether_payment_is_ever_reported_is_remembered(
    office: Office, asked: Asked, flag: bool | None, reported: bool
) -> None:
    office.rules = {} if flag is None else {"statutMiseEnPaiementNestPasRemonte": flag}
    assert (await asked.about()).details["payment_reported"] is reported
