"""Every sending provider against every way in which a request can go wrong, on real loopback sockets."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commtui.config import Secret, SendGrid, Settings, Twilio
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose
from commtui.errors import (
    AccountTrouble,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
)
from commtui.providers.base import Capability, Document, ProviderSpec, SendRequest
from commtui.providers.http import Answer, Http
from commtui.providers.registry import SPECS

KEY, TOKEN = "SG.contract-secret", "contract-token-secret"
BASIC = base64.b64encode(f"AC1:{TOKEN}".encode()).decode()
BODY = "Only the recipient may read this."
SENDERS = [
    spec for spec in SPECS if spec.create is not None and Capability.STEPS not in spec.capabilities
]
"""Providers with one step; those with several have a suite of their own beside this one."""

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


async def whole_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    return head + await reader.readexactly(length)


async def close(
    _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes
) -> None:
    writer.close()


async def reset(
    _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes
) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(
    reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _request: bytes
) -> None:
    await reader.read()


async def drip(
    _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes
) -> None:
    """An answer that never stalls long enough for a read time-out, and never ends."""
    writer.write(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def say(
    answer: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes
) -> None:
    writer.write(answer)
    await writer.drain()
    writer.close()


async def say_reset(
    status: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    """A rate limit that is reset in a quarter of an hour from now."""
    reset_at = http(status, X_RateLimit_Reset=str(int(time.time()) + 900))
    await say(reset_at, reader, writer, request)


async def echo(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """A proxy's error that quotes the request, credentials and all."""
    said = request.partition(b"\r\n\r\n")[0].decode().replace("\r\n", " ").replace('"', "'")
    body = f'{{"message": "{said} {TOKEN}", "errors": [{{"message": "{said}"}}]}}'
    await say(http(400, body), _reader, writer, request)


