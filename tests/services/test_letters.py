"""Letters: the address in the window, the same page everywhere, and no way for what comes from outside to be markup."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pypdf
import pytest
from pypdf.generic import ContentStream

from commtui.domain.template_words import day, money
from commtui.domain.templates import TemplateVersion, version_of
from commtui.domain.vocabulary import Channel
from commtui.services import letter_zones, letters, templates
from commtui.services.letter_zones import CORNER, INNER, POSTAGE, Zone
from commtui.services.templates import Library, TemplateError

POST = frozenset({Channel.POST})
MM = 25.4 / 72
KINDS = ("contract", "invoice", "notice", "reminder")
LANGUAGES = ("de", "en", "fr", "nl")
ADDRESS = "Rosa Muster\nLange Straat 12\n1012 AB Amsterdam"
# what the envelopes show, apart from what the program says itself
PINGEN_LEFT = Zone(22, 60, 85.5, 25.5)
DIN_5008_B = Zone(20, 45, 85, 45)
FRENCH = Zone(110, 55, 85, 33)


@dataclass(frozen=True)
class Ink:
    """A piece of text and the box around it, in mm from the page's top left corner."""

    page: int
    text: str
    left: float
    right: float
    top: float
    bottom: float

    def within(self, zone: Zone) -> bool:
        return (
            zone.x <= self.left
            and self.right <= zone.x + zone.width
            and zone.y <= self.top
            and self.bottom <= zone.y + zone.height
        )

    def touches(self, zone: Zone) -> bool:
        return (
            self.left < zone.x + zone.width
            and self.right > zone.x
            and self.top < zone.y + zone.height
            and self.bottom > zone.y
        )


