"""Every provider that takes steps, with every one of its requests going wrong once, on real loopback sockets.

A relay stands between the adapter and the practice network. It breaks one request, before the network sees it or
after the network has answered; afterwards the entry is gone on with as a worker would, by a new adapter that knows
only what was committed. Whatever broke, the network must have taken the message exactly once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from commtui.demo.network import PracticeNetwork
from commtui.errors import NotSent, NotYet, ProviderError, UnknownOutcome
from commtui.providers.base import Accepted, Capability, Finds, ProviderSpec, SendRequest, Stepwise
from commtui.providers.http import Http
from commtui.providers.registry import SPECS, by_key
from tests.contract.test_sending_contract import (
    close,
    drip,
    http,
    reset,
    say,
    silence,
    whole_request,
)
from tests.practice import practice_request, practice_settings_for
from tests.steps import MemorySteps

STEPWISE = [spec for spec in SPECS if Capability.STEPS in spec.capabilities]
MOST_CALLS = 24
SECRETS = ("secret", "practice-chorus-password", "practice-peppol-key")

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Break:
    """How a request goes wrong."""

    name: str
    act: Act
    forwarded: bool = False
    """The network got the request and answered; the answer is lost on its way."""


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    await say(b"HTTP/1.1 20", reader, writer, request)


async def _busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    await say(http(503, Retry_After="1"), reader, writer, request)


async def _broken(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    await say(http(500, "<h1>Server Error</h1>", "text/html"), reader, writer, request)


async def _limited(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    await say(http(429, Retry_After="1"), reader, writer, request)


BREAKS = [
    Break("closed before it arrives", close),
    Break("reset before it arrives", reset),
    Break("half a status line", _half),
    Break("503 with Retry-After", _busy),
    Break("500 page", _broken),
    Break("429", _limited),
    Break("answer closed", close, forwarded=True),
    Break("answer reset", reset, forwarded=True),
    Break("answer hangs", silence, forwarded=True),
    Break("answer drips", drip, forwarded=True),
]


@dataclass
class Relay:
    """Hands requests on to the network, but breaks the one with this number."""

    host: str
    port: int
    number: int
    how: Break
    seen: list[str] = field(default_factory=list)
    broke: bool = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await whole_request(reader)
            self.seen.append(request.partition(b"\r\n")[0].decode("latin-1"))
            breaking = len(self.seen) == self.number and not self.broke
            self.broke = self.broke or breaking
            if breaking and not self.how.forwarded:
                await self.how.act(reader, writer, request)
                return
            answer = await self._forward(request)
            if breaking:
                await self.how.act(reader, writer, request)
                return
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")
        ]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def relayed(network: PracticeNetwork, number: int, how: Break) -> AsyncIterator[Relay]:
    host, _, port = network.url.removeprefix("http://").partition(":")
    relay = Relay(host, int(port), number, how)
    server = await asyncio.start_server(relay.handle, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield relay
    finally:
        server.close()


async def go_on(
    spec: ProviderSpec, settings: Any, request: SendRequest, steps: MemorySteps, seconds: float
) -> Accepted | ProviderError:
    """One try by a new adapter, as a worker makes it."""
    assert spec.create is not None
    client = Http(2, seconds)
    try:
        return await cast("Stepwise", spec.create(settings, client)).advance(request, steps)
    except ProviderError as error:
        return error
    finally:
        await client.aclose()


async def until_settled(
    spec: ProviderSpec, settings: Any, request: SendRequest, steps: MemorySteps, seconds: float
) -> str:
    """Go on as a worker would, by the rules of delivery; says how it ended."""
    for _ in range(60):
        begun_before = steps.committed.count("begin")
        found = await go_on(spec, settings, request, steps, seconds)
        if isinstance(found, Accepted):
            return "accepted"
        assert isinstance(found, ProviderError)
        for hidden in SECRETS:
            assert hidden not in f"{found} {found.words}"
        lost = isinstance(found, UnknownOutcome)
        begun = steps.committed.count("begin") > begun_before
        if lost and begun and spec.repeats_for is None:
            return await look_up(spec, settings, request, steps, seconds)
        if isinstance(found, NotSent) or lost:
            if isinstance(found, NotYet) or found.code:
                await asyncio.sleep(0.01)
            continue
        return f"{type(found).__name__} {found.code} {found.words}"
    return "never"


async def look_up(
    spec: ProviderSpec, settings: Any, request: SendRequest, steps: MemorySteps, seconds: float
) -> str:
    """Ask the provider what became of it until it knows; what it says is not there is sent again."""
    assert spec.create is not None
    steps.begun_at = datetime.now(UTC).replace(year=2020)
    for _ in range(60):
        client = Http(2, seconds)
        try:
            finder = cast("Finds", spec.create(settings, client))
            found = await finder.find(request, request.created_at, steps.reached)
        except ProviderError:
            found = None
        finally:
            await client.aclose()
        if found:
            return "found"
        if found is not None:
            return await until_settled(spec, settings, request, steps, seconds)
        await asyncio.sleep(0.01)
    return "not certain"


async def undisturbed(spec: ProviderSpec) -> int:
    """How many requests a message takes when nothing goes wrong."""
    async with PracticeNetwork(scale=0.01) as network:
        nothing = Break("nothing", close)
        async with relayed(network, 10**6, nothing) as relay:
            settings = practice_settings_for(network, relay.url)  # type: ignore[attr-defined]
            request = practice_request(spec, number=0)
            assert await until_settled(spec, settings, request, MemorySteps(), 5.0) == "accepted"
            return len(relay.seen)


@pytest.mark.parametrize("how", BREAKS, ids=lambda how: how.name)
@pytest.mark.parametrize("spec", STEPWISE, ids=lambda spec: spec.key)
async def test_whichever_request_breaks_the_message_is_taken_exactly_once(
    spec: ProviderSpec, how: Break
) -> None:
    calls = await undisturbed(spec)
    assert 1 < calls <= MOST_CALLS
    async with PracticeNetwork(scale=0.01) as network:
        for number in range(1, calls + 1):
            async with relayed(network, number, how) as relay:
                settings = practice_settings_for(network, relay.url)  # type: ignore[attr-defined]
                request = practice_request(spec, number=number)
                steps = MemorySteps()
                ending = await until_settled(spec, settings, request, steps, 0.6)
            taken = [item for item in network.accepted if item.entry_id == request.entry_id]
            where = relay.seen[number - 1] if len(relay.seen) >= number else "never reached"
            assert relay.broke, f"{how.name}: request {number} was never made"
            if ending == "not certain":
                # a deposit that never arrived cannot be told from one that is still on its way
                assert len(taken) <= 1, f"{how.name} at {where}: {len(taken)}"
                assert spec.repeats_for is None
                continue
            assert ending in ("accepted", "found"), f"{how.name} at {where}: {ending}"
            assert len(taken) == 1, f"{how.name} at {where}: taken {len(taken)} times"


@pytest.mark.parametrize("spec", STEPWISE, ids=lambda spec: spec.key)
async def test_begin_comes_once_a_try_and_after_every_step_that_may_be_repeated(
    spec: ProviderSpec,
) -> None:
    async with PracticeNetwork(scale=0.01) as network:
        settings = practice_settings_for(network, network.url)
        steps = MemorySteps()
        request = practice_request(spec, number=99)
        assert await until_settled(spec, settings, request, steps, 5.0) == "accepted"
    assert steps.committed.count("begin") == 1
    assert steps.committed.index("begin") >= 1


async def test_the_suite_catches_a_worker_that_forgets_its_steps() -> None:
    """The naive variant starts from the beginning after a lost answer, as if nothing had been committed."""
    spec = by_key("peppol")
    calls = await undisturbed(spec)
    how = next(item for item in BREAKS if item.name == "answer closed")
    async with PracticeNetwork(scale=0.01) as network:
        async with relayed(network, calls, how) as relay:
            settings = practice_settings_for(network, relay.url)  # type: ignore[attr-defined]
            request = practice_request(spec, number=1)
            numbers = itertools.count(1)
            found: Accepted | ProviderError = NotSent("x", "start")
            while not isinstance(found, Accepted) and next(numbers) < 40:
                fresh = replace(request, created_at=datetime.now(UTC))
                found = await go_on(spec, settings, fresh, MemorySteps(), 0.6)
        taken = [item for item in network.accepted if item.entry_id == request.entry_id]
    assert len(taken) == 2
