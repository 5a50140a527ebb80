"""What can be asked of the practice network's Chorus Pro: flows, invoices page by page, histories, structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from commtui.demo.chorus_structures import Service, structure

if TYPE_CHECKING:
    from commtui.demo.chorus_api import Filed, Flow

PAGE_SIZE, PAGE_LIMIT = 10, 100
UNKNOWN_FLOW, UNKNOWN_INVOICE, UNKNOWN_STRUCTURE = 20010, 20011, 20012


def success(**values: Any) -> Response:
    """An answer that is a success in both ways that there are."""
    return JSONResponse({"codeRetour": 0, "libelle": "TRA_MSG_00.000", **values})


def refused(code: int, words: str) -> Response:
    """HTTP 200, and no success."""
    return JSONResponse({"codeRetour": code, "libelle": words})


class Asking:
    """The endpoints that change nothing; each gets the body that was posted."""

    def __init__(
        self, flows: Mapping[str, Flow], invoices: Sequence[Filed], expires: Callable[[], str]
    ) -> None:
        self._flows = flows
        self._invoices = invoices
        self._expires = expires
        self._structures: dict[int, str] = {}

    async def show_flow(self, asked: Mapping[str, Any]) -> Response:
        """A flow's state; one that was deposited just now is not known yet."""
        flow = self._flows.get(str(asked.get("numeroFluxDepot")))
        if flow is None or not flow.state:
            return refused(UNKNOWN_FLOW, "TRA_MSG_06.002")
        return success(
            nomFichier=flow.name,
            dateDepotFlux=flow.day,
            codeInterfaceDepotFlux=flow.syntax,
            etatCourantDepotFlux=flow.state,
            dateHeureEtatCourantFlux=flow.at,
            listeErreurDP=flow.errors,
            listeErreurTechnique=[],
        )

    async def search_invoices(self, asked: Mapping[str, Any]) -> Response:
        """The supplier's invoices that fit, ten to a page unless more are asked for."""
        flow, number = asked.get("numeroFluxDepot"), asked.get("numeroFacture")
        found = [
            item
            for item in self._invoices
            if (flow is None or item.flow.number == flow)
            and (number is None or item.number == number)
        ]
        shown, parameters = _page(found, asked.get("rechercheFactureParFournisseur"))
        return success(listeFactures=[_listed(item) for item in shown], parametresRetour=parameters)

    async def show_history(self, asked: Mapping[str, Any]) -> Response:
        """The history of an invoice."""
        found = next((item for item in self._invoices if item.id == asked.get("idFacture")), None)
        if found is None:
            return refused(UNKNOWN_INVOICE, "GDP_MSG_01.003")
        return success(
            idFacture=found.id,
            numeroFacture=found.number,
            statutCourantCode=found.status,
            historiquesDesStatuts={"histoStatut": found.history},
            historiquesDesEvenementsComplementaires={},
            historiquesDesActionsUtilisateurs={},
            derniereAction={"derniereActionCode": found.action} if found.action else {},
        )

    async def search_structures(self, siret: str) -> Response:
        """The structure with a SIRET, if there is one."""
        found = structure(siret)
        shown = []
        if found is not None:
            self._structures[found.id] = siret
            shown.append(
                {
                    "idStructureCPP": found.id,
                    "identifiantStructure": siret,
                    "designationStructure": f"Commune {siret[-5:]}",
                    "statut": "ACTIVE" if found.active else "INACTIVE",
                    "typeIdentifiantStructure": "SIRET",
                }
            )
        return success(listeStructures=shown, parametresRetour=_page(shown, None)[1])

    async def show_structure(self, asked: Mapping[str, Any]) -> Response:
        """What a structure wants invoices to name."""
        found = structure(self._structures.get(_id(asked, "idStructureCPP"), ""))
        if found is None or found.siret == "":
            return refused(UNKNOWN_STRUCTURE, "GCU_MSG_01.001")
        return success(
            idStructureCPP=found.id,
            informationGenerales={"dateExpirationMotPasseCompteTech": self._expires()},
            parametres={
                "gestionNumeroEJOuCodeService": found.either,
                "codeServiceDoitEtreRenseigne": found.service,
                "numeroEJDoitEtreRenseigne": found.engagement,
                "statutMiseEnPaiementNestPasRemonte": not found.pays,
            },
        )

    async def list_services(self, asked: Mapping[str, Any]) -> Response:
        """The services of a structure."""
        services = self._services(asked)
        shown, parameters = _page(
            services, asked.get("parametresRechercherServicesStructure"), limit=10_000
        )
        return success(
            listeServices=[
                {
                    "idService": item.id,
                    "codeService": item.code,
                    "libelleService": item.code.title(),
                    "estActif": item.active,
                    "dateDbtService": "2017-01-01",
                    "dateFinService": None,
                }
                for item in shown
            ],
            parametresRetour=parameters,
        )

    async def show_service(self, asked: Mapping[str, Any]) -> Response:
        """What a service wants invoices to name."""
        wanted = _id(asked, "idService")
        found = next((item for item in self._services(asked) if item.id == wanted), None)
        if found is None:
            return refused(UNKNOWN_STRUCTURE, "GCU_MSG_01.002")
        return success(parametres={"numeroEngagement": found.engagement, "miseEnPaiement": True})

    def _services(self, asked: Mapping[str, Any]) -> Sequence[Service]:
        siret = self._structures.get(_id(asked, "idStructure"), "")
        found = structure(siret) if siret else None
        return found.services if found else ()


def _id(asked: Mapping[str, Any], name: str) -> int:
    value = asked.get(name)
    return value if isinstance(value, int) else 0


def _page(
    found: Sequence[Any], asked: object, limit: int = PAGE_LIMIT
) -> tuple[Sequence[Any], dict[str, int]]:
    """One page of a list, and what the answer says about the pages."""
    wanted = asked if isinstance(asked, dict) else {}
    size = min(max(int(wanted.get("nbResultatsParPage", PAGE_SIZE)), 1), limit)
    page = max(int(wanted.get("pageResultatDemandee", 1)), 1)
    parameters = {
        "pageCourante": page,
        "pages": -(-len(found) // size),
        "nbResultatsParPage": size,
        "total": len(found),
    }
    return found[(page - 1) * size : page * size], parameters


def _listed(item: Filed) -> dict[str, Any]:
    read = item.flow.read
    last = item.history[-1]
    return {
        "identifiantFactureCPP": item.id,
        "numeroFacture": item.number,
        "statut": item.status,
        "dateDepot": item.flow.day,
        "dateFacture": read.issue_date if read else None,
        "codeDestinataire": item.flow.buyer,
        "designationDestinataire": read.buyer_name if read else None,
        "montantTTC": float(read.payable) if read else 0.0,
        "numeroFluxDepot": item.flow.number,
        "modeDepot": "API",
        "dateHeureEtatCourant": last["histoStatutDatePassage"],
        "commentaireEtatCourant": last["histoStatutCommentaire"],
    }
