"""Check digits of the numbers that e-invoices carry; a wrong one is certain, a right one proves little."""

from __future__ import annotations

LA_POSTE = "356000000"
"""SIREN whose establishments have another check: their digits add up to a multiple of five."""


def luhn(digits: str) -> bool:
    """Whether a number's last digit fits the others (ISO/IEC 7812)."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        digit = int(char) * (2 if position % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def siret(digits: str) -> bool:
    """Whether 14 digits can be a SIRET; suppliers of Chorus Pro's qualification fail it."""
    if digits.startswith(LA_POSTE) and sum(map(int, digits)) % 5 == 0:
        return True
    return luhn(digits)


def gln(value: str) -> bool:
    """Whether a Global Location Number has 13 digits and fits its check digit."""
    if len(value) != 13 or not _digits(value):
        return False
    total = sum(
        int(char) * (3 if place % 2 == 0 else 1) for place, char in enumerate(value[-2::-1])
    )
    return (10 - total % 10) % 10 == int(value[-1])


def belgian(value: str) -> bool:
    """Whether an enterprise number has 10 digits and its last two fit the first eight."""
    if len(value) != 10 or not _digits(value) or value[0] not in "01":
        return False
    return 97 - int(value[:8]) % 97 == int(value[8:])


def iban(value: str) -> bool:
    """Whether an IBAN, in capitals without spaces, fits its check digits (ISO 13616)."""
    moved = value[4:] + value[:4]
    if not (moved.isascii() and moved.isalnum()):
        return False
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _digits(value: str) -> bool:
    return value.isascii() and value.isdecimal()
