"""Addresses and numbers, checked before anything leaves.

Both libraries are imported on use: phonenumbers is big, and the console never needs it to paint.
"""

from __future__ import annotations

from dataclasses import dataclass

from commtui.domain.text import recipient_key
from commtui.domain.vocabulary import Channel


class InvalidRecipient(ValueError):
    """An address that cannot be right: `code` is missing_recipient or invalid_recipient, `words` says why."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address that can be written to."""

    address: str
    """ASCII: an international domain is in punycode."""


def email_address(raw: str) -> EmailAddress:
    """The address in the form that mail providers take; no network is asked. Raises InvalidRecipient."""
    from email_validator import EmailNotValidError, validate_email

    if not (stripped := raw.strip()):
        raise InvalidRecipient("missing_recipient", "There is no email address.")
    try:
        found = validate_email(stripped, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidRecipient("invalid_recipient", str(error)) from None
    if found.ascii_email is None:
        raise InvalidRecipient(
            "invalid_recipient",
            "The part before the @-sign has characters outside ASCII, which the provider does not take.",
        )
    return EmailAddress(found.ascii_email)


def phone_number(raw: str, country: str) -> str:
    """The mobile number in E.164; `country` (ISO 3166-1) is for numbers without one. Raises InvalidRecipient."""
    import phonenumbers

    if not (stripped := raw.strip()):
        raise InvalidRecipient("missing_recipient", "There is no telephone number.")
    if any(char.isalpha() for char in stripped):
        raise InvalidRecipient("invalid_recipient", "The telephone number has letters in it.")
    try:
        number = phonenumbers.parse(stripped, country.upper() or None)
    except phonenumbers.NumberParseException as error:
        words = (
            f"The number names no country, and {country or 'none'} is not one we know."
            if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
            else "This is not a telephone number."
        )
        raise InvalidRecipient("invalid_recipient", words) from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidRecipient(
            "invalid_recipient",
            f"The number is too short or too long for a number of +{number.country_code}.",
        )
    if not phonenumbers.is_valid_number(number):
        raise InvalidRecipient(
            "invalid_recipient",
            f"No such number exists under +{number.country_code}; "
            "a number of another country has to be written with its country code.",
        )
    mobile = (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    if phonenumbers.number_type(number) not in mobile:
        raise InvalidRecipient(
            "invalid_recipient", "This is not a mobile number: a text message cannot reach it."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def address_key(channel: Channel, address: str, country: str) -> str:
    """What all spellings of one address have in common: a number is in E.164, as opt-outs come with it.

    An address that cannot be right keeps its own spelling, folded.
    """
    if channel is Channel.SMS:
        try:
            return phone_number(address, country)
        except InvalidRecipient:
            return recipient_key(address)
    return recipient_key(address)
