"""How the practice network's Ping behaves; the street's name chooses ("3 rue Essai returned")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from commtui.demo.scenario import First, Later, Reply, Scenario
from commtui.domain.text import fold
from commtui.domain.vocabulary import ErrorClass, Status

PING = "ping"
CREATE, SEND = "create", "send"
"""The calls that a row's reply may be for."""
NO_HOOK = frozenset({"webhook"})
DRAFT_KINDS = frozenset({"valid", "invalid", "action_required"})
"""What becomes of a file that was uploaded; every later kind follows after the letter was sent off."""
_TAG = re.compile(r"\brue essai ([a-z0-9-]+)")


def tag_of(address: str) -> str:
    """The word in the street that chooses; empty for every other address."""
    found = _TAG.search(fold(address))
    return found.group(1) if found else ""


def _address(tag: str, number: int) -> str:
    return f"Zoé Lefèvre\n{number + 1} rue Essai {tag}\n69002 Lyon\nFR"


def _row(
    name: str, tag: str, *events: Later, status: Status = Status.SENT, **ends: ErrorClass | str
) -> Scenario:
    """Taken as soon as it was read; what follows decides."""
    return Scenario(
        name=name,
        provider=PING,
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
        provider=PING,
        address=_address,
        tag=tag,
        events=_SENT,
        status=Status.SENT,
        reply=reply,
        first=first,
        first_code=code,
    )


def _stopped(
    name: str, tag: str, code: str, *events: Later, reply: Reply | None = None
) -> Scenario:
    """Never sent off: our own check stops it, or Ping's plain no."""
    return Scenario(
        name=name,
        provider=PING,
        address=_address,
        tag=tag,
        events=events,
        status=Status.REJECTED if reply else Status.FAILED,
        error_class=_TECHNICAL,
        code=code,
        reply=reply,
        first=First.REJECTED if reply else First.STOPPED,
        first_code=code,
    )


_PERMANENT, _TECHNICAL = ErrorClass.PERMANENT, ErrorClass.TECHNICAL
_PRINTED = (Later("accepted", 0.2), Later("processing", 0.4), Later("printing", 0.6))
_SENT = (*_PRINTED, Later("sent", 1.0, {"code": "transferred_to_distributor"}))
_QUIETLY = tuple(Later(item.kind, item.after, item.fields, without=NO_HOOK) for item in _SENT)
_UNKNOWN_HERE = {"reason": "Recipient unknown at this address"}
_MOVED: Mapping[str, str] = {
    "reason": "Recipient has moved",
    "name": "Zoé Lefèvre",
    "street": "quai Saint-Vincent",
    "number": "7",
    "zip": "69001",
    "city": "Lyon",
}
_FUNDS = Later(
    "awaiting_credits", 0.2, {"code": "waiting_for_funds", "reason": "Not enough credit"}
)
_INSPECTED = {"code": "content_failed_inspection", "reason": "Text stands in the stamp's zone"}

