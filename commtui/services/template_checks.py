"""What can be seen to be wrong with a template before it makes anything for a customer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from commtui.domain.templates import (
    HTML,
    LETTER,
    SAMPLE,
    SMS,
    SUBJECT,
    TEXT,
    TemplateError,
    TemplateProblem,
    TemplateVersion,
)
from commtui.services import letter_zones, letters
from commtui.services.letters import PICTURES, Window
from commtui.services.templating import Texts, cleaned

FILE_SIZE = 1_000_000
"""Bytes of one file."""
ADDRESS = ("Example Ltd", "Léa Martin", "12 Long Street", "75011 Paris")
SAMPLE_DAY = "2026-01-15"

_KNOWN = (SUBJECT, TEXT, HTML, SMS)
_WINDOWS: tuple[Window, ...] = ("left", "right")
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"),
        *("source", "track", "wbr"),
    }
)
_CLOSED_BY_THEMSELVES = frozenset(
    {
        *("body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p"),
        *("tbody", "td", "tfoot", "th", "thead", "tr"),
    }
)


def sample_context(version: TemplateVersion, borrowed: str = "{}") -> dict[str, Any]:
    """The context that a template is tried with: its own sample or a borrowed one. Raises TemplateError."""
    text = version.sources.get(SAMPLE, borrowed)
    try:
        sample = json.loads(text)
    except (ValueError, RecursionError) as error:
        words = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise TemplateError(
            version.place(SAMPLE, getattr(error, "lineno", 0)), f"this is not JSON: {words}"
        ) from None
    if not isinstance(sample, dict):
        raise TemplateError(version.place(SAMPLE), "it has to be one JSON object: a `context`")
    return {
        "customer": {
            "id": "K-1",
            "name": "Léa Martin",
            "language": version.language,
            "country": "FR",
        },
        "subject": {"type": version.kind, "reference": "12345", "title": "January"},
        "kind": version.kind,
        "today": SAMPLE_DAY,
        **sample,
    }


def problems(version: TemplateVersion, borrowed: str) -> Iterator[TemplateProblem]:
    """Everything that is wrong; `borrowed` is a sample for a template that brings none."""
    texts = Texts(version)
    found = [*_files(version), *_unreadable(texts)]
    yield from found or _tried(version, texts, borrowed)


def _unreadable(texts: Texts) -> Iterator[TemplateProblem]:
    for name in texts.names:
        try:
            texts.compile(name)
        except TemplateError as error:
            yield error.problem


def _files(version: TemplateVersion) -> Iterator[TemplateProblem]:
    sources = version.sources
    if not version.channels:
        yield TemplateProblem(
            version.name, f"it has nothing to send; add {SUBJECT} and {TEXT}, {SMS} or {LETTER}"
        )
    if (TEXT in sources or HTML in sources) and SUBJECT not in sources:
        yield TemplateProblem(version.place(SUBJECT), "an email needs a subject; add this file")
    if SUBJECT in sources and not (TEXT in sources or HTML in sources):
        yield TemplateProblem(version.place(TEXT), "the email has no text; add this file")
    for name, source in sorted(sources.items()):
        if name.endswith(PICTURES):
            if len(source) > FILE_SIZE * 4 / 3 + 4:
                yield TemplateProblem(
                    version.place(name), "it is larger than 1 MB; make it smaller"
                )
            continue
        if len(source.encode("utf-8", "replace")) > FILE_SIZE:
            yield TemplateProblem(version.place(name), "it is larger than 1 MB; make it smaller")
        if "\ufffd" in source:
            number = source.count("\n", 0, source.index("\ufffd")) + 1
            yield TemplateProblem(
                version.place(name, number), "this is not UTF-8; save it as UTF-8"
            )
        if name.endswith(".j2") and name not in _KNOWN and not _used(version, name):
            yield TemplateProblem(
                version.place(name),
                f"nothing uses this file; names that count are {', '.join(_KNOWN)}",
            )
    if problem := letters.forbidden(version):
        yield problem.problem


def _used(version: TemplateVersion, name: str) -> bool:
    return any(name in source for other, source in version.sources.items() if other != name)


def _tried(version: TemplateVersion, texts: Texts, borrowed: str) -> Iterator[TemplateProblem]:
    """What goes wrong with a sample; what it lacks counts only when the template brings the sample itself."""
    try:
        context = cleaned(version, sample_context(version, borrowed))
    except TemplateError as error:
        yield error.problem
        return
    strict = SAMPLE in version.sources
    for name in _KNOWN:
        if name not in version.sources:
            continue
        try:
            made = texts.render(name, context)
        except TemplateError as error:
            if strict or not error.undefined:
                yield error.problem
            continue
        if not made.strip():
            yield TemplateProblem(version.place(name), "it makes an empty text of the sample")
        if name == HTML:
            yield from _html(version, made)
    if LETTER in version.sources:
        yield from _letter(version, context, strict=strict)


def _letter(
    version: TemplateVersion, context: dict[str, Any], *, strict: bool
) -> Iterator[TemplateProblem]:
    for window in _WINDOWS:
        try:
            made = letters.render(version, context, "\n".join(ADDRESS), window)
        except TemplateError as error:
            if strict or not error.undefined:
                yield error.problem
            return
        for words in letter_zones.problems(made, window, ADDRESS):
            yield TemplateProblem(
                version.place(LETTER), f"with the window on the {window}: {words}"
            )


def _html(version: TemplateVersion, made: str) -> Iterator[TemplateProblem]:
    """Tags of the result that do not fit, placed in the source where they can be found there."""
    in_source = {words: number for number, words in _tags(_without_jinja(version.sources[HTML]))}
    for number, words in _tags(made):
        place = version.place(HTML, in_source.get(words, 0))
        yield TemplateProblem(
            place, words if words in in_source else f"{words} (line {number} of what it makes)"
        )


def _without_jinja(source: str) -> str:
    return _JINJA.sub(lambda found: "\n" * found[0].count("\n"), source)


def _tags(html: str) -> list[tuple[int, str]]:
    scan = _Tags()
    scan.feed(html)
    scan.close()
    return scan.finished()


class _Tags(HTMLParser):
    """Follows opening and closing tags."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, int]] = []
        self._found: list[tuple[int, str]] = []

    def finished(self) -> list[tuple[int, str]]:
        """Line and words of everything that does not fit."""
        self._unclosed(self._open)
        return sorted(self._found)

    def handle_starttag(
        self,
        tag: str,
        attrs: list[tuple[str, str | None]],  # noqa: ARG002 - the parser's
    ) -> None:
        """An opening tag."""
        if tag == "script":
            self._found.append(
                (self.getpos()[0], "<script> is not run by any mail program; take it out")
            )
        if tag not in _VOID:
            self._open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """A closing tag."""
        at = next((at for at in reversed(range(len(self._open))) if self._open[at][0] == tag), None)
        if at is None:
            if tag not in _VOID:
                self._found.append((self.getpos()[0], f"</{tag}> closes nothing; take it out"))
            return
        self._unclosed(self._open[at + 1 :])
        del self._open[at:]

    def _unclosed(self, tags: list[tuple[str, int]]) -> None:
        self._found += [
            (number, f"<{tag}> is not closed; add </{tag}>")
            for tag, number in tags
            if tag not in _CLOSED_BY_THEMSELVES
        ]
