"""What a failure means that no provider named: our own checks, requests without an answer, unheard-of codes."""

from __future__ import annotations

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.base import Follow, Problem

CORRECT_ADDRESS = "Correct the customer's address, then send again."
OTHERWISE = "Otherwise use another channel, or hand it over by hand."
TRIES_AGAIN = "Nothing to do: it is tried again by itself."
RULES_AGAIN = (
    "Nothing to do at first: it is tried again by itself. If it stays so, report it to whoever runs commtui: "
    "the process that runs the rules needs memory and the extra commtui[einvoice]."
)
SEND_LATER = "Send again later; if it keeps failing, use another channel."
SETTLE = "Look for it at the provider or ask the customer, then settle it: it was sent, send again, or give up."

OWN: dict[str, Problem] = {
    "missing_recipient": Problem(
        ErrorClass.PERMANENT,
        "The customer has no address for this channel, so nothing was sent.",
        f"Add the address to the customer, then send again. {OTHERWISE}",
    ),
    "invalid_recipient": Problem(
        ErrorClass.PERMANENT,
        "The customer's address cannot be right, so nothing was sent.",
        CORRECT_ADDRESS,
    ),
    "missing_content": Problem(
        ErrorClass.TECHNICAL,
        "The communication has no content for this channel, so nothing was sent.",
        "Have the source system deliver the content for this channel, then send again.",
    ),
    "too_large": Problem(
        ErrorClass.TECHNICAL,
        "The message is larger than this channel allows, so nothing was sent.",
        "Have the source system deliver a shorter text or smaller documents, or use another channel.",
    ),
    "opted_out": Problem(
        ErrorClass.POLICY,
        "The recipient has opted out of such messages, so nothing was sent.",
        "Use another channel; only the recipient can take it back (C shows who said it, and when).",
        Follow.FALLBACK,
    ),
    "erased": Problem(
        ErrorClass.POLICY,
        "The customer was erased before it could be sent, or before its outcome was known.",
        "Nothing to do: there is nothing left that could be sent.",
    ),
    "restored": Problem(
        ErrorClass.UNKNOWN,
        "It waited in a back-up that was restored, so it may have been sent since the back-up was taken.",
        SETTLE,
    ),
    "missing_opt_out": Problem(
        ErrorClass.TECHNICAL,
        "Marketing has to say how to opt out, and this one cannot, so nothing was sent.",
        "Set web.public_url or sendgrid.asm_group_id for email, twilio.opt_out_text for SMS; then send again.",
    ),
    "test_mode": Problem(
        ErrorClass.TECHNICAL,
        "In test mode nothing goes to a customer, and this cannot be redirected, so nothing was sent.",
        "Set a test address for the channel (section [test]), or send it again outside test mode.",
    ),
    "check_failed": Problem(
        ErrorClass.TECHNICAL,
        "Our own check of the message failed, so nothing was sent.",
        "Report it to whoever runs commtui; its log says more.",
    ),
    "not_begun": Problem(
        ErrorClass.TECHNICAL,
        "The database went away before the request, which was not made.",
        TRIES_AGAIN,
    ),
    "not_there": Problem(
        ErrorClass.TECHNICAL,
        "The provider was asked after a lost answer, and has no such message.",
        TRIES_AGAIN,
    ),
    "worker_lost": Problem(
        ErrorClass.TECHNICAL,
        "The worker ended in the middle; nothing was sent that cannot be repeated.",
        TRIES_AGAIN,
    ),
    "worker_died": Problem(
        ErrorClass.TECHNICAL,
        "Three workers ended while they had this message, so it was set aside; it was not sent.",
        "Report it to whoever runs commtui, whose log says more; then send it on, or give it up.",
    ),
    "no_answer": Problem(
        ErrorClass.TEMPORARY,
        "The provider gave no answer; nothing was sent that cannot be repeated.",
        TRIES_AGAIN,
    ),
    "foreign_address": Problem(
        ErrorClass.TECHNICAL,
        "The provider named an address that is not safe to follow.",
        "Report it to whoever runs commtui: the provider's answer points into a private network.",
    ),
    "no_provider": Problem(
        ErrorClass.TECHNICAL,
        "No provider is set up for this channel, so nothing was sent.",
        "Put the provider's settings into the configuration, then send again.",
    ),
    "expired": Problem(
        ErrorClass.TECHNICAL,
        "The message's time was over before it could be sent, so nothing was sent.",
        "Have the source system deliver a new message if it is still wanted.",
    ),
    "too_late": Problem(
        ErrorClass.TECHNICAL,
        "The worker was held up, so the request was not made.",
        TRIES_AGAIN,
    ),
    "unreachable": Problem(
        ErrorClass.TEMPORARY,
        "The provider could not be reached; the request did not leave.",
        TRIES_AGAIN,
    ),
    "bad_request": Problem(
        ErrorClass.TECHNICAL,
        "The request could not be made from the settings as they are.",
        "Check the provider's settings: base URL and credentials.",
    ),
    "503": Problem(
        ErrorClass.TEMPORARY,
        "The provider is unavailable and asked to be called later.",
        TRIES_AGAIN,
    ),
}
"""By the codes that our own checks, the worker and our HTTP client give."""
LOST = frozenset({"no_answer", "worker_lost"})
"""Codes that mean more when the outcome is unknown: then it may have been sent."""


def shared(label: str, status: Status, code: str) -> Problem:
    """The problem of a failure that the provider's own tables do not know."""
    if code in OWN and (status is not Status.UNKNOWN or code not in LOST):
        return OWN[code]
    if status is Status.UNKNOWN:
        return Problem(
            ErrorClass.UNKNOWN,
            f"The request left for {label}, but no usable answer was recorded: it may have been sent.",
            SETTLE,
        )
    if not code:
        return Problem(
            ErrorClass.UNKNOWN,
            f"{label} reported a failure without a reason.",
            "Read the provider's own words and look the message up in its console.",
        )
    return Problem(
        ErrorClass.UNKNOWN,
        f"{label} reported the code {code[:60]}, which commtui does not know.",
        "Read the provider's own words and look the code up in its documentation.",
    )
