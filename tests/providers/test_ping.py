"""Ping: what is sent, what its statuses, events and refusals mean, and what its webhooks say."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commtui.config import Ping, Secret, Settings
from commtui.domain.vocabulary import DocumentRole, ErrorClass, Status
from commtui.errors import (
    AccountTrouble,
    BadSignature,
    NotSent,
    NotYet,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
    Unreadable,
)
from commtui.providers import ping, ping_codes, ping_facts
from commtui.providers.base import Accepted, Document, RawWebhook, SendRequest
from commtui.providers.http import Answer, Http
from commtui.providers.ping import LETTER, SEND, UPLOAD, PingProvider
from commtui.providers.ping_facts import PingReceiver
from commtui.providers.pingen import entry_of, instant
from commtui.providers.problems import OWN
from tests.ping_practice import ADDRESS, letter, request_to, watch_of
from tests.steps import MemorySteps

SECRET, TOKEN = "client-secret-of-ours", "token-of-theirs"
ENTRY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
ID = "9f1c0d2e-0000-4000-8000-000000000002"
API = "https://api.pingen.example"
LETTERS = f"{API}/organisations/org%2F1/deliveries/letters"
RECEIVED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
VECTOR = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "signatures.json").read_text(encoding="utf-8")
)["pingen"][0]
PDF = letter(ADDRESS)

Reply = tuple[int, object] | tuple[int, object, Mapping[str, str]] | ProviderError


@dataclass(frozen=True)
class Call:
    """A request that was made."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    named_by: str


class ScriptedHttp(Http):
    """Hands out a token, answers the rest as it was told to, in order, and remembers what was asked."""

    def __init__(self, *answers: Reply, tokens: tuple[Reply, ...] = ()) -> None:
        super().__init__(1, 1.0)
        self._answers, self._tokens = list(answers), list(tokens)
        self.calls: list[Call] = []
        self.token_calls = 0

    async def call(
        self,
        provider: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
        named_by: str = "",
        limit: int = 0,
        metered: bool = False,
    ) -> Answer:
        """Answer from the script."""
        if url.endswith("/auth/access-tokens"):
            self.token_calls += 1
            await asyncio.sleep(0)
            good: Reply = (200, {"access_token": f"{TOKEN}{self.token_calls}", "expires_in": 43200})
            return _answer(self._tokens.pop(0) if self._tokens else good)
        self.calls.append(Call(method, url, dict(headers or {}), content, named_by))
        return _answer(self._answers.pop(0))


def _answer(reply: Reply) -> Answer:
    if isinstance(reply, ProviderError):
        raise reply
    status, body, *more = reply
    headers = {"content-type": "application/vnd.api+json", **(more[0] if more else {})}
    return Answer(status, headers, json.dumps(body).encode())


def settings(**values: Any) -> Settings:
    section: dict[str, Any] = {
        "client_id": "client",
        "client_secret": Secret(SECRET),
        "organisation": "org/1",
        "base_url": f"{API}/",
        "identity_url": "https://identity.pingen.example",
        "webhook_key": Secret(f"new-key, {VECTOR['key']}"),
    }
    return Settings(ping=Ping(**{**section, **values}))


def request(**values: Any) -> SendRequest:
    return replace(request_to(ADDRESS, PDF, entry_id=ENTRY), **values)


def resource(status: str = "valid", **values: Any) -> dict[str, Any]:
    attributes = {
        "status": status,
        "file_original_name": f"f2026-0001_{ENTRY}.pdf",
        "address": "Zoé Lefèvre\n12 rue de la Forêt\n75011 Paris",
        "country": "FR",
        "delivery_product": "cheap",
        "updated_at": "2026-01-15T10:00:00+0100",
    }
    return {"id": ID, "type": "letters", "attributes": {**attributes, **values}}


def shown(status: str = "valid", **values: Any) -> Reply:
    return 200, {"data": resource(status, **values)}


def history(*codes: str, **values: Any) -> Reply:
    events = [
        {
            "id": str(number),
            "attributes": {
                "code": code,
                "name": f"What {code} means",
                "emitted_at": f"2026-01-15T10:00:{number:02d}+0100",
                **values,
            },
        }
        for number, code in enumerate(codes)
    ]
    return 200, {"data": events}


PLACE: Reply = (
    200,
    {
        "data": {
            "attributes": {
                "url": "https://storage.example/put?sig=1",
                "url_signature": "signature",
                "expires_at": "2126-01-15T10:00:00+0100",
            }
        }
    },
)
STORED: Reply = (200, "")
UPLOADED = {
    "url": "https://storage.example/put?sig=1",
    "signature": "signature",
    "expires_at": "2126-01-15T10:00:00+00:00",
    "number": 1,
    "name": f"f2026-0001_{ENTRY}.pdf",
    "address_position": "right",
}
DRAFTED = {UPLOAD: UPLOADED, LETTER: {"id": ID, "at": "2026-01-15T09:00:00+00:00"}}


def provider(*answers: Reply, **values: Any) -> tuple[PingProvider, ScriptedHttp]:
    http = ScriptedHttp(*answers, tokens=values.pop("tokens", ()))
    return PingProvider(settings(**values), http), http


