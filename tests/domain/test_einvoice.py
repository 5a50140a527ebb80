"""Where an e-invoice goes: what is taken, what is refused, and the text that stands for it on an entry."""

from __future__ import annotations

import json

import pytest

from commtui.domain import einvoice
from commtui.domain.einvoice import InvalidRouting, Network, routing


@pytest.mark.parametrize(
    ("stored", "recipient"),
    [
        ({"network": "peppol", "id": "0208:0202239951"}, "peppol:0208:0202239951"),
        ({"network": "peppol", "siret": "12345678200051"}, "peppol:0009:12345678200051"),
        ({"network": "chorus", "siret": "12345678200051"}, "chorus:12345678200051"),
        ({"network": "chorus", "id": "0009:12345678200051"}, "chorus:12345678200051"),
        (
            {
                "network": "chorus",
                "id": "12345678200044",
                "service_code": "S1",
                "engagement": "E-9",
            },
            "chorus:12345678200044;service=S1;engagement=E-9",
        ),
    ],
)
def test_a_registration_is_one_text_and_back(stored: dict[str, str], recipient: str) -> None:
    found = einvoice.from_json(json.dumps(stored))
    assert found is not None
    assert found.recipient == recipient
    assert einvoice.parse(recipient) == found
    assert einvoice.from_json(json.dumps(einvoice.to_json(found))) == found
    assert found.participant.startswith(("0208:", "0009:"))


@pytest.mark.parametrize(
    ("network", "identifier"),
    [
        ("chorus", "123456782"),
        ("chorus", "0208:0202239951"),
        ("peppol", "0202239951"),
        ("peppol", "BE:0202239951"),
        ("peppol", ""),
        ("pigeon", "0208:0202239951"),
    ],
)
def test_what_cannot_be_a_recipient_is_refused_with_what_it_has_to_be(
    network: str, identifier: str
) -> None:
    with pytest.raises(InvalidRouting, match=r"SIRET|0208|chorus and peppol"):
        routing(network, identifier)


def test_a_code_that_would_break_the_text_is_refused() -> None:
    with pytest.raises(InvalidRouting, match="service_code"):
        routing("chorus", "12345678200051", service_code="a;b")


def test_mandatory_is_the_networks_the_flags_or_the_countrys_word() -> None:
    assert routing("chorus", "12345678200051", mandatory=False).is_mandatory("FR")
    peppol = routing("peppol", "0208:0202239951")
    assert peppol.network is Network.PEPPOL
    assert peppol.is_mandatory("be")
    assert not peppol.is_mandatory("NL")
    assert routing("peppol", "0106:12345678", mandatory=True).is_mandatory("NL")
    assert not routing("peppol", "0208:0202239951", mandatory=False).is_mandatory("BE")


def test_no_registration_is_none() -> None:
    assert einvoice.from_json("") is None
