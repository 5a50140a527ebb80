"""Addresses and numbers: what goes out, and why the rest is refused."""

from __future__ import annotations

import pytest

from commtui.domain.recipients import InvalidRecipient, email_address, phone_number


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("client@example.com", "client@example.com"),
        ("  client+tag@Example.COM ", "client+tag@example.com"),
        ("facture@exämple.com", "facture@xn--exmple-cua.com"),
    ],
)
def test_a_right_address_goes_out_in_ascii(raw: str, address: str) -> None:
    assert email_address(raw).address == address


@pytest.mark.parametrize(
    ("raw", "code", "word"),
    [
        ("", "missing_recipient", "no email address"),
        ("   ", "missing_recipient", "no email address"),
        ("client", "invalid_recipient", "@-sign"),
        ("client@localhost", "invalid_recipient", "@-sign"),
        ("a b@example.com", "invalid_recipient", "SPACE"),
        ("a@b@example.com", "invalid_recipient", "@-sign"),
        ("Client <client@example.com>", "invalid_recipient", ""),
        ("client@example.com\nbcc: x@example.com", "invalid_recipient", ""),
        ("élodie@example.com", "invalid_recipient", "outside ASCII"),
        ("x" * 5000 + "@example.com", "invalid_recipient", "too long"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_in_words(
    raw: str, code: str, word: str
) -> None:
    with pytest.raises(InvalidRecipient) as caught:
        email_address(raw)
    assert caught.value.code == code
    assert word in caught.value.words
    assert caught.value.words


@pytest.mark.parametrize(
    ("raw", "country", "number"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("0033612345678", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "DE", "+33612345678"),
        ("0692 12 34 56", "RE", "+262692123456"),
        ("0692 12 34 56", "re", "+262692123456"),
        ("+1 202 555 0143", "FR", "+12025550143"),
        ("+46 70 174 06 05", "", "+46701740605"),
    ],
)
def test_a_mobile_number_goes_out_in_e164(raw: str, country: str, number: str) -> None:
    assert phone_number(raw, country) == number


@pytest.mark.parametrize(
    ("raw", "country", "code", "word"),
    [
        ("", "FR", "missing_recipient", "no telephone number"),
        ("0692 12 34 56", "FR", "invalid_recipient", "country code"),
        ("01 23 45 67 89", "FR", "invalid_recipient", "not a mobile"),
        ("0800 123 456", "FR", "invalid_recipient", "not a mobile"),
        ("3631", "FR", "invalid_recipient", "too short"),
        ("06 12", "FR", "invalid_recipient", "too short"),
        ("+33 6 12 34 56 78 90 12", "FR", "invalid_recipient", "too long"),
        ("06 12 34 56 78", "", "invalid_recipient", "names no country"),
        ("06 12 34 56 78", "XX", "invalid_recipient", "XX"),
        ("call me", "FR", "invalid_recipient", "letters"),
        ("06 12 34 56 78 ext 9", "FR", "invalid_recipient", "letters"),
        ("+++", "FR", "invalid_recipient", "not a telephone number"),
        ("1" * 400, "FR", "invalid_recipient", ""),
    ],
)
def test_a_number_that_no_text_can_reach_is_refused_in_words(
    raw: str, country: str, code: str, word: str
) -> None:
    with pytest.raises(InvalidRecipient) as caught:
        phone_number(raw, country)
    assert caught.value.code == code
    assert word in caught.value.words
    assert caught.value.words
