"""Emails, text messages and letters to bring into a plant, in equal parts or not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

from commtui.demo.data import address_of
from commtui.demo.documents import documents_for
from commtui.domain.vocabulary import Channel
from tests.system.plant import email_line

ADDRESS = "Customer\n12 rue des Lilas\n75011 Paris"


def text_line(number: int) -> dict[str, Any]:
    """A text message, to a number of its own."""
    line = email_line(number, channels=["sms"])
    line["customer"]["phone"] = f"+336{number + 10_000_000:08}"
    line["content"]["sms"] = f"Invoice {number} is due."
    return line


def letter_line(number: int) -> dict[str, Any]:
    """A letter."""
    line = email_line(number, channels=["post"], documents=[_letter()])
    line["customer"] |= address_of(ADDRESS)
    return line


@cache
def _letter() -> dict[str, str]:
    ((role, name, media_type, content),) = documents_for(Channel.POST, ADDRESS, "letter")
    return {
        "role": role.value,
        "name": name,
        "media_type": media_type,
        "base64": base64.b64encode(content).decode(),
    }


def mixed_lines(emails: int, texts: int, letters: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """So many of each, mixed as evenly as they go."""
    kinds = [(email_line, emails), (text_line, texts), (letter_line, letters)]
    placed = [
        ((index + 0.5) / number, position)
        for position, (_, number) in enumerate(kinds)
        for index in range(number)
    ]
    for number, (_, position) in enumerate(sorted(placed), first):
        yield kinds[position][0](number)
