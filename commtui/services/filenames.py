"""Names of files within a download: ASCII, fit for every system, and each only once."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

STEM_LIMIT = 80
EXTENSION_LIMIT = 10
_UNFIT = re.compile(r"[^A-Za-z0-9]+")
_LETTERS = str.maketrans("øØłŁđĐı", "oOlLdDi") | {
    ord(letter): plain
    for letter, plain in zip("œŒæÆßþÞ", ("oe", "OE", "ae", "AE", "ss", "th", "Th"), strict=True)
}


class Names:
    """Hands out names of one archive, unique whatever a system thinks of upper and lower case."""

    def __init__(self) -> None:
        self._taken: set[str] = {"manifest.csv", "manifest.jsonl"}

    def take(self, at: datetime, identifier: str, words: str, extension: str) -> str:
        """A name `<date>-<end of the id>-<slug>.<extension>`; it never starts with foreign text."""
        stem = f"{at:%Y-%m-%d}-{identifier[-8:]}-{slug(words)}"
        suffix = f".{_plain(extension)[:EXTENSION_LIMIT].lower() or 'bin'}"
        name, number = stem + suffix, 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.lower())
        return name


def slug(words: str) -> str:
    """Words as a part of a file name: ASCII letters, digits and single hyphens."""
    ascii_words = _UNFIT.sub("-", _folded(words)).strip("-")
    return ascii_words[:STEM_LIMIT].strip("-") or "document"


def split(name: str) -> tuple[str, str]:
    """A foreign file name as stem and extension, without its folders."""
    bare = re.split(r"[/\\]", name)[-1]
    stem, dot, extension = bare.rpartition(".")
    return (stem, extension) if dot and _plain(extension) else (bare, "")


def _plain(text: str) -> str:
    return _UNFIT.sub("", _folded(text))


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return plain.encode("ascii", "ignore").decode()
