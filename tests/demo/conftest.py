"""A running practice network, and a web receiver that keeps what it is called with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest_asyncio

from commtui.config import Secret, SendGrid, Settings, Twilio, Web
from commtui.demo.network import PracticeNetwork
from commtui.providers.base import RawWebhook
from commtui.providers.http import Http

PUBLIC_URL = "https://hooks.example.test/commtui"


@dataclass
class Catcher:
    """Answers every call and keeps it; may refuse the first ones."""

    calls: list[RawWebhook] = field(default_factory=list)
    refuse: int = 0
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                pairs = (line.partition(":") for line in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                refused, self.refuse = self.refuse > 0, self.refuse - 1
                if not refused:
                    self.calls.append(
                        RawWebhook(first.split()[1], headers, body, datetime.now(UTC))
                    )
                status = b"503 Service Unavailable" if refused else b"204 No Content"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@dataclass
class Practice:
    """The network, its receiver, and settings that point the adapters at them."""

    network: PracticeNetwork
    catcher: Catcher
    settings: Settings
    http: Http

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to come true; the test's time limit ends a wait in vain."""
        while not condition():
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[Practice]:
    catcher = Catcher()
    receiver = await asyncio.start_server(catcher.handle, "127.0.0.1", 0)
    web_url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}"
    http = Http(4, 5.0)
    async with PracticeNetwork(scale=0.02, retry_seconds=0.01) as network:
        network.connect(web_url, PUBLIC_URL)
        settings = Settings(
            web=Web(public_url=PUBLIC_URL),
            sendgrid=SendGrid(
                api_key=Secret(network.account.sendgrid_key),
                base_url=network.url,
                from_email="billing@example.com",
                webhook_public_key=Secret(network.key.public_key),
            ),
            twilio=Twilio(
                account_sid=network.account.twilio_sid,
                auth_token=Secret(network.account.twilio_token),
                from_="ACME",
                base_url=network.url,
            ),
        )
        yield Practice(network, catcher, settings, http)
        await http.aclose()
    receiver.close()
