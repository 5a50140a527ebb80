"""What the words and codes of Peppol and of its access point mean, each in its layer.

The same letters say different things in two layers: AP is "delivered" in a message level status and "approved"
in an invoice response. So a code is always kept with its layer, as mls:AP or imr:AP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from commtui.domain.vocabulary import ErrorClass, Layer, Status
from commtui.providers.base import Follow, Problem, Task
from commtui.providers.problems import (
    CORRECT_ADDRESS,
    RULES_AGAIN,
    SEND_LATER,
    TRIES_AGAIN,
    shared,
)

LABEL = "Peppol"
BILLING_PROCESS = "cenbii-procid-ubl::urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
"""Process of BIS Billing 3.0, for invoices and credit notes."""
_ROOTS = {"invoice": "Invoice", "credit_note": "CreditNote"}


def document_type(kind: str, customization: str) -> str:
    """The network's identifier of a UBL document, from its kind (invoice, credit_note) and its CustomizationID."""
    root = _ROOTS[kind]
    return (
        f"busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:{root}-2::{root}"
        f"##{customization}::2.1"
    )


MESSAGE_STATUS: Mapping[str, str] = {
    "AP": "delivered to the recipient's system, which confirmed it",
    "AB": "delivered to the recipient's system, unconfirmed",
    "RE": "refused by the recipient's platform",
}
"""Codes of a message level status (MLS, formerly MLR): technical, by the recipient's platform."""
INVOICE_RESPONSE: Mapping[str, str] = {
    "AB": "received by the buyer",
    "IP": "being handled by the buyer",
    "UQ": "the buyer has a question",
    "CA": "accepted by the buyer under conditions",
    "RE": "rejected by the buyer",
    "AP": "approved by the buyer",
    "PD": "paid, says the buyer",
}
"""Codes of an invoice response (IMR): what the buyer decided about the invoice."""
REASONS: Mapping[str, str] = {
    "BV": "breaks a business rule",
    "BW": "has a warning of a business rule",
    "SV": "is not valid by its syntax",
    "FD": "could not be handed to the recipient",
    "NON": "no issue",
    "REF": "references incorrect",
    "LEG": "legal information incorrect",
    "REC": "receiver unknown",
    "QUA": "item quality insufficient",
    "DEL": "delivery issues",
    "PRI": "prices incorrect",
    "QTY": "quantity incorrect",
    "ITM": "items incorrect",
    "PAY": "payment terms incorrect",
    "UNR": "not recognised",
    "FIN": "finance terms incorrect",
    "PPD": "partially paid",
    "OTH": "other",
    "NOA": "no action required",
    "PIN": "provide information",
    "NIN": "issue a new invoice",
    "CNF": "credit fully",
    "CNP": "credit partially",
    "CNA": "credit the amount",
}
"""Reasons in a message level status; reasons (OPStatusReason) and wanted actions (OPStatusAction) in a response."""

REJECTED, QUESTION, STALLED = "buyer_rejected", "buyer_question", "stalled"
TASKS: Mapping[str, Task] = {
    REJECTED: Task(
        "The buyer has rejected the invoice.",
        "Talk to the buyer. Then issue a credit note for it, and a new invoice with a new number.",
    ),
    QUESTION: Task(
        "The buyer has a question about the invoice and does not handle it until it is answered.",
        "Answer the buyer; the task closes when the buyer reports that it goes on.",
    ),
    STALLED: Task(
        "The invoice has been on its way for more than a day, and the network has not said that it arrived.",
        "Ask the access point what became of it; the task closes when the network takes it.",
    ),
}
ANSWERED = frozenset({"imr:CA", "imr:AP", "imr:PD", "imr:IP"})
"""Responses that show that a question has been answered."""

