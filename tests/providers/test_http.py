"""The HTTP client: connections are kept, but never trusted; headers that cannot be sent never leave."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest

from commtui.errors import NotSent
from commtui.providers.http import ANSWER_LIMIT, Answer, Http


class Server:
    """Answers 200 and counts connections and requests."""

    def __init__(self, *, close_after_answer: bool = False, body: bytes = b"ok") -> None:
        self.connections = self.requests = self.at_once = self.most_at_once = 0
        self.closed = asyncio.Event()
        self._close, self._body = close_after_answer, body

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                self.at_once += 1
                self.most_at_once = max(self.at_once, self.most_at_once)
                await asyncio.sleep(0)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._body))
                writer.write(self._body)
                await writer.drain()
                self.at_once -= 1
                if self._close:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self.closed.set()


@asynccontextmanager
async def serving(server: Server, slots: int = 1) -> AsyncIterator[tuple[Http, str]]:
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    http = Http(slots, 5.0)
    try:
        yield http, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        await http.aclose()
        listening.close()


async def test_one_slot_keeps_one_connection() -> None:
    server = Server()
    async with serving(server) as (http, url):
        for _ in range(3):
            assert (await http.call("x", "GET", url)).status == 200
    assert (server.connections, server.requests) == (1, 3)


async def test_a_connection_that_the_server_closed_while_idle_makes_no_false_unknown() -> None:
    server = Server(close_after_answer=True)
    async with serving(server) as (http, url):
        for _ in range(3):
            assert (await http.call("x", "GET", url)).status == 200
            await server.closed.wait()
            server.closed.clear()
    assert (server.connections, server.requests) == (3, 3)


async def test_no_more_requests_are_in_flight_than_there_are_slots() -> None:
    server = Server()
    async with serving(server, slots=2) as (http, url):
        await asyncio.gather(*(http.call("x", "GET", url) for _ in range(20)))
    assert server.requests == 20
    assert server.most_at_once <= 2
    assert server.connections <= 2


async def test_an_answer_without_end_is_read_up_to_a_limit() -> None:
    async with serving(Server(body=b"x" * (3 * ANSWER_LIMIT))) as (http, url):
        answer = await http.call("x", "GET", url)
    assert ANSWER_LIMIT < len(answer.body) < 2 * ANSWER_LIMIT


@pytest.mark.parametrize("value", ["Bearer kéy", "Bearer a\r\nb: c", "Bearer key ", "Bearer \x00"])
async def test_a_header_that_cannot_be_sent_is_named_and_its_value_kept_secret(value: str) -> None:
    with pytest.raises(NotSent) as caught:
        await Http(1, 1.0).call("x", "GET", "http://127.0.0.1:1/", headers={"authorization": value})
    assert caught.value.code == "bad_request"
    assert "authorization" in caught.value.words
    assert "Bearer" not in caught.value.words + repr(caught.value)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999999/", "x"])
async def test_a_url_that_is_none_was_surely_not_called(url: str) -> None:
    with pytest.raises(NotSent) as caught:
        await Http(1, 1.0).call("x", "GET", url)
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "120"}, 120, 120),
        ({"retry-after": formatdate(time.time() - 60, usegmt=True)}, 0, 0),
        ({"retry-after": formatdate(time.time() + 86_400, usegmt=True)}, 80_000, 86_400),
        ({"retry-after": "soon", "x-ratelimit-reset": "1"}, 0, 0),
        ({"x-ratelimit-reset": "1"}, 0, 0),
    ],
)
def test_how_long_to_wait_is_read_from_either_header(
    headers: dict[str, str], low: float, high: float
) -> None:
    found = Answer(429, headers, b"").retry_after()
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize("value", ["", "soon", "²", "-1", "1e3", "Thu, 99 Foo 2026 00:00:00 GMT"])
def test_a_wait_that_is_no_number_and_no_date_is_none(value: str) -> None:
    answer = Answer(429, {"retry-after": value, "x-ratelimit-reset": value}, b"")
    assert answer.retry_after() is None


def test_a_body_is_json_only_when_it_says_so() -> None:
    assert Answer(200, {"content-type": "application/JSON; charset=utf-8"}, b"[1]").json() == [1]
    assert Answer(200, {"content-type": "text/html"}, b"[1]").json() is None
    assert Answer(200, {"content-type": "application/json"}, b"[1").json() is None
    assert Answer(200, {"content-type": "application/json"}, b"\xff").json() is None
