"""Which way a message goes: one pure function over what is known, with its reason in words.

Chains start at the wanted channel (design: section 5); a link that cannot carry the message is passed over, and the
reason says why: "email: no address → post: address incomplete → manual".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from commtui.domain.vocabulary import Channel, Purpose

CHAINS: Mapping[Channel, tuple[Channel, ...]] = {
    Channel.EMAIL: (Channel.EMAIL, Channel.POST, Channel.MANUAL),
    Channel.SMS: (Channel.SMS, Channel.EMAIL, Channel.MANUAL),
    Channel.POST: (Channel.POST, Channel.EMAIL, Channel.MANUAL),
    Channel.EINVOICE: (Channel.EINVOICE, Channel.EMAIL, Channel.POST, Channel.MANUAL),
    Channel.MANUAL: (Channel.MANUAL,),
}
"""Where a message goes that cannot go on its channel, unless kind or customer say otherwise."""
MANDATORY_CHAIN = (Channel.EINVOICE, Channel.MANUAL)
"""Where the law wants an e-invoice, nothing else replaces it."""
WITHOUT_WISH = (Channel.EINVOICE, Channel.EMAIL, Channel.SMS, Channel.POST, Channel.MANUAL)
"""The order when neither source nor customer wishes for a channel."""

WhyNot = Callable[[Channel], str]
"""Why a channel cannot carry this message, in words; empty when it can."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision depends on besides reach."""

    purpose: Purpose = Purpose.TRANSACTIONAL
    kind: str = ""
    wishes: Mapping[str, Sequence[Channel]] = field(default_factory=dict)
    """The customer's own order by kind; the empty kind is for all."""
    kind_chains: Mapping[str, Sequence[Channel]] = field(default_factory=dict)
    """The configured order by kind."""
    mandatory_einvoice: bool = False

    @property
    def order(self) -> tuple[Channel, ...]:
        """The order that somebody chose for such messages; empty when nobody did."""
        chosen = (
            self.wishes.get(self.kind) or self.kind_chains.get(self.kind) or self.wishes.get("")
        )
        return tuple(dict.fromkeys(chosen or ()))


@dataclass(frozen=True, slots=True)
class Decision:
    """The channel a message goes on, and how that came about."""

    channel: Channel | None
    """None: marketing that is skipped, or nothing is left."""
    reason: str


def chain(start: Channel, case: Case) -> tuple[Channel, ...]:
    """The channels that are tried one after the other, the wanted one first."""
    if case.purpose is Purpose.MARKETING:
        return (start,)
    if start is Channel.EINVOICE and case.mandatory_einvoice:
        return MANDATORY_CHAIN
    if case.order:
        others = [item for item in case.order if item not in (start, Channel.MANUAL)]
        return tuple(dict.fromkeys((start, *others, Channel.MANUAL)))
    return CHAINS[start]


def decide(
    start: Channel, case: Case, why_not: WhyNot, *, after: Sequence[tuple[Channel, str]] = ()
) -> Decision:
    """The first link of the chain that can carry the message; `after` are links that failed, with their reasons."""
    parts = [f"{_word(channel)}: {why}" for channel, why in after]
    tried = {channel for channel, _ in after}
    for link in chain(start, case):
        if link in tried:
            continue
        if link is Channel.MANUAL or not (why := why_not(link)):
            return Decision(link, " → ".join([*parts, _word(link)]))
        parts.append(f"{_word(link)}: {why}")
    ending = "skipped" if case.purpose is Purpose.MARKETING else "no other way"
    return Decision(None, " → ".join([*parts, ending]))


def first(case: Case, why_not: WhyNot, *, registered: bool) -> Decision:
    """The channel of a message without a wish; e-invoices are thought of only for customers who take them."""
    order = case.order or WITHOUT_WISH
    parts: list[str] = []
    marketing = case.purpose is Purpose.MARKETING
    for link in order:
        if link is Channel.EINVOICE and not registered:
            continue
        if link is Channel.MANUAL and marketing:
            continue
        if link is Channel.MANUAL or not (why := why_not(link)):
            return Decision(link, " → ".join([*parts, _word(link)]))
        parts.append(f"{_word(link)}: {why}")
    if marketing:
        return Decision(None, " → ".join([*parts, "skipped"]))
    return Decision(Channel.MANUAL, " → ".join([*parts, "manual"]))


def parse_chains(text: str) -> dict[str, tuple[Channel, ...]]:
    """The setting `fallback.chains`, "reminder: sms, email; contract: post". Raises ValueError with what is wrong."""
    found: dict[str, tuple[Channel, ...]] = {}
    for part in filter(None, (item.strip() for item in text.split(";"))):
        kind, colon, names = part.partition(":")
        words = [name.strip().lower() for name in names.split(",") if name.strip()]
        if not colon or not kind.strip() or not words:
            raise ValueError(f"{part[:60]!r} is not of the form kind: channel, channel")
        unknown = [word for word in words if word not in set(Channel)]
        if unknown:
            raise ValueError(
                f"{unknown[0][:60]!r} is no channel; there are {', '.join(item.value for item in Channel)}"
            )
        found[kind.strip()] = tuple(Channel(word) for word in words)
    return found


def _word(channel: Channel) -> str:
    return channel.label.lower()