def texts_of(pdf: bytes) -> list[list[str]]:
    """The texts of each page, as a reader finds them."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [[part.strip() for part in page.extract_text().splitlines()] for page in pages]


def ink(pdf: bytes) -> list[Ink]:
    """Every shown string with its extent, computed from the widths of the embedded fonts."""
    found = []
    for number, page in enumerate(pypdf.PdfReader(io.BytesIO(pdf)).pages, 1):
        widths = {name: _widths(font) for name, font in page["/Resources"]["/Font"].items()}
        places = [word for word in letter_zones.words(pdf) if word.page == number]
        shown = [width for width in _shown(page, widths) if width[0] > 0]
        joined = [word for word in places if word.text.strip()]
        assert len(joined) == len(shown), "one string for every text"
        for word, (width, size) in zip(joined, shown, strict=True):
            found.append(
                Ink(
                    number,
                    word.text.strip(),
                    word.x,
                    word.x + width * MM,
                    word.y - 0.75 * size * MM,
                    word.y + 0.25 * size * MM,
                )
            )
    return found


def _widths(font: Any) -> dict[int, float]:
    array = font["/DescendantFonts"][0].get_object()["/W"]
    widths: dict[int, float] = {}
    at = 0
    while at < len(array):
        if isinstance(array[at + 1], list):
            widths |= {array[at] + more: float(width) for more, width in enumerate(array[at + 1])}
            at += 2
        else:
            first, last, width = array[at : at + 3]
            widths |= dict.fromkeys(range(first, last + 1), float(width))
            at += 3
    return widths


def _shown(page: Any, widths: dict[str, dict[int, float]]) -> Iterator[tuple[float, float]]:
    """Width and size in points of the strings that a page shows."""
    font, size = "", 0.0
    for operands, operator in ContentStream(page.get_contents(), page.pdf).operations:
        if operator == b"Tf":
            font, size = operands[0], float(operands[1])
        elif operator in (b"Tj", b"TJ"):
            total = 0.0
            for part in operands[0] if operator == b"TJ" else operands:
                if isinstance(part, int | float):
                    total -= float(part)
                    continue
                raw = part.original_bytes if isinstance(part, str) else bytes(part)
                codes = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
                total += sum(widths[font][code] for code in codes)
            yield total * size / 1000, size


def made(source: str, **more: str) -> TemplateVersion:
    """A template of one letter, with the shipped layout."""
    layout = (templates.SHIPPED / "letter-layout.typ").read_text("utf-8")
    sources = {"letter.typ": source, "letter-layout.typ": layout, **more}
    return TemplateVersion("notice", "en", version_of(sources), sources)


PLAIN = made(
    '#import "letter-layout.typ": *\n#show: letter.with(title: data.title)\n\n#paragraphs(data.text)'
)


def letter(
    version: TemplateVersion = PLAIN, address: str = ADDRESS, country: str = "NL", **context: Any
) -> bytes:
    told = {"title": "Title", "text": "Text", "today": "2026-01-15", **context}
    return Library().with_address(version, told, address, country)


def refusal(
    version: TemplateVersion = PLAIN, address: str = ADDRESS, country: str = "NL", **context: Any
) -> str:
    with pytest.raises(TemplateError) as caught:
        letter(version, address, country, **context)
    return str(caught.value)


# the window


@pytest.mark.parametrize(
    ("country", "windows"),
    [
        ("FR", [FRENCH]),
        ("BE", [FRENCH]),
        ("DE", [PINGEN_LEFT, DIN_5008_B]),
        ("NL", [PINGEN_LEFT, DIN_5008_B]),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_window_of_the_country_shows_the_address_and_nothing_else(
    kind: str, country: str, windows: list[Zone]
) -> None:
    library = Library()
    version = library.find(kind, "en")
    assert version is not None
    pdf = library.with_address(version, library.sample(version), ADDRESS, country)
    found = ink(pdf)
    address = ADDRESS.split("\n")
    assert [text.text for text in found if text.touches(windows[0])] == address
    for text in found:
        if text.text in address:
            assert all(text.within(window) for window in windows), text
        assert text.within(INNER)
        assert not text.touches(CORNER)
        assert text.page > 1 or windows == [FRENCH] or not text.touches(POSTAGE)


def test_the_window_can_be_named_whatever_the_country() -> None:
    library = Library()
    context = {"title": "T", "text": "x"}
    right = library.with_address(PLAIN, context, ADDRESS, "NL", window="right")
    assert right == library.with_address(PLAIN, context, ADDRESS, "FR")
    assert right != library.with_address(PLAIN, context, ADDRESS, "NL")


@pytest.mark.parametrize("country", ["DE", "FR"])
@pytest.mark.parametrize(
    "address",
    [
        "\n".join(f"Line {number} of a long address" for number in range(1, 9)),
        "W" * 26,
        "Vereinigte Versorgungsbetriebe der Gemeinden am Unterlauf, Abteilung 4\n12345 Ort",
        "Ærøskøbing\nŁódź, Ġgantija, Ştefan\nΑθήνα Київ",
    ],
    ids=["eight lines", "wide letters", "long line", "many scripts"],
)
def test_long_addresses_are_set_smaller_until_they_fit(address: str, country: str) -> None:
    window = PINGEN_LEFT if country == "DE" else FRENCH
    lines = address.split("\n")
    found = [text for text in ink(letter(address=address, country=country)) if text.within(window)]
    assert "".join(text.text for text in found).replace(" ", "") == "".join(lines).replace(" ", "")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "a letter needs an address"),
        (" \n\t\n", "a letter needs an address"),
        ("\n".join("abcdefghi"), "it has 9 lines (8 are the most)"),
        ("x" * 200, "the longest of 200 characters"),
        ("first\n" + "y" * 100_000, "the longest of 100000 characters"),
    ],
    ids=["none", "blank", "nine lines", "long line", "very long line"],
)
def test_an_address_that_cannot_be_in_the_window_is_refused(address: str, words: str) -> None:
    refused = refusal(address=address)
    assert words in refused
    assert refused.startswith("notice/en letter.typ")


def test_only_the_first_page_has_the_address() -> None:
    pdf = letter(text="\n\n".join(f"Paragraph {number}." * 12 for number in range(60)))
    pages = texts_of(pdf)
    assert len(pages) == letters.pages(pdf) > 2
    assert [page.count("1012 AB Amsterdam") for page in pages] == [1] + [0] * (len(pages) - 1)
    assert [f"{number} / {len(pages)}" in page for number, page in enumerate(pages, 1)] == [
        True
    ] * len(pages)


def test_a_letter_for_another_address_is_the_same_but_for_the_address() -> None:
    old, new = letter(), letter(address="Léa Martin\n1 rue Longue\n1000 Bruxelles")
    before, after = ink(old), ink(new)
    moved = {text.text for text in before} ^ {text.text for text in after}
    assert moved == {*ADDRESS.split("\n"), "Léa Martin", "1 rue Longue", "1000 Bruxelles"}
    assert [text for text in before if text.text not in moved] == [
        text for text in after if text.text not in moved
    ]


def test_a_template_cannot_lose_the_address() -> None:
    bare = made("Hello")
    assert letter_zones.problems(letter(bare), "left", ADDRESS.split("\n")) == []
    hidden = made("#set page(foreground: none)\nHello")
    (problem, *_) = letter_zones.problems(letter(hidden), "left", ADDRESS.split("\n"))
    assert "the left window does not show the address alone" in problem


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("#place(top + left, dy: 25mm)[Stamp]", "'Stamp' on page 1"),
        ("#place(top + left, dx: 40mm, dy: 50mm)[Window]", "the left window does not show"),
        ("#place(bottom + left, dx: -20mm, dy: 20mm)[Mark]", "the printer's marks go into"),
        ("#place(top + right, dx: 30mm)[Edge]", "the outer 5 mm"),
        ('#set page(paper: "a5")\nx', "page 1 is not A4 portrait"),
        ("#set page(flipped: true)\nx", "page 1 is not A4 portrait"),
    ],
)
def test_what_a_printer_would_refuse_is_found(source: str, words: str) -> None:
    pdf = letter(made(source))
    assert words in " ".join(letter_zones.problems(pdf, "left", ADDRESS.split("\n")))


# the file


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_a4_and_every_font_is_embedded(kind: str, language: str) -> None:
    library = Library()
    version = library.find(kind, language)
    assert version is not None
    reader = pypdf.PdfReader(
        io.BytesIO(library.with_address(version, library.sample(version), ADDRESS, "FR"))
    )
    for page in reader.pages:
        assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(
            (595.28, 841.89), abs=0.01
        )
        fonts = [
            font["/DescendantFonts"][0].get_object()
            for font in page["/Resources"]["/Font"].values()
        ]
        assert fonts
        for font in fonts:
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(font["/FontDescriptor"])
            assert "Libertinus" in font["/BaseFont"]


def test_the_same_letter_is_the_same_file() -> None:
    assert letter() == letter()
    assert letter(today="2026-01-16") != letter()


def test_a_letter_does_not_depend_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    before = letter()
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345")
    monkeypatch.setenv("TYPST_FONT_PATHS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert letter() == before


def test_letters_can_be_made_in_many_threads_at_once() -> None:
    texts = [f"Letter {number}" for number in range(24)]
    alone = [letter(text=text) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: letter(text=text), texts))
    assert together == alone
    assert len(set(alone)) == len(alone)


def test_the_date_of_the_file_is_the_letters_own() -> None:
    details = pypdf.PdfReader(io.BytesIO(letter(today="2026-01-15"))).metadata
    assert details is not None
    assert str(details.get("/CreationDate")).startswith("D:20260115")


# amounts and dates in letters


def test_amounts_and_dates_are_written_as_in_the_emails() -> None:
    amounts = ["0", "2.005", "-2.005", "1234567.5", "999.995", "12", "-0.001", "100000"]
    days = ["2026-01-01", "2026-03-31", "2026-08-01", "2026-12-24"]
    for language in LANGUAGES:
        for currency in ("EUR", "JPY", "CHF", "KWD"):
            source = (
                '#import "letter-layout.typ": *\n#let rows = data.amounts.map(it => money(it, currency: '
                "data.currency)) + data.days.map(day)\n#metadata(rows)\n#rows.join(linebreak())"
            )
            version = made(source)
            version = TemplateVersion("notice", language, version.version, version.sources)
            pdf = letter(version, amounts=amounts, days=days, currency=currency)
            wanted = [money(amount, currency, language) for amount in amounts]
            wanted += [day(value, language) for value in days]
            shown = {part.replace("\u00a0", " ") for part in texts_of(pdf)[0]}
            assert {part.replace("\u00a0", " ") for part in wanted} <= shown


def test_what_is_no_amount_or_date_is_named() -> None:
    start = '#import "letter-layout.typ": *\n\n'
    assert "line 3: 'x' is not an amount; write it like" in refusal(
        made(start + "#money(data.title)"), title="x"
    )
    assert "line 3: 'x' is not a date; write it like" in refusal(
        made(start + "#day(data.title)"), title="x"
    )


# what comes from outside


@pytest.mark.parametrize(
    "text",
    [
        '#import "@preview/cetz:0.3.0"',
        "#panic()",
        "{{ 7 * 7 }} {% raw %}",
        "*a* _b_ `c` $x^2$ = d <e> @f \\ ~ // g /* h",
        '"]; #set page(paper: "a5") #[',
        "<b>bold</b> &amp; <script>",
    ],
)
def test_values_from_outside_are_never_markup(text: str) -> None:
    pdf = letter(title=text, text=text, address=f"{text}\n1 Street")
    (page,) = texts_of(pdf)
    whole = " ".join(page)
    assert whole.count(text) == 3


def test_controls_and_turned_text_do_not_reach_the_page() -> None:
    pdf = letter(text="safe\u202egnp.exe\x1b[31m\x00", address="Mr\u202e X\x07\n1 Street")
    whole = "".join(texts_of(pdf)[0])
    assert "safegnp.exe[31m" in whole
    assert "Mr X" in whole
    assert not set(whole) & set("\u202e\x1b\x00\x07")


def test_a_huge_context_is_refused_at_once() -> None:
    assert "deliver less of it" in refusal(text="x" * 10_000_000)
    assert "too large for a letter" in refusal(text="é" * 150_000)


def test_a_character_that_no_font_has_is_an_error_and_not_a_gap() -> None:
    refused = refusal(text="\n\nHello 中")
    assert "the fonts of letters have no character for '中'" in refused
    assert "no character for '中'" in refusal(address="中\n1 Street")


def test_a_missing_value_is_named_with_file_and_line() -> None:
    source = '#import "letter-layout.typ": *\n\n#show: letter.with(title: "x")\n\n#data.amount'
    assert refusal(made(source)) == (
        "notice/en letter.typ line 5: 'amount' is undefined; deliver it in `context`"
    )


# what a template must not do


@pytest.mark.parametrize(
    "source",
    [
        'a\n#import "@preview/cetz:0.3.0": *',
        'a\n#include "@local/own:1.0.0"',
        "a\n#import data.title",
        'a\n#{ import ("@pre" + "view/a:1.0.0") }',
    ],
)
def test_no_package_is_fetched(source: str) -> None:
    assert refusal(made(source)).startswith("notice/en letter.typ line 2: packages cannot be used")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../etc/passwd", os.path.abspath(__file__), "letter-frame.py"]
)
def test_no_file_but_its_own_can_be_read(path: str) -> None:
    assert refusal(made(f"#read({json.dumps(path)})")).startswith("notice/en letter.typ line 1: ")


@pytest.mark.parametrize(
    "source",
    [
        "#let i = 0\n#while i < 1e9 { i += 1 }",
        "#let again(x) = again(x + 1)\n#again(1)",
    ],
)
def test_loops_without_an_end_are_errors(source: str) -> None:
    assert refusal(made(source)).startswith("notice/en letter.typ line ")


def test_a_letter_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = made("#let i = 0\n#while i < 9999 { let j = 0; while j < 1500 { j += 1 }; i += 1 }\nx")
    monkeypatch.setattr(letters, "SECONDS", 0.05)
    assert "it takes more than 0.05 seconds" in refusal(slow)
    # and is not begun again
    before = threading.active_count()
    assert "it takes more than 0.05 seconds" in refusal(slow)
    assert threading.active_count() <= before


def test_words_about_files_do_not_show_where_they_are(tmp_path: Any) -> None:
    refused = refusal(made('#image("logo.svg")'))
    assert "file not found" in refused
    assert "/tmp" not in refused
    assert "commtui-letter" not in refused
