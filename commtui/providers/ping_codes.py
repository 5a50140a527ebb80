"""What Ping's letter statuses, event codes and refusals mean (reference: providers, sections 3.2 and 3.4).

None of them is a closed set: one that is not here is shown raw, moves nothing, and is classed unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.base import Problem, Task
from commtui.providers.problems import OTHERWISE, TRIES_AGAIN, shared

LABEL = "Ping"

STATUS: Mapping[str, Status] = {
    "submitted": Status.SENT,
    "awaiting_credits": Status.SENT,
    "accepted": Status.SENT,
    "inspection": Status.SENT,
    "processing": Status.SENT,
    "printing": Status.SENT,
    "transferring": Status.SENT,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "undeliverable": Status.RETURNED,
    "unprintable": Status.FAILED,
    "rejected": Status.FAILED,
    "expired": Status.FAILED,
    "invalid": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "cancelled_expired": Status.CANCELLED,
}
"""Letter statuses that move an entry; every other one is informational."""
VALID = "valid"
"""A draft that may be sent."""
UNUSABLE = frozenset({"invalid", "action_required"})
"""A draft that Ping does not send as it is."""
TAKEN = frozenset({*STATUS, "cancelling"} - UNUSABLE)
"""Statuses of a letter that was sent off: it left the state of a draft, and cannot be sent once more."""
CANCELLABLE = frozenset({"submitted", "awaiting_credits", "accepted", "inspection", "processing"})
CANCELLING = "cancelling"
BACK_TO_DRAFT = "back_to_draft"
"""Ping returned a letter that it had taken to a draft: unpaid for a week, or not released."""
UNDELIVERABLE = "undeliverable"
ADDRESS_DIFFERS = "address_differs"
NOT_CHECKED = "not_checked"
"""Ping did not come to an end with reading the file."""
CREDENTIALS = "credentials"
TOO_LATE = "too_late_to_cancel"
AWAITING, FUNDS_MISSING = "awaiting_credits", "waiting_for_funds"
"""The letter's status and the event's code for one thing: our account has no credit."""
AWAITING_WORDS = "Ping waits for credit on our account before it prints the letter."

EVENTS: Mapping[str, Status | None] = {
    "created": None,
    "submitted": Status.SENT,
    "auto_submitted": Status.SENT,
    "accepted": Status.SENT,
    "processing": Status.SENT,
    "queued_for_transfer": Status.SENT,
    "transferred_to_printcenter": Status.SENT,
    "transferred_to_distributor": Status.SENT,
    "receival_confirmed_by_distributor": Status.SENT,
    "track_and_trace": None,
    "rerouted": None,
    "delivered": Status.DELIVERED,
    "undeliverable": Status.RETURNED,
    "cancellation_requested": None,
    "cancellation_completed": Status.CANCELLED,
    "cancellation_rejected": None,
    "content_passed_inspection": None,
    "content_failed_inspection": None,
    "content_inspection_error": None,
    "file_not_a4_portrait": Status.FAILED,
    "file_not_found": Status.FAILED,
    "file_not_readable": Status.FAILED,
    "file_size_over_limit": Status.FAILED,
    "file_too_many_pages": Status.FAILED,
    "file_removed": None,
    "invalid_pdf_binary_content": Status.FAILED,
    "meta_data_failed_requirements": Status.FAILED,
    "rejected_from_printcenter": Status.FAILED,
    "retracted_from_printcenter": None,
    "shipping_country_blocked": Status.FAILED,
    "shipping_organization_country_blocked": Status.FAILED,
    "unable_to_find_delivery_product": Status.FAILED,
    "waiting_for_funds": None,
    "waiting_for_funds_expired": Status.FAILED,
    "waiting_for_legitimacy": None,
    "waiting_for_legitimacy_expired": Status.FAILED,
    "address_purged": None,
    "address_position_changed": None,
}
"""Event codes; those that are not here are hints, after which the letter itself is asked for."""
ASKED_ABOUT = frozenset(
    {
        "cancellation_rejected",
        "content_failed_inspection",
        "content_inspection_error",
        "retracted_from_printcenter",
        "waiting_for_funds",
        "waiting_for_legitimacy",
    }
)
"""Known codes that say that something may be wrong, but not what becomes of the letter."""
LOOK_IN_PING = "ping_action_required"

_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL = ErrorClass.TECHNICAL
_REPORT = "Report it to whoever runs commtui; sending again will not help."
_PDF = "Have the source system deliver the letter in the right form, then send again."
_FONTS = "Have the source system embed all fonts in the letter, then send again."
_TOP_UP = "Add credit to the account with Ping; what waits goes out by itself afterwards."
_BASE = "Check ping.base_url and ping.organisation."
_APP = "Open the letter in Ping's own app, and send again once what it says is put right."

TASKS: Mapping[str, Task] = {
    LOOK_IN_PING: Task(
        "Ping took the letter, but does not print it until a person has looked at it.",
        "Open the letter in Ping's own app and do what it asks for.",
    )
}

PROBLEMS: Mapping[str, Problem] = {
    CREDENTIALS: Problem(
        _TECHNICAL,
        "Ping does not accept our client id and secret.",
        "Put valid ones into ping.client_id and ping.client_secret; what waits goes out afterwards.",
    ),
    "400": Problem(_TECHNICAL, "Ping refused the request as not valid.", _REPORT),
    "401": Problem(
        _TECHNICAL,
        "Ping does not accept our access token.",
        "Check ping.client_id, ping.client_secret and that ping.identity_url fits ping.base_url.",
    ),
    "402": Problem(_TECHNICAL, "The credit of our account with Ping is used up.", _TOP_UP),
    "403": Problem(
        _TECHNICAL,
        "Ping forbids our application to do this.",
        "Check its scopes (letter) and ping.organisation; what waits goes out by itself afterwards.",
    ),
    "404": Problem(_TECHNICAL, "Ping does not know the organisation or the letter.", _BASE),
    "405": Problem(_TECHNICAL, "Ping does not take this kind of request.", _BASE),
    "410": Problem(
        _TECHNICAL, "Ping no longer has what was asked for.", "Send again: it is uploaded anew."
    ),
    "413": Problem(_TECHNICAL, "The letter is larger than Ping takes.", _PDF),
    "415": Problem(_TECHNICAL, "Ping does not take this form of request.", _REPORT),
    "422": Problem(
        _TECHNICAL,
        "Ping refused a value of the request; its words name it.",
        "Check product, print_mode and print_spectrum of the section ping, then send again.",
    ),
    "424": Problem(
        _TECHNICAL,
        "Ping could not do it because something that it needs failed.",
        "Send again later; if it stays so, look into Ping's own app.",
    ),
    "429": Problem(_TEMPORARY, "Ping asks us to send more slowly.", TRIES_AGAIN),
    "409": Problem(_TEMPORARY, "Ping is still busy with the same request.", TRIES_AGAIN),
    "upload_failed": Problem(_TEMPORARY, "The letter could not be uploaded to Ping.", TRIES_AGAIN),
    "validating": Problem(_TEMPORARY, "Ping is still reading the letter.", TRIES_AGAIN),
    NOT_CHECKED: Problem(
        _TECHNICAL, "Ping did not finish reading the letter; nothing was sent.", _APP
    ),
    ADDRESS_DIFFERS: Problem(
        _TECHNICAL,
        "Ping read another address in the letter than the customer's; nothing was sent.",
        "Compare both below; have the letter made anew with the right address in its window.",
    ),
    "invalid": Problem(_TECHNICAL, "Ping takes the letter for invalid; nothing was sent.", _PDF),
    "action_required": Problem(
        _TECHNICAL, "Ping wants a person to put the letter right; nothing was sent.", _APP
    ),
    UNDELIVERABLE: Problem(
        _PERMANENT,
        "The letter came back: it could not be delivered at this address.",
        "Correct the postal address (Ping's correction stands below, if it has one), then send again.",
    ),
    "unprintable": Problem(_TECHNICAL, "Ping could not print the letter.", _PDF),
    "rejected": Problem(_TECHNICAL, "Ping refused to print the letter.", _APP),
    "expired": Problem(
        _TECHNICAL, "The letter waited too long at Ping and expired.", "Send again."
    ),
    BACK_TO_DRAFT: Problem(
        _TECHNICAL,
        "Ping gave the letter back as a draft: it was not printed.",
        "Look in Ping's own app why (credit, release), then send again.",
    ),
    "awaiting_credits": Problem(
        _TECHNICAL,
        "The credit of our account with Ping is used up: the letter waits there.",
        "Add credit within a week; Ping then prints the letter by itself.",
    ),
    TOO_LATE: Problem(
        _TECHNICAL,
        "It is too late to cancel: the letter is being printed, or has left.",
        "Nothing can be done any more; tell the customer if it matters.",
    ),
    "content_failed_inspection": Problem(
        _TECHNICAL, "The letter did not pass Ping's inspection.", _APP
    ),
    "content_inspection_error": Problem(
        _TECHNICAL, "Ping's inspection of the letter went wrong.", _APP
    ),
    "file_not_a4_portrait": Problem(_TECHNICAL, "A page of the letter is not A4 upright.", _PDF),
    "file_not_found": Problem(
        _TECHNICAL, "Ping did not find the uploaded letter.", "Send again: it is uploaded anew."
    ),
    "file_not_readable": Problem(_TECHNICAL, "Ping cannot read the letter's PDF.", _PDF),
    "file_size_over_limit": Problem(_TECHNICAL, "The letter is larger than 8 MB.", _PDF),
    "file_too_many_pages": Problem(
        _TECHNICAL, "The letter has more pages than its country allows.", _PDF
    ),
    "invalid_pdf_binary_content": Problem(_TECHNICAL, "Ping takes the letter for no PDF.", _PDF),
    "meta_data_failed_requirements": Problem(
        _TECHNICAL,
        "Ping wants sender and recipient stated apart for this product.",
        "Set ping.product to one that reads the address off the letter, then send again.",
    ),
    "rejected_from_printcenter": Problem(_TECHNICAL, "The print centre refused the letter.", _APP),
    "retracted_from_printcenter": Problem(
        _TECHNICAL, "Ping took the letter back from the print centre.", _APP
    ),
    "shipping_country_blocked": Problem(
        _PERMANENT,
        "Ping does not send letters to this country.",
        "Use another channel, or an address in another country.",
    ),
    "shipping_organization_country_blocked": Problem(
        _TECHNICAL,
        "Our organisation may not send letters to this country.",
        "Have the country released in Ping's own app, then send again.",
    ),
    "unable_to_find_delivery_product": Problem(
        _TECHNICAL,
        "Ping has no such product for this country.",
        "Set ping.product to one that the country has, then send again.",
    ),
    "waiting_for_funds_expired": Problem(
        _TECHNICAL,
        "The letter waited a week for credit and was not printed.",
        "Add credit to the account with Ping, then send again.",
    ),
    "waiting_for_legitimacy_expired": Problem(
        _TECHNICAL,
        "Ping did not release our organisation in time; the letter was not printed.",
        "Have the organisation verified in Ping's own app, then send again.",
    ),
    "missing_recipient": Problem(
        _PERMANENT,
        "The customer has no postal address, so nothing was sent.",
        f"Add the address to the customer, then send again. {OTHERWISE}",
    ),
    "invalid_recipient": Problem(
        _PERMANENT,
        "The postal address is incomplete or cannot be right, so nothing was sent.",
        "Correct the customer's address (street, postcode, town, country), then send again.",
    ),
    "missing_content": Problem(
        _TECHNICAL,
        "The communication has not exactly one letter, so nothing was sent.",
        "Have the source system deliver one PDF with the role letter, then send again.",
    ),
    "pdf_unreadable": Problem(
        _TECHNICAL, "The letter's PDF cannot be read; nothing was sent.", _PDF
    ),
    "pdf_encrypted": Problem(_TECHNICAL, "The letter's PDF is encrypted; nothing was sent.", _PDF),
    "pdf_too_large": Problem(
        _TECHNICAL,
        "The letter is larger than 8 MB; nothing was sent.",
        "Have the source system deliver smaller pictures or fewer pages, then send again.",
    ),
    "pdf_not_a4": Problem(
        _TECHNICAL, "A page of the letter is not A4 upright; nothing was sent.", _PDF
    ),
    "pdf_too_many_pages": Problem(
        _TECHNICAL,
        "The letter has more pages than its country allows; nothing was sent.",
        "Have the source system split the letter, then send again.",
    ),
    "pdf_fonts": Problem(
        _TECHNICAL, "A font is missing in the letter's PDF; nothing was sent.", _FONTS
    ),
}
"""By our own checks' codes, by Ping's event codes and letter statuses, and by HTTP status."""


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a failure means; an outcome that is unknown says nothing but that."""
    if status is Status.UNKNOWN:
        return shared(LABEL, status, code)
    return PROBLEMS.get(code) or shared(LABEL, status, code)
