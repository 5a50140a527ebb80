"""Whether a French public body takes our invoice: its structure, its service, the engagement number it wants.

Reference: e-invoicing, section 1.8. What could not be asked was not checked; it is never taken for "not registered".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from commtui.domain.einvoice import Reachability, Registration
from commtui.errors import NotSent, RateLimited
from commtui.providers import wire
from commtui.providers.chorus_api import KEY, SERVICES, STRUCTURES, ChorusApi, mapping, number

HOLDS = timedelta(days=7)
"""How long a good answer is believed; a bad one is asked again with every sending."""
PUBLIC = "FACTURES_PUBLIQUES"
"""A service that every structure has and that takes no invoices of suppliers."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where an invoice is to go."""

    siret: str
    service: str
    engagement: str
    service_meant: bool
    """The customer's details name the service; otherwise it is the buyer reference of the invoice only."""


def still_holds(last: Registration | None, wanted: Wanted, now: datetime) -> bool:
    """Whether an earlier check is good, recent, and about the same service and engagement."""
    return (
        last is not None
        and last.outcome is Reachability.REACHABLE
        and now - last.at < HOLDS
        and (last.details.get("service"), last.details.get("engagement"))
        == (wanted.service, wanted.engagement)
    )


async def look_up(api: ChorusApi, wanted: Wanted, now: datetime) -> Registration:
    """Ask Chorus Pro about a recipient. Raises AccountTrouble or RateLimited, which are not about the recipient."""
    try:
        return await _Look(api, wanted, now).found()
    except RateLimited:
        raise
    except NotSent as error:
        words = f"Chorus Pro could not be asked about SIRET {wanted.siret}: {error.words}"
        return Registration(
            Reachability.COULD_NOT_CHECK, now, wire.text(words), {"code": "could_not_check"}
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a recipient, request by request."""

    api: ChorusApi
    wanted: Wanted
    now: datetime

    async def found(self) -> Registration:
        structure = await self._structure()
        if structure is None:
            words = f"Chorus Pro knows no structure with SIRET {self.wanted.siret}"
            return self._no(Reachability.NOT_REGISTERED, "not_registered", words)
        name = wire.text(structure.get("designationStructure"), 120)
        status = wire.text(structure.get("statut"), 40).upper()
        if status == "INACTIVE":
            words = f"{name or self.wanted.siret} is not active at Chorus Pro"
            return self._no(Reachability.NO_ENDPOINT, "recipient_inactive", words)
        if status not in ("", "ACTIVE"):
            raise NotSent(KEY, "could_not_check", f"the structure's status is {status}")
        key = number(structure.get("idStructureCPP"))
        if key is None:
            raise NotSent(KEY, "could_not_check", "the structure has no id")
        consulted = await self._asked("structures/v1/consulter", {"idStructureCPP": key})
        rules = consulted.get("parametres")
        if not isinstance(rules, dict):
            raise NotSent(KEY, "could_not_check", "the answer does not say what it wants")
        refused = await self._service(key) or _missing(rules, self.wanted)
        if refused:
            return self._no(Reachability.NEEDS_FIELDS, *refused)
        details = {
            "structure": key,
            "name": name,
            "payment_reported": rules.get("statutMiseEnPaiementNestPasRemonte") is not True,
            "service": self.wanted.service,
            "engagement": self.wanted.engagement,
        }
        words = f"{name or 'The recipient'} is active at Chorus Pro; it wants {_wants(rules)}"
        return Registration(Reachability.REACHABLE, self.now, words, details)

    async def _structure(self) -> Mapping[str, Any] | None:
        asked = {
            "structure": {
                "identifiantStructure": self.wanted.siret,
                "typeIdentifiantStructure": "SIRET",
            },
            "restreindreStructuresPrivees": False,
        }
        for row in await self.api.pages(STRUCTURES, asked):
            if wire.text(row.get("identifiantStructure"), 40).strip() == self.wanted.siret:
                return row
        return None

    async def _service(self, structure: int) -> tuple[str, str] | None:
        """What is wrong with the named service, as code and words; None when nothing is."""
        code = self.wanted.service
        if code == PUBLIC:
            return "service_refused", f"Chorus Pro refuses invoices for the service {PUBLIC}"
        if not code:
            return None
        listed = await self.api.pages(SERVICES, {"idStructure": structure})
        own = [row for row in listed if _code(row) != PUBLIC]
        if not (own or self.wanted.service_meant):
            # a buyer reference where there are no services is only a reference
            return None
        found = [row for row in own if _code(row) == code]
        usable = next((row for row in found if _active(row, self.now.date())), None)
        if usable is not None:
            return await self._engagement(structure, usable)
        if found:
            return "service_inactive", f"The recipient's service {code} is not active"
        return "service_unknown", f"The recipient has no service {code}"

    async def _engagement(
        self, structure: int, service: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        """A service may want an engagement number although its structure does not."""
        key = number(service.get("idService"))
        if self.wanted.engagement or key is None:
            return None
        said = await self._asked(
            "structures/v1/consulter/service", {"idStructure": structure, "idService": key}
        )
        if mapping(said.get("parametres")).get("numeroEngagement") is not True:
            return None
        words = f"The recipient's service {self.wanted.service} wants an engagement number"
        return "service_engagement_needed", words

    async def _asked(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        said = await self.api.read(path, body)
        if not said.ok:
            raise said.refused()
        return said.body

    def _no(self, outcome: Reachability, code: str, words: str) -> Registration:
        return Registration(outcome, self.now, wire.text(words), {"code": code})


def _code(service: Mapping[str, Any]) -> str:
    return wire.text(service.get("codeService"), 200).strip()


def _active(service: Mapping[str, Any], today: date) -> bool:
    begins, ends = _day(service.get("dateDbtService")), _day(service.get("dateFinService"))
    return (
        service.get("estActif") is not False
        and (begins is None or begins <= today)
        and (ends is None or ends >= today)
    )


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(wire.text(value, 40)[:10])
    except ValueError:
        return None


def _missing(rules: Mapping[str, Any], wanted: Wanted) -> tuple[str, str] | None:
    """What a structure wants and the invoice does not name, as code and words."""
    service, engagement = bool(wanted.service), bool(wanted.engagement)
    if rules.get("gestionNumeroEJOuCodeService") is True:
        fits, code = service or engagement, "service_or_engagement_missing"
    elif _both(rules):
        fits, code = service and engagement, "service_engagement_missing"
    elif rules.get("codeServiceDoitEtreRenseigne") is True:
        fits, code = service, "service_missing"
    elif rules.get("numeroEJDoitEtreRenseigne") is True:
        fits, code = engagement, "engagement_missing"
    else:
        return None
    return None if fits else (code, f"The recipient wants {_wants(rules)}")


def _both(rules: Mapping[str, Any]) -> bool:
    return (
        rules.get("codeServiceDoitEtreRenseigne") is True
        and rules.get("numeroEJDoitEtreRenseigne") is True
    )


def _wants(rules: Mapping[str, Any]) -> str:
    if rules.get("gestionNumeroEJOuCodeService") is True:
        return "a service code or an engagement number"
    if _both(rules):
        return "a service code and an engagement number"
    if rules.get("codeServiceDoitEtreRenseigne") is True:
        return "a service code"
    if rules.get("numeroEJDoitEtreRenseigne") is True:
        return "an engagement number"
    return "neither service code nor engagement number"
