"""How the practice network's Twilio behaves; the last two digits of a number kept free for fiction choose.

+46 70 174 06 xx in Sweden, +1 … 555 01xx in North America.
"""

from __future__ import annotations

import re

from commtui.demo.scenario import First, Later, Reply, Scenario
from commtui.domain.vocabulary import ErrorClass, Status

TWILIO = "twilio"
_FICTION = re.compile(r"^(?:\+467017406|\+1[2-9]\d\d55501)(\d\d)$")
_AREA_CODES = ("202", "212", "213", "305", "312", "404", "415", "503", "512", "602", "617", "702")


def tag_of(number: str) -> str:
    """The digits that choose; empty for every number that is not kept free."""
    found = _FICTION.search(number)
    return found.group(1) if found else ""


def _address(tag: str, number: int) -> str:
    if number == 0:
        return f"+467017406{tag}"
    return f"+1{_AREA_CODES[number % len(_AREA_CODES)]}55501{tag}"


def _refused(name: str, tag: str, reply: Reply, code: str, **ends: ErrorClass) -> Scenario:
    return Scenario(
        name=name,
        provider=TWILIO,
        address=_address,
        tag=tag,
        events=(),
        status=Status.REJECTED,
        error_class=ends.get("error_class", _TECHNICAL),
        code=code,
        reply=reply,
        first=First.REJECTED,
        first_code=code,
    )


def _at_first(name: str, tag: str, reply: Reply, first: First, code: str) -> Scenario:
    """Refused for a while, then delivered."""
    return Scenario(
        name=name,
        provider=TWILIO,
        address=_address,
        tag=tag,
        events=_SMS_DELIVERED,
        status=Status.DELIVERED,
        reply=reply,
        first=first,
        first_code=code,
    )


def _undelivered(
    tag: str, code: str, words: str, error_class: ErrorClass, **more: Status
) -> Scenario:
    return Scenario(
        name=f"undelivered {code}",
        provider=TWILIO,
        address=_address,
        tag=tag,
        events=(
            Later("sent", 0.3),
            Later("undelivered", 1.0, {"ErrorCode": code, "ErrorMessage": words}),
        ),
        status=more.get("status", Status.UNDELIVERED),
        error_class=error_class,
        code=code,
    )


_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL, _POLICY = ErrorClass.TECHNICAL, ErrorClass.POLICY
_TAKEN = {"response": "250 2.0.0 OK queued as 4Xy1Zk"}
_NO_SUCH_MAILBOX = {
    "type": "bounce",
    "status": "5.1.1",
    "reason": "550 5.1.1 <customer@example.com>: Recipient address rejected: User unknown",
    "bounce_classification": "Invalid Address",
}
_NO_ARGS = frozenset({"custom_args"})
_NO_IDS = frozenset({"custom_args", "sg_message_id"})
_EMAIL_DELIVERED = (Later("processed", 0.2), Later("delivered", 0.8, _TAKEN))
_SMS_DELIVERED = (Later("sent", 0.3), Later("delivered", 1.0, {"RawDlrDoneDate": "2601150930"}))


SMS_SCENARIOS: tuple[Scenario, ...] = (
    Scenario("delivered", TWILIO, _address, "05", _SMS_DELIVERED, Status.DELIVERED),
    _undelivered("50", "30003", "Unreachable destination handset", _TEMPORARY),
    _undelivered("51", "30005", "Unknown destination handset", _PERMANENT),
    _undelivered("52", "30006", "Landline or unreachable carrier", _PERMANENT),
    _undelivered("53", "30007", "Message filtered", _TECHNICAL),
    _undelivered("54", "30008", "", _TEMPORARY),
    _undelivered(
        "55", "30410", "Provider timeout error", ErrorClass.UNKNOWN, status=Status.UNKNOWN
    ),
    Scenario(
        "failed",
        TWILIO,
        _address,
        "56",
        (Later("failed", 0.6, {"ErrorCode": "30024", "ErrorMessage": "Sender not provisioned"}),),
        Status.FAILED,
        _TECHNICAL,
        "30024",
    ),
    Scenario("stuck at sent", TWILIO, _address, "57", (Later("sent", 0.3),), Status.SENT),
    _refused(
        "21211",
        "58",
        Reply(400, "Invalid 'To' Phone Number", code=21211),
        "21211",
        error_class=_PERMANENT,
    ),
    _refused(
        "21610",
        "59",
        Reply(400, "Attempt to send to unsubscribed recipient", code=21610),
        "21610",
        error_class=_POLICY,
    ),
    _refused(
        "21614",
        "60",
        Reply(400, "'To' number is not a valid mobile number", code=21614),
        "21614",
        error_class=_PERMANENT,
    ),
    _at_first(
        "20003",
        "61",
        Reply(401, "Authenticate", code=20003, times=1),
        First.ACCOUNT,
        "20003",
    ),
    _at_first(
        "20429",
        "62",
        Reply(429, "Too Many Requests", code=20429, times=1),
        First.RATE_LIMITED,
        "20429",
    ),
    Scenario(
        "500",
        TWILIO,
        _address,
        "63",
        (),
        Status.UNKNOWN,
        ErrorClass.UNKNOWN,
        "20500",
        Reply(500, "Internal Server Error", code=20500),
        First.UNKNOWN,
        "20500",
    ),
    _at_first(
        "lost answer",
        "64",
        Reply(0, accepted=True, times=1),
        First.UNKNOWN,
        "no_answer",
    ),
)
