"""What Chorus Pro wants beyond EN 16931 (reference: e-invoicing, sections 1.3 and 1.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from commtui.domain.einvoice import SIRET_SCHEME
from commtui.providers.einvoice import identifiers
from commtui.providers.einvoice.document import Attached, Ids, Invoice

NUMBER_LIMIT = 20
ENGAGEMENT_LIMIT = 50
FILE_LIMIT = 10_000_000
TOTAL_LIMIT = 120_000_000
"""Bytes of an invoice and what is attached to it."""
ATTACHMENT_NAME_LIMIT = 50
"""Characters, the extension among them."""
_EXTENSIONS = (
    "bmp gif fax odt ppt tiff xls bz2 gz jpeg p7s rtf txt xml csv gzip jpg pdf svg xhtml xlsx doc htm odp "
    "png tgz xlc zip docx html ods pps tif xlm pptx"
)
EXTENSIONS = frozenset(_EXTENSIONS.split())
BUSINESS_PROCESSES = frozenset(f"A{number}" for number in range(1, 26))
"""BT-23 as Chorus Pro knows it; the codes of the 2026 reform (B1, S1, M1…) are refused there."""
TRANSFERS = frozenset({"30", "31", "42"})
"""Means of payment that need an IBAN."""
REFUSED_SERVICE = "FACTURES_PUBLIQUES"
_PREFIXES = "AT BE BG CY CZ DE DK EE EL ES FI HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI"
EU_PREFIXES = frozenset(_PREFIXES.split())
"""How VAT numbers of the EU begin, but those of France; XI is Northern Ireland."""
_VAT = re.compile(r"[A-Z]{2}(?=[A-Z]*\d)[A-Z0-9+*]{2,13}")
ABROAD_SCHEMES = frozenset({"0223", "0227", "0228", "0229"})
"""Suppliers without a SIRET: elsewhere in the EU, outside of it, New Caledonia (RIDET), French Polynesia (TAHITI)."""

Problem = tuple[str, str]
"""Code and words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network's own limits say."""

    problems: tuple[Problem, ...]
    """The first is the one to name."""
    notes: tuple[str, ...]


def check(invoice: Invoice, size: int, name: str, attachments: Sequence[Attached]) -> Limits:
    """Hold an invoice, the bytes of its file and its attachments against Chorus Pro's own limits."""
    problems = (
        *_sizes(invoice, size, name, attachments),
        *_fields(invoice),
        *_payment(invoice),
        *_parties(invoice),
    )
    return Limits(problems, tuple(_notes(invoice)))


def siret(ids: Ids) -> str:
    """The SIRET among a party's ids; empty when there is none."""
    return next(iter(sirets(ids)), "")


def sirets(ids: Ids) -> list[str]:
    """The different SIRETs among a party's ids; with several it is not clear which one is meant."""
    found = (value for scheme, value in ids if scheme == SIRET_SCHEME and _digits(value))
    return list(dict.fromkeys(found))


def _sizes(
    invoice: Invoice, size: int, name: str, attachments: Sequence[Attached]
) -> Iterator[Problem]:
    if size > FILE_LIMIT:
        yield "chorus_size", f"{name[:80]} has {size / 1e6:.1f} MB; Chorus Pro takes 10."
    # what is embedded is inside the file already; in a PDF it may be compressed there
    total = sum(item.size for item in attachments) + (0 if invoice.attached else size)
    if total > TOTAL_LIMIT:
        yield (
            "chorus_size",
            f"Invoice and attachments have {total / 1e6:.1f} MB; Chorus Pro takes 120.",
        )
    for item in attachments:
        shown = item.name[:80]
        if item.size >= FILE_LIMIT:
            words = f"The attachment {shown!r} has {item.size / 1e6:.1f} MB; it must be below 10."
            yield "chorus_attachment", words
        if len(item.name) > ATTACHMENT_NAME_LIMIT:
            words = f"The name of the attachment {shown!r} has {len(item.name)} characters; Chorus Pro takes 50."
            yield "chorus_attachment", words
        if item.name.rpartition(".")[2].lower() not in EXTENSIONS or "." not in item.name:
            yield "chorus_attachment", f"Chorus Pro takes no attachment such as {shown!r}."


