"""How the practice network's Chorus Pro behaves; the last two digits of a SIRET that begins with 999 choose.

Other recipients, those of Chorus Pro's own qualification among them, get the first row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from commtui.demo.scenario import First, Later, Reply, Scenario
from commtui.domain.vocabulary import ErrorClass, Status

CHORUS = "chorus"
DEPOSIT, SEARCH = "deposer/flux", "structures/rechercher"
"""The calls that a row's reply may be for."""
_OURS = re.compile(r"(?:^|:)(999\d{11})(?:;|$)")
SERVICE, ENGAGEMENT = "COMPTA", "EJ2026-17"
NAMED: Mapping[str, str] = {
    "51": f"service={SERVICE}",
    "54": f"service=EJ-{SERVICE}",
    "55": f"service={SERVICE};engagement={ENGAGEMENT}",
    "56": "service=GONE",
    "57": "service=NOWHERE",
    "58": f"engagement={ENGAGEMENT}",
}
"""What recipients are asked for with, beside their SIRET."""


def tag_of(recipient: str) -> str:
    """The digits that choose; empty for every other recipient."""
    found = _OURS.search(recipient)
    return found.group(1)[-2:] if found else ""


def siret(tag: str, number: int) -> str:
    """A SIRET of nobody's that ends in the tag and whose check digit fits."""
    for filler in range(10):
        digits = f"999{number:08d}{filler}{tag}"
        total = sum(
            (value := int(char) * (1 + position % 2)) - 9 * (value > 9)
            for position, char in enumerate(reversed(digits))
        )
        if total % 10 == 0:
            return digits
    raise ValueError(f"no SIRET for {tag}, {number}")


def _address(tag: str, number: int) -> str:
    named = NAMED.get(tag)
    return f"chorus:{siret(tag, number)}{f';{named}' if named else ''}"


def _row(
    name: str,
    tag: str,
    *events: Later,
    status: Status = Status.SENT,
    error_class: ErrorClass | None = None,
    code: str = "",
) -> Scenario:
    """Deposited at once; what follows decides."""
    return Scenario(name, CHORUS, _address, tag, events, status, error_class, code)


def _at_first(name: str, tag: str, reply: Reply, first: First, code: str) -> Scenario:
    """Refused or lost at first, then taken."""
    return Scenario(
        name, CHORUS, _address, tag, _AVAILABLE, Status.SENT, None, "", reply, first, code
    )


def _ends(
    name: str,
    tag: str,
    first: First,
    status: Status,
    error_class: ErrorClass | None,
    code: str,
    reply: Reply | None = None,
) -> Scenario:
    """Not taken, and that is how it stays."""
    return Scenario(name, CHORUS, _address, tag, (), status, error_class, code, reply, first, code)


def _stopped(name: str, tag: str, code: str) -> Scenario:
    """Stopped by what Chorus Pro says about the recipient."""
    return _ends(name, tag, First.STOPPED, Status.FAILED, _PERMANENT, code)


_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL, _UNKNOWN = ErrorClass.TECHNICAL, ErrorClass.UNKNOWN
_QUEUED = (
    Later("IN_DEPOT_PORTAIL_EN_ATTENTE_TRAITEMENT_SE_CPP", 0.1),
    Later("IN_TRAITE_SE_CPP", 0.2),
    Later("IN_EN_ATTENTE_TRAITEMENT_CPP", 0.3),
    Later("IN_EN_COURS_TRAITEMENT_CPP", 0.4),
)
_INTEGRATED = (*_QUEUED, Later("IN_INTEGRE", 0.6))
_AVAILABLE = (
    *_INTEGRATED,
    Later("EN_COURS_ACHEMINEMENT", 0.8),
    Later("MISE_A_DISPOSITION", 1.0),
)
_REFUSED_WORDS = (
    "L'element FichierXml.SpecifiedTradeSettlementPaymentMeans.TypeCode.value est obligatoire"
)
_REFUSED = {"error": _REFUSED_WORDS}
_AWAY = {"comment": "Service destinataire inconnu, merci de corriger l'adressage."}
_MISSING = {"comment": "Merci de joindre le bon de livraison signé."}
_WRONG = {"comment": "Montant différent de la commande."}

