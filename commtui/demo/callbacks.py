"""The webhook calls that the practice network makes: signed as the providers sign, retried while nobody answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

FLUSH_SECONDS = 0.3
BATCH_EVENTS = 100
TRIES = 10
RETRY_CAP_SECONDS = 10.0


class SigningKey:
    """The pair that signs the Event Webhook."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        self._key = key or ec.generate_private_key(ec.SECP256R1())

    @classmethod
    def kept_in(cls, path: Path) -> Self:
        """The key in a file, made on first use, so that a restarted network is still believed."""
        if path.exists():
            key = load_pem_private_key(path.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{path} holds no elliptic curve key")
            return cls(key)
        made = cls()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = made._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        return made

    @property
    def public_key(self) -> str:
        """The verification key as SendGrid shows it: base64 of the DER form."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode("ascii")

    def sign(self, signed: bytes) -> str:
        """The signature of timestamp and body."""
        return base64.b64encode(self._key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode("ascii")


def event_body(events: Sequence[Mapping[str, Any]]) -> bytes:
    """A batch as SendGrid writes it: CRLF between the events and after them."""
    return (
        "[" + ",\r\n".join(json.dumps(event, ensure_ascii=False) for event in events) + "]\r\n"
    ).encode()


def twilio_signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio puts into X-Twilio-Signature for a form."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


class Callbacks:
    """Delivers events to the web receiver, after their delay, until it answers with 2xx."""

    def __init__(
        self, key: SigningKey, twilio_token: str, *, scale: float, retry_seconds: float
    ) -> None:
        self.key = key
        self.web_url = ""
        self.public_url = ""
        self.failed = 0
        """Calls given up."""
        self._token = twilio_token
        self._scale = scale
        self._retry_seconds = retry_seconds
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self._in_flight = asyncio.Semaphore(16)
        self._tasks: set[asyncio.Task[None]] = set()
        self._batch: list[Mapping[str, Any]] = []

    @property
    def idle(self) -> bool:
        """Nothing is waiting to be delivered."""
        return not self._tasks

    def email_event(self, event: Mapping[str, Any], after: float) -> None:
        """Deliver an event `after` seconds from now, in a batch with its neighbours."""
        self.start(self._add(event, after * self._scale))

    def message_status(self, callback: str, form: Mapping[str, str]) -> None:
        """Deliver a status to a StatusCallback URL."""
        self.start(self._call_back(callback.partition("#")[0], form))

    def deliver(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver a call that is signed already, at once and until it is taken."""
        self.start(self._post(path, body, headers))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the requests, until the network stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, after: float) -> None:
        """Let `after` seconds of practice time pass."""
        await asyncio.sleep(after * self._scale)

    async def stop(self) -> None:
        """Drop what is not delivered yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _add(self, event: Mapping[str, Any], delay: float) -> None:
        await asyncio.sleep(delay)
        self._batch.append({**event, "timestamp": int(time.time())})
        if len(self._batch) == 1:
            await asyncio.sleep(FLUSH_SECONDS * self._scale)
            batch, self._batch = self._batch, []
            for start in range(0, len(batch), BATCH_EVENTS):
                self.start(self._post_events(event_body(batch[start : start + BATCH_EVENTS])))

    async def _post_events(self, body: bytes) -> None:
        timestamp = str(int(time.time()))
        prefix = "X-Twilio-Email-Event-Webhook-"
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "SendGrid Event API",
            prefix + "Timestamp": timestamp,
            prefix + "Signature": self.key.sign(timestamp.encode() + body),
        }
        await self._post("/webhooks/sendgrid", body, headers)

    async def _call_back(self, url: str, form: Mapping[str, str]) -> None:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": twilio_signature(self._token, url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        }
        public = self.public_url or self.web_url
        path = url.removeprefix(public) if public and url.startswith(public) else _target(url)
        await self._post(path, urlencode(form).encode("ascii"), headers)

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        for attempt in range(TRIES):
            try:
                async with self._in_flight:
                    answer = await self._client.post(
                        self.web_url + path, content=body, headers=dict(headers)
                    )
                if answer.is_success:
                    return
            except (httpx.HTTPError, httpx.InvalidURL):
                pass
            await asyncio.sleep(min(self._retry_seconds * 2.0**attempt, RETRY_CAP_SECONDS))
        self.failed += 1


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
