"""Templates as plain values: their files, their version, what they make, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from commtui.domain.vocabulary import Channel
from commtui.errors import CommError

SUBJECT, TEXT, HTML = "email.subject.j2", "email.txt.j2", "email.html.j2"
SMS = "sms.j2"
LETTER, LAYOUT = "letter.typ", "letter-layout.typ"
SAMPLE = "sample.json"
"""A context that the template is checked and previewed with."""

_FILES = {
    Channel.EMAIL: (TEXT, HTML),
    Channel.SMS: (SMS,),
    Channel.POST: (LETTER,),
}


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong with a template, and where: `invoice/fr email.txt.j2 line 3`."""

    place: str
    words: str


class TemplateError(CommError):
    """A template cannot be used, or not with this context; the text names file, line and remedy."""

    def __init__(self, place: str, words: str, *, undefined: bool = False) -> None:
        super().__init__(f"{place}: {words}")
        self.problem = TemplateProblem(place, words)
        self.undefined = undefined
        """The context lacks a value, which is no fault of the template."""


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A template of a kind in a language, with everything its results depend on."""

    kind: str
    language: str
    version: str
    """As `version_of` makes it."""
    sources: Mapping[str, str]
    """By file name; pictures in base64."""
    origin: str = ""
    """The folder it was read from; empty for one that was kept with what it made."""

    @property
    def name(self) -> str:
        """What it is called in sentences: invoice/fr."""
        return f"{self.kind}/{self.language}"

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels it has content for."""
        return frozenset(
            channel
            for channel, files in _FILES.items()
            if any(name in self.sources for name in files)
        )

    def place(self, name: str, line: int = 0) -> str:
        """A file of it, and the line in it if that is known."""
        return f"{self.name} {name}" + (f" line {line}" if line else "")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made for the channels that were asked for; the others are empty."""

    subject: str
    text: str
    html: str
    sms: str
    letter: bytes | None
    """A PDF."""
    version: str


def version_of(sources: Mapping[str, str]) -> str:
    """12 hexadecimal digits that change with every byte of a template's files."""
    hashed = hashlib.sha256()
    for name in sorted(sources):
        for part in (name, sources[name]):
            encoded = part.encode("utf-8", "surrogatepass")
            hashed.update(len(encoded).to_bytes(8, "big") + encoded)
    return hashed.hexdigest()[:12]