async def advance(
    *answers: Reply, steps: MemorySteps | None = None, **values: Any
) -> tuple[Accepted | ProviderError, ScriptedHttp, MemorySteps]:
    """One try, and what it came to."""
    made, http = provider(*answers, **values)
    steps = steps or MemorySteps(dict(DRAFTED))
    try:
        return await made.advance(request(), steps), http, steps
    except ProviderError as error:
        return error, http, steps


# what is sent


async def test_a_letter_is_uploaded_drafted_and_sent_off() -> None:
    made, http = provider(
        PLACE, STORED, (201, {"data": resource()}), shown("submitted"), product="fast"
    )
    steps = MemorySteps()
    accepted = await made.advance(request(), steps)

    assert (accepted.provider_message_id, accepted.status, accepted.events) == (ID, Status.SENT, [])
    assert steps.committed == [UPLOAD, LETTER, SEND, "begin"]
    place, put, create, send = http.calls
    assert (place.method, place.url) == ("GET", f"{API}/file-upload")
    assert (put.method, put.url, put.content) == ("PUT", UPLOADED["url"], PDF)
    assert put.named_by == f"{API}/"
    assert "authorization" not in put.headers
    assert (create.method, create.url) == ("POST", LETTERS)
    assert create.headers == {
        "accept": "application/vnd.api+json",
        "content-type": "application/vnd.api+json",
        "idempotency-key": f"{ENTRY}-create",
        "authorization": f"Bearer {TOKEN}1",
    }
    assert json.loads(create.content or b"") == {
        "data": {
            "type": "letters",
            "attributes": {
                "file_original_name": f"f2026-0001_{ENTRY}.pdf",
                "file_url": UPLOADED["url"],
                "file_url_signature": "signature",
                "address_position": "right",
                "auto_send": False,
            },
        }
    }
    assert (send.method, send.url) == ("PATCH", f"{LETTERS}/{ID}/send")
    assert send.headers["idempotency-key"] == f"{ENTRY}-send"
    assert json.loads(send.content or b"") == {
        "data": {
            "id": ID,
            "type": "letters",
            "attributes": {
                "delivery_product": "fast",
                "print_mode": "simplex",
                "print_spectrum": "grayscale",
            },
        }
    }


def test_a_repeat_has_the_same_bytes_as_the_first_request() -> None:
    stored = json.loads(json.dumps(UPLOADED))
    assert ping.draft_body(UPLOADED) == ping.draft_body(dict(reversed(stored.items())))
    order = {"delivery_product": "cheap", "print_mode": "simplex", "print_spectrum": "color"}
    assert ping.send_body(ID, {**order, "at": "1"}) == ping.send_body(ID, {**order, "at": "2"})


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("F2026/0001", f"f2026-0001_{ENTRY}.pdf"),
        ("Été n° 12", f"ete-n-12_{ENTRY}.pdf"),
        ("Ελλάδα", f"letter_{ENTRY}.pdf"),
        ("", f"letter_{ENTRY}.pdf"),
        ("x" * 900, f"{'x' * 80}_{ENTRY}.pdf"),
    ],
)
def test_a_file_is_named_by_reference_and_entry(reference: str, name: str) -> None:
    found = ping.file_name(request(reference=reference))
    assert found == name
    assert 5 <= len(found) <= 255
    assert entry_of(found) == ENTRY


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (f"x_{ENTRY}_simulate_undeliverable.pdf", ENTRY),
        (f"x_{ENTRY.upper()}.PDF", ENTRY),
        ("brief_von_hand.pdf", None),
        (f"{ENTRY}.pdf", None),
        ("x_zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz.pdf", None),
    ],
)
def test_our_entry_is_read_off_a_file_name(name: str, entry: str | None) -> None:
    assert entry_of(name) == entry


def test_keys_are_the_entrys_own_and_short_enough() -> None:
    keys = {ping.create_key(ENTRY, number) for number in (1, 2, 3)} | {f"{ENTRY}-send"}
    assert len(keys) == 4
    assert all(1 <= len(key) <= 64 for key in keys)


# our own check


def documents(*parts: tuple[DocumentRole, str, bytes]) -> tuple[Document, ...]:
    return tuple(Document(role, "a.pdf", kind, content) for role, kind, content in parts)


LETTER_PART = (DocumentRole.LETTER, "application/pdf", PDF)


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"recipient": " "}, "missing_recipient", "No address."),
        ({"recipient": "Zoé\n75011 Paris"}, "invalid_recipient", "Address incomplete: no street."),
        ({"documents": ()}, "missing_content", "There are 0 letters; there has to be one."),
        (
            {"documents": documents((DocumentRole.ATTACHMENT, "application/pdf", PDF))},
            "missing_content",
            "There are 0 letters; there has to be one.",
        ),
        (
            {"documents": documents(LETTER_PART, LETTER_PART)},
            "missing_content",
            "There are 2 letters; there has to be one.",
        ),
        (
            {"documents": documents((DocumentRole.LETTER, "text/html", b"<p>"))},
            "missing_content",
            "The letter is text/html, not a PDF.",
        ),
        (
            {"documents": documents((DocumentRole.LETTER, "application/pdf", b"no"))},
            "pdf_unreadable",
            "The letter is no PDF that can be read: PdfStreamError.",
        ),
        (
            {
                "documents": documents(
                    (
                        DocumentRole.LETTER,
                        "application/pdf",
                        letter(ADDRESS, page="width: 210mm, height: 279mm"),
                    )
                )
            },
            "pdf_not_a4",
            "Page 1 is 210 x 279 mm, not A4.",
        ),
        (
            {
                "recipient": "Piet\nLaan 1\n1234 AB Utrecht\nNL",
                "documents": documents(
                    (DocumentRole.LETTER, "application/pdf", letter(ADDRESS, pages=15))
                ),
            },
            "pdf_too_many_pages",
            "The letter has 15 pages; to NL Ping takes 14.",
        ),
    ],
)
def test_our_check_stops_what_cannot_be_right(values: Any, code: str, words: str) -> None:
    found = provider()[0].check(request(**values))
    assert found == (code, words)
    problem = ping.SPEC.explain(Status.FAILED, code, words)
    assert problem.error_class is not ErrorClass.UNKNOWN
    assert problem.falls_back is code.endswith("recipient")


