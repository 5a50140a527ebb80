"""Measuring letters: real PDF files of every wrong kind, each with its own code and words."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
)

from commtui.providers import letters_pdf
from tests.ping_practice import ADDRESS, letter

GOOD = letter(ADDRESS, pages=3)


def changed(change: Callable[[PdfWriter], object], content: bytes = GOOD) -> bytes:
    """A letter after something was done to it."""
    writer = PdfWriter(clone_from=io.BytesIO(content))
    change(writer)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def loose_font(name: str = "Helvetica") -> DictionaryObject:
    """A font whose shapes are not in the file."""
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject(f"/{name}"),
        }
    )


def drawing(content: bytes, **fonts: DictionaryObject) -> bytes:
    """A page of A4 with this content and these fonts."""
    writer = PdfWriter()
    page = writer.add_blank_page(595.2756, 841.8898)
    stream = DecodedStreamObject()
    stream.set_data(content)
    page[NameObject("/Contents")] = writer._add_object(stream)
    named = DictionaryObject({NameObject(f"/{name}"): font for name, font in fonts.items()})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): named})
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def rotate(page: PageObject, degrees: int) -> None:
    page[NameObject("/Rotate")] = NumberObject(degrees)


def crop(page: PageObject) -> None:
    page[NameObject("/CropBox")] = ArrayObject(
        [FloatObject(value) for value in (0, 0, 595.28, 791)]
    )


def test_a_good_letter_passes() -> None:
    assert letters_pdf.problem(GOOD, "FR") is None
    assert letters_pdf.problem(changed(lambda it: rotate(it.pages[0], 180)), "FR") is None


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("width: 210mm, height: 279mm", "Page 1 is 210 x 279 mm, not A4."),
        ('paper: "us-letter"', "Page 1 is 216 x 279 mm, not A4."),
        ('paper: "a4", flipped: true', "Page 1 is 297 x 210 mm, not A4 upright."),
        ("width: 211.2mm, height: 297mm", "Page 1 is 211 x 297 mm, not A4."),
    ],
)
def test_a_page_that_is_not_a4_is_named_with_its_size(page: str, words: str) -> None:
    assert letters_pdf.problem(letter(ADDRESS, page=page), "FR") == ("pdf_not_a4", words)


def test_a_millimetre_is_tolerated() -> None:
    assert (
        letters_pdf.problem(letter(ADDRESS, page="width: 209.2mm, height: 297.8mm"), "FR") is None
    )


def test_later_pages_turned_pages_and_cut_pages_are_measured_as_they_are_shown() -> None:
    turned = changed(lambda writer: rotate(writer.pages[1], 90))
    assert letters_pdf.problem(turned, "FR") == (
        "pdf_not_a4",
        "Page 2 is 297 x 210 mm, not A4 upright.",
    )
    cut = changed(lambda writer: crop(writer.pages[2]))
    assert letters_pdf.problem(cut, "FR") == ("pdf_not_a4", "Page 3 is 210 x 279 mm, not A4.")


def test_an_encrypted_letter_is_not_opened() -> None:
    locked = changed(lambda writer: writer.encrypt("secret", algorithm="RC4-128"))
    found = letters_pdf.problem(locked, "FR")
    assert found is not None
    assert found[0] == "pdf_encrypted"


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7", b"no PDF at all", GOOD[: len(GOOD) // 3], b"%PDF-" + b"\x00" * 5000],
    ids=["empty", "header only", "text", "cut off", "zeros"],
)
def test_what_is_no_pdf_is_unreadable(content: bytes) -> None:
    found = letters_pdf.problem(content, "FR")
    assert found is not None
    assert found[0] == "pdf_unreadable"


def test_a_letter_without_pages_is_unreadable() -> None:
    empty = io.BytesIO()
    PdfWriter().write(empty)
    found = letters_pdf.problem(empty.getvalue(), "FR")
    assert found is not None
    assert found[0] == "pdf_unreadable"


def test_size_is_limited() -> None:
    found = letters_pdf.problem(GOOD + b"\n" * 8_000_000, "FR")
    assert found == ("pdf_too_large", "The letter is 8.0 MB; Ping takes 8 MB.")


def test_pages_are_limited_by_country() -> None:
    fifteen = letter(ADDRESS, pages=15)
    assert letters_pdf.problem(fifteen, "NL") == (
        "pdf_too_many_pages",
        "The letter has 15 pages; to NL Ping takes 14.",
    )
    assert letters_pdf.problem(fifteen, "IN") is None
    assert letters_pdf.problem(letter(ADDRESS, pages=121), "FR") is None
    for country in ("CH", "SE", ""):
        found = letters_pdf.problem(letter(ADDRESS, pages=121), country)
        assert found is not None
        assert found[0] == "pdf_too_many_pages"


HELVETICA = ("pdf_fonts", "The font Helvetica on page 1 is not embedded in the letter.")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"BT /F1 12 Tf 72 720 Td (Hello) Tj ET", HELVETICA),
        (b"BT /F1 12 Tf 72 720 Td [(Hel) -20 (lo)] TJ ET", HELVETICA),
        (b"BT /F1 12 Tf 72 720 Td (Hello) ' ET", HELVETICA),
        (b"BT /F1 12 Tf 72 720 Td <48656c6c6f> Tj ET", HELVETICA),
        (b"BT /F1 12 Tf q /F2 12 Tf Q (Hello) Tj ET", HELVETICA),
        # report programs select a font on every page that they never write in
        (b"BT /F1 12 Tf 14.4 TL ET", None),
        (b"BT /F1 12 Tf ET q BT /F2 12 Tf (Hello) Tj ET Q", None),
    ],
)
def test_a_font_that_text_is_set_in_has_to_be_in_the_file(
    content: bytes, expected: tuple[str, str] | None
) -> None:
    shapes = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type3")}
    )
    assert letters_pdf.problem(drawing(content, F1=loose_font(), F2=shapes), "FR") == expected


def test_fonts_in_forms_and_marks_count_too() -> None:
    def add_form(writer: PdfWriter) -> None:
        form = DecodedStreamObject()
        form.set_data(b"BT /F9 12 Tf (stamp) Tj ET")
        fonts = DictionaryObject({NameObject("/F9"): loose_font("Courier")})
        form[NameObject("/Subtype")] = NameObject("/Form")
        form[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        named = DictionaryObject({NameObject("/X1"): writer._add_object(form)})
        writer.pages[1]["/Resources"].get_object()[NameObject("/XObject")] = named  # type: ignore[index]

    def add_mark(writer: PdfWriter) -> None:
        shown = DecodedStreamObject()
        shown.set_data(b"BT /F9 12 Tf (note) Tj ET")
        fonts = DictionaryObject({NameObject("/F9"): loose_font("Times-Roman")})
        shown[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        looks = DictionaryObject({NameObject("/N"): writer._add_object(shown)})
        mark = DictionaryObject({NameObject("/AP"): looks})
        writer.pages[2][NameObject("/Annots")] = ArrayObject([writer._add_object(mark)])

    words = "The font {} on page {} is not embedded in the letter."
    assert letters_pdf.problem(changed(add_form), "FR") == ("pdf_fonts", words.format("Courier", 2))
    assert letters_pdf.problem(changed(add_mark), "FR") == (
        "pdf_fonts",
        words.format("Times-Roman", 3),
    )


def test_a_form_that_holds_itself_comes_to_an_end() -> None:
    def add(writer: PdfWriter) -> None:
        form = DecodedStreamObject()
        form.set_data(b"")
        form[NameObject("/Subtype")] = NameObject("/Form")
        itself = DictionaryObject({NameObject("/X1"): writer._add_object(form)})
        form[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): itself})
        writer.pages[0]["/Resources"].get_object()[NameObject("/XObject")] = itself  # type: ignore[index]

    assert letters_pdf.problem(changed(add), "FR") is None


def test_an_embedded_font_is_told_from_one_whose_shapes_were_left_out() -> None:
    def strip(writer: PdfWriter) -> None:
        fonts = writer.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
        for name in fonts:
            inner = fonts[name].get_object()["/DescendantFonts"][0].get_object()
            del inner["/FontDescriptor"].get_object()[NameObject("/FontFile3")]

    assert len(PdfReader(io.BytesIO(GOOD)).pages) == 3
    found = letters_pdf.problem(changed(strip), "FR")
    assert found is not None
    assert found[0] == "pdf_fonts"
    assert "LibertinusSerif" in found[1]
