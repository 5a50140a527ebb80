"""HTTP calls to providers: one client per request in flight, and the truth about what may have left.

A request has left once its first byte was handed to a connection, and httpx's trace says when that is:
what fails before (refused, DNS, TLS, time-out while connecting) was surely not sent, and what fails after
may have arrived, whichever exception it is. An address out of an answer is followed only to where the provider's
own configured address could lead as well.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email.utils
import functools
import ipaddress
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from commtui.config import is_private
from commtui.errors import NotSent, ProviderError, UnknownOutcome
from commtui.secrecy import Masking

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS = 4.0
"""Below every provider's idle time-out: a connection that died while idle would make a false unknown."""
QUOTA_SECONDS = 24 * 3600.0
"""A quota that lasts longer than this is none that is waited for."""
PROVING = ("authorization", "cpro-account")
"""The headers in which providers are told who we are."""
ANSWER_LIMIT = 1_000_000
"""Bytes of an answer that are read; no provider's answer is nearly as long."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls a provider still takes, by the headers of an answer."""

    remaining: int
    seconds: float
    """Until it takes as many again as it ever does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON when it says that it is and is; None otherwise (error pages are HTML)."""
        if "json" not in self.headers.get("content-type", "").lower():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def asked_to_wait(self) -> float | None:
        """Seconds from Retry-After (seconds or a date); None when it is missing or unreadable."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdecimal():
            return float(asked)
        with contextlib.suppress(ValueError, TypeError, OverflowError, OSError):
            return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
        return None

    def retry_after(self) -> float | None:
        """Seconds to wait after a 429: Retry-After, else X-RateLimit-Reset (epoch seconds)."""
        asked = self.asked_to_wait()
        return self._resets_in() if asked is None else asked

    def quota(self) -> Quota | None:
        """X-RateLimit-Remaining of X-RateLimit-Limit, when at most half is left; None: nothing to heed."""
        limit, remaining = self._number("limit"), self._number("remaining")
        resets_in = self._resets_in()
        if remaining is None or resets_in is None or not 0 < resets_in <= QUOTA_SECONDS:
            return None
        if limit is not None and remaining * 2 > limit:
            return None
        return Quota(remaining, resets_in)

    def _resets_in(self) -> float | None:
        reset = self._number("reset")
        return None if reset is None else max(0.0, float(reset) - time.time())

    def _number(self, name: str) -> int | None:
        """A number out of X-RateLimit-…, which some providers spell X-Rate-Limit-…."""
        for spelling in ("x-ratelimit-", "x-rate-limit-"):
            found = self.headers.get(spelling + name, "").strip()
            if found.isascii() and found.isdecimal() and len(found) < 12:
                return int(found)
        return None


class Http:
    """A fixed number of slots, each with a client of its own (a shared httpx pool slows down under load)."""

    def __init__(self, slots: int, request_seconds: float, secrets: Sequence[str] = ()) -> None:
        """So many requests at a time, each for so long; answers that quote one of the `secrets` are masked."""
        # httpx logs every URL at INFO, and recipients stand in ours.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # Connecting and TLS may each take this long, and must end before the whole request has to.
        connect = min(CONNECT_SECONDS, request_seconds / 3)
        self._timeout = httpx.Timeout(request_seconds, connect=connect)
        self._request_seconds = request_seconds
        self._masking = Masking(secrets)
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_SECONDS
        )
        self._tls: ssl.SSLContext | None = None
        self._clients: list[httpx.AsyncClient] = []
        self._quotas: dict[str, Quota] = {}
        self._free: asyncio.LifoQueue[httpx.AsyncClient | None] = asyncio.LifoQueue()
        for _ in range(slots):
            self._free.put_nowait(None)

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
        limit: int = ANSWER_LIMIT,
        metered: bool = False,
    ) -> Answer:
        """Make one request and read its whole answer, up to `limit` bytes of it.

        `named_by` is the configured base URL of the provider whose answer, or whose network's directory, named
        `url`: it is not followed to a private network unless that base is itself private, and not from HTTPS
        to plain HTTP. The answer to a `metered` call says how many more such calls the provider takes.
        Raises NotSent or UnknownOutcome; no status raises.
        """
        headers = dict(headers or {})
        _refuse_unsendable(provider, headers)
        extensions: dict[str, Any] = {}
        if named_by and not is_private(named_by):
            url, host = await _pinned(provider, url, named_by)
            headers["host"] = host
            extensions["sni_hostname"] = host.partition(":")[0]
        left = False

        async def trace(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal left
            left = left or event.endswith("send_request_headers.started")

        async with self._slot() as client:
            try:
                # The transport's time-outs are per read: a dripping answer would never reach them.
                async with (
                    asyncio.timeout(self._request_seconds),
                    client.stream(
                        method,
                        url,
                        headers=headers,
                        content=content,
                        auth=auth,
                        extensions={"trace": trace, **extensions},
                    ) as response,
                ):
                    answer = await _read(response, limit)
            except Exception as error:  # noqa: BLE001 - whatever it was, the request left or it did not
                raise _failure(provider, error, left=left) from None
        if metered and (quota := answer.quota()) is not None:
            self._quotas[provider] = quota
        proofs = tuple(headers.get(name, "").rpartition(" ")[2] for name in PROVING)
        return _masked(answer, self._masking, _own((*proofs, *_basic(auth))))

    def quotas(self) -> dict[str, Quota]:
        """What the newest metered answers said, by provider; said once."""
        said, self._quotas = self._quotas, {}
        return said

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients:
            await client.aclose()

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[httpx.AsyncClient]:
        client = await self._free.get()
        try:
            client = client or self._make()
            yield client
        finally:
            self._free.put_nowait(client)

    def _make(self) -> httpx.AsyncClient:
        self._tls = self._tls or httpx.create_ssl_context(trust_env=False)
        client = httpx.AsyncClient(
            verify=self._tls,
            timeout=self._timeout,
            limits=self._limits,
            follow_redirects=False,
            trust_env=False,
        )
        self._clients.append(client)
        return client


def _refuse_unsendable(provider: str, headers: Mapping[str, str]) -> None:
    """A header that cannot be sent would come back quoted, secret and all, in the client's own error."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise NotSent(
                provider, "bad_request", f"the header {name} has characters that cannot be sent"
            )


