"""What Twilio's words and error codes mean (https://www.twilio.com/docs/api/errors).

Twilio warns that codes change: one that is not here is shown raw and classed unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.base import Follow, Problem
from commtui.providers.problems import (
    CORRECT_ADDRESS,
    OTHERWISE,
    SEND_LATER,
    SETTLE,
    TRIES_AGAIN,
    shared,
)

LABEL = "Twilio"

STATUS: Mapping[str, Status] = {
    "accepted": Status.SENT,
    "scheduled": Status.SENT,
    "queued": Status.SENT,
    "sending": Status.SENT,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELLED,
}
"""Message statuses; every other is informational."""
MAYBE_DELIVERED = "30410"
"""Twilio gave up waiting for the carrier and does not retry, to avoid sending twice."""
RATE_CODES = frozenset({"20429", "21611"})
ACCOUNT_CODES = frozenset({"20003", "20005", "20404"})

_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL, _POLICY = ErrorClass.TECHNICAL, ErrorClass.POLICY
_NUMBER = "Correct the customer's number, or use another channel."
_OTHER_CHANNEL = "Use another channel."
_SENDER = "Check twilio.from or twilio.messaging_service_sid against the Twilio console."
_ACCOUNT = "Check the account in the Twilio console; what waits goes out by itself afterwards."
_REGISTER = "Have the sender registered in the Twilio console, then send again."
_REPORT = "Report it to whoever runs commtui; sending again will not help."

PROBLEMS: Mapping[str, Problem] = {
    "missing_recipient": Problem(
        _PERMANENT,
        "The customer has no telephone number, so nothing was sent.",
        f"Add the number to the customer, then send again. {OTHERWISE}",
    ),
    "invalid_recipient": Problem(
        _PERMANENT,
        "The customer's number is no mobile number as it is written, so nothing was sent.",
        "Correct the number, best with its country code (such as +33 6 12 34 56 78), then send again.",
    ),
    "401": Problem(_TECHNICAL, "Twilio does not accept our credentials.", _ACCOUNT),
    "402": Problem(_TECHNICAL, "Twilio wants to be paid before it sends more.", _ACCOUNT),
    "403": Problem(_TECHNICAL, "Twilio forbids our account to send.", _ACCOUNT),
    "429": Problem(_TEMPORARY, "Twilio asks us to send more slowly.", TRIES_AGAIN),
    "20003": Problem(
        _TECHNICAL,
        "Twilio does not accept our credentials, or the account is not active.",
        "Check twilio.account_sid and twilio.auth_token; what waits goes out by itself afterwards.",
    ),
    "20005": Problem(_TECHNICAL, "The Twilio account is not active.", _ACCOUNT),
    "20404": Problem(
        _TECHNICAL, "Twilio does not know our account.", "Check twilio.account_sid and base_url."
    ),
    "20429": Problem(_TEMPORARY, "Twilio has too many requests at once.", TRIES_AGAIN),
    "21211": Problem(_PERMANENT, "Twilio takes the number for invalid.", _NUMBER),
    "21212": Problem(_TECHNICAL, "The sender's number is invalid.", _SENDER),
    "21265": Problem(
        _PERMANENT, "The number is a short code, which cannot be written to.", _NUMBER
    ),
    "21266": Problem(_TECHNICAL, "Sender and recipient are the same number.", _SENDER),
    "21408": Problem(
        _TECHNICAL,
        "The Twilio account may not send to this country.",
        "Allow the country in the Twilio console (Geo permissions), then send again.",
    ),
    "21602": Problem(_TECHNICAL, "Twilio received no text.", _REPORT),
    "21603": Problem(_TECHNICAL, "Twilio received no sender.", _SENDER),
    "21604": Problem(_PERMANENT, "Twilio received no number to send to.", _NUMBER),
    "21606": Problem(_TECHNICAL, "The sender cannot send text messages.", _SENDER),
    "21608": Problem(
        _TECHNICAL,
        "A Twilio trial account only sends to verified numbers.",
        "Upgrade the Twilio account, or verify this number there.",
    ),
    "21609": Problem(
        _TECHNICAL,
        "Twilio cannot call back the address it was given.",
        "Set web.public_url to an address that Twilio reaches (no localhost, no underscore).",
    ),
    "21610": Problem(
        _POLICY,
        "The recipient has opted out: they answered STOP to this sender.",
        "Use another channel; to get texts again the customer must text START to the sender.",
        Follow.FALLBACK,
    ),
    "21611": Problem(_TEMPORARY, "The sender's queue at Twilio is full.", TRIES_AGAIN),
    "21612": Problem(
        _TECHNICAL, "Twilio has no route from this sender to this number.", _OTHER_CHANNEL
    ),
    "21614": Problem(_PERMANENT, "The number is not a mobile number.", _NUMBER),
    "21617": Problem(
        _TECHNICAL,
        "The text is longer than 1600 characters.",
        "Have the text shortened at the source.",
    ),
    "21635": Problem(_PERMANENT, "The number is a landline.", _NUMBER),
    "30001": Problem(_TEMPORARY, "Twilio's queue overflowed.", SEND_LATER),
    "30002": Problem(_TECHNICAL, "The Twilio account is suspended.", _ACCOUNT),
    "30003": Problem(
        _TEMPORARY, "The telephone could not be reached: off or no network.", SEND_LATER
    ),
    "30004": Problem(
        _POLICY,
        "The recipient or their carrier blocks our messages.",
        _OTHER_CHANNEL,
        Follow.FALLBACK,
    ),
    "30005": Problem(_PERMANENT, "The number is unknown or no longer in use.", _NUMBER),
    "30006": Problem(
        _PERMANENT, "The number is a landline or its carrier takes no texts.", _NUMBER
    ),
    "30007": Problem(
        _TECHNICAL,
        "The carrier filtered the message as spam.",
        "Have the text or the sender changed before sending again.",
    ),
    "30008": Problem(_TEMPORARY, "The carrier failed without saying why.", SEND_LATER),
    "30009": Problem(_TECHNICAL, "A part of the message was lost at Twilio.", SEND_LATER),
    "30010": Problem(_TECHNICAL, "The message costs more than is allowed.", _ACCOUNT),
    "30024": Problem(_TECHNICAL, "The carrier does not accept this sender.", _REGISTER),
    "30032": Problem(_TECHNICAL, "The toll-free sender is not verified.", _REGISTER),
    "30034": Problem(_TECHNICAL, "The sender is not registered for the United States.", _REGISTER),
    "30035": Problem(_TECHNICAL, "The sender's registration is not complete.", _REGISTER),
    "30036": Problem(
        _TEMPORARY, "The message expired in Twilio's queue and was not sent.", "Send again."
    ),
    MAYBE_DELIVERED: Problem(
        ErrorClass.UNKNOWN,
        "Twilio gave up waiting for the carrier: the message may have been delivered.",
        SETTLE,
    ),
    "30450": Problem(
        _TECHNICAL,
        "Twilio blocked the message to protect the account from fraud.",
        "Look at the SMS pumping protection in the Twilio console.",
    ),
    "30500": Problem(_TEMPORARY, "Twilio had an internal error.", SEND_LATER),
    "35114": Problem(_TECHNICAL, "The date to send at is outside of what Twilio allows.", _REPORT),
    "35115": Problem(_TECHNICAL, "The date to send at is outside of what Twilio allows.", _REPORT),
    "35117": Problem(_TECHNICAL, "The date to send at is outside of what Twilio allows.", _REPORT),
    "35118": Problem(_TECHNICAL, "Sending at a date needs a Messaging Service.", _SENDER),
    "63003": Problem(_PERMANENT, "The recipient was not found on this channel.", CORRECT_ADDRESS),
    "63013": Problem(_POLICY, "The message breaks the channel's rules.", _OTHER_CHANNEL),
    "63016": Problem(_TECHNICAL, "The message needs an approved template.", _OTHER_CHANNEL),
    "63018": Problem(_TEMPORARY, "The channel's rate limit was reached.", SEND_LATER),
    "63024": Problem(_PERMANENT, "The channel takes the recipient for invalid.", _OTHER_CHANNEL),
    "63032": Problem(_POLICY, "The channel's rules forbid this message.", _OTHER_CHANNEL),
    "63049": Problem(_TEMPORARY, "The channel chose not to deliver the message.", SEND_LATER),
}
"""By our own checks' codes, by Twilio's error code, or the HTTP status where it gave none."""


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a failure means; Twilio's codes mean the same in answers and callbacks."""
    if status is Status.UNKNOWN and code != MAYBE_DELIVERED:
        return shared(LABEL, status, code)
    return PROBLEMS.get(code) or shared(LABEL, status, code)
