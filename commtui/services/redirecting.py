"""Test mode: what would go to a customer goes to one address of ours for each channel, or not at all.

Everything else is done with the real recipient: opt-outs, address checks, the channel that is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from commtui.config import Settings
from commtui.domain import postal
from commtui.domain.vocabulary import Channel, DocumentRole
from commtui.providers import cover_sheet
from commtui.providers.base import SendRequest
from commtui.store.redirects import REDIRECTED

CODE = "test_mode"
EINVOICE = "Test mode: an e-invoice goes to whom its document names, so it cannot be redirected: it is not sent."
BEGUN = "It was begun in test mode, and this worker is not in test mode: it is not sent."


@dataclass(frozen=True, slots=True)
class Way:
    """Where a message really goes."""

    request: SendRequest
    to: str = ""
    """The test address on one line; empty: its own recipient."""
    problem: str = ""
    """Why it must not be sent."""


class Redirecting:
    """Redirects by these settings; outside test mode everything goes its own way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._test = settings.mode == "test"

    def problem(self, channel: Channel) -> str:
        """Why a channel sends nothing in this mode; empty when it does."""
        if not self._test or channel is Channel.MANUAL:
            return ""
        if channel is Channel.EINVOICE:
            return EINVOICE
        if not self._address(channel):
            return f"Test mode: no test address is set for it (test.{channel.value}), so it is not sent."
        return ""

    def way(self, request: SendRequest, reached: Mapping[str, Mapping[str, Any]]) -> Way:
        """Where a message goes, after the steps that earlier tries committed."""
        if not self._test:
            return Way(request, problem=BEGUN if REDIRECTED in reached else "")
        if problem := self.problem(request.channel):
            return Way(request, problem=problem)
        address = self._address(request.channel)
        changed = replace(request, recipient=address)
        if request.channel is Channel.POST:
            changed = self._covered(changed)
        return Way(changed, ", ".join(address.splitlines()))

    def _address(self, channel: Channel) -> str:
        test = self._settings.test
        return {
            Channel.EMAIL: test.email,
            Channel.SMS: test.sms,
            Channel.POST: test.post_lines,
        }.get(channel, "")

    def _covered(self, request: SendRequest) -> SendRequest:
        home = self._settings.sending.country
        documents = tuple(
            replace(item, content=cover_sheet.covered(item.content, request.recipient, home))
            if item.role is DocumentRole.LETTER
            else item
            for item in request.documents
        )
        country = postal.parse(request.recipient, home).country
        return replace(request, documents=documents, country=country)


def as_sent(request: SendRequest, reached: Mapping[str, Mapping[str, Any]]) -> SendRequest:
    """A request with the recipient that it really went to, for questions about it."""
    redirected = reached.get(REDIRECTED)
    return replace(request, recipient=str(redirected["to"])) if redirected else request