def _fields(invoice: Invoice) -> Iterator[Problem]:
    if len(invoice.number) > NUMBER_LIMIT:
        yield (
            "chorus_number_length",
            f"The invoice number has {len(invoice.number)} characters; Chorus Pro takes {NUMBER_LIMIT}.",
        )
    if not invoice.business_process:
        yield (
            "chorus_business_process",
            "The business process (BT-23) is missing; A1 is the usual one.",
        )
    elif invoice.business_process not in BUSINESS_PROCESSES:
        found = invoice.business_process[:40]
        yield (
            "chorus_business_process",
            f"The business process (BT-23) {found!r} is not one of Chorus Pro's, such as A1.",
        )
    if invoice.buyer_reference == REFUSED_SERVICE:
        yield (
            "chorus_service",
            f"Invoices addressed to {REFUSED_SERVICE} are refused: name the recipient's own service.",
        )
    if len(invoice.order_reference) > ENGAGEMENT_LIMIT:
        yield (
            "chorus_engagement_length",
            f"The engagement number has {len(invoice.order_reference)} characters; "
            f"Chorus Pro takes {ENGAGEMENT_LIMIT}.",
        )


def _payment(invoice: Invoice) -> Iterator[Problem]:
    if invoice.kind == "credit_note":
        if invoice.payment_means:
            words = "A credit note must not have a means of payment on Chorus Pro."
            yield "chorus_payment_means", words
        return
    if not invoice.payment_means:
        words = "The means of payment (BT-81) is missing; Chorus Pro wants it on every invoice."
        yield "chorus_payment_means", words
    if TRANSFERS & set(invoice.payment_means) and not invoice.has_iban:
        yield "chorus_iban", "A payment by transfer needs an IBAN on Chorus Pro."


def _parties(invoice: Invoice) -> Iterator[Problem]:
    if words := _without_siret(invoice.buyer_ids):
        yield "chorus_siret", f"The recipient's SIRET (14 digits, scheme 0009) {words}."
    words = _without_siret(invoice.seller_ids)
    if words and not _abroad(invoice.seller_ids):
        yield "chorus_siret", f"The supplier's SIRET (14 digits, scheme 0009) {words}."


def _without_siret(ids: Ids) -> str:
    """What is wrong with a party's SIRET; empty when there is one. The country says nothing: it may be overseas."""
    named = [value for scheme, value in ids if scheme == SIRET_SCHEME]
    wrong = [value for value in named if not _digits(value)]
    if wrong:
        return f"has {len(wrong[0])} characters, or other characters than digits: {wrong[0][:40]!r}"
    if named:
        return ""
    if any(scheme == "0002" for scheme, _ in ids):
        return "is missing; a SIREN is not enough"
    return "is missing"


def _abroad(ids: Ids) -> bool:
    """Whether a supplier stands with a number from elsewhere instead of a SIRET, which may be its VAT number."""
    return all(scheme != SIRET_SCHEME for scheme, _ in ids) and any(
        scheme in ABROAD_SCHEMES
        or (scheme in ("", "VAT") and value[:2] in EU_PREFIXES and _VAT.fullmatch(value))
        for scheme, value in ids
    )


def _notes(invoice: Invoice) -> Iterator[str]:
    for value in dict.fromkeys((siret(invoice.seller_ids), siret(invoice.buyer_ids))):
        if value and not identifiers.siret(value):
            yield f"The SIRET {value} fails its check digit; Chorus Pro's qualification has such ones."
    if not siret(invoice.seller_ids) and _abroad(invoice.seller_ids):
        yield "The supplier has no SIRET; Chorus Pro knows it by its number from abroad."
    if invoice.syntax == "ubl" and invoice.kind == "credit_note":
        yield "Chorus Pro names UBL for invoices only: Factur-X is surer for a credit note."


def _digits(value: str) -> bool:
    return len(value) == 14 and value.isascii() and value.isdecimal()
