"""How the practice network's Peppol behaves: two digits of a Belgian number that nobody has choose (00<tag>…)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from commtui.demo.scenario import First, Later, Reply, Scenario
from commtui.domain.vocabulary import ErrorClass, Status

PEPPOL = "peppol"
STAGE, SEND, VALIDATE = "stage", "send", "validate"
"""The calls that a row's reply may be for."""
_OURS = re.compile(r"(?:^|:)0208:00(\d\d)\d{6}(?:;|$)")
NO_HOOK = frozenset({"webhook"})
SENT, FAILED = "send_success", "send_failed"
MLS, IMR = "mlr_received", "imr_received"
ALTERED, LATE = "altered", "late"
"""Kinds of events inside the access point: it rewrites the document, or shows it as a draft for a while."""


class Dns(StrEnum):
    """What the name server says about a participant."""

    LISTED = "listed"
    LONG = "too long for UDP"
    UNKNOWN = "no such name"
    BROKEN = "server failure"
    NO_SMP = "no SMP in it"
    SILENT = "no answer"


class Says(StrEnum):
    """What the access point says about a participant."""

    YES = "yes"
    NO = "no"
    NO_SMP = "no SMP"
    OTHER_TYPES = "other document types"
    ERROR = "internal error"


@dataclass(frozen=True, slots=True)
class Listing:
    """How a participant stands in the network's directory, and what the access point makes of it."""

    dns: Dns = Dns.LISTED
    smp: int = 200
    """HTTP status of the SMP's answer about the document type."""
    says: Says = Says.YES


def tag_of(recipient: str) -> str:
    """The digits that choose; empty for every other participant."""
    found = _OURS.search(recipient)
    return found.group(1) if found else ""


def belgian(base: int) -> str:
    """A participant with the enterprise number of eight digits and its check digits."""
    return f"0208:{base:08d}{97 - base % 97:02d}"


def _address(tag: str, number: int) -> str:
    return f"peppol:{belgian(int(tag) * 10_000 + number)}"


def _row(
    name: str, tag: str, *events: Later, status: Status = Status.SENT, **ends: ErrorClass | str
) -> Scenario:
    """Accepted at once; what follows decides."""
    return Scenario(
        name=name,
        provider=PEPPOL,
        address=_address,
        tag=tag,
        events=events,
        status=status,
        error_class=ErrorClass(ends["error_class"]) if "error_class" in ends else None,
        code=str(ends.get("code", "")),
    )


