"""How the practice network behaves, as data: what is answered, what follows, and what an operator must see.

The recipient chooses: the tag of an email address (…+bounce@…), the last two digits of a telephone number
kept free for fiction (+46 70 174 06 xx in Sweden, +1 … 555 01xx in North America). Anybody else is reached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from commtui.domain.vocabulary import ErrorClass, Status

SENDGRID, TWILIO = "sendgrid", "twilio"
_TAG = re.compile(r"\+([a-z0-9-]+)@")
_FICTION = re.compile(r"^(?:\+467017406|\+1[2-9]\d\d55501)(\d\d)$")
_AREA_CODES = ("202", "212", "213", "305", "312", "404", "415", "503", "512", "602", "617", "702")


class First(StrEnum):
    """What an adapter must make of the first answer."""

    ACCEPTED = "accepted"
    ACCOUNT = "account trouble"
    RATE_LIMITED = "rate limited"
    REJECTED = "rejected"
    UNKNOWN = "unknown outcome"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than success."""

    status: int
    """HTTP status; 0 hangs up without any answer."""
    words: str = ""
    code: int = 0
    """Twilio's error code."""
    field: str | None = None
    """SendGrid's name for what is wrong."""
    html: bool = False
    wait: float | None = None
    """Seconds until SendGrid's rate limit is reset."""
    accepted: bool = False
    """The message was taken all the same."""
    times: int = 0
    """How many calls per recipient get it before all is well; 0: every call."""


