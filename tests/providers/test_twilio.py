"""Twilio: what is sent, found and asked for, what its callbacks mean, and what an operator is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from commtui.config import Settings
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, ErrorClass, Purpose, Status
from commtui.errors import (
    AccountTrouble,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
    Unreadable,
)
from commtui.providers import twilio, twilio_codes
from commtui.providers.base import RawWebhook, SendRequest, Watch
from commtui.providers.http import Answer, Http
from commtui.providers.problems import OWN

Make = Callable[..., SendRequest]
MakeHook = Callable[..., RawWebhook]
ENTRY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
SID = "SM" + "1" * 32


class ScriptedHttp(Http):
    """Answers what it was told to, in order, and remembers what was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        super().__init__(1, 1.0)
        self._answers = list(answers)
        self.urls: list[str] = []

    async def call(self, provider: str, method: str, url: str, **_more: Any) -> Answer:
        self.urls.append(url)
        status, body = self._answers.pop(0)
        return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def message(**values: Any) -> dict[str, Any]:
    return {
        "sid": SID,
        "status": "delivered",
        "direction": "outbound-api",
        "body": "Please pay.",
        "from": "ACME",
        "to": "+46701740605",
        "date_created": format_datetime(NOW),
        "date_updated": format_datetime(NOW + timedelta(minutes=1)),
        "error_code": None,
        "error_message": None,
        **values,
    }


def page(*messages: Mapping[str, Any], following: str | None = None) -> tuple[int, object]:
    return 200, {"messages": messages, "next_page_uri": following}


def test_a_form_carries_recipient_sender_text_and_a_callback_with_our_entry_id(
    settings: Settings, make_request: Make
) -> None:
    form = twilio.payload(
        make_request(Channel.SMS, recipient="070-174 06 05", country="SE"), settings, NOW
    )
    assert form == {
        "To": "+46701740605",
        "Body": "Please pay.",
        "From": "ACME",
        "StatusCallback": "https://hooks.example.test/commtui/webhooks/twilio/status"
        f"?entry={ENTRY}#rc=5&rp=all",
    }


def test_a_messaging_service_stands_in_for_the_sender(
    settings: Settings, make_request: Make
) -> None:
    service = replace(settings.twilio, messaging_service_sid="MG1")
    form = twilio.payload(make_request(Channel.SMS), replace(settings, twilio=service), NOW)
    assert form["MessagingServiceSid"] == "MG1"
    assert "From" not in form


def test_without_a_public_url_no_callback_is_asked_for(
    settings: Settings, make_request: Make
) -> None:
    private = replace(settings, web=replace(settings.web, public_url=""))
    assert "StatusCallback" not in twilio.payload(make_request(Channel.SMS), private, NOW)


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(timedelta(minutes=5), "300"), (timedelta(days=9), "36000"), (timedelta(hours=-1), "1")],
)
def test_a_message_may_wait_at_twilio_no_longer_than_it_is_valid(
    settings: Settings, make_request: Make, left: timedelta, seconds: str
) -> None:
    request = make_request(Channel.SMS, expires_at=NOW + left)
    assert twilio.payload(request, settings, NOW)["ValidityPeriod"] == seconds


def test_the_country_in_the_settings_is_for_customers_without_one(
    settings: Settings, make_request: Make
) -> None:
    request = make_request(Channel.SMS, recipient="06 12 34 56 78", country="")
    assert twilio.payload(request, settings, NOW)["To"] == "+33612345678"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": ""}, "missing_recipient"),
        ({"recipient": "0692 12 34 56"}, "invalid_recipient"),
        ({"text": " "}, "missing_content"),
        ({"text": "x" * 1601}, "too_large"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_request(
    settings: Settings, make_request: Make, changes: dict[str, Any], code: str
) -> None:
    provider = twilio.TwilioProvider(settings, Http(1, 1.0))
    refused = provider.check(make_request(Channel.SMS, **changes))
    assert refused is not None
    assert refused[0] == code
    problem = twilio.SPEC.explain(Status.FAILED, code, refused[1])
    assert problem.error_class is OWN[code].error_class
    assert "nothing was sent" in problem.sentence
    assert ("number" in problem.sentence) == code.endswith("recipient")
    assert provider.check(make_request(Channel.SMS, text="x" * 1600)) is None


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, 21211, Rejected),
        (400, 21610, Rejected),
        (403, 21610, Rejected),
        (400, 21606, Rejected),
        (400, 99999, Rejected),
        (401, 20003, AccountTrouble),
        (403, 20003, AccountTrouble),
        (403, 99999, AccountTrouble),
        (404, 20404, AccountTrouble),
        (429, 20429, RateLimited),
        (400, 21611, RateLimited),
        (500, 20500, UnknownOutcome),
        (500, 20003, UnknownOutcome),
        (500, 21611, UnknownOutcome),
    ],
)
async def test_an_error_is_classed_by_status_and_code(
    settings: Settings, make_request: Make, status: int, code: int, expected: type[ProviderError]
) -> None:
    http = ScriptedHttp((status, {"code": code, "message": "no " + "x" * 5000, "status": status}))
    with pytest.raises(ProviderError) as caught:
        await twilio.TwilioProvider(settings, http).send(make_request(Channel.SMS))
    assert type(caught.value) is expected
    assert caught.value.code == str(code)
    assert caught.value.words.startswith("no x")
    assert len(caught.value.words) == 2000