def _at_first(name: str, tag: str, reply: Reply, first: First, code: str) -> Scenario:
    """Refused or lost at first, then sent."""
    return Scenario(
        name=name,
        provider=PEPPOL,
        address=_address,
        tag=tag,
        events=(_SENT,),
        status=Status.SENT,
        reply=reply,
        first=first,
        first_code=code,
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
    """Not accepted, and that is how it stays."""
    return Scenario(
        name=name,
        provider=PEPPOL,
        address=_address,
        tag=tag,
        events=(),
        status=status,
        error_class=error_class,
        code=code,
        reply=reply,
        first=first,
        first_code=code,
    )


_PERMANENT, _TECHNICAL, _UNKNOWN = ErrorClass.PERMANENT, ErrorClass.TECHNICAL, ErrorClass.UNKNOWN
_SENT = Later(SENT, 0.6)
_NOT_SERVICED = {"error": "EBMS:0004", "description": "PEPPOL:NOT_SERVICED"}
_RULE = {"error": "validation failed", "message": "PEPPOL-EN16931-R120: line amounts do not add up"}
_REPLY_RULE = (
    "[PEPPOL-EN16931-R003] A buyer reference or purchase order reference MUST be provided."
)
_WARNING = "[PEPPOL-EN16931-R061] Mandate reference SHOULD be provided for direct debit."

PEPPOL_SCENARIOS: tuple[Scenario, ...] = (
    _row("sent", "01", _SENT),
    _row("MLS AP", "02", _SENT, Later(MLS, 0.8, {"code": "AP"})),
    _row("MLS AB", "03", _SENT, Later(MLS, 0.8, {"response_code": "AB"})),
    _row(
        "MLS RE",
        "04",
        _SENT,
        Later(MLS, 0.8, {"status": "RE", "reason": "FD"}),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="mls:RE",
    ),
    _row("IMR AP", "05", _SENT, Later(IMR, 0.8, {"code": "IP"}), Later(IMR, 1.0, {"code": "AP"})),
    _row(
        "IMR RE",
        "06",
        _SENT,
        Later(IMR, 0.8, {"code": "AB"}),
        Later(IMR, 1.0, {"code": "RE", "reason": "PRI", "action": "NIN"}),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="imr:RE",
    ),
    _row(
        "IMR UQ, then AP and PD",
        "07",
        _SENT,
        Later(IMR, 0.8, {"code": "UQ", "reason": "REF", "action": "PIN"}),
        Later(IMR, 1.2, {"code": "AP"}),
        Later(IMR, 1.6, {"code": "PD"}),
    ),
    _row("IMR CA", "08", _SENT, Later(IMR, 0.8, {"code": "CA"})),
    _row("IMR UQ", "09", _SENT, Later(IMR, 0.8, {"code": "UQ", "reason": "DEL"})),
    _row(
        "send failed: recipient's registration",
        "10",
        Later(FAILED, 0.6, _NOT_SERVICED),
        status=Status.REJECTED,
        error_class=_PERMANENT,
        code="send_failed:recipient",
    ),
    _row(
        "send failed: rule",
        "11",
        Later(FAILED, 0.6, _RULE),
        status=Status.REJECTED,
        error_class=_TECHNICAL,
        code="send_failed:document",
    ),
    _row(
        "send failed: no clear reason",
        "12",
        Later(FAILED, 0.6, {"error": "AS4 exchange ended early"}),
        status=Status.REJECTED,
        error_class=_UNKNOWN,
        code="send_failed",
    ),
    _row("stuck in transit", "13"),
    _row("answers that nobody can read", "14", _SENT, Later(MLS, 0.8, {"note": "see portal"})),
    _row("the document is rewritten", "15", Later(ALTERED, 0.1), _SENT),
    _row("webhook lost", "16", Later(SENT, 0.6, without=NO_HOOK)),
    _row("valid with a warning", "17", _SENT),
    _ends(
        "validation refused",
        "20",
        First.STOPPED,
        Status.FAILED,
        _TECHNICAL,
        "PEPPOL-EN16931-R003",
        Reply(201, _REPLY_RULE, field="PEPPOL-EN16931-R003", step=VALIDATE),
    ),
    _at_first(
        "401 once",
        "22",
        Reply(401, "API key is missing, invalid, or inactive", times=1, step=SEND),
        First.ACCOUNT,
        "401",
    ),
    _at_first(
        "409 once",
        "23",
        Reply(409, "Not allowed to send from the given Peppol ID", times=1, step=SEND),
        First.ACCOUNT,
        "409",
    ),
    _at_first(
        "credit used up",
        "24",
        Reply(402, "Insufficient credits", times=1, step=SEND),
        First.ACCOUNT,
        "no_credit",
    ),
    _at_first(
        "lost answer at stage",
        "25",
        Reply(0, accepted=True, times=1, step=STAGE),
        First.UNKNOWN,
        "no_answer",
    ),
    _at_first(
        "lost answer at send",
        "26",
        Reply(0, accepted=True, times=1, step=SEND),
        First.UNKNOWN,
        "no_answer",
    ),
    Scenario(
        name="405 after a lost answer",
        provider=PEPPOL,
        address=_address,
        tag="27",
        events=(Later(LATE, 0.0), Later(SENT, 3.0)),
        status=Status.SENT,
        reply=Reply(0, accepted=True, times=1, step=SEND),
        first=First.UNKNOWN,
        first_code="no_answer",
    ),
    _ends(
        "500 at send, not taken",
        "28",
        First.UNKNOWN,
        Status.UNKNOWN,
        _UNKNOWN,
        "500",
        Reply(500, "Unexpected server error", step=SEND),
    ),
    _at_first(
        "429 at stage",
        "29",
        Reply(429, "Too many requests", wait=2.0, times=1, step=STAGE),
        First.RATE_LIMITED,
        "429",
    ),
    _ends(
        "400 at send",
        "30",
        First.REJECTED,
        Status.REJECTED,
        _TECHNICAL,
        "400",
        Reply(400, "Document UBL is not validated yet", step=SEND),
    ),
    _ends(
        "406 at send",
        "31",
        First.REJECTED,
        Status.REJECTED,
        _TECHNICAL,
        "406",
        Reply(406, "Document can not be validated as valid UBL document", step=SEND),
    ),
    _ends("not registered", "40", First.STOPPED, Status.FAILED, _PERMANENT, "not_registered"),
    _ends("could not check", "41", First.NOT_SENT, Status.QUEUED, None, "could_not_check"),
    _ends(
        "registered without an SMP", "42", First.STOPPED, Status.FAILED, _PERMANENT, "no_endpoint"
    ),
    _ends(
        "document type not supported",
        "43",
        First.STOPPED,
        Status.FAILED,
        _PERMANENT,
        "unsupported",
    ),
    _ends(
        "only the directory has it",
        "44",
        First.NOT_SENT,
        Status.QUEUED,
        None,
        "could_not_check",
    ),
    _row("only the access point has it", "45", _SENT),
    _row("directory gives no answer", "46", _SENT),
    _row("directory answer over TCP", "47", _SENT),
    _row("SMP out of order", "48", _SENT),
    _ends(
        "not registered, directory silent",
        "49",
        First.STOPPED,
        Status.FAILED,
        _PERMANENT,
        "not_registered",
    ),
)
LISTINGS: Mapping[str, Listing] = {
    "40": Listing(Dns.UNKNOWN, says=Says.NO),
    "41": Listing(Dns.BROKEN, says=Says.ERROR),
    "42": Listing(Dns.NO_SMP, says=Says.NO_SMP),
    "43": Listing(smp=404, says=Says.OTHER_TYPES),
    "44": Listing(says=Says.NO),
    "45": Listing(Dns.UNKNOWN),
    "46": Listing(Dns.SILENT),
    "47": Listing(Dns.LONG),
    "48": Listing(smp=500),
    "49": Listing(Dns.BROKEN, says=Says.NO),
}
"""By tag; every other participant is registered for everything."""
WARNINGS: Mapping[str, tuple[str, str]] = {"17": ("PEPPOL-EN16931-R061", _WARNING)}
"""By tag: the rule that the access point's validation warns of, and its words."""
_BY_TAG = {scenario.tag: scenario for scenario in PEPPOL_SCENARIOS}


def behaviour_of(recipient: str) -> Scenario:
    """The row that a recipient or a participant chooses; sending for everybody who chooses none."""
    return _BY_TAG.get(tag_of(recipient), PEPPOL_SCENARIOS[0])


def listing_of(participant: str) -> Listing:
    """How a participant stands in the directory."""
    return LISTINGS.get(tag_of(participant), Listing())
