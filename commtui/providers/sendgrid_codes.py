"""What SendGrid's events, drops and answers mean.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
The class of a bounce comes from SendGrid's type, never from the SMTP code.
"""

from __future__ import annotations

from collections.abc import Mapping

from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, ErrorClass, Status
from commtui.providers.base import Follow, Problem
from commtui.providers.problems import CORRECT_ADDRESS, OTHERWISE, SEND_LATER, TRIES_AGAIN, shared

LABEL = "SendGrid"

STATUS: Mapping[str, Status] = {
    "processed": Status.SENT,
    "deferred": Status.SENT,
    "delivered": Status.DELIVERED,
    "bounce": Status.BOUNCED,
    "dropped": Status.DROPPED,
    "cancel_drop": Status.CANCELLED,
}
"""Event kinds that move an entry; every other kind is informational."""
BOUNCE_TYPES: Mapping[str, Status] = {
    "bounce": Status.BOUNCED,
    "blocked": Status.BLOCKED,
    "expired": Status.BLOCKED,
}
DROP_REASONS: Mapping[str, str] = {
    "recipient_list_over_package_quota": "over_quota",
}
"""Reasons whose code is shorter than the reason itself."""

_REPORTED = OptChange(Channel.EMAIL, out=True, scope=Scope.ALL, source=OptSource.SPAM_REPORT)
_LEFT = OptChange(Channel.EMAIL, out=True, scope=Scope.ALL, source=OptSource.PROVIDER)
OPT_KINDS: Mapping[str, OptChange] = {
    "spamreport": _REPORTED,
    "unsubscribe": _LEFT,
    "group_unsubscribe": OptChange(
        Channel.EMAIL, out=True, scope=Scope.MARKETING, source=OptSource.GROUP
    ),
    "group_resubscribe": OptChange(
        Channel.EMAIL, out=False, scope=Scope.MARKETING, source=OptSource.GROUP
    ),
}
"""Events in which the recipient says what may come; a global unsubscribe stops everything that SendGrid sends."""
OPT_DROPS: Mapping[str, OptChange] = {
    "unsubscribed_address": _LEFT,
    "spam_reporting_address": _REPORTED,
}
"""Drops that tell of such a word heard before."""

_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL, _POLICY = ErrorClass.TECHNICAL, ErrorClass.POLICY
_REPORT = "Report it to whoever runs commtui; sending again will not help."

CHECK_PROBLEMS: Mapping[str, Problem] = {
    "missing_recipient": Problem(
        _PERMANENT,
        "The customer has no email address, so nothing was sent.",
        f"Add the address to the customer, then send again. {OTHERWISE}",
    ),
    "invalid_recipient": Problem(
        _PERMANENT, "The email address cannot be right, so nothing was sent.", CORRECT_ADDRESS
    ),
}
"""Our own checks, before anything leaves."""
ANSWER_PROBLEMS: Mapping[str, Problem] = {
    "400": Problem(
        _TECHNICAL, "SendGrid refused the request as not valid; its words name the field.", _REPORT
    ),
    "401": Problem(
        _TECHNICAL,
        "SendGrid does not accept our API key.",
        "Put a valid key into sendgrid.api_key; what waits goes out by itself afterwards.",
    ),
    "401_credits": Problem(
        _TECHNICAL,
        "The SendGrid plan's credits are used up.",
        "Add credits or wait until they renew; what waits goes out by itself afterwards.",
    ),
    "402": Problem(
        _TECHNICAL,
        "SendGrid wants to be paid before it sends more.",
        "Settle the account with SendGrid; what waits goes out by itself afterwards.",
    ),
    "403": Problem(
        _TECHNICAL,
        "SendGrid forbids our account or key to send.",
        "Check in SendGrid that the account is active and the key may send mail.",
    ),
    "403_sender": Problem(
        _TECHNICAL,
        "The sender address is not a verified Sender Identity in SendGrid.",
        "Verify sendgrid.from_email in SendGrid, or set one that is verified.",
    ),
    "404": Problem(
        _TECHNICAL, "SendGrid knows no such address of its API.", "Check sendgrid.base_url."
    ),
    "405": Problem(
        _TECHNICAL, "SendGrid does not take this kind of request.", "Check sendgrid.base_url."
    ),
    "413": Problem(
        _TECHNICAL,
        "The message is larger than SendGrid takes (30 MB in all).",
        "Have the source system deliver smaller documents, or use another channel.",
    ),
    "415": Problem(_TECHNICAL, "SendGrid does not take this form of request.", _REPORT),
    "429": Problem(_TEMPORARY, "SendGrid asks us to send more slowly.", TRIES_AGAIN),
}
"""What SendGrid answers to a request."""