async def test_the_one_message_that_fits_is_found(settings: Settings, make_request: Make) -> None:
    http = ScriptedHttp(
        page(
            message(body="Another"),
            message(direction="inbound"),
            message(**{"from": "+15550100"}),
            message(date_created=format_datetime(NOW - timedelta(days=1))),
            following="//evil.example.com/2010-04-01/Accounts/AC1/Messages.json?Page=1",
        ),
        page(message(body="Sent from your Twilio trial account - Please pay.")),
    )
    found = await twilio.TwilioProvider(settings, http).find(make_request(Channel.SMS), NOW, {})

    assert found is not None
    (event,) = found
    assert (event.status, event.entry_id, event.provider_message_id) == (
        Status.DELIVERED,
        ENTRY,
        SID,
    )
    assert event.at == NOW + timedelta(minutes=1)
    assert {urlsplit(url).netloc for url in http.urls} == {"api.twilio.com"}
    assert parse_qs(urlsplit(http.urls[0]).query)["To"] == ["+46701740605"]
    assert urlsplit(http.urls[1]).query == "Page=1"


@pytest.mark.parametrize(
    ("pages", "answered"),
    [
        ([page()], True),
        ([page(message(body="Another"))], True),
        ([page(message(date_created="never"))], True),
        ([page(following="?Page=1")] * 10, True),
        ([(200, {"messages": "none"})], True),
        ([(200, {"messages": [7]})], True),
        ([(200, [])], False),
        ([(500, {})], False),
    ],
)
async def test_what_is_not_found_is_not_certain_and_trouble_is_told_from_both(
    settings: Settings, make_request: Make, pages: list[tuple[int, object]], answered: bool
) -> None:
    provider = twilio.TwilioProvider(settings, ScriptedHttp(*pages))
    if not answered:
        with pytest.raises(ProviderError):
            await provider.find(make_request(Channel.SMS), NOW, {})
    else:
        found = await provider.find(make_request(Channel.SMS), NOW, {})
        assert found is None


async def test_every_message_that_fits_is_told_with_when_it_was_made(
    settings: Settings, make_request: Make
) -> None:
    http = ScriptedHttp(page(message(), message(sid="SM2")))
    found = await twilio.TwilioProvider(settings, http).find(make_request(Channel.SMS), NOW, {})
    assert found is not None
    assert [event.provider_message_id for event in found] == [SID, "SM2"]
    assert all(event.made_at is not None and event.made_at >= NOW for event in found)


async def test_quotes_that_smart_encoding_replaced_do_not_hide_a_message(
    settings: Settings, make_request: Make
) -> None:
    http = ScriptedHttp(page(message(body='It\'s "due" - pay')))
    request = make_request(Channel.SMS, text="It’s “due” – pay")
    found = await twilio.TwilioProvider(settings, http).find(request, NOW, {})
    assert found is not None
    assert len(found) == 1


async def test_a_poll_gives_the_present_state_and_nothing_for_a_message_that_is_gone(
    settings: Settings,
) -> None:
    failed = message(status="undelivered", error_code=30005, error_message="Unknown handset")
    http = ScriptedHttp((200, failed), (404, {"code": 20404}))
    provider = twilio.TwilioProvider(settings, http)

    watch = Watch(ENTRY, "../x?y", datetime.now(UTC), 0, {})
    (event,) = (await provider.poll(watch)).events
    assert (event.status, event.code, event.words) == (
        Status.UNDELIVERED,
        "30005",
        "Unknown handset",
    )
    assert http.urls[0].endswith("/Messages/..%2Fx%3Fy.json")
    gone = await provider.poll(replace(watch, provider_message_id=SID))
    assert (list(gone.events), gone.again_after) == ([], None)


