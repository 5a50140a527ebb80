"""Untrusted text made fit for a terminal, and text folded for search.

Textual and Rich pass ESC, C1, NUL and bidi controls through every widget
(reference: console, section 2.5), so whatever came from outside goes through `safe` first.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

_VISIBLE = {
    **{code: f"\\x{code:02x}" for code in range(0x20) if code not in (0x09, 0x0A)},
    **{code: f"\\x{code:02x}" for code in range(0x7F, 0xA0)},
    0x1B: "\\e",
}
_INVISIBLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Everything that takes no room or turns the direction, but for the variation selectors of emoji."""
_TABLE = _VISIBLE | {
    code: f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    for low, high in _INVISIBLE
    for code in range(low, high + 1)
}
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def safe(text: str, limit: int = 20_000) -> str:
    """Text with every control, bidi and invisible character shown as a visible escape; newlines and tabs stay."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    cleaned = _SURROGATES.sub("\ufffd", unicodedata.normalize("NFC", cut))
    return cleaned.replace("\r\n", "\n").translate(_TABLE)


def line(text: str, limit: int = 500) -> str:
    """Safe text on one line: newlines and runs of blanks become one space."""
    return safe(_SPACE.sub(" ", text[: limit * 2]).strip(), limit)


def storable(value: object) -> object:
    """A JSON value as one that every database can hold: PostgreSQL takes no NUL, no half of a pair, no NaN."""
    if isinstance(value, str):
        return _NOT_STORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def fold(text: str) -> str:
    """Text folded for search: case, accents and width are gone, blanks are single."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _SPACE.sub(
        " ", unicodedata.normalize("NFKC", bare).casefold().translate(_UNLIKE)
    ).strip()


def recipient_key(address: str) -> str:
    """What two spellings of one address or number have in common: blanks, case and punycode are gone."""
    bare = address.strip().casefold()
    local, at, domain = bare.rpartition("@")
    if not at:
        return re.sub(r"[\s()./-]", "", bare)
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return bare


_UNLIKE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "\x00": " "})

_CHANGING = re.compile(
    r"[\w.+-]+@[\w.-]+|<[^>]*>|\b[0-9a-f]{8,}\b|\b[\w.-]+\.[a-z]{2,}\b|\+?\d[\d .-]{5,}\d|\d+",
    re.IGNORECASE,
)


def fingerprint(code: str, words: str) -> str:
    """What is the same in errors of one cause: addresses, ids and digits are taken out."""
    return fold(f"{code} {_CHANGING.sub('#', words[:300])}")[:120]