def http(status: int, body: str = "", content_type: str = "application/json", **more: str) -> bytes:
    headers = {"Content-Type": content_type, "Content-Length": str(len(body.encode()))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n{body}".encode()


@dataclass(frozen=True)
class Failure:
    name: str
    act: Act | None
    expected: type[ProviderError]
    scheme: str = "http"
    wait: bool = False
    seconds: float = 15.0
    """How long a request may take."""


PAGE = partial(http, content_type="text/html")
FAILURES = [
    Failure("refused port", None, NotSent),
    Failure("TLS to a plain-text port", close, NotSent, "https"),
    Failure("untrusted certificate", close, NotSent, "https+"),
    Failure("read time-out", silence, UnknownOutcome, seconds=0.9),
    Failure("dripping answer", drip, UnknownOutcome, seconds=0.9),
    Failure("closed after the request", close, UnknownOutcome),
    Failure("reset after the request", reset, UnknownOutcome),
    Failure("half a status line", partial(say, b"HTTP/1.1 20"), UnknownOutcome),
    Failure("half a body", partial(say, http(202, "{}", Content_Length="99")), UnknownOutcome),
    Failure("not HTTP", partial(say, b"220 mail.example.com ESMTP\r\n"), UnknownOutcome),
    Failure(
        "broken compression", partial(say, http(202, "{}", Content_Encoding="gzip")), UnknownOutcome
    ),
    Failure(
        "429 with reset",
        partial(say_reset, 429),
        RateLimited,
        wait=True,
    ),
    Failure(
        "429 with Retry-After", partial(say, http(429, Retry_After="900")), RateLimited, wait=True
    ),
    Failure("429 without reset", partial(say, http(429)), RateLimited),
    Failure("429 with nonsense", partial(say, http(429, Retry_After="soon")), RateLimited),
    Failure(
        "503 with Retry-After", partial(say, http(503, Retry_After="900")), RateLimited, wait=True
    ),
    Failure("503 without Retry-After", partial(say, http(503)), UnknownOutcome),
    Failure(
        "503 with a rate limit only",
        partial(say_reset, 503),
        UnknownOutcome,
    ),
    Failure("500 page", partial(say, PAGE(500, "<h1>Server Error</h1>")), UnknownOutcome),
    Failure("502", partial(say, PAGE(502, "<h1>Bad Gateway</h1>")), UnknownOutcome),
    Failure("504", partial(say, http(504)), UnknownOutcome),
    Failure("400", partial(say, http(400, '{"message": "no"}')), Rejected),
    Failure("400 echoing the request", echo, Rejected),
    Failure("400 that is no JSON", partial(say, http(400, "{")), Rejected),
    Failure("400 nested too deep", partial(say, http(400, "[" * 100_000)), Rejected),
    Failure("401", partial(say, http(401)), AccountTrouble),
    Failure("402", partial(say, http(402)), AccountTrouble),
    Failure("403", partial(say, http(403)), AccountTrouble),
    Failure("404", partial(say, http(404)), Rejected),
    Failure("408", partial(say, http(408)), UnknownOutcome),
    Failure("413 page", partial(say, PAGE(413, "<h1>Request Entity Too Large</h1>")), Rejected),
    Failure("302", partial(say, http(302, Location="http://127.0.0.1:1/")), UnknownOutcome),
    Failure("200 with garbage", partial(say, PAGE(200, "\x00garbage")), UnknownOutcome),
    Failure("201 without an id", partial(say, http(201, '{"sid": null}')), UnknownOutcome),
    Failure("202 without an id", partial(say, http(202)), UnknownOutcome),
]
LOST = {
    "read time-out",
    "dripping answer",
    "closed after the request",
    "reset after the request",
    "half a status line",
    "half a body",
    "not HTTP",
    "broken compression",
}
"""What a classifier gets wrong that takes every transport error for "not sent"."""


@asynccontextmanager
async def serving(failure: Failure, folder: Path) -> AsyncIterator[str]:
    """The base URL of a server that fails in one way."""
    if failure.act is None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    act = failure.act

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if failure.scheme == "http":
                await act(reader, writer, await whole_request(reader))
            else:
                await reader.read(1000)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    tls = certificate(folder) if failure.scheme == "https+" else None
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{failure.scheme.rstrip('+')}://127.0.0.1:{port}"
    finally:
        server.close()


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def settings_for(base_url: str) -> Settings:
    return Settings(
        sendgrid=SendGrid(api_key=Secret(KEY), base_url=base_url, from_email="billing@example.com"),
        twilio=Twilio(account_sid="AC1", auth_token=Secret(TOKEN), from_="ACME", base_url=base_url),
    )


def request_for(spec: ProviderSpec) -> SendRequest:
    return SendRequest(
        entry_id="0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        channel=spec.channel,
        recipient="client@example.com" if spec.channel is Channel.EMAIL else "+46701740605",
        recipient_name="Client",
        subject="Invoice 12345",
        text=BODY,
        html="",
        documents=(Document(DocumentRole.ATTACHMENT, "a.pdf", "application/pdf", b"%PDF-1.7"),),
        kind="invoice",
        purpose=Purpose.TRANSACTIONAL,
        country="FR",
        created_at=dt.datetime(2026, 1, 15, tzinfo=dt.UTC),
    )


async def outcome(
    spec: ProviderSpec, failure: Failure, folder: Path, http: type[Http]
) -> ProviderError:
    """The error that a send ends with."""
    assert spec.create is not None
    async with serving(failure, folder) as base_url:
        client = http(1, failure.seconds)
        try:
            with pytest.raises(ProviderError) as caught:
                await spec.create(settings_for(base_url), client).send(request_for(spec))
        finally:
            await client.aclose()
    return caught.value


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
@pytest.mark.parametrize("spec", SENDERS, ids=lambda spec: spec.key)
async def test_every_failure_ends_in_exactly_one_class_and_gives_nothing_away(
    spec: ProviderSpec, failure: Failure, tmp_path: Path
) -> None:
    error = await outcome(spec, failure, tmp_path, Http)

    assert type(error) is failure.expected, repr(error)
    assert error.provider == spec.key
    assert error.code
    assert len(error.words) <= 2000
    if isinstance(error, RateLimited):
        waits = error.retry_after is not None and 800 < error.retry_after <= 900
        assert waits if failure.wait else error.retry_after is None
    for shown in (str(error), repr(error), error.words):
        for hidden in (KEY, TOKEN, BASIC, BODY):
            assert hidden not in shown


class NaiveHttp(Http):
    """Takes every transport error for "not sent", as the common rule of thumb has it."""

    async def call(self, provider: str, *args: object, **kwargs: object) -> Answer:  # type: ignore[override]
        try:
            return await super().call(provider, *args, **kwargs)  # type: ignore[arg-type]
        except UnknownOutcome as error:
            raise NotSent(provider, error.code) from None


async def test_the_suite_catches_a_classifier_that_takes_every_transport_error_for_not_sent(
    tmp_path: Path,
) -> None:
    for spec in SENDERS:
        wrong = set()
        for failure in FAILURES:
            error = await outcome(spec, failure, tmp_path, NaiveHttp)
            if type(error) is not failure.expected:
                wrong.add(failure.name)
        assert wrong == LOST
