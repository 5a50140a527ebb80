"""Every provider there is: an explicit tuple, in the order in which channels choose."""

from __future__ import annotations

from datetime import timedelta

from commtui.domain.vocabulary import Channel, Status
from commtui.errors import NotFound
from commtui.providers import chorus, manual, peppol, ping, sendgrid, twilio
from commtui.providers.base import Problem, ProviderSpec, Task
from commtui.providers.problems import shared

SPECS: tuple[ProviderSpec, ...] = (
    sendgrid.SPEC,
    twilio.SPEC,
    ping.SPEC,
    chorus.SPEC,
    peppol.SPEC,
    manual.SPEC,
)


def by_key(key: str) -> ProviderSpec:
    """The provider with this key; raises NotFound."""
    for spec in SPECS:
        if spec.key == key:
            return spec
    raise NotFound(f"no provider {key!r}; there are {', '.join(spec.key for spec in SPECS)}")


def for_channel(channel: Channel) -> tuple[ProviderSpec, ...]:
    """The providers of a channel, the preferred one first."""
    return tuple(spec for spec in SPECS if spec.channel is channel)


def first_poll(key: str) -> timedelta | None:
    """How long after acceptance a provider is asked about a message; None when it cannot be asked."""
    return next((spec.first_poll for spec in SPECS if spec.key == key), None)


def settles(key: str, status: str) -> bool:
    """Whether there is nothing more to ask a provider about a message in this status."""
    return any(spec.key == key and status in spec.settled for spec in SPECS)


def repeatable() -> dict[str, timedelta]:
    """The providers whose irreversible step may be repeated with the same key, and for how long."""
    return {spec.key: spec.repeats_for for spec in SPECS if spec.repeats_for is not None}


def explain(key: str, status: Status, code: str, words: str) -> Problem:
    """What a failure at a provider means; also for a provider that is not known any more."""
    spec = next((spec for spec in SPECS if spec.key == key), None)
    if spec is None:
        return shared("the provider", status, code)
    return spec.explain(status, code, words)


def task(key: str, code: str) -> Task | None:
    """What a provider's task asks for; None for a code that it does not have."""
    spec = next((spec for spec in SPECS if spec.key == key), None)
    return spec.tasks.get(code) if spec else None
