"""What goes wrong with Chorus Pro, as sentences and advice: our checks, the gateway, codeRetour, the network's no."""

from __future__ import annotations

import re
from collections.abc import Mapping

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.base import Follow, Problem
from commtui.providers.problems import CORRECT_ADDRESS, RULES_AGAIN, TRIES_AGAIN, shared

LABEL = "Chorus Pro"

_PERMANENT, _TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
_TECHNICAL = ErrorClass.TECHNICAL
_BY_ITSELF = "what waits goes out by itself afterwards."
_ACCOUNT = (
    "Check chorus.login and chorus.password, and whether the technical account's password has expired; "
    f"{_BY_ITSELF}"
)
_RENEW = (
    "The structure's manager renews it in Chorus Pro; put the new one into chorus.password and start the workers "
    "again."
)
_PISTE = (
    "Check chorus.client_id and chorus.client_secret (the OAuth pair, not the API key) and that chorus.token_url "
    f"is of the same environment; {_BY_ITSELF}"
)
_SUBSCRIBE = (
    "In PISTE, subscribe the application to the Factures, Transverses and Structures APIs and accept their terms; "
    f"{_BY_ITSELF}"
)
_DOCUMENT = "Have the document corrected at the source and send it again under the same number."
_ROUTING = (
    "Correct the customer's e-invoicing details and the invoice at the source, then send again."
)
_ASK = "Ask the recipient which details it wants; correct customer and invoice, then send again."
_REPORT = "Report it to whoever runs commtui; sending again will not help."


def _needs(sentence: str) -> Problem:
    return Problem(_PERMANENT, sentence, _ASK)


CHECK_PROBLEMS: Mapping[str, Problem] = {
    "invalid_recipient": Problem(
        _PERMANENT, "The customer's SIRET cannot be right, so nothing was sent.", CORRECT_ADDRESS
    ),
    "too_many_documents": Problem(
        _TECHNICAL,
        "The communication has several invoices for one recipient, so nothing was sent.",
        "Have the source system deliver each invoice as a communication of its own.",
    ),
    "recipient_differs": Problem(
        _TECHNICAL,
        "The invoice names another recipient, service or engagement than the customer's details do; nothing was sent.",
        _ROUTING,
    ),
    "number_taken": Problem(
        _TECHNICAL,
        "Chorus Pro already has an invoice with this number for this recipient, so nothing was sent again.",
        "Look at that invoice in the portal: settle the earlier attempt as sent, or issue a new invoice number.",
        Follow.NOTHING,
    ),
    "could_not_check": Problem(
        _TEMPORARY,
        "Chorus Pro could not be asked about the recipient, so it could not be checked; nothing was sent yet.",
        TRIES_AGAIN,
    ),
    "not_registered": Problem(
        _PERMANENT,
        "Chorus Pro knows no structure with the customer's SIRET, so nothing was sent.",
        "Check the SIRET with the customer; if it is right, they have to be registered at Chorus Pro first.",
    ),
    "recipient_inactive": Problem(
        _PERMANENT,
        "The customer's structure at Chorus Pro is not active, so nothing was sent.",
        "Ask the customer which SIRET takes their invoices now; correct customer and invoice, then send again.",
    ),
    "service_missing": _needs("The recipient wants a service code, and none is named."),
    "engagement_missing": _needs("The recipient wants an engagement number, and none is named."),
    "service_engagement_missing": _needs(
        "The recipient wants a service code and an engagement number; at least one is missing."
    ),
    "service_or_engagement_missing": _needs(
        "The recipient wants a service code or an engagement number, and none is named."
    ),
    "service_engagement_needed": _needs(
        "The recipient's service wants an engagement number, and none is named."
    ),
    "service_unknown": _needs("The recipient has no such service."),
    "service_inactive": _needs("The recipient's service is not active any more."),
    "service_refused": _needs(
        "Invoices addressed to the service FACTURES_PUBLIQUES are refused by Chorus Pro."
    ),
    "unreadable": Problem(
        _TECHNICAL, "The document cannot be read as an invoice, so nothing was sent.", _DOCUMENT
    ),
    "xsd": Problem(_TECHNICAL, "The document breaks its schema, so nothing was sent.", _DOCUMENT),
    "rules_crashed": Problem(
        _TECHNICAL,
        "The invoice rules could not be run on this document; nothing was sent yet.",
        RULES_AGAIN,
    ),
    "zero_rules": Problem(
        _TECHNICAL,
        "No invoice rule applied to this document, so it was not checked and not sent.",
        _DOCUMENT,
    ),
    "chorus_size": Problem(
        _TECHNICAL,
        "The file is larger than Chorus Pro takes (10 MB), so nothing was sent.",
        "Have the source system deliver smaller attachments, and send again under the same number.",
    ),
    "chorus_number_length": Problem(
        _TECHNICAL,
        "The invoice number is longer than Chorus Pro takes (20 characters), so nothing was sent.",
        "Have the invoice issued with a shorter number.",
    ),
    "chorus_engagement_length": Problem(
        _TECHNICAL,
        "The engagement number is longer than Chorus Pro takes (50 characters), so nothing was sent.",
        "Ask the recipient for the right number; correct customer and invoice, then send again.",
    ),
    "chorus_attachment": Problem(
        _TECHNICAL,
        "Chorus Pro does not take one of the invoice's attachments: its size, name or kind; nothing was sent.",
        "Have the source system deliver that attachment as a PDF below 10 MB with a name of at most 50 characters, "
        "and send again under the same number.",
    ),
    "chorus_profile": Problem(
        _TECHNICAL,
        "The invoice is of a profile that Chorus Pro does not take as a whole invoice, so nothing was sent.",
        "Have the source system deliver Factur-X BASIC, EN 16931 or EXTENDED, and send again under the same number.",
    ),
}
"""Our own checks, before anything leaves."""
_RULE_BROKEN = Problem(
    _TECHNICAL, "The invoice breaks a rule of its network, so nothing was sent.", _DOCUMENT
)
_RULE = re.compile(r"rule|wrong_syntax|chorus_[a-z_]+|[A-Z][A-Za-z0-9]*(?:-[A-Z0-9]+)+")
"""Codes of the document's check: Chorus Pro's own limits, and rules such as BR-CO-16."""

