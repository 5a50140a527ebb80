"""Orphans: feedback that fits no message of ours, one line each, and each with what the provider sent."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from commtui.domain.text import line, safe
from commtui.domain.views import Orphan
from commtui.screens.choosing import ChoicePanel
from commtui.screens.link import Link
from commtui.screens.panel import ReadingPanel
from commtui.widgets.choices import Item
from commtui.widgets.look import Look, counted
from commtui.widgets.timeline import fields, section

NO_ORPHANS = "There are no orphans: all feedback fits a message."
MANY = 1_000
_SHOWN = 8_000
"""Characters of a payload in the panel."""


def orphan_words(number: int) -> str:
    """So many events about, which are counted no further than a thousand."""
    if number >= MANY:
        return "1,000 events or more are about"
    return f"{counted(number, 'event')} {'is' if number == 1 else 'are'} about"


def orphans_panel(link: Link, look: Look, orphans: Sequence[Orphan]) -> ChoicePanel:
    """All of them, newest first; Enter shows one."""
    items = [
        Item(
            orphan.id,
            f"{look.moment(orphan.at)} {line(orphan.provider, 10)} {line(orphan.kind, 24)}",
            line(orphan.provider_message_id, 34) or line(orphan.recipient, 34),
        )
        for orphan in orphans
    ]
    return ChoicePanel(link, look, "Orphans: feedback that fits no message, newest first", items)


class OrphanPanel(ReadingPanel[None]):
    """One orphan, with its payload."""

    def __init__(self, link: Link, look: Look, orphan: Orphan) -> None:
        super().__init__(link, look, f"Orphan: {line(orphan.kind, 40)}")
        self._orphan = orphan

    def on_mount(self) -> None:
        """Show it."""
        self.show(orphan_text(self._orphan, self.look))


def orphan_text(orphan: Orphan, look: Look) -> Text:
    """What is known of an orphan, and what the provider sent."""
    text = fields(
        [
            ("Provider", orphan.provider),
            ("Kind", orphan.kind),
            ("Time", look.full(orphan.at)),
            ("Received", look.full(orphan.received_at)),
            ("Message id", orphan.provider_message_id or "none"),
            ("Recipient", orphan.recipient),
        ]
    )
    text.append("\n").append(section("What came"))
    return text.append(safe(orphan.payload, _SHOWN))
