"""Documents of practice messages: letters with the address in the window, and e-invoices that pass the rules."""

from __future__ import annotations

import json

from commtui.demo import invoices
from commtui.demo.ledger import PracticeAccount
from commtui.domain import einvoice, postal
from commtui.domain.einvoice import Network
from commtui.domain.vocabulary import Channel, DocumentRole

Made = tuple[DocumentRole, str, str, bytes]
"""Role, name, media type and bytes."""
_LETTER = """
#let data = json(bytes(sys.inputs.data))
#set page(paper: "a4", margin: (x: 22mm, top: 105mm, bottom: 30mm))
#set text(size: 11pt)
#place(top + left, dx: if data.window == "right" { 88mm } else { 0mm }, dy: -45mm,
  box(width: 80mm, text(size: 10pt, data.lines.join(linebreak()))))
#for line in data.body { par(line) }
"""


def documents_for(channel: Channel, recipient: str, reference: str) -> tuple[Made, ...]:
    """What a message on this channel carries besides its text."""
    if channel is Channel.POST:
        words = [reference, "Please find the details in your customer account."]
        pdf = letter_pdf(recipient, words)
        return ((DocumentRole.LETTER, f"{reference}.pdf", "application/pdf", pdf),)
    if channel is Channel.EINVOICE:
        return (
            (
                DocumentRole.EINVOICE,
                f"{reference}.xml",
                "application/xml",
                invoice(recipient, reference),
            ),
        )
    return ()


def letter_pdf(address: str, body: list[str]) -> bytes:
    """A letter of one page, A4, with every font embedded."""
    import typst

    lines = [line for line in address.splitlines() if line.strip()]
    country = postal.parse(address, "FR").country
    data = {"lines": lines, "body": body, "window": postal.window(country)}
    made: bytes = typst.compile(
        _LETTER.encode(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
        timestamp=0,
    )
    return made


def invoice(recipient: str, number: str) -> bytes:
    """An e-invoice to this recipient, as its network wants it."""
    routing = einvoice.parse(recipient)
    if routing.network is Network.CHORUS:
        return invoices.chorus_invoice(number, routing)
    return invoices.peppol_invoice(number, PracticeAccount().peppol_sender_id, routing)
