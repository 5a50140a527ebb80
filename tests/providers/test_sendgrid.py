"""SendGrid: what is sent, what its events mean, and what an operator is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from commtui.config import Secret, Settings
from commtui.domain.vocabulary import Channel, DocumentRole, ErrorClass, Status
from commtui.errors import ConfigError, Unreadable
from commtui.providers import sendgrid, sendgrid_codes
from commtui.providers.base import DeliveryEvent, Document, RawWebhook, SendRequest
from commtui.providers.http import Http
from commtui.providers.problems import OWN

Make = Callable[..., SendRequest]
ENTRY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


def attachment(name: str, content: bytes = b"%PDF", role: str = "attachment") -> Document:
    return Document(DocumentRole(role), name, "application/pdf", content)


def provider(settings: Settings) -> sendgrid.SendGridProvider:
    return sendgrid.SendGridProvider(settings, Http(1, 1.0))


def test_a_request_carries_our_entry_id_one_recipient_and_no_tracking(
    settings: Settings, make_request: Make
) -> None:
    body = sendgrid.payload(make_request(Channel.EMAIL, html="<p>Pay</p>"), settings)

    assert body["personalizations"] == [
        {
            "to": [{"email": "client@example.com", "name": "Client"}],
            "custom_args": {"commtui_entry": ENTRY},
        }
    ]
    assert body["from"] == {"email": "billing@example.com", "name": "ACME"}
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert body["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
    }
    assert "attachments" not in body


def test_only_content_that_is_there_is_sent(settings: Settings, make_request: Make) -> None:
    body = sendgrid.payload(make_request(Channel.EMAIL, text=" ", html="<p>Pay</p>"), settings)
    assert body["content"] == [{"type": "text/html", "value": "<p>Pay</p>"}]


def test_a_subject_and_a_name_stay_on_one_line_and_a_comma_makes_no_second_recipient(
    settings: Settings, make_request: Make
) -> None:
    request = make_request(
        Channel.EMAIL, subject="Invoice\r\n 12345", recipient_name='Smith, "Jo"\nLtd'
    )
    body = sendgrid.payload(request, settings)
    assert body["subject"] == "Invoice 12345"
    assert body["personalizations"][0]["to"][0]["name"] == "\"Smith, 'Jo' Ltd\""


def test_attachments_travel_in_base64_and_letters_stay_at_home(
    settings: Settings, make_request: Make
) -> None:
    request = make_request(
        Channel.EMAIL,
        documents=(
            attachment("Facture n° 1 été.pdf", b"\x00\xff"),
            attachment("l.pdf", role="letter"),
        ),
    )
    (sent,) = sendgrid.payload(request, settings)["attachments"]
    assert base64.b64decode(sent["content"]) == b"\x00\xff"
    assert sent["filename"] == "Facture n 1 ete.pdf"
    assert sent["disposition"] == "attachment"


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("œuvre straße.pdf", "oeuvre strasse.pdf"),
        ("請求書.pdf", "document.pdf"),
        ("../../etc/passwd", "_._etc_passwd"),
        ('a"b\r\nc.pdf', "a_b__c.pdf"),
        ("", "document"),
        ("łódź", "lodz"),
    ],
)
def test_a_file_name_is_plain_ascii(name: str, ascii_name: str) -> None:
    assert sendgrid.file_name(name) == ascii_name


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": ""}, "missing_recipient"),
        ({"recipient": "nobody"}, "invalid_recipient"),
        ({"subject": " "}, "missing_content"),
        ({"text": " ", "html": ""}, "missing_content"),
        ({"documents": (attachment("big.pdf", bytes(22_600_000)),)}, "too_large"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_request(
    settings: Settings, make_request: Make, changes: dict[str, Any], code: str
) -> None:
    refused = provider(settings).check(make_request(Channel.EMAIL, **changes))
    assert refused is not None
    assert refused[0] == code
    assert refused[1]
    problem = sendgrid.explain(Status.FAILED, code, refused[1])
    assert problem.error_class is OWN[code].error_class
    assert "nothing was sent" in problem.sentence
    assert ("email address" in problem.sentence) == code.endswith("recipient")


def test_a_right_message_passes_the_check(settings: Settings, make_request: Make) -> None:
    big_letter = attachment("letter.pdf", bytes(23_000_000), role="letter")
    assert provider(settings).check(make_request(Channel.EMAIL, documents=(big_letter,))) is None


def events_of(settings: Settings, *events: object) -> list[DeliveryEvent]:
    received = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    hook = RawWebhook("/webhooks/sendgrid", {}, json.dumps(events).encode(), received)
    return list(sendgrid.SendGridReceiver(settings).parse(hook))


def event_of(settings: Settings, **fields: object) -> DeliveryEvent:
    (event,) = events_of(settings, fields)
    return event


@pytest.mark.parametrize(
    ("fields", "status", "error_class", "code"),
    [
        ({"event": "processed"}, Status.SENT, None, ""),
        ({"event": "deferred", "response": "451 later"}, Status.SENT, None, ""),
        ({"event": "delivered"}, Status.DELIVERED, None, ""),
        (
            {"event": "bounce", "type": "bounce", "status": "5.1.1"},
            Status.BOUNCED,
            ErrorClass.PERMANENT,
            "5.1.1",
        ),
        ({"event": "bounce", "type": "bounce"}, Status.BOUNCED, ErrorClass.PERMANENT, "bounce"),
        (
            {"event": "bounce", "type": "bounce", "status": "5.2.2"},
            Status.BOUNCED,
            ErrorClass.PERMANENT,
            "5.2.2",
        ),
        (
            {"event": "bounce", "type": "blocked", "status": "5.2.2"},
            Status.BLOCKED,
            ErrorClass.TEMPORARY,
            "5.2.2",
        ),
        ({"event": "bounce", "type": "blocked"}, Status.BLOCKED, ErrorClass.TEMPORARY, "blocked"),
        (
            {"event": "bounce", "type": "expired", "status": "4.4.1"},
            Status.BLOCKED,
            ErrorClass.TEMPORARY,
            "expired",
        ),
        ({"event": "bounce", "type": "odd"}, Status.BOUNCED, ErrorClass.UNKNOWN, "type_odd"),
        ({"event": "bounce"}, Status.BOUNCED, ErrorClass.UNKNOWN, "type_missing"),
        (
            {"event": "dropped", "reason": "BOUNCED address"},
            Status.DROPPED,
            ErrorClass.PERMANENT,
            "bounced_address",
        ),
        (
            {"event": "dropped", "reason": "Bounced Address: 550 gone"},
            Status.DROPPED,
            ErrorClass.PERMANENT,
            "bounced_address",
        ),
        (
            {"event": "dropped", "reason": "A new reason"},
            Status.DROPPED,
            ErrorClass.UNKNOWN,
            "a_new_reason",
        ),
        ({"event": "dropped"}, Status.DROPPED, ErrorClass.UNKNOWN, "dropped"),
        ({"event": "cancel_drop"}, Status.CANCELLED, None, ""),
        ({"event": "open", "sg_machine_open": True}, None, None, ""),
        ({"event": "click", "url": "https://example.com"}, None, None, ""),
        ({"event": "spamreport"}, None, None, ""),
        ({"event": "unsubscribe"}, None, None, ""),
        ({"event": "group_unsubscribe", "asm_group_id": 7}, None, None, ""),
        ({"event": "group_resubscribe"}, None, None, ""),
        ({"event": "account_status_change", "type": "suspended"}, None, None, ""),
        ({"event": "never heard of"}, None, None, ""),
        ({}, None, None, ""),
    ],
)
def test_an_event_moves_an_entry_by_its_kind_and_type(
    settings: Settings,
    fields: dict[str, Any],
    status: Status | None,
    error_class: ErrorClass | None,
    code: str,
) -> None:
    event = event_of(settings, **fields)
    assert (event.status, event.error_class, event.code) == (status, error_class, code)
    assert event.kind == fields.get("event", "unreadable")


def test_an_event_brings_back_our_id_the_message_id_and_the_servers_words(
    settings: Settings,
) -> None:
    event = event_of(
        settings,
        event="deferred",
        email="client@example.com",
        timestamp=1768469400,
        sg_message_id="LRzXl_NHStOGhQ4kofSm_A.recvd-7c9d8f-1-0.0",
        sg_event_id="ZGVm",
        commtui_entry=ENTRY.upper(),
        response="451 4.7.1 Réessayez",
    )
    assert event.entry_id == ENTRY
    assert event.provider_message_id == "LRzXl_NHStOGhQ4kofSm_A"
    assert event.at == datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    assert event.recipient == "client@example.com"
    assert event.words == "451 4.7.1 Réessayez"
    assert event.event_id == "ZGVm"
    assert event.payload["sg_event_id"] == "ZGVm"


@pytest.mark.parametrize(
    "found", ["12", "", None, 7, ["x"], "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b;"]
)
def test_an_entry_id_that_is_none_of_ours_is_dropped(settings: Settings, found: object) -> None:
    assert event_of(settings, event="delivered", commtui_entry=found).entry_id is None


@pytest.mark.parametrize("stamp", ["soon", None, True, 1e300, -1e300, "nan", 99999999999, [1]])
def test_an_event_without_a_sensible_time_happened_when_it_came(
    settings: Settings, stamp: object
) -> None:
    event = event_of(settings, event="delivered", timestamp=stamp)
    assert event.at == datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


def test_words_are_cut_and_cleared_of_what_no_database_holds(settings: Settings) -> None:
    event = event_of(settings, event="bounce", type="bounce", reason="\x00\ud800" + "x" * 5000)
    assert event.words.startswith("\ufffd\ufffd")
    assert len(event.words) == 2000


def test_one_strange_element_does_not_lose_its_neighbours(settings: Settings) -> None:
    events = events_of(settings, "what", {"event": "delivered"}, None)
    assert [event.kind for event in events] == ["unreadable", "delivered", "unreadable"]


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"not json", b"[" * 100_000, b"7"])
def test_a_body_that_is_no_list_of_events_is_unreadable(settings: Settings, body: bytes) -> None:
    hook = RawWebhook("/webhooks/sendgrid", {}, body, datetime.now(UTC))
    with pytest.raises(Unreadable):
        sendgrid.SendGridReceiver(settings).parse(hook)


EXPLAINED = [
    *((Status.REJECTED, code, problem) for code, problem in sendgrid_codes.ANSWER_PROBLEMS.items()),
    *((Status.QUEUED, code, problem) for code, problem in sendgrid_codes.ANSWER_PROBLEMS.items()),
    *((Status.DROPPED, code, problem) for code, problem in sendgrid_codes.DROPPED_PROBLEMS.items()),
    *((Status.BOUNCED, code, problem) for code, problem in sendgrid_codes.BOUNCED_PROBLEMS.items()),
    *((Status.FAILED, code, {**OWN, **sendgrid_codes.CHECK_PROBLEMS}[code]) for code in OWN),
]


@pytest.mark.parametrize(("status", "code", "problem"), EXPLAINED)
def test_every_row_of_the_problem_tables_is_found(
    status: Status, code: str, problem: object
) -> None:
    assert sendgrid.explain(status, code, "") == problem


@pytest.mark.parametrize(
    ("status", "code", "error_class", "word"),
    [
        (Status.BOUNCED, "5.9.9", ErrorClass.PERMANENT, "does not work"),
        (Status.BOUNCED, "type_odd", ErrorClass.UNKNOWN, "did not say"),
        (Status.BLOCKED, "5.1.1", ErrorClass.TEMPORARY, "this message"),
        (Status.BLOCKED, "expired", ErrorClass.TEMPORARY, "three days"),
        (Status.DROPPED, "a_new_reason", ErrorClass.UNKNOWN, "a_new_reason"),
        (Status.REJECTED, "418", ErrorClass.UNKNOWN, "418"),
        (Status.UNKNOWN, "500", ErrorClass.UNKNOWN, "may have been sent"),
        (Status.UNKNOWN, "400", ErrorClass.UNKNOWN, "may have been sent"),
        (Status.UNKNOWN, "no_answer", ErrorClass.UNKNOWN, "may have been sent"),
    ],
)
def test_what_no_table_names_is_never_guessed(
    status: Status, code: str, error_class: ErrorClass, word: str
) -> None:
    problem = sendgrid.explain(status, code, "")
    assert problem.error_class is error_class
    assert word in problem.sentence
    assert problem.advice


def test_a_verification_key_that_is_none_is_named_but_not_shown(settings: Settings) -> None:
    wrong = replace(settings.sendgrid, webhook_public_key=Secret("c2VjcmV0"))
    with pytest.raises(ConfigError) as caught:
        sendgrid.SendGridReceiver(replace(settings, sendgrid=wrong))
    assert "sendgrid.webhook_public_key" in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)