def test_one_letter_to_a_complete_address_passes_whatever_else_is_there() -> None:
    extra = (DocumentRole.ATTACHMENT, "text/plain", b"x")
    made, http = provider()
    assert made.check(request(documents=documents(LETTER_PART, extra))) is None
    assert made.check(request(recipient="Zoé\n12 rue X\n75011 Paris", country="")) is None
    assert http.calls == []


# the way to acceptance


@pytest.mark.parametrize("status", sorted(ping_codes.TAKEN))
@pytest.mark.parametrize("begun", [True, False])
async def test_a_letter_that_was_sent_off_is_accepted_and_not_sent_again(
    status: str, begun: bool
) -> None:
    steps = MemorySteps(dict(DRAFTED), datetime.now(UTC) if begun else None)
    outcome, http, _ = await advance(shown(status), steps=steps)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_message_id == ID
    assert [event.kind for event in outcome.events] == [status] * (status != "submitted")
    assert [call.method for call in http.calls] == ["GET"]
    assert steps.committed == []


async def test_a_letter_that_is_read_is_waited_for_longer_and_longer_and_not_for_ever() -> None:
    waits = []
    for age in (0, 60, 600, 7200):
        at = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
        steps = MemorySteps({**DRAFTED, LETTER: {"id": ID, "at": at}})
        outcome, _, _ = await advance(shown("validating"), steps=steps)
        assert isinstance(outcome, NotYet)
        assert outcome.retry_after is not None
        waits.append(round(outcome.retry_after))
    assert waits == [2, 15, 150, 300]
    outcome, _, _ = await advance(shown("validating"))
    assert isinstance(outcome, Stopped)
    assert outcome.code == ping_codes.NOT_CHECKED


@pytest.mark.parametrize(
    ("status", "codes", "code"),
    [
        ("invalid", ("created", "file_too_many_pages"), "file_too_many_pages"),
        ("action_required", ("created", "content_failed_inspection"), "content_failed_inspection"),
        ("action_required", ("created", "hologram_missing"), "action_required"),
        ("invalid", (), "invalid"),
    ],
)
async def test_a_draft_that_ping_does_not_send_is_stopped_with_what_it_found(
    status: str, codes: tuple[str, ...], code: str
) -> None:
    outcome, _, steps = await advance(shown(status), history(*codes))
    assert isinstance(outcome, Stopped)
    assert outcome.code == code
    assert (f"What {code} means" in outcome.words) == (code in codes)
    assert steps.committed == []
    assert ping.SPEC.explain(Status.FAILED, code, "").error_class is ErrorClass.TECHNICAL


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("Zoé Lefèvre\n12 rue de la Forêt\n75012 Paris", "FR"),
        ("Zoé Lefèvre\n12 rue de la Forêt\n75011 Paris", "DE"),
        ({"name": "Zoé", "street": "rue X", "number": "12", "zip": "75011", "city": "Paris"}, "FR"),
        (None, None),
        (17, ["FR"]),
    ],
)
async def test_an_address_that_ping_read_otherwise_stops_the_letter(
    address: object, country: object
) -> None:
    outcome, http, _ = await advance(shown(address=address, country=country))
    assert isinstance(outcome, Stopped)
    assert outcome.code == ping_codes.ADDRESS_DIFFERS
    assert "ours: Zoé Lefèvre, 12 rue de la Forêt, 75011 Paris, FR" in outcome.words
    assert [call.method for call in http.calls] == ["GET"]


async def test_an_address_in_parts_is_read_as_well() -> None:
    parts = {"name": "Z", "street": "12 rue de la Forêt", "zip": "75011", "city": "PARIS"}
    outcome, _, _ = await advance(shown(address=parts), shown("submitted"))
    assert isinstance(outcome, Accepted)


async def test_a_conflict_at_create_is_tried_again_with_nothing_committed() -> None:
    outcome, _, steps = await advance((409, {}), steps=MemorySteps({UPLOAD: UPLOADED}))
    assert type(outcome) is NotSent
    assert steps.committed == []


@pytest.mark.parametrize(
    ("then", "expected"),
    [("submitted", Accepted), ("printing", Accepted), ("valid", UnknownOutcome)],
)
async def test_a_conflict_at_send_is_decided_by_the_letter(then: str, expected: type) -> None:
    outcome, http, _ = await advance(shown(), (409, {}), shown(then))
    assert type(outcome) is expected
    assert [call.method for call in http.calls] == ["GET", "PATCH", "GET"]