@dataclass(frozen=True, slots=True)
class Later:
    """An event that follows an accepted message."""

    kind: str
    after: float
    """Seconds, before the time scale."""
    fields: Mapping[str, str] = field(default_factory=dict)
    copies: int = 1
    without: frozenset[str] = frozenset()
    """What it lacks: custom_args, sg_message_id."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    name: str
    provider: str
    tag: str
    """The address's tag, or the number's last two digits."""
    events: tuple[Later, ...]
    status: Status
    """Where the attempt must end, if nobody intervenes."""
    error_class: ErrorClass | None = None
    code: str = ""
    reply: Reply | None = None
    first: First = First.ACCEPTED
    first_code: str = ""

    def recipient(self, number: int = 0) -> str:
        """A recipient that gets this behaviour; `number` tells several of them apart."""
        if self.provider == SENDGRID:
            return f"customer{number or ''}+{self.tag}@example.com"
        if number == 0:
            return f"+467017406{self.tag}"
        return f"+1{_AREA_CODES[number % len(_AREA_CODES)]}55501{self.tag}"


def _dropped(tag: str, reason: str, error_class: ErrorClass, code: str) -> Scenario:
    return Scenario(
        name=f"dropped: {reason}",
        provider=SENDGRID,
        tag=f"dropped-{tag}",
        events=(Later("dropped", 0.6, {"reason": reason}),),
        status=Status.DROPPED,
        error_class=error_class,
        code=code,
    )


def _refused(
    name: str, tag: str, reply: Reply, code: str, provider: str = SENDGRID, **ends: ErrorClass
) -> Scenario:
    return Scenario(
        name=name,
        provider=provider,
        tag=tag,
        events=(),
        status=Status.REJECTED,
        error_class=ends.get("error_class", _TECHNICAL),
        code=code,
        reply=reply,
        first=First.REJECTED,
        first_code=code,
    )


def _at_first(
    name: str, tag: str, reply: Reply, first: First, code: str, provider: str = SENDGRID
) -> Scenario:
    """Refused for a while, then delivered."""
    return Scenario(
        name=name,
        provider=provider,
        tag=tag,
        events=_EMAIL_DELIVERED if provider == SENDGRID else _SMS_DELIVERED,
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

_SENDGRID = (
    Scenario("delivered", SENDGRID, "delivered", _EMAIL_DELIVERED, Status.DELIVERED),
    Scenario(
        "bounce",
        SENDGRID,
        "bounce",
        (Later("processed", 0.2), Later("bounce", 1.0, _NO_SUCH_MAILBOX)),
        Status.BOUNCED,
        _PERMANENT,
        "5.1.1",
    ),
    Scenario(
        "blocked",
        SENDGRID,
        "blocked",
        (
            Later("processed", 0.2),
            Later(
                "bounce",
                1.0,
                {
                    "type": "blocked",
                    "status": "5.2.2",
                    "reason": "552 5.2.2 This message is larger than the current system limit",
                    "bounce_classification": "Mailbox Unavailable",
                },
            ),
        ),
        Status.BLOCKED,
        _TEMPORARY,
        "5.2.2",
    ),
    _dropped("bounced", "Bounced Address", _PERMANENT, "bounced_address"),
    _dropped("unsubscribed", "Unsubscribed Address", _POLICY, "unsubscribed_address"),
    _dropped("reported", "Spam Reporting Address", _POLICY, "spam_reporting_address"),
    _dropped("invalid", "Invalid", _PERMANENT, "invalid"),
    _dropped("header", "Invalid SMTPAPI header", _TECHNICAL, "invalid_smtpapi_header"),
    _dropped("spam", "Spam Content", _TECHNICAL, "spam_content"),
    _dropped("quota", "Recipient List over Package Quota", _TECHNICAL, "over_quota"),
    Scenario(
        "deferred, then delivered",
        SENDGRID,
        "deferred",
        (
            Later("processed", 0.2),
            Later("deferred", 0.6, {"response": "451 4.7.1 Réessayez plus tard", "attempt": "1"}),
            Later("delivered", 2.0, _TAKEN),
        ),
        Status.DELIVERED,
    ),
    Scenario(
        "late bounce without custom args",
        SENDGRID,
        "late-bounce",
        (*_EMAIL_DELIVERED, Later("bounce", 3.0, _NO_SUCH_MAILBOX, without=_NO_ARGS)),
        Status.BOUNCED,
        _PERMANENT,
        "5.1.1",
    ),
    Scenario(
        "late bounce without any id",
        SENDGRID,
        "late-bounce-bare",
        (*_EMAIL_DELIVERED, Later("bounce", 3.0, _NO_SUCH_MAILBOX, without=_NO_IDS)),
        Status.BOUNCED,
        _PERMANENT,
        "5.1.1",
    ),
    _refused("400", "refused", Reply(400, "Bad Request"), "400"),
    _at_first(
        "401 key",
        "key",
        Reply(401, "The provided authorization grant is invalid, expired, or revoked", times=1),
        First.ACCOUNT,
        "401",
    ),
    _at_first(
        "401 credits",
        "credits",
        Reply(401, "Maximum credits exceeded", times=1),
        First.ACCOUNT,
        "401_credits",
    ),
    _at_first(
        "403 sender",
        "sender",
        Reply(
            403,
            "The from address does not match a verified Sender Identity. "
            "Mail cannot be sent until this error is resolved.",
            field="from",
            times=1,
        ),
        First.ACCOUNT,
        "403_sender",
    ),
    _refused("413 as an HTML page", "huge", Reply(413, html=True), "413"),
    _at_first(
        "429 with reset",
        "busy",
        Reply(429, "too many requests", wait=2.0, times=2),
        First.RATE_LIMITED,
        "429",
    ),
    Scenario(
        "500",
        SENDGRID,
        "broken",
        (),
        Status.UNKNOWN,
        ErrorClass.UNKNOWN,
        "500",
        Reply(500, html=True),
        First.UNKNOWN,
        "500",
    ),
    _at_first("lost answer", "lost", Reply(0, accepted=True, times=1), First.UNKNOWN, "no_answer"),
    Scenario(
        "duplicated and reordered events",
        SENDGRID,
        "shuffled",
        (
            Later("delivered", 0.4, _TAKEN, copies=2),
            Later("deferred", 0.8, {"response": "451 4.3.2 Busy", "attempt": "0"}, copies=2),
            Later("processed", 1.2, copies=3),
            Later("delivered", 1.6, _TAKEN),
        ),
        Status.DELIVERED,
    ),
)

_TWILIO = (
    Scenario("delivered", TWILIO, "05", _SMS_DELIVERED, Status.DELIVERED),
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
        "56",
        (Later("failed", 0.6, {"ErrorCode": "30024", "ErrorMessage": "Sender not provisioned"}),),
        Status.FAILED,
        _TECHNICAL,
        "30024",
    ),
    Scenario("stuck at sent", TWILIO, "57", (Later("sent", 0.3),), Status.SENT),
    _refused(
        "21211",
        "58",
        Reply(400, "Invalid 'To' Phone Number", code=21211),
        "21211",
        TWILIO,
        error_class=_PERMANENT,
    ),
    _refused(
        "21610",
        "59",
        Reply(400, "Attempt to send to unsubscribed recipient", code=21610),
        "21610",
        TWILIO,
        error_class=_POLICY,
    ),
    _refused(
        "21614",
        "60",
        Reply(400, "'To' number is not a valid mobile number", code=21614),
        "21614",
        TWILIO,
        error_class=_PERMANENT,
    ),
    _at_first(
        "20003",
        "61",
        Reply(401, "Authenticate", code=20003, times=1),
        First.ACCOUNT,
        "20003",
        TWILIO,
    ),
    _at_first(
        "20429",
        "62",
        Reply(429, "Too Many Requests", code=20429, times=1),
        First.RATE_LIMITED,
        "20429",
        TWILIO,
    ),
    Scenario(
        "500",
        TWILIO,
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
        TWILIO,
    ),
)

SCENARIOS: tuple[Scenario, ...] = (*_SENDGRID, *_TWILIO)
_BY_TAG = {(scenario.provider, scenario.tag): scenario for scenario in SCENARIOS}
_DELIVERED = {SENDGRID: _SENDGRID[0], TWILIO: _TWILIO[0]}


def scenario_for(provider: str, recipient: str) -> Scenario:
    """The behaviour that a recipient chooses; delivery for everybody who chooses none."""
    pattern = _TAG if provider == SENDGRID else _FICTION
    found = pattern.search(recipient.lower())
    key = (provider, found.group(1) if found else "")
    return _BY_TAG.get(key, _DELIVERED[provider])
