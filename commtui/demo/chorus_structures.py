"""The public bodies of practice: those of Chorus Pro's qualification with their real rules, and the table's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from commtui.demo.chorus_scenarios import SERVICE, tag_of

PUBLIC = "FACTURES_PUBLIQUES"
_FIRST_ID = 26_000_000


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a structure."""

    id: int
    code: str
    active: bool = True
    engagement: bool = False
    """Invoices to it need an engagement number."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A public body, and what invoices to it have to name."""

    siret: str
    service: bool = False
    engagement: bool = False
    either: bool = False
    active: bool = True
    pays: bool = True
    """Reports payments."""
    services: tuple[Service, ...] = field(default=(Service(1, PUBLIC),))

    @property
    def id(self) -> int:
        """Its number at Chorus Pro."""
        return _FIRST_ID + int(self.siret) % _FIRST_ID

    def refusal(self, service: str, engagement: str) -> str:
        """Why an invoice that names these is refused; empty when it is not."""
        if not self.active:
            return "La structure destinataire est inactive"
        named = next((item for item in self.services if item.code == service), None)
        if service and (named is None or not named.active or service == PUBLIC):
            return "Le code service n'est pas valide"
        wanted = engagement or not (self.engagement or (named and named.engagement))
        if self.either:
            return "" if service or engagement else "Service ou engagement obligatoire"
        if (self.service and not service) or not wanted:
            return "Le code service ou le numero d'engagement est obligatoire"
        return ""


def _services(*named: Service) -> tuple[Service, ...]:
    return (Service(1, PUBLIC), *named)


_QUALIFICATION = {
    structure.siret: structure
    for structure in (
        Structure("12345678200051"),
        Structure("12345678200036", engagement=True),
        Structure(
            "12345678200028", service=True, services=_services(Service(2, "SERVICE_DEST_SERV_OBL"))
        ),
        Structure(
            "12345678200044",
            service=True,
            engagement=True,
            services=_services(Service(2, "SERVICE_DEST_SERV_OBL")),
        ),
        Structure("11000201100044", service=True, services=_services(Service(2, "SFACETAT"))),
    )
}
_COMPTA = _services(
    Service(2, SERVICE),
    Service(3, f"EJ-{SERVICE}", engagement=True),
    Service(4, "GONE", active=False),
)


def structure(siret: str) -> Structure | None:
    """The public body with a SIRET; None when Chorus Pro knows none. Whoever is not in a table takes everything."""
    tag = tag_of(siret)
    if tag == "40":
        return None
    own = {
        "02": Structure(siret, pays=False),
        "41": Structure(siret, active=False),
        "50": Structure(siret, service=True, services=_COMPTA),
        "51": Structure(siret, service=True, services=_COMPTA),
        "52": Structure(siret, engagement=True),
        "53": Structure(siret, either=True, services=_COMPTA),
        "54": Structure(siret, services=_COMPTA),
        "55": Structure(siret, service=True, engagement=True, services=_COMPTA),
        "56": Structure(siret, services=_COMPTA),
        "57": Structure(siret, services=_COMPTA),
        "58": Structure(siret, either=True, services=_COMPTA),
    }
    return own.get(tag) or _QUALIFICATION.get(siret) or Structure(siret)
