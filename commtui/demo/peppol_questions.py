"""What the practice access point says about participants: from its own look at the network's directory."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.config import Peppol
from commtui.demo.ledger import now_text
from commtui.demo.peppol_forms import error
from commtui.demo.peppol_scenarios import Says, listing_of

_PARTICIPANT = re.compile(r"\d{4}:.+")


class Questions:
    """The look-ups; `unauthorised` answers who has no right to ask."""

    def __init__(self, unauthorised: Callable[[Request], Response | None]) -> None:
        self._unauthorised = unauthorised
        self.routes = [
            Route("/api/validate/peppol-id", self.validate_id, methods=["GET"]),
            Route("/api/lookup", self.look_up, methods=["GET"]),
        ]

    async def validate_id(self, request: Request) -> Response:
        """Whether a participant is registered, and what for."""
        if refused := self._unauthorised(request):
            return refused
        participant = request.query_params.get("peppol_id", "")
        if not _PARTICIPANT.fullmatch(participant):
            return error(422, "Invalid Peppol ID format")
        says = listing_of(participant).says
        if says is Says.ERROR:
            return error(500, "Unexpected server error")
        in_directory, valid = _registered(participant, says)
        return JSONResponse(
            {
                "is_valid": valid,
                "dns_valid": in_directory,
                "business_card_valid": valid,
                "supported_document_types": _types(says) if valid else [],
                "business_card": {"name": "Practice buyer", "country_code": "BE"}
                if valid
                else None,
            }
        )

    async def look_up(self, request: Request) -> Response:
        """The trace of a look-up."""
        if refused := self._unauthorised(request):
            return refused
        participant = request.query_params.get("peppol_id", "")
        in_directory, valid = _registered(participant, listing_of(participant).says)
        status = "success" if in_directory else "error"
        return JSONResponse(
            {
                "queryMetadata": {
                    "identifierScheme": "iso6523-actorid-upis",
                    "identifierValue": participant,
                    "smlDomain": Peppol().zone,
                    "timestamp": now_text(),
                    "version": "1.0.0",
                },
                "status": "success" if valid else "error",
                "errors": [] if in_directory else ["DNS lookup failed: no such domain"],
                "dnsInfo": {"status": status, "smlHostname": "sml.invalid", "dnsRecords": []},
                "serviceMetadata": {"status": status, "queryTimeMs": 1.0, "endpoints": []},
                "businessCard": {"status": status, "entities": [], "queryTimeMs": 1.0},
                "certificates": [],
                "executionTimeMs": 2.0,
            }
        )


def _registered(participant: str, says: Says) -> tuple[bool, bool]:
    """Whether it is in the directory, and whether it can be sent to."""
    scheme, _, value = participant.partition(":")
    whole = value.isdecimal() and len(value) == 10
    if scheme == "0208" and not (whole and 97 - int(value[:8]) % 97 == int(value[8:])):
        return False, False
    return says is not Says.NO, says in (Says.YES, Says.OTHER_TYPES)


def _types(says: Says) -> list[str]:
    roots = ("ApplicationResponse",) if says is Says.OTHER_TYPES else ("Invoice", "CreditNote")
    rules = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
    return [
        f"busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:{root}-2::{root}##{rules}::2.1"
        for root in roots
    ]
