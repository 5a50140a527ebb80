"""Settings and messages for the practice network, for tests that drive adapters themselves."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from commtui.config import Settings
from commtui.demo.network import PracticeNetwork
from commtui.demo.scenario import Scenario
from commtui.demo.scenarios import SCENARIOS
from commtui.demo.site import practice_settings
from commtui.domain import einvoice
from commtui.domain.vocabulary import Channel, Purpose
from commtui.providers.base import Document, ProviderSpec, SendRequest
from commtui.providers.registry import by_key


def practice_settings_for(network: PracticeNetwork, url: str) -> Settings:
    """Settings that reach a running practice network, through `url`."""
    settings = practice_settings(Settings(), "sqlite:////nowhere", url, 1, network.key)
    return replace(settings, peppol=replace(settings.peppol, dns=network.dns))


def practice_request(
    spec: ProviderSpec, number: int = 0, scenario: Scenario | None = None
) -> SendRequest:
    """A message that the network takes as this scenario says, or without any trouble."""
    from commtui.demo.documents import documents_for

    chosen = scenario or next(row for row in SCENARIOS if row.provider == spec.key)
    recipient = chosen.recipient(number)
    channel = by_key(chosen.provider).channel
    entry_id = str(uuid.uuid4())
    reference = f"F{entry_id[:8].upper()}"
    made = documents_for(channel, recipient, reference)
    return SendRequest(
        entry_id=entry_id,
        channel=channel,
        recipient=recipient,
        recipient_name="Customer",
        subject="Invoice",
        text=f"Please pay what {chosen.name} owes.",
        html="",
        documents=tuple(Document(role, name, kind, content) for role, name, kind, content in made),
        kind="invoice",
        purpose=Purpose.TRANSACTIONAL,
        country="FR",
        created_at=datetime.now(UTC),
        reference=reference,
        routing=einvoice.parse(recipient) if channel is Channel.EINVOICE else None,
    )