@pytest.mark.parametrize("status", [422, 403])
async def test_a_repeat_that_is_refused_because_the_first_try_arrived_is_accepted(
    status: int,
) -> None:
    begun = MemorySteps(dict(DRAFTED), datetime.now(UTC))
    outcome, _, _ = await advance(shown(), (status, {}), shown("accepted"), steps=begun)
    assert isinstance(outcome, Accepted)
    begun = MemorySteps(dict(DRAFTED), datetime.now(UTC))
    outcome, _, _ = await advance(shown(), (status, {}), shown(), steps=begun)
    assert type(outcome) in (Rejected, AccountTrouble)


async def test_a_letter_that_vanished_is_no_proof_once_it_was_sent_off() -> None:
    outcome, _, _ = await advance((404, {}))
    assert type(outcome) is Rejected
    begun = MemorySteps(dict(DRAFTED), datetime.now(UTC))
    outcome, _, _ = await advance((404, {}), steps=begun)
    assert type(outcome) is UnknownOutcome


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("invalid", Stopped),
        ("action_required", UnknownOutcome),
        ("laminating", UnknownOutcome),
        ("validating", UnknownOutcome),
    ],
)
async def test_what_a_letter_shows_after_it_was_begun_is_not_guessed(
    status: str, expected: type
) -> None:
    begun = MemorySteps(dict(DRAFTED), datetime.now(UTC))
    outcome, http, _ = await advance(shown(status), history(), steps=begun)
    assert type(outcome) is expected
    assert {call.method for call in http.calls} == {"GET"}


# what goes wrong

LONG = {"retry-after": "900"}
REFUSALS: list[tuple[Reply, type[ProviderError]]] = [
    ((400, {}), Rejected),
    ((401, {}), AccountTrouble),
    ((402, {}), AccountTrouble),
    ((403, {}), AccountTrouble),
    ((405, {}), Rejected),
    ((408, {}), UnknownOutcome),
    ((410, {}), Rejected),
    ((415, {}), Rejected),
    ((422, {}), Rejected),
    ((424, {}), Rejected),
    ((425, {}), UnknownOutcome),
    ((429, {}), RateLimited),
    ((429, {}, LONG), RateLimited),
    ((500, {}), UnknownOutcome),
    ((503, {}), UnknownOutcome),
    ((503, {}, LONG), RateLimited),
    ((302, {}), UnknownOutcome),
    ((200, None), UnknownOutcome),
    ((200, {"data": {"id": ID}}), UnknownOutcome),
    ((200, {"data": {"id": "another", "attributes": {"status": "submitted"}}}), UnknownOutcome),
]


@pytest.mark.parametrize(("reply", "expected"), REFUSALS, ids=lambda value: str(value)[:40])
async def test_each_refusal_of_the_send_request_ends_in_its_class(
    reply: Any, expected: type[ProviderError]
) -> None:
    answers = [reply] * (2 if reply[0] == 401 else 1)
    outcome, _, steps = await advance(shown(), *answers)
    assert type(outcome) is expected
    assert isinstance(outcome, ProviderError)
    assert (outcome.provider, outcome.code) == ("ping", str(reply[0]))
    assert steps.committed == [SEND, "begin"]
    if isinstance(outcome, RateLimited):
        assert outcome.retry_after == (900 if len(reply) == 3 else None)
    if expected is not UnknownOutcome:
        problem = ping.SPEC.explain(Status.REJECTED, outcome.code, "")
        assert problem.error_class is not ErrorClass.UNKNOWN


@pytest.mark.parametrize("name", ["x-ratelimit-reset", "x-rate-limit-reset"])
async def test_both_spellings_of_the_rate_limit_are_read(name: str) -> None:
    outcome, _, _ = await advance((429, {}, {name: str(int(time.time()) + 600)}))
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after is not None
    assert 590 < outcome.retry_after <= 600


@pytest.mark.parametrize(
    ("answers", "expected", "code"),
    [
        (((500, {}),), UnknownOutcome, "500"),
        (((200, {"data": {"attributes": {"url": "https://x"}}}),), UnknownOutcome, "200"),
        ((PLACE, (403, "")), NotSent, "upload_failed"),
        ((PLACE, (500, "")), NotSent, "upload_failed"),
        ((PLACE, (302, "")), NotSent, "upload_failed"),
        ((PLACE, (413, "")), Rejected, "413"),
        ((PLACE, (503, "", LONG)), RateLimited, "503"),
        ((PLACE, UnknownOutcome("ping", "no_answer")), UnknownOutcome, "no_answer"),
        ((PLACE, NotSent("ping", "foreign_address")), NotSent, "foreign_address"),
    ],
)
async def test_an_upload_that_fails_leaves_nothing_behind(
    answers: tuple[Reply, ...], expected: type, code: str
) -> None:
    outcome, _, steps = await advance(*answers, steps=MemorySteps())
    assert type(outcome) is expected
    assert isinstance(outcome, ProviderError)
    assert outcome.code == code
    assert steps.committed == []
    assert ping.SPEC.explain(Status.QUEUED, code, "").sentence


