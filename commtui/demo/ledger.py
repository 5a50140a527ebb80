"""What the practice network was asked for and took: a record independent of commtui's own."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from commtui.demo.scenario import Reply, Scenario


@dataclass(frozen=True, slots=True)
class PracticeAccount:
    """The credentials that the stand-ins accept."""

    sendgrid_key: str = "SG.practice.not-a-real-key"
    twilio_sid: str = "AC0123456789abcdef0123456789abcdef"
    twilio_token: str = "practice-not-a-real-token"  # noqa: S105 - accepted on loopback only
    ping_client_id: str = "practice-ping"
    ping_client_secret: str = "practice-ping-secret"  # noqa: S105
    ping_organisation: str = "5b6f0e7a-0000-4000-8000-000000000001"
    ping_webhook_key: str = "practice-ping-webhook-key"
    chorus_client_id: str = "practice-piste"
    chorus_client_secret: str = "practice-piste-secret"  # noqa: S105
    chorus_login: str = "TECH_1_practice@cpro.fr"
    chorus_password: str = "practice-chorus-password"  # noqa: S105
    peppol_api_key: str = "practice-peppol-key"
    peppol_sender_id: str = "0208:0202239951"
    peppol_webhook_secret: str = "practice-peppol-webhook"  # noqa: S105
    chorus_password_days: int = 90
    """Until the technical account's password expires; negative: since then."""
    peppol_credit: int = 1000
    """Documents that the access point still sends."""


@dataclass(frozen=True, slots=True)
class PracticeMessage:
    """A message that was taken, and so reaches the customer."""

    provider: str
    entry_id: str
    recipient: str
    provider_message_id: str
    scenario: str
    at: str
    """UTC, ISO 8601."""
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[tuple[str, str], ...] = ()
    """Name and SHA-256."""

    def as_json(self) -> dict[str, Any]:
        """Its form on the wire."""
        return asdict(self)


class Ledger:
    """Everything accepted, in order, and who was refused how often."""

    def __init__(self) -> None:
        self.accepted: list[PracticeMessage] = []
        self.requests = 0
        self._refused: Counter[tuple[str, str, str]] = Counter()

    def reply(self, scenario: Scenario, recipient: str) -> Reply | None:
        """The answer other than success that this call gets, or None."""
        reply = scenario.reply
        key = (scenario.provider, scenario.name, recipient)
        if reply is None or (reply.times and self._refused[key] >= reply.times):
            return None
        self._refused[key] += 1
        return reply


def now_text() -> str:
    """The present moment as it stands in the record."""
    return datetime.now(UTC).isoformat()


def token(length: int) -> str:
    """A random text as providers make their ids from."""
    return secrets.token_urlsafe(length)[:length].replace("-", "A").replace("_", "B")
