"""What operators meet most has a sentence of its own that says what happened, and advice that says what to do."""

from __future__ import annotations

import pytest

from commtui.domain.vocabulary import ErrorClass, Status
from commtui.providers.registry import explain

PERMANENT, TEMPORARY = ErrorClass.PERMANENT, ErrorClass.TEMPORARY
TECHNICAL, POLICY = ErrorClass.TECHNICAL, ErrorClass.POLICY
FAILED, REJECTED, QUEUED = Status.FAILED, Status.REJECTED, Status.QUEUED


@pytest.mark.parametrize(
    ("key", "status", "code", "kind", "sentence", "advice"),
    [
        ("sendgrid", FAILED, "invalid_recipient", PERMANENT, "email address", "Correct"),
        ("sendgrid", FAILED, "missing_recipient", PERMANENT, "no email", "another channel"),
        ("sendgrid", Status.BOUNCED, "5.1.1", PERMANENT, "does not exist", "Correct"),
        ("sendgrid", Status.BOUNCED, "", PERMANENT, "does not work", "Correct"),
        ("sendgrid", Status.BLOCKED, "4.7.1", TEMPORARY, "not the address", "later"),
        ("sendgrid", Status.DROPPED, "bounced_address", PERMANENT, "bounced", "suppression"),
        ("sendgrid", QUEUED, "401", TECHNICAL, "API key", "sendgrid.api_key"),
        ("sendgrid", QUEUED, "401_credits", TECHNICAL, "used up", "Add credits"),
        ("sendgrid", QUEUED, "503", TEMPORARY, "unavailable", "tried again"),
        ("sendgrid", QUEUED, "unreachable", TEMPORARY, "not be reached", "tried again"),
        ("twilio", FAILED, "missing_recipient", PERMANENT, "no telephone", "by hand"),
        ("twilio", FAILED, "invalid_recipient", PERMANENT, "number", "country code"),
        ("twilio", REJECTED, "21211", PERMANENT, "invalid", "Correct the customer's number"),
        ("twilio", Status.UNDELIVERED, "30005", PERMANENT, "no longer in use", "number"),
        ("twilio", Status.UNDELIVERED, "30003", TEMPORARY, "off or no network", "later"),
        ("twilio", REJECTED, "21610", POLICY, "opted out", "START"),
        ("twilio", QUEUED, "20003", TECHNICAL, "credentials", "twilio.auth_token"),
        ("ping", FAILED, "missing_recipient", PERMANENT, "no postal address", "another channel"),
        ("ping", FAILED, "invalid_recipient", PERMANENT, "incomplete", "postcode"),
        ("ping", Status.RETURNED, "undeliverable", PERMANENT, "came back", "correction"),
        ("ping", QUEUED, "402", TECHNICAL, "used up", "Add credit"),
        ("ping", QUEUED, "credentials", TECHNICAL, "client id and secret", "ping.client_id"),
        ("peppol", FAILED, "not_registered", PERMANENT, "not registered", "Peppol ID"),
        ("peppol", QUEUED, "could_not_check", TEMPORARY, "could not be checked", "tried again"),
        ("peppol", REJECTED, "send_failed:recipient", PERMANENT, "registration", "Peppol ID"),
        ("peppol", QUEUED, "no_credit", TECHNICAL, "used up", "Top it up"),
        ("peppol", QUEUED, "low_credit", TECHNICAL, "low", "Top it up"),
        ("chorus", FAILED, "not_registered", PERMANENT, "knows no structure", "SIRET"),
        ("chorus", QUEUED, "could_not_check", TEMPORARY, "could not be asked", "tried again"),
        ("chorus", REJECTED, "REJETEE", TECHNICAL, "recipient refused", "new number"),
        ("chorus", QUEUED, "401", TECHNICAL, "technical account", "chorus.password"),
        ("chorus", QUEUED, "password_expiring", TECHNICAL, "expires", "chorus.password"),
        *(
            (key, FAILED, "opted_out", POLICY, "opted out", "another channel")
            for key in ("sendgrid", "twilio", "ping", "peppol", "chorus")
        ),
    ],
)
def test_what_operators_meet_most_is_said_in_its_own_words(
    key: str, status: Status, code: str, kind: ErrorClass, sentence: str, advice: str
) -> None:
    problem = explain(key, status, code, "the provider's own words")
    assert problem.error_class is kind
    assert sentence in problem.sentence
    assert advice in problem.advice
    assert "own words" not in problem.sentence
