"""Letters from Typst templates: PDFs that are the same everywhere, with the address in the envelope's window.

The context reaches a template as JSON, never as Typst; only the fonts inside the library are used, and no package is
fetched.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import io
import json
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from commtui.domain.template_words import writing
from commtui.domain.templates import LETTER, TemplateError, TemplateVersion
from commtui.domain.text import line
from commtui.services.templating import DELIVER, cleaned

if TYPE_CHECKING:
    import typst

FRAME = Path(__file__).parents[1] / "templates" / "letter-frame.typ"
PICTURES = (".svg", ".png", ".jpg", ".jpeg")
ADDRESS_LINES, ADDRESS_CHARACTERS = 8, 120
"""More than this fits into no window, however small it is set."""
DATA_SIZE = 200_000
"""Bytes of context that a letter takes: about a hundred pages of text, set in half a second."""
SECONDS = 30.0
"""What one letter may take before it is given up."""
STANDARD: Literal["a-2b"] = "a-2b"
"""PDF/A: every font is embedded, and a character that no font has is an error instead of a gap."""

Window = Literal["left", "right"]

_PACKAGE = re.compile(r"@[A-Za-z][\w-]*/[\w-]+:\d")
_COMPUTED = re.compile(r"(?:#|[{;]\s*)(?:import|include)\s*[^\s\"]")
_PLACE = re.compile(r"┌─ (?P<file>[^\n:]+):(?P<line>\d+):\d+")
_NOISE = re.compile(r" \(searched at [^)]*\)|^assertion failed: ")
_NO_KEY = re.compile(r'dictionary does not contain key "(?P<key>[^"]*)"')
_NO_GLYPH = re.compile(r'the text `?"(?P<text>[^"]*)"`? could not be displayed')


def render(
    version: TemplateVersion, context: Mapping[str, Any], address: str, window: Window
) -> bytes:
    """The letter, a PDF, for a cleaned context, with these lines as its address. Raises TemplateError."""
    if problem := forbidden(version):
        raise problem
    data = json.dumps(context, ensure_ascii=False)
    if len(data.encode()) > DATA_SIZE:
        raise TemplateError(
            version.place(LETTER),
            f"the context is too large for a letter: {DATA_SIZE:,} bytes are the most; deliver less of it",
        )
    inputs = {
        "data": data,
        "address": json.dumps(_address(version, address), ensure_ascii=False),
        "window": window,
        "writing": json.dumps(asdict(writing(version.language)), ensure_ascii=False),
    }
    return _within(SECONDS, version, inputs, _moment(context))


def pages(pdf: bytes) -> int:
    """How many pages a letter has."""
    import pypdf

    return len(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def forbidden(version: TemplateVersion) -> TemplateError | None:
    """The first import of a package, or of something that is known only when it runs."""
    for name in sorted(name for name in version.sources if name.endswith(".typ")):
        source = version.sources[name]
        if found := _PACKAGE.search(source) or _COMPUTED.search(source):
            return TemplateError(
                version.place(name, source.count("\n", 0, found.start()) + 1),
                "packages cannot be used: import only files beside this one, by their name in quotes",
            )
    return None


def _address(version: TemplateVersion, address: str) -> list[str]:
    text = cleaned(version, {"address": address})["address"]
    lines = [" ".join(part.split()) for part in text.split("\n") if part.strip()]
    if not lines:
        raise TemplateError(
            version.place(LETTER), "a letter needs an address; deliver the customer's"
        )
    if len(lines) > ADDRESS_LINES or max(map(len, lines)) > ADDRESS_CHARACTERS:
        raise _too_large(version, lines)
    return lines


def _too_large(version: TemplateVersion, lines: list[str]) -> TemplateError:
    longest = max(lines, key=len)
    return TemplateError(
        version.place(LETTER),
        f"the address does not fit into the envelope's window: it has {len(lines)} lines ({ADDRESS_LINES} are the "
        f"most), the longest of {len(longest)} characters; shorten it",
    )


def _moment(context: Mapping[str, Any]) -> datetime:
    """Midnight of the context's day, so that the same letter is the same file."""
    try:
        day = date.fromisoformat(str(context.get("today", ""))[:10])
    except ValueError:
        day = date(2000, 1, 1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _within(
    seconds: float, version: TemplateVersion, inputs: dict[str, str], moment: datetime
) -> bytes:
    """Set a letter in a thread that is given up when it takes too long; nothing can end it from outside."""
    key = hashlib.sha256(json.dumps([version.version, inputs]).encode()).hexdigest()
    endless = TemplateError(
        version.place(LETTER), f"it takes more than {seconds:g} seconds: a loop in it does not end"
    )
    if key in _given_up:
        raise endless
    result: list[bytes | Exception] = []

    def work() -> None:
        try:
            result.append(_compiled(version, inputs, moment))
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            result.append(error)

    thread = threading.Thread(target=work, name="letter", daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        _given_up.add(key)
        raise endless
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


_given_up: set[str] = set()


def _compiled(version: TemplateVersion, inputs: dict[str, str], moment: datetime) -> bytes:
    """The PDF, made in a folder that has this template's files and nothing else."""
    import typst

    with tempfile.TemporaryDirectory(prefix="commtui-letter-") as folder:
        root = Path(folder)
        for name, source in version.sources.items():
            if name.endswith(PICTURES):
                (root / name).write_bytes(_picture(version, name, source))
            elif name.endswith(".typ"):
                (root / name).write_text(source, encoding="utf-8")
        (root / FRAME.name).write_bytes(FRAME.read_bytes())
        try:
            made: bytes = typst.compile(
                str(root / FRAME.name),
                root=folder,
                font_paths=_fonts(),
                sys_inputs=inputs,
                package_path=folder,
                package_cache_path=folder,
                timestamp=moment,
                pdf_standards=[STANDARD],
                format="pdf",
            )
        except typst.TypstError as error:
            raise _explained(version, inputs, error) from None
        return made


def _picture(version: TemplateVersion, name: str, source: str) -> bytes:
    try:
        return base64.b64decode(source, validate=True)
    except binascii.Error:
        raise TemplateError(version.place(name), "this picture was not kept whole") from None


@functools.cache
def _fonts() -> typst.Fonts:
    """Those inside the library: a machine's own fonts would make another page of the same source."""
    import typst

    return typst.Fonts(include_system_fonts=False)


def _explained(
    version: TemplateVersion, inputs: dict[str, str], error: typst.TypstError
) -> TemplateError:
    """The library's words as ours: the last place in the template's own file, and what to do."""
    words = _NOISE.sub("", error.message)
    if "address-too-large" in words:
        return _too_large(version, json.loads(inputs["address"]))
    places = [
        (name, int(found["line"]))
        for found in _PLACE.finditer(error.diagnostic)
        if (name := Path(found["file"].strip()).name) in version.sources
    ]
    own = [place for place in places if place[0] == LETTER]
    file, number = (own or places or [(LETTER, 0)])[0]
    if missing := _NO_KEY.search(words):
        words = f"'{missing['key']}' is undefined; {DELIVER}"
    elif unknown := _NO_GLYPH.search(words):
        words = (
            f"the fonts of letters have no character for '{unknown['text']}'; "
            "deliver it in Latin, Greek or Cyrillic letters, or send it another way"
        )
    elif error.hints:
        words = f"{words}; {'; '.join(error.hints)}"
    return TemplateError(version.place(file, number), line(words, 300), undefined=bool(missing))
