"""Whether a channel can carry a communication to its customer now, and if not, why, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from commtui.config import Settings
from commtui.domain import postal, recipients
from commtui.domain.channels import Case, Decision, decide, first, parse_chains
from commtui.domain.einvoice import Reachability
from commtui.domain.optouts import SOURCE_WORDS, OptOut
from commtui.domain.vocabulary import STATUS_LOOKS, Channel
from commtui.providers import registry
from commtui.store.prospects import LaneNow, Prospect

CHECK_HOLDS = timedelta(days=1)
"""How long a recipient that was found not to be registered is believed to be so."""


class Reaching:
    """Reasons and decisions with these settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chains = parse_chains(settings.fallback.chains)

    def provider(self, prospect: Prospect, channel: Channel) -> str | None:
        """The key of the provider that takes such a message, or None when none is set up for it."""
        for spec in registry.for_channel(channel):
            network = prospect.routing.network if prospect.routing else None
            if spec.network is not None and spec.network is not network:
                continue
            if spec.configured(self._settings):
                return spec.key
        return None

    def case(self, prospect: Prospect) -> Case:
        """What the decision depends on besides reach."""
        return Case(
            purpose=prospect.purpose,
            kind=prospect.kind,
            wishes=prospect.preferences,
            kind_chains=self._chains,
            mandatory_einvoice=prospect.routing is not None
            and prospect.routing.is_mandatory(prospect.country),
        )

    def decide(
        self,
        prospect: Prospect,
        lane: LaneNow,
        now: datetime,
        *,
        failed: Sequence[tuple[Channel, str]] = (),
    ) -> Decision:
        """The way of a lane: from its wanted channel on, after the links that failed already.

        A wanted channel that is merely not set up is still the one: that is ours to mend, not a reason to go
        another way.
        """
        case = self.case(prospect)
        unready: list[Channel] = []

        def why_not(channel: Channel) -> str:
            attempted = channel is lane.channel and lane.latest_entry_id is not None
            if why := self.why_not(prospect, channel, now, marked=not attempted):
                return why
            if self.provider(prospect, channel) is None:
                unready.append(channel)
                return "not set up" if failed or channel is not lane.origin else ""
            return ""

        if not prospect.wanted and not failed and lane.latest_entry_id is None:
            found = first(case, why_not, registered=prospect.routing is not None)
            if found.channel in (None, Channel.MANUAL) and unready:
                return Decision(unready[0], found.reason)
            return found
        return decide(lane.origin, case, why_not, after=failed)

    def why_not(
        self, prospect: Prospect, channel: Channel, now: datetime, *, marked: bool = True
    ) -> str:
        """Why a channel cannot carry it; empty when it can. Without `marked`, earlier failures do not count."""
        return (
            self._content_problem(prospect, channel)
            or self.address_problem(prospect, channel, now)
            or _refusal_words(prospect.refused_by(channel))
            or (self._mark_words(prospect, channel) if marked else "")
        )

    def _content_problem(self, prospect: Prospect, channel: Channel) -> str:
        texts = prospect.texts
        has, words = {
            Channel.EMAIL: (texts.email, "no text for it"),
            Channel.SMS: (bool(texts.sms), "no text for it"),
            Channel.POST: (texts.letter, "no letter"),
            Channel.EINVOICE: (texts.einvoice, "no e-invoice document"),
        }.get(channel, (True, ""))
        return "" if has else words

    def address_problem(self, prospect: Prospect, channel: Channel, now: datetime) -> str:
        """What is missing or cannot be right in the customer's address for a channel; empty when nothing is."""
        address = prospect.recipient(channel)
        country = prospect.country or self._settings.sending.country
        if channel is Channel.EINVOICE:
            return self._einvoice_problem(prospect, now)
        if channel is Channel.POST:
            return postal.problem(address, country) or ""
        try:
            if channel is Channel.EMAIL:
                recipients.email_address(address)
            elif channel is Channel.SMS:
                recipients.phone_number(address, country)
        except recipients.InvalidRecipient as error:
            if error.code == "missing_recipient":
                return "no number" if channel is Channel.SMS else "no address"
            return "number invalid" if channel is Channel.SMS else "address invalid"
        return ""

    def _einvoice_problem(self, prospect: Prospect, now: datetime) -> str:
        if prospect.routing_problem:
            return f"registration invalid ({prospect.routing_problem})"
        if prospect.routing is None:
            return "no e-invoicing address"
        known = prospect.registration
        if known is None or known.outcome is not Reachability.NOT_REGISTERED:
            return ""
        return f"not registered (checked {known.at:%d %b})" if now - known.at < CHECK_HOLDS else ""

    def _mark_words(self, prospect: Prospect, channel: Channel) -> str:
        mark = prospect.marks.get(channel)
        if mark is None:
            return ""
        word = STATUS_LOOKS[mark.status].label.removeprefix("Failed: ").lower()
        return f"{word} on {mark.at:%d %b}"


def _refusal_words(refusal: OptOut | None) -> str:
    if refusal is None:
        return ""
    return f"opted out ({SOURCE_WORDS[refusal.source]} on {refusal.at:%d %b})"