async def test_an_answer_lost_at_create_is_asked_for_with_the_same_key_and_bytes() -> None:
    lost = UnknownOutcome("ping", "no_answer")
    steps = MemorySteps()
    _, first, _ = await advance(PLACE, STORED, lost, steps=steps)
    assert steps.committed == [UPLOAD]
    outcome, again, _ = await advance(
        (201, {"data": resource()}), shown("submitted"), steps=steps, address_position="left"
    )
    assert isinstance(outcome, Accepted)
    assert again.calls[0].content == first.calls[2].content
    assert again.calls[0].headers["idempotency-key"] == first.calls[2].headers["idempotency-key"]


async def test_a_file_that_ping_refuses_again_and_again_ends_as_its_no() -> None:
    gone: Reply = (
        422,
        {"errors": [{"detail": "gone", "source": {"pointer": "/data/attributes/file_url"}}]},
    )
    empty: Reply = (200, {"data": []})
    steps, outcome = MemorySteps(), None
    answers = [PLACE, STORED, gone, empty, PLACE, STORED, gone]
    for number in range(3):
        outcome, _, steps = await advance(*answers, steps=steps)
        answers = [gone, empty, PLACE, STORED, gone] if number == 0 else [gone]
    assert type(outcome) is Rejected
    assert steps.reached[UPLOAD]["number"] == ping.UPLOADS


@pytest.mark.parametrize(
    ("reply", "expected", "code"),
    [
        ((400, {"error": "invalid_client"}), AccountTrouble, "credentials"),
        ((401, {"message": f"no such client {SECRET}"}), AccountTrouble, "credentials"),
        ((403, {}), AccountTrouble, "credentials"),
        ((404, {}), AccountTrouble, "credentials"),
        ((429, {}, LONG), RateLimited, "429"),
        ((500, {}), NotSent, "500"),
        ((200, {"expires_in": 1}), NotSent, "200"),
        ((200, ["x"]), NotSent, "200"),
        (UnknownOutcome("ping", "no_answer"), NotSent, "no_answer"),
        (NotSent("ping", "unreachable"), NotSent, "unreachable"),
    ],
)
async def test_without_a_token_nothing_was_sent(reply: Reply, expected: type, code: str) -> None:
    outcome, http, steps = await advance(tokens=(reply,))
    assert type(outcome) is expected
    assert isinstance(outcome, ProviderError)
    assert outcome.code == code
    assert SECRET not in f"{outcome} {outcome.words}"
    assert (http.calls, steps.committed) == ([], [])


async def test_a_token_is_kept_and_fetched_anew_a_minute_before_it_ends() -> None:
    lasting, short = ((200, {"access_token": "a", "expires_in": s}) for s in (61.0, 59.0))
    made, http = provider(*[shown("sent")] * 5, tokens=(short, lasting))
    for _ in range(3):
        await made.poll(watch_of(request(), ID))
    assert http.token_calls == 2


async def test_calls_at_the_same_time_share_one_token() -> None:
    made, http = provider(*[shown("sent")] * 8)
    await asyncio.gather(*(made.poll(watch_of(request(), ID)) for _ in range(8)))
    assert http.token_calls == 1


async def test_a_token_that_is_refused_is_fetched_anew_once() -> None:
    outcome, http, _ = await advance((401, {}), shown("sent"))
    assert isinstance(outcome, Accepted)
    assert [call.headers["authorization"] for call in http.calls] == [
        f"Bearer {TOKEN}1",
        f"Bearer {TOKEN}2",
    ]
    outcome, http, _ = await advance((401, {}), (401, {}))
    assert type(outcome) is AccountTrouble
    assert http.token_calls == 2


async def test_words_name_the_field_and_hide_secrets() -> None:
    errors = [
        {"title": "Validation", "details": "too long", "source": {"parameter": "filter"}},
        {"detail": f"Bearer {TOKEN}1 {SECRET}", "source": {"pointer": "/data/attributes/x"}},
        {"title": "only a title", "source": None},
        "no object",
    ]
    outcome, _, _ = await advance((422, {"errors": errors}))
    assert isinstance(outcome, Rejected)
    assert outcome.words == (
        "too long (filter); Bearer •••• •••• (/data/attributes/x); only a title"
    )


# what the statuses mean

ENDS = {
    Status.DELIVERED: None,
    Status.RETURNED: ErrorClass.PERMANENT,
    Status.FAILED: ErrorClass.TECHNICAL,
    Status.CANCELLED: None,
    Status.SENT: None,
}


@pytest.mark.parametrize(("word", "status"), ping_codes.STATUS.items())
async def test_each_status_is_read_as_the_table_says(word: str, status: Status) -> None:
    made, _ = provider(shown(word), history("created"))
    watched = await made.poll(watch_of(request(), ID))
    (event,) = watched.events
    assert (event.kind, event.status, event.error_class) == (word, status, ENDS[status])
    assert (event.entry_id, event.provider_message_id) == (ENTRY, ID)
    assert event.at == datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    failed = status in (Status.FAILED, Status.RETURNED)
    assert event.code == (word if failed else "")
    assert (watched.again_after is None) == (status is not Status.SENT)
    if failed:
        problem = ping.SPEC.explain(status, event.code, event.words)
        assert problem.falls_back is (status is Status.RETURNED)


