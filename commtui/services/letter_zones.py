"""Where text stands on a letter's pages, against the zones that envelopes and printers ask for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_MM = 25.4 / 72
_A4 = (210.0, 297.0)
_NEAR = 1.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle on a page, in mm from its top left corner."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


WINDOWS = {"left": Zone(22, 60, 83, 25.5), "right": Zone(110, 55, 85, 33)}
"""Left: what Ping's general layout and form B of DIN 5008 have in common. Right: the French envelope."""
POSTAGE = Zone(20, 40, 89.5, 20)
"""Above a left window: the franking goes there."""
CORNER = Zone(0, 282, 15, 15)
"""The bottom left corner, for the printer's own marks."""
INNER = Zone(5, 5, 200, 287)
"""What is left of the page without its border, which cannot be printed."""


@dataclass(frozen=True, slots=True)
class Word:
    """Text and where its baseline starts, in mm from the page's top left corner."""

    page: int
    x: float
    y: float
    text: str


def words(pdf: bytes) -> list[Word]:
    """Every piece of text in the order of the file."""
    return list(_words(_pages(pdf)))


def problems(pdf: bytes, window: str, address: Sequence[str]) -> list[str]:
    """What would stop this letter at the printer: its size, its address, and texts where none may be."""
    pages = _pages(pdf)
    found = []
    for number, page in enumerate(pages, 1):
        size = (float(page.mediabox.width) * _MM, float(page.mediabox.height) * _MM)
        if any(abs(ours - theirs) > _NEAR for ours, theirs in zip(size, _A4, strict=True)):
            found.append(f"page {number} is not A4 portrait; leave the page's size alone")
    placed = list(_words(pages))
    inside = [word for word in placed if word.page == 1 and WINDOWS[window].holds(word.x, word.y)]
    if _plain(word.text for word in inside) != _plain(address):
        found.append(
            f"the {window} window does not show the address alone: keep "
            f"{_shown(WINDOWS[window])} of page 1 free, and leave the page's foreground alone"
        )
    for word in placed:
        if rule := _broken(word, window):
            found.append(
                f"'{word.text.strip()[:30]}' on page {word.page} stands where nothing may: {rule}"
            )
    return found


def _broken(word: Word, window: str) -> str:
    """The rule that a text breaks by standing where it does; empty when it may."""
    if word.page == 1 and window == "left" and POSTAGE.holds(word.x, word.y):
        return f"the postage goes into {_shown(POSTAGE)}"
    if CORNER.holds(word.x, word.y):
        return f"the printer's marks go into {_shown(CORNER)}"
    if not INNER.holds(word.x, word.y):
        return "the outer 5 mm of a page cannot be printed"
    return ""


def _shown(zone: Zone) -> str:
    return f"{zone.width:g} x {zone.height:g} mm at {zone.x:g}, {zone.y:g} mm"


def _plain(texts: Iterable[str]) -> str:
    return "".join("".join(texts).split())


def _pages(pdf: bytes) -> list[Any]:
    import pypdf

    return list(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def _words(pages: Sequence[Any]) -> Iterator[Word]:
    for number, page in enumerate(pages, 1):
        height = float(page.mediabox.height)
        found: list[Word] = []

        def visit(
            text: str, cm: Sequence[float], tm: Sequence[float], _font: object, _size: object
        ) -> None:
            if not text.strip():
                return
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            found.append(Word(number, x * _MM, (height - y) * _MM, text))  # noqa: B023 - used at once

        page.extract_text(visitor_text=visit)
        yield from found
