"""Amounts and dates as the languages write them."""

from __future__ import annotations

import pytest

from commtui.domain.template_words import day, money


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "€1,234.50"),
        ("fr", "1_234,50_€"),
        ("nl", "€_1.234,50"),
        ("nl-BE", "€_1.234,50"),
        ("de", "1.234,50_€"),
        ("xx", "1_234.50_€"),
    ],
)
def test_an_amount_is_written_as_in_its_language(language: str, written: str) -> None:
    assert money("1234.5", "EUR", language).replace("\u00a0", "_") == written


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        (0, "EUR", "€0.00"),
        ("2.005", "EUR", "€2.01"),
        ("-2.005", "EUR", "-€2.01"),
        ("-0.001", "EUR", "€0.00"),
        (1234567, "GBP", "£1,234,567.00"),
        ("99.5", "JPY", "¥100"),
        (12.1, "CHF", "CHF_12.10"),
        ("1.2345", "kwd", "KWD_1.235"),
        (" 7 ", "USD", "$7.00"),
    ],
)
def test_an_amount_is_rounded_to_what_its_currency_has(
    value: object, currency: str, written: str
) -> None:
    assert money(value, currency, "en").replace("\u00a0", "_") == written


@pytest.mark.parametrize("value", ["", "x", "1,5", "NaN", "Infinity", "1e99", True, [], {}])
def test_what_is_no_amount_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="is not an amount; write it like"):
        money(value, "EUR", "en")


@pytest.mark.parametrize("currency", ["", "EURO", "€", "12A"])
def test_what_is_no_currency_is_refused_by_name(currency: str) -> None:
    with pytest.raises(ValueError, match="is not a currency"):
        money(1, currency, "en")


@pytest.mark.parametrize(
    ("language", "long", "short"),
    [
        ("en", "1 August 2026", "1 Aug 2026"),
        ("fr-BE", "1er août 2026", "01/08/2026"),
        ("nl", "1 augustus 2026", "01-08-2026"),
        ("de", "1. August 2026", "01.08.2026"),
        ("xx", "2026-08-01", "2026-08-01"),
    ],
)
def test_a_date_is_written_as_in_its_language(language: str, long: str, short: str) -> None:
    assert day("2026-08-01T23:59:00+02:00", language) == long
    assert day("2026-08-01", language, "short") == short


@pytest.mark.parametrize("value", ["", "soon", "2026-02-30", "01/08/2026", 7, None])
def test_what_is_no_date_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="is not a date; write it like"):
        day(value, "en")


def test_an_unknown_style_of_dates_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'medium' is not a style"):
        day("2026-01-01", "en", "medium")
