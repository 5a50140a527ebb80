"""Postal addresses as lines to print: whether one is complete, where it goes, and whether two are the same place.

The lines are `[company]`, `[name]`, `street number`, `[PO box]`, `zip city`, `[country]`, as they stand on an envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from commtui.domain.text import fold

RIGHT_WINDOWS = frozenset({"FR", "MC", "BE", "LU", "ES", "PT", "IT"})
"""Countries whose usual window envelope shows the right half of the page; La Poste wants it so.

Switzerland is not among them: SN 10130 allows both since 2016, and Ping's own letter layout is the left one.
"""
WITHOUT_ZIP = frozenset({"AE", "HK", "QA"})
"""Countries whose addresses have no postcode."""
_FRENCH_OVERSEAS = dict.fromkeys(("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF"), "FR")
_SAME_COUNTRY: Mapping[str, str] = {"UK": "GB", "EL": "GR", **_FRENCH_OVERSEAS}
"""Codes that stand for a country with another code; overseas departments have French postcodes."""
_FIVE, _FOUR, _THREE_TWO = r"\d{5}", r"\d{4}", r"\d{3} ?\d{2}"
_ZIPS: Mapping[str, str] = {
    **dict.fromkeys(("FR", "MC", "DE", "ES", "IT", "FI", "EE", "HR"), _FIVE),
    **dict.fromkeys(("AT", "BE", "CH", "LI", "DK", "NO", "LU", "HU", "SI", "BG", "CY"), _FOUR),
    **dict.fromkeys(("SE", "GR", "CZ", "SK"), _THREE_TWO),
    "NL": r"\d{4} ?[A-Z]{2}",
    "PL": r"\d{2}-?\d{3}",
    "PT": r"\d{4}-?\d{3}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "IE": r"[A-Z]\d[\dW] ?[A-Z\d]{4}",
    "US": r"\d{5}(?:-\d{4})?",
    "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d",
}
"""Postcodes by country, without the country's letters that may stand before them."""
_ANY_ZIP = r"[A-Z]{0,2}\d[A-Z\d]{1,6}(?:[ -]\d[A-Z\d]{1,3})?"
_COUNTRY_NAMES: Mapping[str, str] = {
    name: code
    for code, names in {
        "AT": "austria österreich autriche oostenrijk",
        "BE": "belgium belgien belgique belgië bélgica",
        "CH": "switzerland schweiz suisse svizzera zwitserland suiza",
        "DE": "germany deutschland allemagne duitsland alemania",
        "ES": "spain españa spanien espagne spanje",
        "FR": "france frankreich frankrijk francia",
        "GB": "united-kingdom great-britain royaume-uni england",
        "GR": "greece ελλάδα griechenland grèce",
        "IE": "ireland irlande irland",
        "IT": "italy italia italien italie",
        "LU": "luxembourg luxemburg",
        "NL": "netherlands nederland niederlande pays-bas the-netherlands",
        "PL": "poland polska polen pologne",
        "PT": "portugal",
        "SE": "sweden sverige schweden suède",
        "US": "usa united-states états-unis",
    }.items()
    for name in map(fold, names.split())
}
"""Folded names of countries that people write instead of the code, with hyphens for blanks."""
_BOX = re.compile(
    r"\b(?:p\.?\s?o\.?\s?box|postfach|case postale|postbus|boite postale|bp\s?\d+|cs\s?\d+|tsa\s?\d+"
    r"|apartado|casella postale|postboks|postbox)\b"
)
_STREET = re.compile(
    r"\b(?:rue|avenue|boulevard|place|chemin|allee|impasse|route|quai|cours|square|lieu dit|hameau"
    r"|street|road|lane|drive|way|calle|carrer|plaza|placa|avenida|via|piazza|rua|praca|ulica|aleja"
    r"|gata|gatan|vag|vagen)\b|(?:strasse|str\.?|weg|platz|gasse|allee|straat|laan|plein|gatan|vagen)$"
)


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address taken apart; parts that are missing are empty."""

    lines: tuple[str, ...]
    """As printed, without the country."""
    names: tuple[str, ...]
    """Company and name."""
    street: str
    """Street and number, or the PO box where there is no street."""
    zip: str
    city: str
    country: str
    """ISO 3166-1, two capitals."""
    box: str = ""
    """The PO box, where one stands beside the street or instead of it."""


def parse(text: str, country: str) -> PostalAddress:
    """The address that these lines are; `country` (ISO 3166-1) is for one that names none."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    # a lone line is somebody's name, however short
    if len(lines) > 1 and (named := _country(lines[-1])):
        country = named
        del lines[-1]
    country = canonical(country)
    zip_code, city, first, last = _town(lines, country)
    before = [line for number, line in enumerate(lines) if not first <= number <= last]
    boxes = [line for line in before if _BOX.search(fold(line))]
    others = [line for line in before if line not in boxes]
    street = others.pop() if _ends_in_street(others) else ""
    box = boxes[-1] if boxes else ""
    return PostalAddress(tuple(lines), tuple(others), street or box, zip_code, city, country, box)