DROPPED_PROBLEMS: Mapping[str, Problem] = {
    "bounced_address": Problem(
        _PERMANENT,
        "SendGrid did not try: an earlier message to this address bounced.",
        "Correct the address, or lift the suppression (C, then L) if it works again.",
    ),
    "invalid": Problem(
        _PERMANENT, "SendGrid did not try: it takes the address for invalid.", CORRECT_ADDRESS
    ),
    "unsubscribed_address": Problem(
        _POLICY,
        "SendGrid did not try: the recipient has unsubscribed.",
        "Do not write to this address again; use another channel.",
        Follow.FALLBACK,
    ),
    "spam_reporting_address": Problem(
        _POLICY,
        "SendGrid did not try: the recipient reported an earlier message as spam.",
        "Do not write to this address again; use another channel.",
        Follow.FALLBACK,
    ),
    "spam_content": Problem(
        _TECHNICAL,
        "SendGrid did not try: it takes the content for spam.",
        "Have the text changed at the source, then send again.",
    ),
    "over_quota": Problem(
        _TECHNICAL,
        "SendGrid did not try: the plan's quota is used up.",
        "Raise the quota or wait until it renews, then send again.",
    ),
    "invalid_smtpapi_header": Problem(
        _TECHNICAL, "SendGrid did not try: it could not read the message's header.", _REPORT
    ),
}
"""Why SendGrid never tried, by its reason as a code."""

BOUNCED_PROBLEMS: Mapping[str, Problem] = {
    "5.1.1": Problem(_PERMANENT, "The mailbox does not exist.", CORRECT_ADDRESS),
    "5.1.2": Problem(_PERMANENT, "The address's domain takes no mail.", CORRECT_ADDRESS),
    "5.1.10": Problem(_PERMANENT, "The recipient's address does not exist.", CORRECT_ADDRESS),
    "5.2.1": Problem(_PERMANENT, "The mailbox is closed.", CORRECT_ADDRESS),
    "5.2.2": Problem(
        _PERMANENT, "The mailbox is full.", "Ask the customer, or use another channel."
    ),
    "5.4.1": Problem(_PERMANENT, "The recipient's server knows no such address.", CORRECT_ADDRESS),
    "5.7.1": Problem(
        _PERMANENT,
        "The recipient's server refuses mail for this address.",
        "Use another address or another channel.",
    ),
}
"""Hard bounces by enhanced status; the class comes from SendGrid's type, never from the SMTP code."""
_BOUNCED = Problem(
    _PERMANENT, "The recipient's server says that this address does not work.", CORRECT_ADDRESS
)
_BLOCKED = Problem(
    _TEMPORARY, "The recipient's server refused this message, not the address.", SEND_LATER
)
_EXPIRED = Problem(
    _TEMPORARY, "The recipient's server did not take the message in three days.", SEND_LATER
)
_UNTYPED = Problem(
    ErrorClass.UNKNOWN,
    "The message bounced, but SendGrid did not say whether the address works.",
    "Read the server's own words before sending again.",
)


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a failure means; by status first, because SMTP codes say something else per status."""
    if status is Status.BLOCKED:
        return _EXPIRED if code == "expired" else _BLOCKED
    if status is Status.BOUNCED:
        return _UNTYPED if code.startswith("type_") else BOUNCED_PROBLEMS.get(code, _BOUNCED)
    if status is Status.UNKNOWN:
        return shared(LABEL, status, code)
    table = DROPPED_PROBLEMS if status is Status.DROPPED else ANSWER_PROBLEMS
    return table.get(code) or CHECK_PROBLEMS.get(code) or shared(LABEL, status, code)
