"""The web receiver: what is taken in, what is refused, and what is left untouched by a refusal; both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from commtui.bootstrap import Taking
from commtui.config import Secret, SendGrid, Settings, Twilio, Web
from commtui.demo.callbacks import SigningKey, event_body, twilio_signature
from commtui.domain.vocabulary import Status, Tab
from commtui.services.events import Applying, Receiving
from commtui.services.unsubscribing import Unsubscribing
from commtui.store.engine import Database
from commtui.store.tables import entry_status, inbox, provider_event, provider_state
from commtui.store.workers import Presence
from commtui.web import BODY_LIMIT, application
from tests.office import SETTINGS, Office, message

PUBLIC_URL = "https://hooks.example.com/in"
TOKEN = "twilio-token"
SENDGRID = "/webhooks/sendgrid"
TWILIO = "/webhooks/twilio/status"
KEY = SigningKey()


RECEIVING = replace(
    SETTINGS,
    web=Web(public_url=PUBLIC_URL),
    sendgrid=SendGrid(
        api_key=Secret("SG.test"),
        from_email="billing@example.com",
        webhook_public_key=Secret(KEY.public_key),
    ),
    twilio=Twilio(account_sid="AC0", auth_token=Secret(TOKEN), from_="ACME"),
)


class Receiver:
    """The web receiver on one database, called as providers call it."""

    def __init__(
        self,
        database: Database,
        settings: Settings = RECEIVING,
        presence: Presence | None = None,
    ) -> None:
        self.database = database
        self.settings = settings
        self.app = application(
            Taking(
                settings,
                database,
                presence or Presence(database, "web", settings.worker.lease_seconds),
                Receiving(database, settings),
                Unsubscribing(database, settings),
            )
        )

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; an error that the receiver does not answer itself is the test's."""

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8571"
            ) as client:
                return await client.request(method, path, **request)

        return asyncio.run(call())

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.call("POST", path, **request)

    def stored(self) -> list[Any]:
        """The raw calls that were kept."""
        return self.rows(inbox)

    def rows(self, table: sa.Table) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(table)))

    def refused(self, provider: str) -> int:
        """How many calls of this provider had a wrong signature."""
        return sum(
            row.bad_signatures for row in self.rows(provider_state) if row.provider == provider
        )

    def apply(self) -> None:
        """What the worker does with what was kept."""
        applying = Applying(self.database, self.settings)
        while applying.step():
            pass


@pytest.fixture
def receiver(database: Database) -> Receiver:
    return Receiver(database)


def signed_events(*events: dict[str, Any], body: bytes | None = None) -> dict[str, Any]:
    """A SendGrid call: body and headers."""
    raw = event_body(events) if body is None else body
    timestamp = str(int(time.time()))
    prefix = "X-Twilio-Email-Event-Webhook-"
    return {
        "content": raw,
        "headers": {
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "SendGrid Event API",
            prefix + "Timestamp": timestamp,
            prefix + "Signature": KEY.sign(timestamp.encode() + raw),
        },
    }


def signed_form(url: str, **form: str) -> dict[str, Any]:
    """A Twilio call for the URL that Twilio knows."""
    return {
        "content": urlencode(form).encode(),
        "headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": twilio_signature(TOKEN, url, form),
            "I-Twilio-Idempotency-Token": "token-1",
        },
    }


def event(entry_id: str = "", kind: str = "delivered", **values: Any) -> dict[str, Any]:
    return {
        "event": kind,
        "email": "lea@example.com",
        "timestamp": 1768467600,
        "sg_message_id": f"m-{entry_id}.recvd-1",
        "sg_event_id": "event-1",
        "commtui_entry": entry_id,
        **values,
    }


# what is taken


def test_a_signed_call_is_kept_byte_for_byte_and_answered_at_once(receiver: Receiver) -> None:
    call = signed_events(event("x", reason="ünïcode \U0001f600"))
    answer = receiver.post(SENDGRID, **call)
    assert (answer.status_code, answer.content) == (204, b"")
    (kept,) = receiver.stored()
    assert (kept.body, kept.provider, kept.state) == (call["content"], "sendgrid", "new")
    assert kept.path == SENDGRID
    assert kept.headers == {
        "content-type": "application/json;charset=utf-8",
        "user-agent": "SendGrid Event API",
    }


def test_a_call_changes_nothing_until_the_worker_reads_it(
    office: Office, receiver: Receiver
) -> None:
    office.put(message())
    office.send()
    attempt = office.attempts()[0]
    receiver.post(SENDGRID, **signed_events(event(attempt.id)))
    assert office.line().status is Status.SENT
    receiver.apply()
    assert office.line().status is Status.DELIVERED