@pytest.mark.parametrize("word", ["validating", "fixing", "cancelling", "laminating"])
async def test_other_statuses_move_nothing_and_are_shown_raw(word: str) -> None:
    made, _ = provider(shown(word))
    watched = await made.poll(watch_of(request(), ID))
    (event,) = watched.events
    assert (event.kind, event.status, event.error_class, event.code) == (word, None, None, "")
    assert watched.again_after


async def test_waiting_for_credit_says_so() -> None:
    made, _ = provider(shown("awaiting_credits"))
    (event,) = (await made.poll(watch_of(request(), ID))).events
    assert (event.status, event.words) == (Status.SENT, ping_codes.AWAITING_WORDS)
    assert "credit" in ping.SPEC.explain(Status.SENT, "awaiting_credits", "").sentence


async def test_a_failure_has_the_code_of_the_event_that_says_why() -> None:
    made, _ = provider(
        shown("unprintable"), history("submitted", "rejected_from_printcenter", "address_purged")
    )
    (event,) = (await made.poll(watch_of(request(), ID))).events
    assert (event.code, event.words) == (
        "rejected_from_printcenter",
        "What rejected_from_printcenter means",
    )


async def test_a_returned_letter_has_reason_and_corrected_address_where_the_history_has_them() -> (
    None
):
    moved = {"name": "Zoé", "street": "quai X", "number": "7", "zip": "69001", "city": "Lyon"}
    made, _ = provider(
        shown("undeliverable"), history("undeliverable", reason="Moved.", corrected_address=moved)
    )
    (event,) = (await made.poll(watch_of(request(), ID))).events
    assert event.code == "undeliverable"
    assert event.words == "Moved. The address is now: Zoé, quai X 7, 69001 Lyon"


async def test_a_letter_that_was_given_back_as_a_draft_failed_but_not_at_once() -> None:
    made, _ = provider(shown(), history("waiting_for_funds_expired"), shown(), history(), shown())
    (unpaid,) = (await made.poll(watch_of(request(), ID))).events
    assert (unpaid.status, unpaid.code) == (Status.FAILED, "waiting_for_funds_expired")
    watched = await made.poll(watch_of(request(), ID))
    assert watched.events[0].code == ping_codes.BACK_TO_DRAFT
    assert watched.again_after is None
    just_now = watch_of(request(), ID, accepted_at=datetime.now(UTC), asked_for=True)
    watched = await made.poll(just_now)
    assert watched.events[0].status is None
    assert watched.again_after


@pytest.mark.parametrize(
    ("word", "product", "days", "hours"),
    [
        ("printing", "cheap", 0.1, 1),
        ("printing", "cheap", 2, 6),
        ("printing", "cheap", 91, None),
        ("sent", "postag_b", 2, 96),
        ("sent", "postag_b", 41, None),
        ("sent", "postag_registered", 0.1, 1),
        ("sent", "postag_aplus", 41, 6),
        ("sent", "postag_aplus", 91, None),
        ("laminating", "cheap", 2, 6),
        ("delivered", "postag_registered", 2, None),
    ],
)
async def test_the_schedule(word: str, product: str, days: float, hours: float | None) -> None:
    made, _ = provider(shown(word, delivery_product=product))
    accepted = datetime.now(UTC) - timedelta(days=days)
    watched = await made.poll(watch_of(request(), ID, accepted_at=accepted))
    assert watched.again_after == (None if hours is None else hours * 3600)


async def test_a_tracking_number_makes_a_letter_a_tracked_one() -> None:
    made, _ = provider(shown("sent", tracking_number="RR1"))
    assert (await made.poll(watch_of(request(), ID))).again_after == 3600


async def test_a_letter_that_ping_no_longer_has_is_not_asked_about_again() -> None:
    made, _ = provider((404, {}))
    watched = await made.poll(watch_of(request(), ID))
    assert (watched.events, watched.again_after) == ((), None)


# cancelling


async def test_cancelling_is_asked_for_and_told() -> None:
    made, http = provider((202, ""))
    (event,) = await made.cancel(watch_of(request(), ID))
    assert (event.kind, event.status, event.entry_id) == ("cancelling", None, ENTRY)
    assert (http.calls[0].method, http.calls[0].url) == ("PATCH", f"{LETTERS}/{ID}/cancel")
    assert http.calls[0].content == b""


@pytest.mark.parametrize("status", [403, 404, 409, 422])
async def test_a_refused_cancellation_is_too_late_if_the_letter_says_so(status: int) -> None:
    made, _ = provider((status, {}), shown("printing"))
    with pytest.raises(Rejected) as caught:
        await made.cancel(watch_of(request(), ID))
    assert caught.value.code == ping_codes.TOO_LATE
    assert ping.SPEC.explain(Status.REJECTED, ping_codes.TOO_LATE, "").sentence
    made, _ = provider((status, {}), shown("cancelled"))
    (event,) = await made.cancel(watch_of(request(), ID))
    assert event.status is Status.CANCELLED
    made, _ = provider((status, {}), shown("accepted"))
    with pytest.raises(ProviderError) as caught_other:
        await made.cancel(watch_of(request(), ID))
    assert caught_other.value.code == str(status)


async def test_a_cancellation_that_got_no_answer_is_not_decided() -> None:
    for reply in ((500, {}), UnknownOutcome("ping", "no_answer")):
        made, http = provider(reply)
        with pytest.raises(UnknownOutcome):
            await made.cancel(watch_of(request(), ID))
        assert len(http.calls) == 1


