"""What a text message costs: its encoding, its parts, and the character that makes it dear (3GPP TS 23.038)."""

from __future__ import annotations

from dataclasses import dataclass

GSM_7, UCS_2 = "GSM-7", "UCS-2"

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Written as an escape and a second character: each counts twice."""
_ROOM = {GSM_7: (160, 153), UCS_2: (70, 67)}
"""Of a message in one part, and of each of several parts, which carry a header."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A text message as the network counts it."""

    encoding: str
    """GSM-7 or UCS-2"""
    characters: int
    """Septets of GSM-7, with 2 for € and brackets; units of UTF-16 in UCS-2, with 2 for most emoji."""
    parts: int
    """How many messages are paid for; 0 for an empty text."""
    culprit: str = ""
    """The first character that GSM-7 does not have; empty when it has them all."""
    position: int = 0
    """Which character of the text that is, from 1; 0 when there is none."""


def measure(text: str) -> Measure:
    """Encoding, length and parts of a text, and what forces UCS-2."""
    position = next((at for at, char in enumerate(text, 1) if _septets(char) == 0), 0)
    if position:
        units = [2 if ord(char) > 0xFFFF else 1 for char in text]
        return Measure(UCS_2, sum(units), _parts(units, UCS_2), text[position - 1], position)
    units = [_septets(char) for char in text]
    return Measure(GSM_7, sum(units), _parts(units, GSM_7))


def _septets(char: str) -> int:
    return 1 if char in _BASIC else 2 if char in _EXTENSION else 0


def _parts(units: list[int], encoding: str) -> int:
    """Parts, none of which ends in the middle of a character."""
    whole, each = _ROOM[encoding]
    if sum(units) <= whole:
        return 1 if units else 0
    parts, room = 0, 0
    for unit in units:
        if unit > room:
            parts, room = parts + 1, each
        room -= unit
    return parts