ANSWER_PROBLEMS: Mapping[str, Problem] = {
    "token_refused": Problem(_TECHNICAL, "PISTE does not accept our application.", _PISTE),
    "401": Problem(
        _TECHNICAL,
        "Chorus Pro refuses our technical account, or its password has expired.",
        _ACCOUNT,
    ),
    "password_expiring": Problem(
        _TECHNICAL, "The technical account's password at Chorus Pro expires soon.", _RENEW
    ),
    "password_expired": Problem(
        _TECHNICAL, "The technical account's password at Chorus Pro has expired.", _RENEW
    ),
    "402": Problem(_TECHNICAL, "PISTE wants our account to be settled first.", _SUBSCRIBE),
    "403": Problem(
        _TECHNICAL, "Our PISTE application is not subscribed to this API of Chorus Pro.", _SUBSCRIBE
    ),
    "404": Problem(
        _TECHNICAL,
        "There is no such address at Chorus Pro.",
        "Check chorus.base_url and chorus.token_url.",
        Follow.NOTHING,
    ),
    "400": Problem(
        _TECHNICAL, "Chorus Pro refused the request as not valid.", _REPORT, Follow.NOTHING
    ),
    "413": Problem(
        _TECHNICAL,
        "The file is larger than Chorus Pro takes.",
        "Have the source system deliver smaller attachments, and send again under the same number.",
        Follow.NOTHING,
    ),
    "415": Problem(
        _TECHNICAL, "Chorus Pro does not take this form of request.", _REPORT, Follow.NOTHING
    ),
    "429": Problem(_TEMPORARY, "PISTE asks us to send more slowly.", TRIES_AGAIN),
    "codeRetour_20001": Problem(
        _TECHNICAL,
        "Chorus Pro refused the file because it is too large; nothing was deposited.",
        "Have the source system deliver smaller attachments, and send again under the same number.",
        Follow.FALLBACK,
    ),
}
"""What the gateway or the API answers to a request."""

NETWORK_PROBLEMS: Mapping[str, Problem] = {
    "IN_REJETE": Problem(
        _TECHNICAL,
        "Chorus Pro refused the file; no invoice was created.",
        "Correct the document at the source and send it again under the same number.",
        Follow.NOTHING,
    ),
    "IN_INTEGRE_PARTIEL": Problem(
        _TECHNICAL,
        "Chorus Pro refused this invoice of the file; it was not created.",
        "Correct the document at the source and send it again under the same number.",
        Follow.NOTHING,
    ),
    "IN_INCIDENTE": Problem(
        _TEMPORARY,
        "Chorus Pro had an incident and did not process the file; no invoice was created.",
        "Send it again, unchanged and under the same number.",
        Follow.NOTHING,
    ),
    "NUMBER_TAKEN": Problem(
        _TECHNICAL,
        "Chorus Pro refused the file: it has an invoice with this number already.",
        "Look at that invoice in the portal; only if it is another one, issue this one with a new number.",
        Follow.NOTHING,
    ),
    "REJETEE": Problem(
        _TECHNICAL,
        "The recipient refused the invoice: its number is used up.",
        "Issue a credit note and a new invoice with a new number.",
        Follow.NOTHING,
    ),
}
"""What the network or the recipient reports about a deposited file; each makes a task of its own."""
_SAME_AS = {"QP_IRRECEVABLE": "IN_REJETE", "QP_RECEVABLE_AVEC_ERREUR": "IN_INTEGRE_PARTIEL"}


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a failure means; a code that is not in the tables is classed unknown."""
    if status is Status.UNKNOWN:
        return shared(LABEL, status, code)
    for table in (CHECK_PROBLEMS, ANSWER_PROBLEMS, NETWORK_PROBLEMS):
        if found := table.get(_SAME_AS.get(code, code)):
            return found
    if status is Status.FAILED and _RULE.fullmatch(code):
        return _RULE_BROKEN
    return shared(LABEL, status, code)