@pytest.mark.parametrize(
    ("status", "accepted_ago", "again"),
    [
        ("sent", timedelta(hours=1), 6 * 3600.0),
        ("sent", timedelta(hours=73), None),
        ("delivered", timedelta(hours=1), None),
    ],
)
async def test_a_silent_message_is_asked_about_for_three_days(
    settings: Settings, status: str, accepted_ago: timedelta, again: float | None
) -> None:
    provider = twilio.TwilioProvider(settings, ScriptedHttp((200, message(status=status))))
    watch = Watch(ENTRY, SID, datetime.now(UTC) - accepted_ago, 1, {})
    assert (await provider.poll(watch)).again_after == again


@pytest.mark.parametrize(
    ("fields", "out"),
    [
        ({"Body": "STOP"}, True),
        ({"Body": " Arrêt "}, True),
        ({"Body": "stop please"}, None),
        ({"Body": "Thanks", "OptOutType": "STOP"}, True),
        ({"Body": "STOP", "OptOutType": "HELP"}, None),
        ({"Body": "start"}, False),
        ({"Body": "Hello"}, None),
    ],
)
def test_an_inbound_keyword_opts_out_or_back_in(
    settings: Settings, fields: dict[str, str], out: bool | None
) -> None:
    form = {"MessageSid": "SM1", "From": "+33612345678", **fields}
    hook = RawWebhook(twilio.INBOUND_PATH, {}, urlencode(form).encode(), NOW)
    (event,) = twilio.TwilioReceiver(settings).parse(hook)
    expected = None if out is None else OptChange(Channel.SMS, out, Scope.ALL, OptSource.STOP)
    assert (event.opt, event.recipient) == (expected, "+33612345678")


async def test_marketing_from_a_sender_of_letters_names_a_way_out_or_is_refused(
    settings: Settings, make_request: Make
) -> None:
    request = make_request(Channel.SMS, purpose=Purpose.MARKETING)
    without = replace(settings, twilio=replace(settings.twilio, from_="ACME"))
    found = twilio.TwilioProvider(without, ScriptedHttp()).check(request)
    assert found is not None
    assert found[0] == "missing_opt_out"
    named = replace(without, twilio=replace(without.twilio, opt_out_text="No more: x.example"))
    assert twilio.TwilioProvider(named, ScriptedHttp()).check(request) is None
    assert twilio.body(request, named).endswith(" No more: x.example")
    transactional = replace(request, purpose=Purpose.TRANSACTIONAL)
    assert twilio.body(transactional, named) == transactional.text
    numbered = replace(without, twilio=replace(without.twilio, from_="+33639981200"))
    assert twilio.TwilioProvider(numbered, ScriptedHttp()).check(request) is None


@pytest.mark.parametrize(
    ("word", "code", "status", "error_class"),
    [
        ("accepted", "", Status.SENT, None),
        ("queued", "", Status.SENT, None),
        ("sending", "", Status.SENT, None),
        ("scheduled", "", Status.SENT, None),
        ("sent", "30003", Status.SENT, None),
        ("delivered", "30008", Status.DELIVERED, None),
        ("read", "", Status.DELIVERED, None),
        ("undelivered", "30003", Status.UNDELIVERED, ErrorClass.TEMPORARY),
        ("undelivered", "30410", Status.UNKNOWN, ErrorClass.UNKNOWN),
        ("undelivered", "", Status.UNDELIVERED, ErrorClass.UNKNOWN),
        ("undelivered", "12345", Status.UNDELIVERED, ErrorClass.UNKNOWN),
        ("failed", "21610", Status.FAILED, ErrorClass.POLICY),
        ("canceled", "", Status.CANCELLED, None),
        ("partially_delivered", "", None, None),
        ("never heard of", "", None, None),
    ],
)
def test_a_callback_moves_an_entry_by_its_status_and_a_stale_code_is_not_read(
    settings: Settings,
    make_hook: MakeHook,
    word: str,
    code: str,
    status: Status | None,
    error_class: ErrorClass | None,
) -> None:
    body = f"MessageSid={SID}&MessageStatus={word}&ErrorCode={code}&ErrorMessage=&To=%2B46701740605"
    hook = make_hook(f"/in/webhooks/twilio/status?entry={ENTRY}", body.encode())
    (event,) = twilio.TwilioReceiver(settings).parse(hook)

    read = status is not None and error_class is not None
    assert (event.status, event.error_class, event.kind) == (status, error_class, word)
    assert event.code == (code if read else "")
    assert (event.entry_id, event.provider_message_id) == (ENTRY, SID)
    assert (event.recipient, event.at) == ("+46701740605", hook.received_at)


