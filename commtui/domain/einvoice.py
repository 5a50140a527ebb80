"""Where an e-invoice goes: network, participant, and what the recipient wants to be named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SIRET_SCHEME = "0009"
"""The scheme of French establishments in ISO 6523 (reference: e-invoicing, section 2.1)."""
MANDATORY_COUNTRIES = frozenset({"BE", "HR", "IT", "PL", "RO"})
"""Where invoices between businesses have to be e-invoices at the end of 2026: nothing else replaces them."""
_PARTICIPANT = re.compile(r"\d{4}:[A-Za-z0-9][A-Za-z0-9._:/+-]{0,130}")
_SIRET = re.compile(r"\d{14}")


class Network(StrEnum):
    """The networks that e-invoices travel on."""

    CHORUS = "chorus"
    PEPPOL = "peppol"

    @property
    def label(self) -> str:
        """The word shown to operators."""
        return {"chorus": "Chorus Pro", "peppol": "Peppol"}[self.value]


class InvalidRouting(ValueError):
    """A registration that cannot be right; the text says what is wrong and what it has to be."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A recipient of e-invoices."""

    network: Network
    id: str
    """`<scheme>:<value>`; on Chorus Pro the SIRET, 14 digits."""
    service_code: str = ""
    engagement: str = ""
    mandatory: bool | None = None
    """None: the network and the country decide."""

    @property
    def recipient(self) -> str:
        """The whole address as one text, as it stands on an entry; `parse` reads it."""
        parts = [f"{self.network}:{self.id}"]
        if self.service_code:
            parts.append(f"service={self.service_code}")
        if self.engagement:
            parts.append(f"engagement={self.engagement}")
        return ";".join(parts)

    @property
    def participant(self) -> str:
        """`<scheme>:<value>`, on either network."""
        return f"{SIRET_SCHEME}:{self.id}" if self.network is Network.CHORUS else self.id

    def is_mandatory(self, country: str) -> bool:
        """Whether nothing else may replace the e-invoice: on Chorus Pro always, else by flag or country."""
        if self.network is Network.CHORUS:
            return True
        if self.mandatory is not None:
            return self.mandatory
        return country.upper() in MANDATORY_COUNTRIES


def routing(
    network: str,
    identifier: str,
    *,
    service_code: str = "",
    engagement: str = "",
    mandatory: bool | None = None,
) -> Routing:
    """A registration from its parts; a SIRET may come with its scheme. Raises InvalidRouting."""
    try:
        known = Network(network)
    except ValueError:
        raise InvalidRouting(f"network is {network!r}; allowed are chorus and peppol") from None
    bare = identifier.strip()
    if known is Network.CHORUS:
        bare = bare.removeprefix(f"{SIRET_SCHEME}:").replace(" ", "")
        if not _SIRET.fullmatch(bare):
            raise InvalidRouting("Chorus Pro needs the recipient's SIRET, 14 digits")
    elif _SIRET.fullmatch(bare):
        bare = f"{SIRET_SCHEME}:{bare}"
    elif not _PARTICIPANT.fullmatch(bare):
        raise InvalidRouting("Peppol needs a participant such as 0208:0202239951")
    for name, value in (("service_code", service_code), ("engagement", engagement)):
        if ";" in value or len(value) > 100:
            raise InvalidRouting(f"{name} has a semicolon or more than 100 characters")
    return Routing(known, bare, service_code.strip(), engagement.strip(), mandatory)


def from_json(stored: str) -> Routing | None:
    """A customer's registration as the contact holds it; None when it has none. Raises InvalidRouting."""
    if not stored:
        return None
    parts = json.loads(stored)
    return routing(
        str(parts.get("network", "")),
        str(parts.get("siret") or parts.get("id") or ""),
        service_code=parts.get("service_code") or "",
        engagement=parts.get("engagement") or "",
        mandatory=parts.get("mandatory"),
    )


def to_json(known: Routing) -> dict[str, Any]:
    """A registration as the contact holds it; `from_json` reads it."""
    values = {
        "network": known.network.value,
        "id": known.id,
        "service_code": known.service_code,
        "engagement": known.engagement,
        "mandatory": known.mandatory,
    }
    return {name: value for name, value in values.items() if value not in ("", None)}


def parse(recipient: str) -> Routing:
    """The routing that an entry's recipient text says. Raises InvalidRouting."""
    first, *more = recipient.split(";")
    network, _, identifier = first.partition(":")
    named = dict(part.partition("=")[::2] for part in more)
    return routing(
        network,
        identifier,
        service_code=named.get("service", ""),
        engagement=named.get("engagement", ""),
    )


class Reachability(StrEnum):
    """What a look at the recipient's registration found; "could not check" is never "not registered"."""

    REACHABLE = "reachable"
    NOT_REGISTERED = "not_registered"
    NO_ENDPOINT = "no_endpoint"
    """Registered, but nowhere to deliver to (Peppol: no SMP; Chorus Pro: structure not active)."""
    UNSUPPORTED = "unsupported"
    """Registered, but not for this kind of document."""
    NEEDS_FIELDS = "needs_fields"
    """Reachable only with a service code or an engagement number that is missing."""
    COULD_NOT_CHECK = "could_not_check"


@dataclass(frozen=True, slots=True)
class Registration:
    """The last check of a recipient's registration."""

    outcome: Reachability
    at: datetime
    words: str = ""
    """What was found, in one sentence of ours; foreign text in it is untrusted."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the provider needs to remember of it, as JSON values."""
