"""Postal addresses: taken apart, found wanting, and compared with what somebody read off a letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain import postal


@pytest.mark.parametrize(
    ("text", "country", "street", "zip_code", "city", "found_country"),
    [
        (
            "ACME\nZoé\n12 rue de la Forêt\n75011 Paris\nFR",
            "",
            "12 rue de la Forêt",
            "75011",
            "Paris",
            "FR",
        ),
        ("Zoé\n12 rue X\n75008 Paris Cedex 08", "FR", "12 rue X", "75008", "Paris Cedex 08", "FR"),
        (
            "X\n1 Müggelstraße\nD-10437 Berlin\nDeutschland",
            "FR",
            "1 Müggelstraße",
            "10437",
            "Berlin",
            "DE",
        ),
        ("Piet\nHoofdstraat 1\n1234 AB Utrecht", "NL", "Hoofdstraat 1", "1234 AB", "Utrecht", "NL"),
        ("Åsa\nGatan 3\n411 03 Göteborg\nSE", "FR", "Gatan 3", "411 03", "Göteborg", "SE"),
        ("A\nPiotrkowska 5\n90-001 Łódź\nPL", "", "Piotrkowska 5", "90-001", "Łódź", "PL"),
        ("A\nRua do Sol 5\n1100-202 Lisboa\nPT", "", "Rua do Sol 5", "1100-202", "Lisboa", "PT"),
        ("Ελένη\nοδός Ερμού 3\n105 58 Αθήνα\nΕλλάδα", "", "οδός Ερμού 3", "105 58", "Αθήνα", "GR"),
        (
            "Bob\n10 Downing Street\nLondon\nSW1A 2AA",
            "GB",
            "10 Downing Street",
            "SW1A 2AA",
            "London",
            "GB",
        ),
        (
            "Bob\n10 Downing Street\nSW1A 2AA London\nUK",
            "",
            "10 Downing Street",
            "SW1A 2AA",
            "London",
            "GB",
        ),
        (
            "Bob\n12345 Pike St\nPortland, OR 97205",
            "US",
            "12345 Pike St",
            "97205",
            "Portland, OR",
            "US",
        ),
        ("Bob\n1 Pike St\n97205 Portland", "us", "1 Pike St", "97205", "Portland", "US"),
        ("Joe\n1 Main St\nD02 X285 Dublin", "IE", "1 Main St", "D02 X285", "Dublin", "IE"),
        ("Joe\n1 Main St\nLV-1010 Riga\nLV", "", "1 Main St", "1010", "Riga", "LV"),
        ("Zoé\n12 rue X\n97400 Saint-Denis\nRE", "", "12 rue X", "97400", "Saint-Denis", "FR"),
        ("Ali\n1 Sheikh Zayed Rd\nDubai\nAE", "", "1 Sheikh Zayed Rd", "", "Dubai", "AE"),
    ],
)
def test_an_address_is_taken_apart(
    text: str, country: str, street: str, zip_code: str, city: str, found_country: str
) -> None:
    found = postal.parse(text, country)
    assert (found.street, found.zip, found.city, found.country) == (
        street,
        zip_code,
        city,
        found_country,
    )
    assert postal.problem(text, country) is None


def test_names_lines_and_box_are_kept() -> None:
    found = postal.parse(" ACME \n\nZoé  Lefèvre\n12 rue X\nBP 40123\n75011 Paris\nFrance", "DE")
    assert found.names == ("ACME", "Zoé Lefèvre")
    assert found.lines == ("ACME", "Zoé Lefèvre", "12 rue X", "BP 40123", "75011 Paris")
    assert (found.street, found.box, found.country) == ("12 rue X", "BP 40123", "FR")


def test_a_box_stands_in_for_the_street() -> None:
    found = postal.parse("Kanzlei\nPostfach 12 34\n10437 Berlin", "DE")
    assert (found.street, found.box, found.names) == (
        "Postfach 12 34",
        "Postfach 12 34",
        ("Kanzlei",),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no address"),
        (" \n ", "no address"),
        ("FR", "address incomplete: no town with its postcode"),
        ("Zoé\n12 rue X\nParis", "address incomplete: no town with its postcode"),
        ("Zoé\n12 rue X\n75011", "address incomplete: no town"),
        ("Zoé\n75011 Paris", "address incomplete: no street"),
        ("75011 Paris", "address incomplete: no street"),
        ("Zoé\n12 rue X\n7501 Paris", "address invalid: 7501 is no postcode of FR"),
        ("Zoé\n12 rue X\n75011 Paris\nNL", "address invalid: 75011 is no postcode of NL"),
    ],
)
def test_what_is_missing_is_said(text: str, words: str) -> None:
    assert postal.problem(text, "FR") == words


def test_a_country_is_needed_and_its_town_where_there_are_no_postcodes() -> None:
    assert postal.problem("Zoé\n12 rue X\n75011 Paris", "") == "address incomplete: no country"
    assert postal.problem("Ali", "HK") == "address incomplete: no town"


def test_a_hamlet_below_a_name_is_a_street_and_a_lone_name_is_none() -> None:
    assert postal.problem("Zoé Lefèvre\nLe Bourg\n42000 Saint-Étienne", "FR") is None
    assert (
        postal.problem("Zoé Lefèvre\n42000 Saint-Étienne", "FR") == "address incomplete: no street"
    )
    assert postal.problem("Hauptstraße\n10437 Berlin", "DE") is None


@pytest.mark.parametrize(
    ("country", "side"),
    [
        *((country, "right") for country in ("FR", "fr", "RE", "BE", "LU", "ES", "PT", "IT")),
        *((country, "left") for country in ("DE", "AT", "CH", "NL", "GB", "US", "SE", "")),
    ],
)
def test_the_window_is_where_the_countrys_envelopes_have_it(country: str, side: str) -> None:
    assert postal.window(country) == side


OURS = postal.parse("Zoé\n12 rue de la Forêt\n42000 Saint-Étienne\nFR", "")


@pytest.mark.parametrize(
    ("theirs", "country", "same"),
    [
        ("Zoé\n12 rue de la Forêt\n42000 Saint-Étienne", "FR", True),
        ("ZOE, 12, RUE DE LA FORET\nF-42000 SAINT ETIENNE", "fr", True),
        ("12rue de la Forêt 42000 Saint-Étienne", "RE", True),
        ("12 rue de la Forêt\n42000 Saint-Étienne", "DE", False),
        ("12 rue de la Forêt\n42000 Saint-Étienne", "", False),
        ("112 rue de la Forêt\n42000 Saint-Étienne", "FR", False),
        ("12 rue de la Forêt\n142000 Saint-Étienne", "FR", False),
        ("12 rue de la Forêt\n42000 Saint-Étienneville", "FR", False),
        ("12 rue de la\n42000 Saint-Étienne", "FR", False),
        ("rue de la Forêt\n42000 Saint-Étienne", "FR", False),
        ("12 rue de la Forêt\n42000", "FR", False),
        ("", "FR", False),
    ],
)
def test_the_same_place_has_street_postcode_town_and_country(
    theirs: str, country: str, same: bool
) -> None:
    assert postal.same_place(OURS, theirs, country) is same


def test_letters_with_a_form_of_their_own_are_the_same_letter() -> None:
    ours = postal.parse("X\nMüggelstraße 1\n10437 Berlin\nDE", "")
    assert postal.same_place(ours, "X\nMÜGGELSTRASSE 1\n10437 BERLIN", "DE")
    dutch = postal.parse("X\nLaan 1\n1234AB Utrecht\nNL", "")
    assert postal.same_place(dutch, "Laan 1\n1234 AB  Utrecht", "NL")


@given(st.text(max_size=200), st.sampled_from(["FR", "GB", "", "XX"]))
def test_no_text_breaks_it(text: str, country: str) -> None:
    found = postal.parse(text, country)
    assert len(found.lines) <= len(text.splitlines())
    wrong = postal.problem(text, country)
    assert wrong is None or wrong.startswith(("no address", "address in"))
    assert (wrong is None) <= bool(found.street and found.city and found.country)


WORD = st.from_regex(r"[A-Za-zÀ-ÖØ-öø-ÿ]{2,12}", fullmatch=True)


@given(WORD, st.integers(1, 999), WORD, st.integers(10000, 99999), WORD)
def test_an_address_that_was_written_is_read_again(
    name: str, number: int, street: str, zip_code: int, city: str
) -> None:
    text = f"{name} {name}\n{number} rue {street}\n{zip_code} {city}\nFR"
    found = postal.parse(text, "DE")
    assert (found.street, found.zip, found.city) == (f"{number} rue {street}", str(zip_code), city)
    assert postal.problem(text, "") is None
    assert postal.same_place(found, text.upper(), "fr")
    assert not postal.same_place(found, text.replace(str(zip_code), str(zip_code - 1)), "FR")