def _failure(provider: str, error: Exception, *, left: bool) -> ProviderError:
    if left:
        return UnknownOutcome(provider, "no_answer", f"no answer: {type(error).__name__}")
    if isinstance(error, httpx.TransportError | TimeoutError) and not isinstance(
        error, httpx.UnsupportedProtocol | httpx.LocalProtocolError
    ):
        return NotSent(provider, "unreachable", f"not reached: {error or type(error).__name__}")
    return NotSent(
        provider, "bad_request", f"the request could not be made: {type(error).__name__}"
    )


async def _pinned(provider: str, url: str, named_by: str) -> tuple[str, str]:
    """The URL with a public address in place of its host, and the host: a second look-up could differ."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and urlsplit(named_by).scheme == "http"
    )
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if not (secure and parts.hostname and port and parts.username is None):
        raise NotSent(provider, "foreign_address", "the provider named an address that is not one")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise NotSent(provider, "unreachable", f"not reached: {error}") from None
    addresses = [str(item[4][0]).partition("%")[0] for item in found]
    if not addresses or not all(ipaddress.ip_address(item).is_global for item in addresses):
        raise NotSent(
            provider, "foreign_address", "the provider named an address in a private network"
        )
    bare = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    host = parts.netloc
    return urlunsplit(parts._replace(netloc=f"{bare}:{port}")), host


@functools.lru_cache(maxsize=64)
def _own(proofs: tuple[str, ...]) -> Masking:
    """What a request itself proved who we are with: a provider may quote it in its complaint."""
    return Masking(proofs)


def _basic(auth: tuple[str, str] | None) -> tuple[str, ...]:
    """A password, and what becomes of it in the header."""
    return (auth[1], base64.b64encode(":".join(auth).encode()).decode()) if auth else ()


def _masked(answer: Answer, *maskings: Masking) -> Answer:
    for masking in maskings:
        answer = Answer(
            answer.status,
            {name: masking.text(value) for name, value in answer.headers.items()},
            masking.content(answer.body),
        )
    return answer


async def _read(response: httpx.Response, limit: int) -> Answer:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            break
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, bytes(body))