# webhooks


def hooked(body: object, **headers: str) -> RawWebhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawWebhook("/webhooks/ping", headers, raw, RECEIVED)


def call(
    sort: str, code: str = "", about: str = "deliverable", kind: str = "letters", **attributes: Any
) -> dict[str, Any]:
    event = {
        "id": "e1",
        "attributes": {"code": code, "name": f"{code}!", "emitted_at": "2026-01-15T10:00:00+0100"},
    }
    relations: dict[str, Any] = {
        about: {"data": {"type": kind, "id": ID}},
        "event": {"data": {"type": "whatever_events", "id": "e1"}},
    }
    return {
        "data": {"type": sort, "id": "h1", "attributes": attributes, "relationships": relations},
        "included": [
            {"type": "organisations", "id": "org"},
            resource("sent"),
            {"type": "letters_events", **event},
            {"type": "deliverables_events", **event},
        ],
    }


def parsed(body: object) -> Any:
    (event,) = PingReceiver(settings()).parse(hooked(body))
    return event


def test_the_vector_is_verified_and_read() -> None:
    body = base64.b64decode(VECTOR["body_b64"])
    hook = hooked(body, signature=VECTOR["signature"])
    receiver = PingReceiver(settings())
    receiver.verify(hook)
    (event,) = receiver.parse(hook)
    assert (event.status, event.error_class) == (Status.RETURNED, ErrorClass.PERMANENT)
    assert (event.code, event.words) == ("undeliverable", "Destinataire inconnu à cette adresse")
    assert event.provider_message_id == "00000000-0000-4000-8000-000000000002"
    assert event.event_id == "9f1c0d2e-0000-4000-8000-2c8a41f77b05"
    assert event.at == datetime(2026, 1, 1, 8, 0, tzinfo=UTC)


def test_each_of_several_keys_is_accepted_and_nothing_else() -> None:
    body = base64.b64decode(VECTOR["body_b64"])
    receiver = PingReceiver(settings())
    receiver.verify(hooked(body, signature=hmac.new(b"new-key", body, hashlib.sha256).hexdigest()))
    wrong = [
        "",
        VECTOR["signature"].upper(),
        VECTOR["signature"][:-1],
        VECTOR["signature"] + "0",
        hmac.new(b"old-key", body, hashlib.sha256).hexdigest(),
        "ü" * 64,
    ]
    for signature in wrong:
        with pytest.raises(BadSignature):
            receiver.verify(hooked(body, signature=signature))
    for changed in (body + b"\n", body.replace(b"\\/", b"/")):
        with pytest.raises(BadSignature):
            receiver.verify(hooked(changed, signature=VECTOR["signature"]))
    with pytest.raises(BadSignature):
        receiver.verify(hooked(body))


def test_without_a_key_no_call_is_believed() -> None:
    body = b"{}"
    signature = hmac.new(b"", body, hashlib.sha256).hexdigest()
    for key in ("", " , "):
        with pytest.raises(BadSignature):
            PingReceiver(settings(webhook_key=Secret(key))).verify(
                hooked(body, signature=signature)
            )


@pytest.mark.parametrize(
    ("sort", "kind", "status", "error_class", "code"),
    [
        ("webhook_sent", "sent", Status.SENT, None, ""),
        ("webhook_delivered", "delivered", Status.DELIVERED, None, ""),
        (
            "webhook_undeliverable",
            "undeliverable",
            Status.RETURNED,
            ErrorClass.PERMANENT,
            "undeliverable",
        ),
        ("webhook_channel_subscriptions", "webhook_channel_subscriptions", None, None, ""),
        ("webhook_engraved", "webhook_engraved", None, None, ""),
    ],
)
@pytest.mark.parametrize("about", ["deliverable", "letter"])
def test_each_type_is_read_whether_it_names_a_deliverable_or_a_letter(
    sort: str,
    kind: str,
    status: Status | None,
    error_class: ErrorClass | None,
    code: str,
    about: str,
) -> None:
    event = parsed(call(sort, "track", about))
    assert (event.kind, event.status, event.error_class, event.code) == (
        kind,
        status,
        error_class,
        code,
    )
    assert (event.entry_id, event.provider_message_id, event.event_id) == (ENTRY, ID, "h1")
    assert (event.at, event.timed) == (datetime(2026, 1, 15, 9, 0, tzinfo=UTC), True)
    assert not event.ask


def test_the_deliverable_counts_where_both_are_named() -> None:
    body = call("webhook_sent")
    body["data"]["relationships"]["letter"] = {"data": {"type": "letters", "id": "old"}}
    assert parsed(body).provider_message_id == ID


@pytest.mark.parametrize("kind", ["emails", "ebills", "holograms"])
def test_what_is_no_letter_moves_nothing(kind: str) -> None:
    for sort in ("webhook_sent", "webhook_issues"):
        event = parsed(call(sort, "file_not_found", kind=kind))
        assert (event.status, event.error_class, event.ask) == (None, None, False)