CHORUS_SCENARIOS: tuple[Scenario, ...] = (
    _row("available to the recipient", "00", *_AVAILABLE),
    _row(
        "paid",
        "01",
        *_AVAILABLE,
        Later("PRISE_EN_COMPTE_DESTINATAIRE", 1.1),
        Later("SERVICE_FAIT", 1.2),
        Later("MANDATEE", 1.3),
        Later("MISE_A_DISPOSITION_COMPTABLE", 1.4),
        Later("COMPTABILISEE", 1.5),
        Later("MISE_EN_PAIEMENT", 1.6),
    ),
    _row("never reports payment", "02", *_AVAILABLE, Later("MANDATEE", 1.2)),
    _row(
        "flow refused",
        "10",
        *_QUEUED,
        Later("IN_REJETE", 0.6, _REFUSED),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="IN_REJETE",
    ),
    _row(
        "flow broken",
        "11",
        *_QUEUED,
        Later("IN_INCIDENTE", 0.6),
        status=Status.REJECTED,
        error_class=_TEMPORARY,
        code="IN_INCIDENTE",
    ),
    _row(
        "flow taken in part, this one not",
        "12",
        *_QUEUED,
        Later("IN_INTEGRE_PARTIEL", 0.6, {**_REFUSED, "refused": "ours"}),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="IN_INTEGRE_PARTIEL",
    ),
    _row(
        "flow taken in part, this one too",
        "13",
        *_QUEUED,
        Later("IN_INTEGRE_PARTIEL", 0.6, {**_REFUSED, "refused": "FA-OTHER"}),
        Later("MISE_A_DISPOSITION", 1.0),
    ),
    _row(
        "flow stuck, then processed",
        "14",
        Later("IN_RECU", 0.1),
        Later("IN_EN_ATTENTE_RETRAITEMENT_CPP", 0.3),
        Later("IN_INTEGRE", 0.6),
    ),
    _row("flow admissible", "15", Later("QP_RECEVABLE", 0.3)),
    _row(
        "flow admissible with errors",
        "16",
        Later("QP_RECEVABLE_AVEC_ERREUR", 0.3, {**_REFUSED, "refused": "FA-OTHER"}),
    ),
    _row(
        "flow inadmissible",
        "17",
        Later("QP_IRRECEVABLE", 0.3, _REFUSED),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="QP_IRRECEVABLE",
    ),
    _row("flow in an unheard-of state", "18", Later("IN_MIS_EN_QUARANTAINE", 0.3)),
    _row("twelve invoices in one flow", "19", *_QUEUED, Later("IN_INTEGRE", 0.6, {"others": "12"})),
    _row(
        "recycled",
        "20",
        *_INTEGRATED,
        Later("A_RECYCLER", 1.0, _AWAY),
        Later("EN_COURS_ACHEMINEMENT", 1.6),
        Later("MISE_A_DISPOSITION", 1.8),
    ),
    _row("to be recycled", "21", *_INTEGRATED, Later("A_RECYCLER", 1.0, _AWAY)),
    _row(
        "suspended, then completed",
        "22",
        *_AVAILABLE,
        Later("SUSPENDUE", 1.1, _MISSING),
        Later("COMPLETEE", 1.6),
        Later("MISE_A_DISPOSITION", 1.8),
    ),
    _row("suspended", "23", *_AVAILABLE, Later("SUSPENDUE", 1.1, _MISSING)),
    _row(
        "refused by the recipient",
        "24",
        *_AVAILABLE,
        Later("REJETEE", 1.1, _WRONG),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="REJETEE",
    ),
    _row(
        "refused, then acknowledged",
        "25",
        *_AVAILABLE,
        Later("REJETEE", 1.1, _WRONG),
        Later("ACQUITTEMENT_REJET", 1.6),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="REJETEE",
    ),
    _row("wrong recipient", "26", *_INTEGRATED, Later("ERREUR_DESTINATAIRE_PD", 0.8)),
    _row("in validation", "27", *_INTEGRATED, Later("A_VALIDER_MOA", 0.9)),
    _row("withdrawn", "28", *_AVAILABLE, Later("ABANDONNEE", 1.2)),
    _row("status unheard of", "29", *_AVAILABLE, Later("ARCHIVEE_AU_GREFFE", 1.2)),
    _ends(
        "file too large",
        "30",
        First.REJECTED,
        Status.REJECTED,
        _TECHNICAL,
        "codeRetour_20001",
        Reply(200, "GDP_MSG_11.022", code=20001, step=DEPOSIT),
    ),
    _ends(
        "refused with an unheard-of code",
        "31",
        First.REJECTED,
        Status.REJECTED,
        _UNKNOWN,
        "codeRetour_29999",
        Reply(200, "GDP_MSG_99.999", code=29999, step=DEPOSIT),
    ),
    _at_first(
        "lost answer",
        "32",
        Reply(0, accepted=True, times=1, step=DEPOSIT),
        First.UNKNOWN,
        "no_answer",
    ),
    _ends(
        "lost request",
        "33",
        First.UNKNOWN,
        Status.UNKNOWN,
        _UNKNOWN,
        "no_answer",
        Reply(0, step=DEPOSIT),
    ),
    _ends("500", "34", First.UNKNOWN, Status.UNKNOWN, _UNKNOWN, "500", Reply(500, step=DEPOSIT)),
    _at_first(
        "401 once, while asking",
        "35",
        Reply(401, "token expired", times=1, step=SEARCH),
        First.ACCEPTED,
        "",
    ),
    _at_first(
        "401 twice: technical account",
        "36",
        Reply(401, "technical account expired", times=2, step=SEARCH),
        First.ACCOUNT,
        "401",
    ),
    _at_first("401 at the deposit", "37", Reply(401, times=1, step=DEPOSIT), First.ACCOUNT, "401"),
    _at_first("403", "38", Reply(403, times=1, step=DEPOSIT), First.ACCOUNT, "403"),
    _at_first("429", "39", Reply(429, wait=0.01, times=2, step=DEPOSIT), First.RATE_LIMITED, "429"),
    _stopped("recipient unknown", "40", "not_registered"),
    _stopped("recipient inactive", "41", "recipient_inactive"),
    _at_first(
        "recipient could not be checked, then reachable",
        "42",
        Reply(502, times=1, step=SEARCH),
        First.NOT_SENT,
        "could_not_check",
    ),
    _ends(
        "recipient could not be checked",
        "43",
        First.NOT_SENT,
        Status.QUEUED,
        None,
        "could_not_check",
        Reply(500, step=SEARCH),
    ),
    _stopped("service missing", "50", "service_missing"),
    _row("service named", "51", *_AVAILABLE),
    _stopped("engagement missing", "52", "engagement_missing"),
    _stopped("service or engagement missing", "53", "service_or_engagement_missing"),
    _stopped("service that wants an engagement", "54", "service_engagement_needed"),
    _row("service and engagement named", "55", *_AVAILABLE),
    _stopped("service not active", "56", "service_inactive"),
    _stopped("service unknown", "57", "service_unknown"),
    _row("engagement instead of a service", "58", *_AVAILABLE),
)
_BY_TAG = {scenario.tag: scenario for scenario in CHORUS_SCENARIOS}


def behaviour_of(recipient: str) -> Scenario:
    """The row that a recipient, or a bare SIRET, chooses."""
    return _BY_TAG.get(tag_of(recipient), CHORUS_SCENARIOS[0])
