"""What a failure means that no provider named: our own checks, requests without an answer, unheard-of codes."""

from __future__ import annotations

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.base import Problem

CORRECT_ADDRESS = "Correct the customer's address, then send again."
TRIES_AGAIN = "Nothing to do: it is tried again by itself."
SEND_LATER = "Send again later; if it keeps failing, use another channel."
SETTLE = "Look for it at the provider or ask the customer, then settle it: it was sent, send again, or give up."

OWN: dict[str, Problem] = {
    "missing_recipient": Problem(
        ErrorClass.PERMANENT,
        "The customer has no address for this channel, so nothing was sent.",
        "Add the address to the customer, then send again.",
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


def shared(label: str, status: Status, code: str) -> Problem:
    """The problem of a failure that the provider's own tables do not know."""
    if code in OWN:
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