@pytest.mark.parametrize(("code", "status"), ping_codes.EVENTS.items())
def test_each_issue_is_read_by_the_code_of_its_event(code: str, status: Status | None) -> None:
    event = parsed(call("webhook_issues", code, reason="Their reason"))
    assert (event.kind, event.status) == (code, status)
    assert "Their reason" in event.words
    assert event.ask is (code in ping_codes.ASKED_ABOUT)
    if status in (Status.FAILED, Status.RETURNED):
        assert event.code == code
        problem = ping.SPEC.explain(status, code, event.words)
        assert event.error_class is problem.error_class is not ErrorClass.UNKNOWN
    else:
        assert event.error_class is None


def test_only_a_country_that_ping_does_not_serve_is_the_addresss_own_fault() -> None:
    permanent = {
        code
        for code, status in ping_codes.EVENTS.items()
        if status in (Status.FAILED, Status.RETURNED)
        and ping.SPEC.explain(status, code, "").error_class is ErrorClass.PERMANENT
    }
    assert permanent == {"undeliverable", "shipping_country_blocked"}


@pytest.mark.parametrize("code", ["hologram_missing", ""])
def test_an_unheard_of_issue_is_only_a_hint(code: str) -> None:
    event = parsed(call("webhook_issues", code))
    assert (event.status, event.error_class, event.ask) == (None, None, True)
    assert event.kind == (code or "issue")


def test_a_bare_call_is_read_as_far_as_it_goes() -> None:
    event = parsed({"data": {"type": "webhook_sent"}})
    assert (event.entry_id, event.provider_message_id, event.timed) == (None, "", False)
    assert event.at == RECEIVED
    body = call("webhook_undeliverable")
    body["included"] = [None, {"id": "e1"}, {"id": ID, "attributes": "x"}]
    body["data"]["relationships"]["event"] = {"data": []}
    body["data"]["attributes"] = {"reason": ["x"], "corrected_address": "7 quai X\n69001 Lyon"}
    event = parsed(body)
    assert (event.entry_id, event.status) == (None, Status.RETURNED)
    assert event.words == "The address is now: 7 quai X, 69001 Lyon"


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 100_000, b"[]", b"null", b'{"data": []}', b'{"data": "x"}', b"{}"]
)
def test_what_is_no_call_of_pings_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        PingReceiver(settings()).parse(hooked(body))


# the tables


def test_every_problem_says_what_happened_and_what_to_do_in_plain_words() -> None:
    for code, problem in ping_codes.PROBLEMS.items():
        for words in (problem.sentence, problem.advice):
            assert words.endswith((".", "?")), code
            assert len(words) <= 110, code
            assert not re.search(r"JSON|OAuth|HTTP|token bucket", words), code
    for task in ping_codes.TASKS.values():
        assert task.sentence.endswith(".")
        assert task.advice.endswith(".")


def test_every_failure_that_we_can_end_with_has_a_problem() -> None:
    ends = {code for code, status in ping_codes.EVENTS.items() if status is Status.FAILED}
    ends |= {word for word, status in ping_codes.STATUS.items() if status is Status.FAILED}
    ends |= ping_codes.UNUSABLE | {
        ping_codes.ADDRESS_DIFFERS,
        ping_codes.BACK_TO_DRAFT,
        ping_codes.CREDENTIALS,
        ping_codes.NOT_CHECKED,
        ping_codes.TOO_LATE,
        ping_codes.UNDELIVERABLE,
    }
    assert ends <= set(ping_codes.PROBLEMS)
    assert {"401", "402", "403", "404", "422", "429"} <= set(ping_codes.PROBLEMS)


def test_an_unknown_code_or_outcome_is_never_guessed() -> None:
    assert ping.SPEC.explain(Status.FAILED, "hologram", "").error_class is ErrorClass.UNKNOWN
    assert ping.SPEC.explain(Status.UNKNOWN, "422", "").error_class is ErrorClass.UNKNOWN
    assert ping.SPEC.explain(Status.FAILED, "expired_", "").error_class is ErrorClass.UNKNOWN
    assert ping.SPEC.explain(Status.QUEUED, "unreachable", "") is OWN["unreachable"]


def test_taken_letters_and_drafts_are_told_apart() -> None:
    assert not ping_codes.TAKEN & {"valid", "validating", "fixing", "action_required", "invalid"}
    assert ping_codes.CANCELLABLE < ping_codes.TAKEN


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-07-29T11:23:11+0200", datetime(2026, 7, 29, 9, 23, 11, tzinfo=UTC)),
        ("2026-07-29T11:23:11", datetime(2026, 7, 29, 11, 23, 11, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
        (["2026"], None),
        ("0001-01-01T00:00:00+2359", None),
    ],
)
def test_instants(value: object, expected: datetime | None) -> None:
    assert instant(value) == expected


def test_the_spec_says_what_it_is() -> None:
    spec = ping.SPEC
    assert (spec.key, spec.label, spec.channel.value, spec.paid) == ("ping", "Ping", "post", True)
    assert spec.repeats_for == timedelta(hours=12)
    assert spec.webhook_paths == ("/webhooks/ping",)
    assert spec.first_poll == ping_facts.FIRST_POLL
    assert spec.bases(settings()) == (f"{API}/", "https://identity.pingen.example")
    assert spec.configured(settings())
    for name in ("client_id", "client_secret", "organisation"):
        assert not spec.configured(replace(settings(), ping=replace(settings().ping, **{name: ""})))
    known = set(Ping.__slots__)
    assert {field.name for field in spec.fields} == known