def test_the_same_status_called_back_twice_has_one_id(
    settings: Settings, make_hook: MakeHook
) -> None:
    body = f"MessageSid={SID}&MessageStatus=undelivered&ErrorCode=30005".encode()
    hook = make_hook("/webhooks/twilio/status", body)
    again = replace(hook, received_at=hook.received_at + timedelta(minutes=1))
    receiver = twilio.TwilioReceiver(settings)
    assert receiver.parse(hook)[0].event_id == receiver.parse(again)[0].event_id != ""


@pytest.mark.parametrize("query", ["", "?entry=", "?entry=12", "?other=1"])
def test_an_entry_id_that_is_none_of_ours_is_dropped(
    settings: Settings, make_hook: MakeHook, query: str
) -> None:
    hook = make_hook(f"/webhooks/twilio/status{query}", b"MessageSid=SM1&MessageStatus=sent")
    assert twilio.TwilioReceiver(settings).parse(hook)[0].entry_id is None


def test_an_answer_of_a_customer_is_kept_with_its_words(
    settings: Settings, make_hook: MakeHook
) -> None:
    body = b"MessageSid=SM3&From=%2B46701740605&To=ACME&Body=STOP%0A&OptOutType=STOP&NumMedia="
    (event,) = twilio.TwilioReceiver(settings).parse(make_hook("/webhooks/twilio/inbound", body))
    assert (event.kind, event.status, event.entry_id) == ("inbound", None, None)
    assert (event.recipient, event.words) == ("+46701740605", "STOP\n")
    assert event.payload["OptOutType"] == "STOP"
    assert event.payload["NumMedia"] == ""


@pytest.mark.parametrize("body", [b"", b"\xff", b"A=%ff", b'{"MessageSid": 1}', b"A=1&" * 600])
def test_a_body_that_is_no_callback_is_unreadable(
    settings: Settings, make_hook: MakeHook, body: bytes
) -> None:
    with pytest.raises(Unreadable):
        twilio.TwilioReceiver(settings).parse(make_hook("/webhooks/twilio/status", body))


@pytest.mark.parametrize(("code", "problem"), twilio_codes.PROBLEMS.items())
def test_every_row_of_the_problem_table_is_found(code: str, problem: object) -> None:
    status = Status.UNKNOWN if code == "30410" else Status.UNDELIVERED
    assert twilio.SPEC.explain(status, code, "") == problem
    assert twilio.SPEC.explain(Status.REJECTED, code, "") == problem


REFERENCE = {
    ErrorClass.PERMANENT: "21211 21614 21635 21604 21265 30005 30006",
    ErrorClass.TEMPORARY: "20429 21611 30001 30003 30008 30036 30500",
    ErrorClass.TECHNICAL: "20003 21266 21603 21606 21212 21608 21609 21408 21617 30002 30007 30009 30010 "
    "30024 30032 30034 30035 30450 35114 35115 35117 35118",
    ErrorClass.POLICY: "21610 30004",
    ErrorClass.UNKNOWN: "30410",
}


@pytest.mark.parametrize(("error_class", "codes"), REFERENCE.items())
def test_codes_have_the_class_of_the_reference(error_class: ErrorClass, codes: str) -> None:
    for code in codes.split():
        assert twilio_codes.PROBLEMS[code].error_class is error_class, code


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (Status.UNDELIVERED, "12345", "12345"),
        (Status.UNDELIVERED, "", "without a reason"),
        (Status.UNKNOWN, "no_answer", "may have been sent"),
        (Status.UNKNOWN, "21211", "may have been sent"),
    ],
)
def test_what_the_table_does_not_name_is_never_guessed(
    status: Status, code: str, word: str
) -> None:
    problem = twilio.SPEC.explain(status, code, "")
    assert problem.error_class is ErrorClass.UNKNOWN
    assert word in problem.sentence
    assert problem.advice
