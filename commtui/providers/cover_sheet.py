"""A sheet in front of a letter, with another address in the window: a test letter that its customer never gets.

Ping prints whatever stands in the window of the first page, so the letter itself goes behind the sheet unchanged.
"""

from __future__ import annotations

import io
import json

from commtui.domain import postal

WORDS = (
    "This is a test. The letter behind this sheet was not sent to the customer.",
    "It went to the address above because commtui runs in test mode.",
)
_SHEET = """
#let data = json(bytes(sys.inputs.data))
#set page(paper: "a4", margin: (x: 22mm, top: 105mm, bottom: 30mm))
#set text(size: 11pt)
#place(top + left, dx: if data.window == "right" { 88mm } else { 0mm }, dy: -45mm,
  box(width: 80mm, text(size: 10pt, data.lines.join(linebreak()))))
#for line in data.body { par(line) }
"""


def covered(letter: bytes, address: str, country: str) -> bytes:
    """The letter behind a sheet for this address; `country` is meant where the address names none."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for content in (_sheet(address, country), letter):
        writer.append(PdfReader(io.BytesIO(content)))
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _sheet(address: str, country: str) -> bytes:
    import typst

    data = {
        "lines": [line for line in address.splitlines() if line.strip()],
        "body": WORDS,
        "window": postal.window(postal.parse(address, country).country),
    }
    made: bytes = typst.compile(
        _SHEET.encode(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
        timestamp=0,
    )
    return made