MLS_REFUSED, IMR_REFUSED = "mls:RE", "imr:RE"
SEND_FAILED = "send_failed"
SEND_FAILED_RECIPIENT = "send_failed:recipient"
SEND_FAILED_DOCUMENT = "send_failed:document"
RULE = re.compile(r"(?:BR|PEPPOL|UBL|EN16931|BE|DE|DK|FR|GR|IS|IT|NL|NO|SE)-[A-Z0-9-]*\d")
"""A rule's id in EN 16931, in Peppol's own rules, or in those of a country."""
FAILURES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"PEPPOL:NOT_SERVICED|\bNOT_SERVICED\b", re.IGNORECASE), SEND_FAILED_RECIPIENT),
    (
        re.compile(
            r"\b(?:participant|receiver|recipient)\b.{0,60}\bnot (?:registered|found)\b",
            re.IGNORECASE,
        ),
        SEND_FAILED_RECIPIENT,
    ),
    (re.compile(rf"\b{RULE.pattern}\b"), SEND_FAILED_DOCUMENT),
)
"""What a failed sending's details say beyond doubt: AS4's own error, plain words, a rule's id."""

LAYERS: Mapping[str, Layer] = {"mls": Layer.MESSAGE, "imr": Layer.BUSINESS}

_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL = ErrorClass.TECHNICAL
_KEY = (
    "Check peppol.api_key in the access point's console; what waits goes out by itself afterwards."
)
_ACCOUNT = (
    "Look at the account in the access point's console; what waits goes out by itself afterwards."
)
_DOCUMENT = "Have the source system deliver a corrected invoice; its number may stay the same."
_REGISTER = "Ask the customer for the right Peppol ID and correct it, or use another channel."
_REPORT = "Report it to whoever runs commtui; sending again will not help."