def test_a_call_that_is_replayed_is_kept_again_and_changes_nothing_twice(
    office: Office, receiver: Receiver
) -> None:
    office.put(message())
    office.send()
    attempt = office.attempts()[0]
    call = signed_events(event(attempt.id), event(attempt.id, "open", sg_event_id="event-2"))
    for _ in range(3):
        assert (receiver.post(SENDGRID, **call)).status_code == 204
        receiver.apply()
    seen = office.lines(Tab.LOG), office.counts(), receiver.rows(entry_status)
    assert [row.state for row in receiver.stored()] == ["done"] * 3
    assert len(receiver.rows(provider_event)) == 2
    assert (receiver.post(SENDGRID, **call)).status_code == 204
    receiver.apply()
    assert (office.lines(Tab.LOG), office.counts(), receiver.rows(entry_status)) == seen
    assert office.line().status is Status.DELIVERED


def test_what_is_signed_but_unreadable_is_kept_and_holds_nothing_up(
    office: Office, receiver: Receiver
) -> None:
    office.put(message())
    office.send()
    attempt = office.attempts()[0]
    for body in (b"not json", b"{}", b"[" * 100_000, b"[1, null, [], {}]", b"\xff\x00"):
        assert (receiver.post(SENDGRID, **signed_events(body=body))).status_code == 204
    receiver.post(SENDGRID, **signed_events(event(attempt.id)))
    receiver.apply()
    states = sorted(row.state for row in receiver.stored())
    assert states == ["done", "done", *["unreadable"] * 4]
    assert office.line().status is Status.DELIVERED


ODD = {
    "NUL": b'"nul\\u0000"',
    "half a pair": b'"half \\ud83d"',
    "not a number": b"NaN",
    "infinite": b"-Infinity",
    "too large": b"1e999",
    "huge": b"9" * 400,
    "nested": b'{"\\u0000": ["\\udc00", NaN]}',
}


def test_a_value_that_a_database_cannot_hold_holds_nothing_up(
    office: Office, receiver: Receiver
) -> None:
    office.put(*(message(name) for name in ODD))
    office.send()
    for name, value in ODD.items():
        body = event_body([event(office.attempts(name)[0].id, reason="ODD", odd="ODD")])
        receiver.post(SENDGRID, **signed_events(body=body.replace(b'"ODD"', value)))
    receiver.apply()
    assert {row.state for row in receiver.stored()} == {"done"}
    assert {line.reference: line.status for line in office.lines()} == dict.fromkeys(
        ODD, Status.DELIVERED
    )


def test_twilio_signs_the_public_url_whatever_host_the_call_comes_in_by(
    office: Office, receiver: Receiver
) -> None:
    office.put(message(channels=["sms"], customer={"phone": "+33639981234"}))
    office.send()
    attempt = office.attempts()[0]
    path = f"{TWILIO}?entry={attempt.id}"
    call = signed_form(PUBLIC_URL + path, MessageSid="SM1", MessageStatus="delivered", To="+33639")
    for host in ("10.0.0.7:8571", "hooks.example.com", "evil.example/x?y", ""):
        headers = {**call["headers"], "Host": host}
        answer = receiver.post(path, content=call["content"], headers=headers)
        assert answer.status_code == 204
    assert {row.path for row in receiver.stored()} == {path}
    assert receiver.stored()[0].headers["i-twilio-idempotency-token"] == "token-1"
    receiver.apply()
    assert office.line().status is Status.DELIVERED


def test_an_inbound_message_has_a_path_of_its_own(receiver: Receiver) -> None:
    path = "/webhooks/twilio/inbound"
    call = signed_form(PUBLIC_URL + path, MessageSid="SM2", Body="STOP", From="+33639981234")
    assert receiver.post(path, **call).status_code == 204
    receiver.apply()
    assert [row.kind for row in receiver.rows(provider_event)] == ["inbound"]


# what is refused


def test_a_wrong_signature_is_refused_and_counted_and_nothing_is_kept(
    receiver: Receiver,
) -> None:
    good = signed_events(event("x"))
    forged = {**good, "content": good["content"].replace(b"delivered", b"bounce")}
    for call in (forged, {"content": good["content"]}, {"content": b""}):
        answer = receiver.post(SENDGRID, **call)
        assert answer.status_code == 403
        assert KEY.public_key not in answer.text
    assert receiver.post(f"{TWILIO}?entry=%ff%00", content=b"\xff").status_code == 403
    assert receiver.stored() == []
    assert (receiver.refused("sendgrid"), receiver.refused("twilio")) == (3, 1)


def test_a_signature_for_another_url_is_refused(receiver: Receiver) -> None:
    others = (
        f"http://127.0.0.1:8571{TWILIO}",
        f"https://hooks.example.com{TWILIO}",
        f"{PUBLIC_URL}{TWILIO}?entry=other",
        f"{PUBLIC_URL}/webhooks/twilio/inbound",
    )
    for url in others:
        call = signed_form(url, MessageSid="SM1", MessageStatus="delivered")
        call["headers"]["Host"] = urlsplit(url).netloc
        assert receiver.post(TWILIO, **call).status_code == 403
    assert receiver.stored() == []
    assert receiver.refused("twilio") == len(others)


