"""How the practice network's SendGrid behaves; the address's tag chooses (…+bounce@…)."""

from __future__ import annotations

import re

from commtui.demo.scenario import First, Later, Reply, Scenario
from commtui.domain.vocabulary import ErrorClass, Status

SENDGRID = "sendgrid"
_TAG = re.compile(r"\+([a-z0-9-]+)@")


def tag_of(address: str) -> str:
    """The tag of an address; empty when it has none."""
    found = _TAG.search(address.lower())
    return found.group(1) if found else ""


def _address(tag: str, number: int) -> str:
    return f"customer{number or ''}+{tag}@example.com"


def _dropped(tag: str, reason: str, error_class: ErrorClass, code: str) -> Scenario:
    return Scenario(
        name=f"dropped: {reason}",
        provider=SENDGRID,
        address=_address,
        tag=f"dropped-{tag}",
        events=(Later("dropped", 0.6, {"reason": reason}),),
        status=Status.DROPPED,
        error_class=error_class,
        code=code,
    )


def _refused(name: str, tag: str, reply: Reply, code: str, **ends: ErrorClass) -> Scenario:
    return Scenario(
        name=name,
        provider=SENDGRID,
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
        provider=SENDGRID,
        address=_address,
        tag=tag,
        events=_EMAIL_DELIVERED,
        status=Status.DELIVERED,
        reply=reply,
        first=first,
        first_code=code,
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


EMAIL_SCENARIOS: tuple[Scenario, ...] = (
    Scenario("delivered", SENDGRID, _address, "delivered", _EMAIL_DELIVERED, Status.DELIVERED),
    Scenario(
        "bounce",
        SENDGRID,
        _address,
        "bounce",
        (Later("processed", 0.2), Later("bounce", 1.0, _NO_SUCH_MAILBOX)),
        Status.BOUNCED,
        _PERMANENT,
        "5.1.1",
    ),
    Scenario(
        "blocked",
        SENDGRID,
        _address,
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
        _address,
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
        _address,
        "late-bounce",
        (*_EMAIL_DELIVERED, Later("bounce", 3.0, _NO_SUCH_MAILBOX, without=_NO_ARGS)),
        Status.BOUNCED,
        _PERMANENT,
        "5.1.1",
    ),
    Scenario(
        "late bounce without any id",
        SENDGRID,
        _address,
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
        _address,
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
        _address,
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
