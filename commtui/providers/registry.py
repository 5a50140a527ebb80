"""Every provider there is: an explicit tuple, in the order in which channels choose."""

from __future__ import annotations

from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound
from commtui.providers import manual, sendgrid, twilio
from commtui.providers.base import ProviderSpec

SPECS: tuple[ProviderSpec, ...] = (sendgrid.SPEC, twilio.SPEC, manual.SPEC)


def by_key(key: str) -> ProviderSpec:
    """The provider with this key; raises NotFound."""
    for spec in SPECS:
        if spec.key == key:
            return spec
    raise NotFound(f"no provider {key!r}; there are {', '.join(spec.key for spec in SPECS)}")


def for_channel(channel: Channel) -> tuple[ProviderSpec, ...]:
    """The providers of a channel, the preferred one first."""
    return tuple(spec for spec in SPECS if spec.channel is channel)
