"""How amounts and dates are written in the languages of templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_NBSP = "\u00a0"
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}
_DIGITS = {"JPY": 0, "KRW": 0, "XAF": 0, "XOF": 0, "XPF": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""Digits after the point, where they are not 2."""
_LARGEST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Writing:
    """The habits of a language; what stands in braces in a pattern is filled in."""

    months: tuple[str, ...]
    day: str
    short_day: str
    first: str
    """The first day of a month."""
    point: str
    thousands: str
    money: str
    money_with_code: str
    symbols: Mapping[str, str] = field(default_factory=lambda: dict(_SYMBOLS))
    digits: Mapping[str, int] = field(default_factory=lambda: dict(_DIGITS))


_LANGUAGES = {
    "en": Writing(
        months=(
            *("January", "February", "March", "April", "May", "June"),
            *("July", "August", "September", "October", "November", "December"),
        ),
        day="{d} {month} {year}",
        short_day="{d} {mon} {year}",
        first="1",
        point=".",
        thousands=",",
        money="{symbol}{amount}",
        money_with_code=f"{{symbol}}{_NBSP}{{amount}}",
    ),
    "fr": Writing(
        months=(
            *("janvier", "février", "mars", "avril", "mai", "juin"),
            *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
        ),
        day="{d} {month} {year}",
        short_day="{dd}/{mm}/{year}",
        first="1er",
        point=",",
        thousands=_NBSP,
        money=f"{{amount}}{_NBSP}{{symbol}}",
        money_with_code=f"{{amount}}{_NBSP}{{symbol}}",
    ),
    "nl": Writing(
        months=(
            *("januari", "februari", "maart", "april", "mei", "juni"),
            *("juli", "augustus", "september", "oktober", "november", "december"),
        ),
        day="{d} {month} {year}",
        short_day="{dd}-{mm}-{year}",
        first="1",
        point=",",
        thousands=".",
        money=f"{{symbol}}{_NBSP}{{amount}}",
        money_with_code=f"{{symbol}}{_NBSP}{{amount}}",
    ),
    "de": Writing(
        months=(
            *("Januar", "Februar", "März", "April", "Mai", "Juni"),
            *("Juli", "August", "September", "Oktober", "November", "Dezember"),
        ),
        day="{d}. {month} {year}",
        short_day="{dd}.{mm}.{year}",
        first="1",
        point=",",
        thousands=".",
        money=f"{{amount}}{_NBSP}{{symbol}}",
        money_with_code=f"{{amount}}{_NBSP}{{symbol}}",
    ),
}
_ELSEWHERE = Writing(
    months=tuple(f"{month:02}" for month in range(1, 13)),
    day="{year}-{mm}-{dd}",
    short_day="{year}-{mm}-{dd}",
    first="1",
    point=".",
    thousands=_NBSP,
    money=f"{{amount}}{_NBSP}{{symbol}}",
    money_with_code=f"{{amount}}{_NBSP}{{symbol}}",
)


def writing(language: str) -> Writing:
    """The habits of a language such as nl or nl-BE; of one that we do not know, the international ones."""
    return _LANGUAGES.get(language.partition("-")[0].lower(), _ELSEWHERE)


def money(value: object, currency: str, language: str) -> str:
    """An amount with its currency, rounded to its digits, with no-break spaces. Raises ValueError."""
    habits = writing(language)
    code = currency.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ValueError(f"'{currency[:20]}' is not a currency; write three letters such as EUR")
    amount = _amount(value)
    digits = habits.digits.get(code, 2)
    rounded = amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _, rest = f"{abs(rounded):,f}".partition(".")
    number = whole.replace(",", habits.thousands) + (habits.point + rest if rest else "")
    pattern = habits.money if code in habits.symbols else habits.money_with_code
    written = pattern.format(amount=number, symbol=habits.symbols.get(code, code))
    return f"-{written}" if rounded < 0 else written


def _amount(value: object) -> Decimal:
    words = f"'{str(value)[:40]}' is not an amount; write it like 1234.50"
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(words)  # noqa: TRY004 - one kind of error for a value that does not fit
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(words) from None
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        raise ValueError(words)
    return amount


def day(value: object, language: str, style: str = "long") -> str:
    """A date (YYYY-MM-DD, or a time whose date counts) in words, or short in figures. Raises ValueError."""
    if style not in ("long", "short"):
        raise ValueError(f"'{style[:20]}' is not a style of dates; write long or short")
    try:
        found = date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise ValueError(f"'{str(value)[:40]}' is not a date; write it like 2026-01-31") from None
    habits = writing(language)
    month = habits.months[found.month - 1]
    pattern = habits.day if style == "long" else habits.short_day
    return pattern.format(
        d=habits.first if found.day == 1 and style == "long" else found.day,
        dd=f"{found.day:02}",
        mm=f"{found.month:02}",
        month=month,
        mon=month[:3],
        year=found.year,
    )
