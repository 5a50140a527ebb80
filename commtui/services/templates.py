"""The templates there are: finding, reading and checking them, and making texts and letters with them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commtui.domain import postal
from commtui.domain.templates import (
    HTML,
    LAYOUT,
    LETTER,
    SAMPLE,
    SMS,
    SUBJECT,
    TEXT,
    Rendered,
    TemplateError,
    TemplateProblem,
    TemplateVersion,
    version_of,
)
from commtui.domain.vocabulary import Channel
from commtui.services import letters, template_checks
from commtui.services.letters import PICTURES, Window
from commtui.services.templating import Texts, cleaned

__all__ = ["Library", "TemplateError"]

SHIPPED = Path(__file__).parents[1] / "templates"
SHIPPED_ORIGIN = "shipped"
FALLBACK_LANGUAGE = "en"
KEPT = 200
"""Compiled versions that are remembered."""

_KIND = re.compile(r"[^\W_][^/\\\x00]{0,99}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ADDED = {
    Channel.EMAIL: f"{SUBJECT} and {TEXT}",
    Channel.SMS: SMS,
    Channel.POST: LETTER,
}


@dataclass(frozen=True, slots=True)
class _Read:
    """A template as it was read, and what its files looked like then."""

    stamp: tuple[object, ...]
    version: TemplateVersion


class Library:
    """The templates of a folder of the user's, before those that are shipped; usable from several threads."""

    def __init__(self, folder: str = "") -> None:
        self._own = Path(folder).expanduser() if folder else None
        self._read: dict[Path, _Read] = {}
        self._checked: dict[str, tuple[TemplateProblem, ...]] = {}
        self._texts: dict[str, Texts] = {}

    def find(self, kind: str, language: str) -> TemplateVersion | None:
        """The template of a kind: in this language (nl-BE), else its parent (nl), else English, else the only one.

        None when there is none. Raises TemplateError when it is broken.
        """
        folder = self._best(kind, language)
        if folder is None:
            return None
        version = self._load(folder)
        if problems := self.check(version):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise TemplateError(
                problems[0].place,
                f"{problems[0].words}{more}; put it right, and see `commtui template check {kind}`",
            )
        return version

    def all(self) -> list[TemplateVersion]:
        """Every template in use, broken ones too, by kind and language."""
        found: dict[tuple[str, str], Path] = {}
        for root in self._roots():
            for kind in _folders(root, _KIND):
                for language in _folders(root / kind, _LANGUAGE):
                    found.setdefault((kind, language.lower()), root / kind / language)
        return [self._load(found[key]) for key in sorted(found)]

    def check(self, version: TemplateVersion) -> list[TemplateProblem]:
        """What is wrong with a template; nothing means that it can be used."""
        if version.version not in self._checked:
            found = tuple(template_checks.problems(version, _shipped_sample(version.kind)))
            self._checked[version.version] = found
        return list(self._checked[version.version])

    def sample(self, version: TemplateVersion) -> dict[str, Any]:
        """A context to try a template with. Raises TemplateError."""
        return template_checks.sample_context(version, _shipped_sample(version.kind))

    def render(
        self,
        version: TemplateVersion,
        context: Mapping[str, Any],
        channels: frozenset[Channel],
        address: str = "",
        country: str = "",
        window: Window | None = None,
    ) -> Rendered:
        """What the template makes for these channels. Raises TemplateError.

        The address is the letter's; its window is the one of the country's envelopes, unless it is named.
        """
        for channel in sorted(channels & _ADDED.keys() - version.channels):
            raise TemplateError(
                version.name, f"it has nothing for {channel.label}; add {_ADDED[channel]}"
            )
        data = cleaned(version, context)
        texts = self._compiled(version)
        subject = text = html = message = ""
        if Channel.EMAIL in channels:
            subject, text, html = (texts.render(name, data) for name in (SUBJECT, TEXT, HTML))
        if Channel.SMS in channels:
            message = texts.render(SMS, data)
        made = Rendered(
            subject=" ".join(subject.split()),
            text=_tidy(text),
            html=html.strip(),
            sms="\n".join(filter(None, (row.strip() for row in message.splitlines()))),
            letter=letters.render(version, data, address, window or postal.window(country))
            if Channel.POST in channels
            else None,
            version=version.version,
        )
        self._refuse_empty(version, channels, made)
        return made

    def with_address(
        self,
        version: TemplateVersion,
        context: Mapping[str, Any],
        address: str,
        country: str,
        window: Window | None = None,
    ) -> bytes:
        """The same letter for another address, such as a corrected one. Raises TemplateError."""
        data = cleaned(version, context)
        return letters.render(version, data, address, window or postal.window(country))

    def _refuse_empty(
        self, version: TemplateVersion, channels: frozenset[Channel], made: Rendered
    ) -> None:
        emptiness = (
            (Channel.EMAIL in channels and not made.subject, SUBJECT),
            (Channel.EMAIL in channels and not (made.text or made.html), TEXT),
            (Channel.SMS in channels and not made.sms, SMS),
        )
        for empty, name in emptiness:
            if empty:
                raise TemplateError(version.place(name), "it makes an empty text with this context")

    def _compiled(self, version: TemplateVersion) -> Texts:
        if len(self._texts) > KEPT:
            self._texts.clear()
        return self._texts.setdefault(version.version, Texts(version))

    def _roots(self) -> list[Path]:
        if self._own is None:
            return [SHIPPED]
        if not self._own.is_dir():
            raise TemplateError(
                str(self._own), "there is no such folder; make it, or correct `templates.folder`"
            )
        return [self._own, SHIPPED]

    def _best(self, kind: str, language: str) -> Path | None:
        if not _KIND.fullmatch(kind):
            return None
        there: dict[str, Path] = {}
        for root in self._roots():
            for name in _folders(root / kind, _LANGUAGE):
                there.setdefault(name.lower(), root / kind / name)
        wanted = next((tag for tag in _chain(language) if tag in there), None)
        if wanted is None and len(there) == 1:
            wanted = next(iter(there))
        return there[wanted] if wanted else None

    def _load(self, folder: Path) -> TemplateVersion:
        """The template in a folder, read again when a file of it has changed."""
        try:
            files = self._files(folder)
            stats = {name: path.stat() for name, path in files.items()}
            stamp = tuple(
                (name, files[name], stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()
            )
            known = self._read.get(folder)
            if known is None or known.stamp != stamp:
                sources = {name: _source(path) for name, path in files.items()}
                version = TemplateVersion(
                    kind=folder.parent.name,
                    language=folder.name,
                    version=version_of(sources),
                    sources=sources,
                    origin=SHIPPED_ORIGIN if SHIPPED in folder.parents else str(folder),
                )
                known = self._read[folder] = _Read(stamp, version)
        except OSError as error:
            raise TemplateError(
                str(folder), f"it cannot be read ({error.strerror}); see to its permissions"
            ) from None
        return known.version

    def _files(self, folder: Path) -> dict[str, Path]:
        """The files of a template by name: its own, and for a letter what all letters share."""
        files = {
            path.name: path
            for path in sorted(folder.iterdir())
            if path.is_file() and _is_source(path.name)
        }
        if (folder.parent / SAMPLE).is_file():
            files.setdefault(SAMPLE, folder.parent / SAMPLE)
        if LETTER in files:
            for root in self._roots():
                for path in sorted(root.iterdir()):
                    if path.name == LAYOUT or (path.name.endswith(PICTURES) and path.is_file()):
                        files.setdefault(path.name, path)
        return files


def _shipped_sample(kind: str) -> str:
    """What a template of this kind is tried with when it brings no sample."""
    sample = SHIPPED / kind / FALLBACK_LANGUAGE / SAMPLE
    return sample.read_text("utf-8") if _KIND.fullmatch(kind) and sample.is_file() else "{}"


def _folders(folder: Path, form: re.Pattern[str]) -> Iterable[str]:
    try:
        return sorted(
            path.name for path in folder.iterdir() if form.fullmatch(path.name) and path.is_dir()
        )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_source(name: str) -> bool:
    return not name.startswith(".") and (
        name.endswith((".j2", ".typ", *PICTURES)) or name == SAMPLE
    )


def _source(path: Path) -> str:
    """A file as text, with what is not UTF-8 marked; at most a byte more than the check allows."""
    with path.open("rb") as file:
        content = file.read(template_checks.FILE_SIZE + 1)
    if path.name.endswith(PICTURES):
        return base64.b64encode(content).decode("ascii")
    return content.decode("utf-8-sig", "replace")


def _chain(language: str) -> Iterator[str]:
    """nl-BE, nl, en."""
    parts = language.replace("_", "-").lower().split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    yield FALLBACK_LANGUAGE


def _tidy(text: str) -> str:
    """Without blanks at ends of lines and without more than one empty line in a row."""
    rows = "\n".join(row.rstrip() for row in text.splitlines())
    bare = re.sub(r"\n{3,}", "\n\n", rows).strip("\n")
    return f"{bare}\n" if bare else ""
