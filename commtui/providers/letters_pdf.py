"""Measuring a letter's PDF before it is uploaded: readable, A4 upright, not too large, and all fonts embedded.

The limits are those of Ping's letter standards (reference: providers, section 3.3).
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from commtui.domain.text import line

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

SIZE_LIMIT = 8_000_000
"""Bytes."""
PAGE_LIMITS: Mapping[str, int] = {
    "FR": 320,
    "DE": 320,
    "AT": 320,
    "BE": 320,
    "CH": 120,
    "NL": 14,
    "GB": 500,
    "IN": 16,
}
"""Pages of one letter, by the country that it goes to."""
OTHER_PAGES = 120
A4_MM = (210.0, 297.0)
TOLERANCE_MM = 1.0
_MM = 25.4 / 72
_Drawing = tuple[Any, Callable[[], bytes]]
"""Resources, and what unpacks the content that uses them: few letters need that."""
_DEPTH = 8
"""How deep forms within forms are looked into."""
_DRAWN = re.compile(rb"/([^\s/\[\]()<>{}%]+)\s+[-+.\d]+\s+Tf\b|[)>\]]\s*(TJ|Tj|'|\")|\b(q|Q)\b")


def problem(content: bytes, country: str) -> tuple[str, str] | None:
    """Why Ping would not print this letter to a country, as code and words; None when nothing was found."""
    if len(content) > SIZE_LIMIT:
        return "pdf_too_large", f"The letter is {len(content) / 1e6:.1f} MB; Ping takes 8 MB."
    from pypdf import PdfReader

    # what is wrong with a file is said in words of ours; its bytes have no place in the log
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            return "pdf_encrypted", "The letter is encrypted, so it cannot be printed."
        count = len(reader.pages)
        if count == 0:
            return "pdf_unreadable", "The letter has no page."
        limit = PAGE_LIMITS.get(country, OTHER_PAGES)
        if count > limit:
            return (
                "pdf_too_many_pages",
                f"The letter has {count} pages; to {country} Ping takes {limit}.",
            )
        return _wrong_size(reader) or _loose_font(reader)
    except Exception as error:  # noqa: BLE001 - a broken file may break the reader in any way
        return "pdf_unreadable", f"The letter is no PDF that can be read: {type(error).__name__}."


def _wrong_size(reader: PdfReader) -> tuple[str, str] | None:
    for number, page in enumerate(reader.pages, 1):
        for width, height in _sizes(page):
            if any(
                abs(found - wanted) > TOLERANCE_MM
                for found, wanted in zip((width, height), A4_MM, strict=True)
            ):
                upright = "A4 upright" if abs(width - A4_MM[1]) <= TOLERANCE_MM else "A4"
                return (
                    "pdf_not_a4",
                    f"Page {number} is {width:.0f} x {height:.0f} mm, not {upright}.",
                )
    return None


def _sizes(page: PageObject) -> Iterator[tuple[float, float]]:
    """Width and height in millimetres as shown: of the sheet, and of the part of it that is to be seen."""
    unit = float(page.get("/UserUnit", 1)) * _MM
    for box in (page.mediabox, page.cropbox):
        width, height = abs(float(box.width)) * unit, abs(float(box.height)) * unit
        yield (height, width) if page.rotation % 180 else (width, height)


def _loose_font(reader: PdfReader) -> tuple[str, str] | None:
    """The first font that text is set in and that is not in the file."""
    seen: set[int] = set()
    for number, page in enumerate(reader.pages, 1):
        for resources, drawn in _drawings(page, seen):
            loose = {
                name.lstrip("/"): font
                for name, font in _entries(resources, "/Font")
                if not _embedded(font)
            }
            used = _fonts_used(drawn()) if loose else set()
            for name, font in loose.items():
                if name in used:
                    known = line(str(font.get("/BaseFont", name)).lstrip("/"), 60)
                    return (
                        "pdf_fonts",
                        f"The font {known} on page {number} is not embedded in the letter.",
                    )
    return None


def _drawings(page: PageObject, seen: set[int]) -> Iterator[_Drawing]:
    """Resources and content of a page, and of the forms and marks that are drawn on it."""
    contents = page.get_contents()
    resources = page.get("/Resources") or {}
    if contents is not None:
        yield resources, contents.get_data
    yield from _forms(resources, resources, seen, _DEPTH)
    for mark in page.get("/Annots") or ():
        shown = _object(_object(mark).get("/AP", {})).get("/N")
        if shown is not None:
            yield from _form(_object(shown), resources, seen, _DEPTH)


def _forms(resources: Any, inherited: Any, seen: set[int], depth: int) -> Iterator[_Drawing]:
    for _name, form in _entries(resources, "/XObject"):
        if form.get("/Subtype") == "/Form":
            yield from _form(form, inherited, seen, depth)


def _form(form: Any, inherited: Any, seen: set[int], depth: int) -> Iterator[_Drawing]:
    if depth == 0 or id(form) in seen or not hasattr(form, "get_data"):
        return
    seen.add(id(form))
    resources = _object(form.get("/Resources", inherited))
    yield resources, form.get_data
    yield from _forms(resources, resources, seen, depth - 1)


def _entries(resources: Any, kind: str) -> Iterator[tuple[str, Any]]:
    found = _object(_object(resources).get(kind, {}))
    for name in found:
        yield str(name), _object(found[name])


def _object(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _embedded(font: Any) -> bool:
    """Whether the file has the font's shapes; the standard 14 without them are not embedded either."""
    if font.get("/Subtype") == "/Type3":
        return True
    if font.get("/Subtype") == "/Type0":
        return all(_embedded(_object(item)) for item in _object(font["/DescendantFonts"]))
    descriptor = _object(font.get("/FontDescriptor", {}))
    return any(name in descriptor for name in ("/FontFile", "/FontFile2", "/FontFile3"))


def _fonts_used(content: bytes) -> set[str]:
    """The fonts that text is shown in; many programs select one on every page that they never use."""
    used: set[str] = set()
    current, kept = "", list[str]()
    for found in _DRAWN.finditer(content):
        if found[1]:
            current = found[1].decode("latin-1")
        elif found[2]:
            used.add(current)
        elif found[3] == b"q":
            kept.append(current)
        else:
            with suppress(IndexError):
                current = kept.pop()
    return used