PROBLEMS: Mapping[str, Problem] = {
    "400": Problem(
        _TECHNICAL,
        "The access point refuses to send it: not validated, or its Peppol details are missing.",
        _DOCUMENT,
    ),
    "401": Problem(_TECHNICAL, "The access point does not accept our API key.", _KEY),
    "402": Problem(_TECHNICAL, "The access point wants to be paid before it sends more.", _ACCOUNT),
    "403": Problem(_TECHNICAL, "The access point forbids our account to send.", _ACCOUNT),
    "404": Problem(
        _TECHNICAL,
        "The access point does not have the document any more, so it was not sent.",
        "Send again; should it happen again, check whose account peppol.api_key is.",
    ),
    "406": Problem(
        _TECHNICAL, "The access point says that the invoice is not valid UBL.", _DOCUMENT
    ),
    "409": Problem(
        _TECHNICAL,
        "The access point does not let us send from this sender.",
        "Check peppol.sender_id against the Peppol IDs in the access point's console.",
    ),
    "413": Problem(_TECHNICAL, "The invoice is larger than the access point takes.", _DOCUMENT),
    "415": Problem(_TECHNICAL, "The access point says that the file is not UBL.", _DOCUMENT),
    "422": Problem(_TECHNICAL, "The access point cannot read our request as it was made.", _REPORT),
    "429": Problem(_TEMPORARY, "The access point asks us to send more slowly.", TRIES_AGAIN),
    "no_credit": Problem(
        _TECHNICAL,
        "The credit at the access point is used up.",
        "Top it up in the access point's console; what waits goes out by itself afterwards.",
    ),
    "low_credit": Problem(
        _TECHNICAL,
        "The credit at the access point is low.",
        "Top it up in the access point's console before invoices have to wait for it.",
    ),
    "sender_not_allowed": Problem(
        _TECHNICAL,
        "Our sender is not among the Peppol IDs of our account at the access point.",
        "Register peppol.sender_id in the access point's console, or correct the setting.",
    ),
    "rule": Problem(
        _TECHNICAL, "The invoice breaks a rule of the network, so nothing was sent.", _DOCUMENT
    ),
    "unreadable": Problem(
        _TECHNICAL, "The document cannot be read as an invoice, so nothing was sent.", _DOCUMENT
    ),
    "wrong_syntax": Problem(
        _TECHNICAL, "Peppol takes UBL, and the document is not, so nothing was sent.", _DOCUMENT
    ),
    "xsd": Problem(
        _TECHNICAL, "The invoice does not follow the UBL schema, so nothing was sent.", _DOCUMENT
    ),
    "zero_rules": Problem(
        _TECHNICAL, "No rule applied to the document: it was not checked, and not sent.", _DOCUMENT
    ),
    "rules_crashed": Problem(
        _TECHNICAL,
        "The rules could not be run, so the invoice was not checked, and not sent yet.",
        RULES_AGAIN,
    ),
    "too_many_documents": Problem(
        _TECHNICAL,
        "The communication has several invoices for one recipient, so nothing was sent.",
        "Have the source system deliver each invoice as a communication of its own.",
    ),
    "sender_differs": Problem(
        _TECHNICAL,
        "The invoice names another sender than ours, so nothing was sent.",
        "Compare peppol.sender_id with the seller's EndpointID; have the wrong one corrected.",
    ),
    "recipient_differs": Problem(
        _TECHNICAL,
        "The invoice names another recipient than the customer's Peppol ID, so nothing was sent.",
        "Compare the customer's Peppol ID with the buyer's EndpointID; have the wrong one corrected.",
    ),
    "not_registered": Problem(
        _PERMANENT,
        "The recipient is not registered on Peppol, so nothing was sent.",
        _REGISTER,
    ),
    "no_endpoint": Problem(
        _PERMANENT,
        "The recipient is registered on Peppol, but nothing says where to deliver to.",
        "Ask the customer to have their Peppol registration completed, or use another channel.",
    ),
    "unsupported": Problem(
        _PERMANENT,
        "The recipient is registered on Peppol, but not for this kind of document.",
        "Ask the customer to register for it (credit notes count apart), or use another channel.",
    ),
    "could_not_check": Problem(
        _TEMPORARY,
        "Whether the recipient is registered on Peppol could not be checked; nothing was sent yet.",
        TRIES_AGAIN,
    ),
    SEND_FAILED: Problem(
        ErrorClass.UNKNOWN,
        "The access point could not hand the invoice to the recipient's platform.",
        f"Read the access point's own words. {SEND_LATER}",
        Follow.NOTHING,
    ),
    SEND_FAILED_RECIPIENT: Problem(
        _PERMANENT,
        "The network refused the invoice: the recipient's registration does not take it.",
        _REGISTER,
        Follow.FALLBACK,
    ),
    SEND_FAILED_DOCUMENT: Problem(
        _TECHNICAL,
        "The network refused the invoice: it breaks a rule.",
        _DOCUMENT,
        Follow.FALLBACK,
    ),
    MLS_REFUSED: Problem(
        _TECHNICAL,
        "The recipient's platform refused the invoice for technical reasons; the buyer has not seen it.",
        _DOCUMENT,
        Follow.FALLBACK,
    ),
    IMR_REFUSED: Problem(
        _TECHNICAL,
        "The buyer has read the invoice and rejected it.",
        "Talk to the buyer. Then issue a credit note for it, and a new invoice with a new number.",
        Follow.NOTHING,
    ),
    "invalid_recipient": Problem(
        _PERMANENT, "The Peppol ID cannot be right, so nothing was sent.", CORRECT_ADDRESS
    ),
}
"""By HTTP status of the access point, by our own checks' codes, or by layer and code of a response."""


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a failure means; a code that is neither in the table nor a rule's id is classed unknown."""
    if status is Status.UNKNOWN:
        return shared(LABEL, status, code)
    if RULE.fullmatch(code):
        return Problem(
            _TECHNICAL, f"The invoice breaks the rule {code[:40]}, so nothing was sent.", _DOCUMENT
        )
    return PROBLEMS.get(code) or shared(LABEL, status, code)