PING_SCENARIOS: tuple[Scenario, ...] = (
    _row("sent", "sent", *_SENT),
    _row("delivered", "delivered", *_SENT, Later("delivered", 1.6), status=Status.DELIVERED),
    _row(
        "undeliverable",
        "returned",
        *_SENT,
        Later("undeliverable", 1.6, _UNKNOWN_HERE),
        status=Status.RETURNED,
        error_class=_PERMANENT,
        code="undeliverable",
    ),
    _row(
        "undeliverable with corrected address",
        "moved",
        *_SENT,
        Later("undeliverable", 1.6, _MOVED),
        status=Status.RETURNED,
        error_class=_PERMANENT,
        code="undeliverable",
    ),
    _stopped(
        "invalid PDF",
        "invalid",
        "invalid_pdf_binary_content",
        Later("invalid", 0.2, {"code": "invalid_pdf_binary_content", "reason": "No valid PDF"}),
    ),
    _stopped(
        "action required",
        "action",
        "content_failed_inspection",
        Later("action_required", 0.2, _INSPECTED),
    ),
    _stopped(
        "address read differently",
        "misread",
        "address_differs",
        Later("valid", 0.2, {"address": "Zoé Lefèvre\n1 rue Essai misread\n69003 Lyon"}),
    ),
    _row("slow to read", "slow", Later("valid", 3.0), *_SENT),
    _row(
        "unprintable",
        "unprintable",
        Later("accepted", 0.2),
        Later("unprintable", 0.8, {"code": "rejected_from_printcenter", "reason": "Torn page"}),
        status=Status.FAILED,
        error_class=_TECHNICAL,
        code="rejected_from_printcenter",
    ),
    _row(
        "country blocked",
        "blocked",
        Later("rejected", 0.4, {"code": "shipping_country_blocked", "reason": "No post to there"}),
        status=Status.FAILED,
        error_class=_PERMANENT,
        code="shipping_country_blocked",
    ),
    _row(
        "rejected without a reason",
        "rejected",
        Later("rejected", 0.4),
        status=Status.FAILED,
        error_class=_TECHNICAL,
        code="rejected",
    ),
    _row(
        "expired",
        "expired",
        Later("expired", 0.4),
        status=Status.FAILED,
        error_class=_TECHNICAL,
        code="expired",
    ),
    _row(
        "awaiting credits, then sent",
        "credits",
        _FUNDS,
        Later("accepted", 1.0),
        Later("sent", 1.4, {"code": "transferred_to_distributor"}),
    ),
    _row(
        "awaiting credits in vain",
        "unpaid",
        _FUNDS,
        Later("valid again", 1.0, {"code": "waiting_for_funds_expired", "reason": "Not paid"}),
        status=Status.FAILED,
        error_class=_TECHNICAL,
        code="waiting_for_funds_expired",
    ),
    _row(
        "held by an inspection, then sent",
        "inspected",
        Later("accepted", 0.2),
        Later("held", 0.4, _INSPECTED),
        Later("processing", 1.2),
        Later("sent", 1.6, {"code": "transferred_to_distributor"}),
    ),
    _row(
        "cancelled in Ping's app",
        "cancelled",
        Later("cancelling", 0.3, {"code": "cancellation_requested"}, without=NO_HOOK),
        Later("cancelled", 0.6, {"code": "cancellation_completed"}, without=NO_HOOK),
        status=Status.CANCELLED,
    ),
    _row(
        "issue nobody knows",
        "issue",
        *_SENT,
        Later("sent", 1.4, {"code": "hologram_missing", "reason": "The hologram is missing"}),
    ),
    _row(
        "every webhook twice",
        "twice",
        Later("accepted", 0.2),
        Later("sent", 0.6, {"code": "transferred_to_distributor"}, copies=2),
        Later("delivered", 1.0, copies=2),
        status=Status.DELIVERED,
    ),
    _row(
        "webhooks lost",
        "silent",
        *_QUIETLY,
        Later("undeliverable", 1.6, _UNKNOWN_HERE, without=NO_HOOK),
        status=Status.RETURNED,
        error_class=_PERMANENT,
        code="undeliverable",
    ),
    # a token that is refused is fetched anew once before it counts
    _at_first(
        "401 key", "key", Reply(401, "Unauthenticated.", times=2, step=CREATE), First.ACCOUNT, "401"
    ),
    _at_first(
        "402",
        "unfunded",
        Reply(402, "Payment required", times=1, step=CREATE),
        First.ACCOUNT,
        "402",
    ),
    _at_first(
        "403",
        "scope",
        Reply(403, "Invalid scope(s) provided.", times=1, step=CREATE),
        First.ACCOUNT,
        "403",
    ),
    _stopped(
        "422",
        "product",
        "422",
        reply=Reply(
            422,
            "The delivery product is not available for this letter.",
            field="/data/attributes/delivery_product",
            step=SEND,
        ),
    ),
    _at_first(
        "429",
        "busy",
        Reply(429, "Too Many Attempts.", wait=20.0, times=1, step=CREATE),
        First.RATE_LIMITED,
        "429",
    ),
    _at_first(
        "503 with Retry-After",
        "maintenance",
        Reply(503, "Service Unavailable", wait=20.0, times=1, step=SEND),
        First.RATE_LIMITED,
        "503",
    ),
    _at_first(
        "lost answer at create",
        "lost-create",
        Reply(0, accepted=True, times=1, step=CREATE),
        First.UNKNOWN,
        "no_answer",
    ),
    _at_first(
        "lost answer at send",
        "lost-send",
        Reply(0, accepted=True, times=1, step=SEND),
        First.UNKNOWN,
        "no_answer",
    ),
    _at_first(
        "500 at send", "broken", Reply(500, html=True, times=1, step=SEND), First.UNKNOWN, "500"
    ),
)
_BY_TAG = {scenario.tag: scenario for scenario in PING_SCENARIOS}


def scenario_of(address: str) -> Scenario:
    """The behaviour that an address chooses; an ordinary letter for everybody who chooses none."""
    return _BY_TAG.get(tag_of(address), PING_SCENARIOS[0])
