"""What Chorus Pro wants beyond EN 16931 (reference: e-invoicing, sections 1.3 and 1.9)."""

from __future__ import annotations

from commtui.domain.einvoice import SIRET_SCHEME
from commtui.providers.einvoice.document import Ids, Invoice

NUMBER_LIMIT = 20
FILE_LIMIT = 10_000_000
BUSINESS_PROCESSES = frozenset(f"A{number}" for number in range(1, 26))
"""BT-23 as Chorus Pro knows it; the codes of the 2026 reform (B1, S1, M1…) are refused there."""
TRANSFERS = frozenset({"30", "31", "42"})
"""Means of payment that need an IBAN."""
REFUSED_SERVICE = "FACTURES_PUBLIQUES"


def problem(invoice: Invoice, size: int) -> tuple[str, str] | None:
    """The first limit that an invoice breaks, as code and words, or None."""
    credit = invoice.kind == "credit_note"
    transfers = TRANSFERS & set(invoice.payment_means)
    checks = (
        (
            size > FILE_LIMIT,
            "chorus_size",
            f"The file has {size / 1e6:.1f} MB; Chorus Pro takes 10.",
        ),
        (
            len(invoice.number) > NUMBER_LIMIT,
            "chorus_number_length",
            f"The invoice number has {len(invoice.number)} characters; Chorus Pro takes {NUMBER_LIMIT}.",
        ),
        (
            bool(invoice.business_process)
            and invoice.business_process not in BUSINESS_PROCESSES
            and invoice.syntax == "ubl",
            "chorus_business_process",
            f"Business process (BT-23) {invoice.business_process[:40]!r} is not one of Chorus Pro's, such as A1.",
        ),
        (
            not credit and not invoice.payment_means,
            "chorus_payment_means",
            "The means of payment (BT-81) is missing; Chorus Pro wants it on every invoice.",
        ),
        (
            credit and bool(invoice.payment_means),
            "chorus_payment_means",
            "A credit note must not have a means of payment on Chorus Pro.",
        ),
        (
            bool(transfers) and not invoice.has_iban,
            "chorus_iban",
            "A payment by transfer needs an IBAN on Chorus Pro.",
        ),
        (
            not _siret(invoice.buyer_ids),
            "chorus_siret",
            "The recipient's SIRET (14 digits, scheme 0009) is missing.",
        ),
        (
            not _siret(invoice.seller_ids) and not _foreign(invoice.seller_ids),
            "chorus_siret",
            "The supplier's SIRET (14 digits, scheme 0009) is missing.",
        ),
        (
            invoice.buyer_reference == REFUSED_SERVICE,
            "chorus_service",
            f"Invoices addressed to {REFUSED_SERVICE} are refused: name the recipient's own service.",
        ),
    )
    return next(((code, words) for applies, code, words in checks if applies), None)


def notes(invoice: Invoice) -> list[str]:
    """What is odd but does not stop it: qualification's own suppliers fail the check digit."""
    return [
        f"SIRET {value} fails its check digit"
        for scheme, value in (*invoice.seller_ids, *invoice.buyer_ids)
        if scheme == SIRET_SCHEME and len(value) == 14 and not luhn(value)
    ][:2]


def siret(ids: Ids) -> str:
    """The SIRET among the ids; empty when there is none."""
    return next(
        (
            value
            for scheme, value in ids
            if scheme in (SIRET_SCHEME, "0002", "") and len(value) == 14 and value.isdecimal()
        ),
        "",
    )


def luhn(digits: str) -> bool:
    """Whether a number's last digit fits the others."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        digit = int(char) * (2 if position % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def _siret(ids: Ids) -> bool:
    return bool(siret(ids))


def _foreign(ids: Ids) -> bool:
    """A supplier from elsewhere in the EU stands with a VAT number instead."""
    return any(value[:2].isalpha() and value[:2].upper() != "FR" for _, value in ids)
