"""Resend one entry: what was tried, where it went, where it would go now; asks with Cancel as its default."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Static

from commtui.domain.text import line as one_line
from commtui.domain.views import CustomerField, ResendOffer
from commtui.domain.vocabulary import Channel
from commtui.screens.correcting import CorrectPanel
from commtui.screens.link import Link
from commtui.screens.panel import QuestionPanel
from commtui.widgets.look import Look, counted
from commtui.widgets.timeline import attempts_text, fields, section

FIELD_OF_CHANNEL = {
    Channel.EMAIL: CustomerField.EMAIL,
    Channel.SMS: CustomerField.PHONE,
    Channel.POST: CustomerField.ADDRESS,
    Channel.EINVOICE: CustomerField.EINVOICE,
}


class ResendPanel(QuestionPanel[str]):
    """The answer is the new entry's id."""

    BINDINGS = [
        Binding("s", "send", "resend", id="resend.confirm"),
        Binding("e", "edit", "edit the address first", id="resend.edit"),
    ]

    def __init__(self, link: Link, look: Look, entry_id: str, words: str) -> None:
        super().__init__(link, look, f"Resend {words}")
        self._entry_id = entry_id
        self._offer: ResendOffer | None = None
        self._sending = False
        self._waiting: tuple[str, ...] = ()

    def body(self) -> ComposeResult:
        """What a resend would do."""
        yield Static(self.look.say("Reading… nothing is sent yet."), id="text")

    def buttons(self) -> tuple[Button, ...]:
        """Cancel comes first."""
        cancel = self.button("Cancel", "cancel")
        cancel.id = "cancel"
        send = self.button("Resend", "send", disabled=True)
        send.id = "send"
        return cancel, send

    def on_mount(self) -> None:
        """Read what it would do."""
        self._read()

    def _read(self) -> None:
        self.ask(lambda desk: desk.resend_offer(self._entry_id), self._show, group="offer")

    def _show(self, offer: ResendOffer) -> None:
        self._offer = offer
        self.query_one("#send", Button).disabled = offer.refusal is not None
        self.query_one("#text", Static).update(offer_text(offer, self._others(), self.look))

    def _others(self) -> int:
        """How many other messages may go to the address that was corrected from here."""
        mine = (
            {attempt.line.communication_id for attempt in self._offer.earlier}
            if self._offer
            else set()
        )
        return len(set(self._waiting) - mine)

    def action_edit(self) -> None:
        """Correct the customer's address, then come back here."""
        if self._offer is not None:
            field = FIELD_OF_CHANNEL.get(self._offer.channel, CustomerField.EMAIL)
            self.app.push_screen(
                CorrectPanel(self.link, self.look, self._offer.customer.id, field),
                self._corrected,
            )

    def _corrected(self, waiting: tuple[str, ...] | None) -> None:
        if waiting is not None:
            self._waiting = waiting
            self._read()

    def action_send(self) -> None:
        """Send the stored content again."""
        offer = self._offer
        if offer is None or offer.refusal is not None or self._sending:
            return
        self._sending = True
        self.ask(
            lambda desk: desk.resend(self._entry_id, offer.seen_entry),
            self.dismiss,
            group="resend",
            otherwise=self._refused,
        )

    def _refused(self, error: Exception) -> None:
        self._sending = False
        self.failed(error)
        self._read()


def offer_text(offer: ResendOffer, others: int, look: Look) -> Text:
    """A resend in words; `others` wait for the address, too."""
    text = Text()
    if offer.refusal:
        text.append(f"Cannot be resent: {one_line(offer.refusal, 300)}\n\n", "bold")
    elif offer.new_letter:
        text.append(
            "The letter's address page is made anew for the present address. Everything else is the same content, "
            "and goes out as a new entry.\n\n"
        )
    else:
        text.append("The same content goes out once more, as a new entry.\n\n")
    same = offer.used_recipient == offer.present_recipient
    text.append(
        fields(
            [
                ("Customer", one_line(offer.customer.name, 80)),
                ("Type", offer.channel.label),
                ("Used", one_line(offer.used_recipient, 200)),
                (
                    "Goes to",
                    one_line(offer.present_recipient, 200)
                    + (" (the same)" if same else " (changed)"),
                ),
            ]
        )
    )
    for warning in offer.warnings:
        text.append("\nLook at this: ", "bold").append(one_line(warning, 300))
    if others:
        text.append(
            f"\n{counted(others, 'other message')} failed at, or waited for, this address: "
            "C on the line, then S, sends them."
        )
    text.append("\n").append(section("Earlier attempts")).append(attempts_text(offer.earlier, look))
    return text