def problem(text: str, country: str) -> str | None:
    """What is missing for a letter to arrive, in a few words; None when nothing is."""
    if not text.strip():
        return "no address"
    found = parse(text, country)
    if not found.country:
        return "address incomplete: no country"
    needs_zip = found.country not in WITHOUT_ZIP
    if not found.city and (found.zip or not needs_zip):
        return "address incomplete: no town"
    if not found.city:
        return "address incomplete: no town with its postcode"
    form = _ZIPS.get(found.country)
    if form and not re.fullmatch(form, found.zip, re.IGNORECASE):
        return f"address invalid: {found.zip} is no postcode of {found.country}"
    return None if found.street else "address incomplete: no street"


def window(country: str) -> Literal["left", "right"]:
    """Where the window of the country's usual envelope is."""
    return "right" if canonical(country) in RIGHT_WINDOWS else "left"


def canonical(country: str) -> str:
    """A country's code in capitals; that of the country itself for another code of it."""
    code = country.strip().upper()
    return _SAME_COUNTRY.get(code, code)


def same_place(ours: PostalAddress, theirs: str, country: str) -> bool:
    """Whether an address that somebody read off a letter is ours: street, postcode, town and country stand in it.

    Case, accents, blanks and punctuation do not count; where a word or number ends does.
    """
    read = _words(theirs)
    return canonical(country) == ours.country and all(
        _stands_in(part, read) for part in (ours.street, ours.zip, ours.city) if part
    )


def _stands_in(part: str, read: list[str]) -> bool:
    """Whether successive whole words add up to a part: 75011 does not stand in 175011, nor 1 in 12."""
    wanted = "".join(_words(part))
    for start in range(len(read)):
        joined = ""
        for word in read[start:]:
            joined += word
            if joined == wanted:
                return True
            if not wanted.startswith(joined):
                break
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", fold(text))


def _country(line: str) -> str:
    """The code of a line that is a country's code or name; empty for every other."""
    if re.fullmatch(r"[A-Za-z]{2}", line):
        return canonical(line)
    return _COUNTRY_NAMES.get(fold(line).replace(" ", "-"), "")


def _town(lines: list[str], country: str) -> tuple[str, str, int, int]:
    """Postcode, town, and the first and last line that they stand in; the lowest line that has them counts."""
    last = len(lines) - 1
    found = _with_zip(lines, _ZIPS.get(country), 0) or _with_zip(lines, _ANY_ZIP, last)
    if found is not None:
        number, zip_code, city = found
        # a British town has a line of its own, above its postcode
        if not city and country == "GB" and number > 0:
            return zip_code, lines[number - 1], number - 1, number
        return zip_code, city, number, number
    if country in WITHOUT_ZIP and last > 0:
        return "", lines[last], last, last
    return "", "", len(lines), len(lines)


def _with_zip(lines: list[str], form: str | None, top: int) -> tuple[int, str, str] | None:
    """The lowest line, down from `top`, that is a postcode and a town in any order; otherwise a postcode alone."""
    if form is None:
        return None
    town = r"(?P<city>[^\d\W].*?)"
    before = re.compile(rf"(?:[A-Z]{{1,3}}-)?(?P<zip>{form}),? {town}", re.IGNORECASE)
    after = re.compile(rf"{town},? (?P<zip>{form})", re.IGNORECASE)
    alone = re.compile(rf"(?:[A-Z]{{1,3}}-)?(?P<zip>{form})(?P<city>)", re.IGNORECASE)
    for forms in ((before, after), (alone,)):
        for number in range(len(lines) - 1, max(top, 0) - 1, -1):
            for pattern in forms:
                if found := pattern.fullmatch(lines[number]):
                    return number, found["zip"], found["city"]
    return None


def _ends_in_street(lines: list[str]) -> bool:
    """Whether the last line is a street: it looks like one, or stands below a name (villages have no numbers)."""
    if not lines:
        return False
    last = fold(lines[-1])
    return bool(re.search(r"\d", last) or _STREET.search(last) or len(lines) > 1)
