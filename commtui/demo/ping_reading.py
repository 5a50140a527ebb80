"""What the practice network's Ping reads in a PDF: whether it can print it, and the address in the window."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from commtui.domain import postal

SIZE_LIMIT = 8_000_000
PAGE_LIMIT = 320
MM = 25.4 / 72
WIDTH, HEIGHT, TOLERANCE = 210.0, 297.0, 1.0
WINDOW_TOP, WINDOW_BOTTOM = 45.0, 98.0
"""Millimetres from the upper edge."""
WINDOWS = {"left": (15.0, 95.0), "right": (95.0, WIDTH)}
"""Where a line of the address may begin, in millimetres from the left edge."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was found in a file."""

    code: str = ""
    """The event code of what is wrong with it; empty: it can be printed."""
    pages: int = 0
    address: str = ""
    country: str = ""


def read(content: bytes, window: str) -> Read:
    """Look into an uploaded file; `window` is left or right."""
    from pypdf import PdfReader

    if len(content) > SIZE_LIMIT or not content.startswith(b"%PDF-"):
        large = len(content) > SIZE_LIMIT
        return Read("file_size_over_limit" if large else "invalid_pdf_binary_content")
    try:
        pages = list(PdfReader(io.BytesIO(content)).pages)
        if code := _wrong(pages):
            return Read(code, len(pages))
        found = postal.parse("\n".join(_in_window(pages[0], window)), "FR")
    except Exception:  # noqa: BLE001 - whatever breaks the reader is no letter
        return Read("file_not_readable")
    if not found.zip:
        return Read("", len(pages))
    return Read("", len(pages), "\n".join(found.lines), found.country)


def _wrong(pages: Sequence[Any]) -> str:
    """The event code of what no print centre takes; empty: nothing."""
    if not pages:
        return "file_not_readable"
    if len(pages) > PAGE_LIMIT:
        return "file_too_many_pages"
    return "" if all(_is_a4(page) for page in pages) else "file_not_a4_portrait"


def _is_a4(page: Any) -> bool:
    width, height = float(page.mediabox.width) * MM, float(page.mediabox.height) * MM
    return abs(width - WIDTH) <= TOLERANCE and abs(height - HEIGHT) <= TOLERANCE


def _in_window(page: Any, window: str) -> Sequence[str]:
    """The lines of text that begin in the window, from the top."""
    low, high = WINDOWS[window]
    page_height = float(page.mediabox.height)
    found: dict[float, str] = {}

    def take(text: str, user: list[float], matrix: list[float], _font: Any, _size: float) -> None:
        x = matrix[4] * user[0] + matrix[5] * user[2] + user[4]
        y = matrix[4] * user[1] + matrix[5] * user[3] + user[5]
        down = (page_height - y) * MM
        if text.strip() and low <= x * MM < high and WINDOW_TOP <= down <= WINDOW_BOTTOM:
            row = round(down, 1)
            found[row] = f"{found.get(row, '')}{text}"

    page.extract_text(visitor_text=take)
    return [" ".join(found[row].split()) for row in sorted(found)]