def test_one_providers_signature_opens_no_door_of_another(receiver: Receiver) -> None:
    assert (receiver.post(TWILIO, **signed_events(event("x")))).status_code == 403
    form = signed_form(PUBLIC_URL + SENDGRID, MessageSid="SM1")
    assert (receiver.post(SENDGRID, **form)).status_code == 403
    assert receiver.stored() == []


def padded(size: int) -> bytes:
    """A list of events of exactly this many bytes."""
    start, end = b'[{"event":"open","pad":"', b'"}]'
    return start + b"x" * (size - len(start) - len(end)) + end


def test_a_body_of_exactly_the_limit_is_taken(receiver: Receiver) -> None:
    call = signed_events(body=padded(BODY_LIMIT))
    assert (receiver.post(SENDGRID, **call)).status_code == 204
    assert len(receiver.stored()[0].body) == BODY_LIMIT == 1_048_576


def test_a_body_above_the_limit_is_refused_as_it_arrives(receiver: Receiver) -> None:
    call = signed_events(body=padded(BODY_LIMIT + 1))
    given = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal given
        for start in range(0, len(call["content"]), 65_536):
            chunk = call["content"][start : start + 65_536]
            given += len(chunk)
            yield chunk
        while True:
            given += 65_536
            yield b" " * 65_536

    answer = receiver.post(SENDGRID, content=stream(), headers=call["headers"])
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413
    assert given <= BODY_LIMIT + 2 * 65_536
    assert receiver.stored() == []
    assert receiver.refused("sendgrid") == 0


def test_an_announced_size_is_not_believed(receiver: Receiver) -> None:
    call = signed_events(body=padded(BODY_LIMIT + 1))
    headers = {**call["headers"], "Content-Length": "10"}
    answer = receiver.post(SENDGRID, content=call["content"], headers=headers)
    assert answer.status_code == 413
    assert receiver.stored() == []


def test_a_caller_that_hangs_up_in_the_middle_leaves_nothing(receiver: Receiver) -> None:
    incoming = iter(
        [
            {"type": "http.request", "body": b"[{", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[Any] = []

    async def receive() -> Any:
        return next(incoming)

    async def send(part: Any) -> None:
        answered.append(part)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SENDGRID,
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(receiver.app(scope, receive, send))
    assert answered[0]["status"] == 400
    assert receiver.stored() == []


def test_an_unknown_path_is_not_there(receiver: Receiver) -> None:
    for path in ("/", "/webhooks", "/webhooks/nobody", "/webhooks/sendgrid/x", "/webhooks/../x"):
        assert receiver.post(path, **signed_events(event("x"))).status_code == 404
    assert receiver.stored() == []


def test_webhooks_are_posted_and_nothing_else(receiver: Receiver) -> None:
    for path in (SENDGRID, TWILIO, "/webhooks/twilio/inbound"):
        for method in ("GET", "PUT", "DELETE"):
            assert receiver.call(method, path).status_code == 405


def test_health_says_that_the_receiver_is_there(receiver: Receiver) -> None:
    answer = receiver.call("GET", "/health")
    assert (answer.status_code, answer.text) == (200, "ok")


# the database is away


@contextmanager
def _moved_away(url: str) -> Iterator[None]:
    """A file that cannot be opened: a folder stands in its place."""
    file = Path(url.removeprefix("sqlite:///"))
    aside = file.with_suffix(".aside")
    file.rename(aside)
    file.mkdir()
    yield
    file.rmdir()
    aside.rename(file)


@contextmanager
def _closed(server: str, name: str) -> Iterator[None]:
    """A database that takes no connections and has thrown out the ones it had."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture
def outage(request: pytest.FixtureRequest, database_url: str) -> Callable[[], Any]:
    """Takes the database away, and brings it back at the end of the block."""
    if database_url.startswith("sqlite"):
        return lambda: _moved_away(database_url)
    server = request.getfixturevalue("postgresql_server")
    name = urlsplit(database_url).path.removeprefix("/")
    return lambda: _closed(server, name)


@pytest.mark.parametrize("measured", [True, False], ids=["known clock", "unknown clock"])
def test_while_the_database_is_away_the_provider_is_asked_to_try_again_later(
    database_url: str, outage: Callable[[], Any], measured: bool
) -> None:
    call = signed_events(event("x"))
    database, beating = Database(database_url), Database(database_url)
    receiver = Receiver(database, presence=Presence(beating, "web", 30.0))
    if measured:
        database.now()
    database.close()
    beating.close()
    with outage():
        answer = receiver.post(SENDGRID, **call)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        forged = receiver.post(SENDGRID, content=b"[]")
        assert forged.status_code == 503
    assert receiver.post(SENDGRID, **call).status_code == 204
    assert len(receiver.stored()) == 1
    database.close()
