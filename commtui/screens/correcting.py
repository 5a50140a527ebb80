"""Correct how a customer is reached; the source's value and what was used before stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Input, Static, TextArea

from commtui.domain.text import safe
from commtui.domain.views import ContactView, CustomerField, CustomerView
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.boxes import LineBox, TextBox
from commtui.widgets.customer_text import FIELD_TITLES, origin_words
from commtui.widgets.look import Look

if TYPE_CHECKING:
    from commtui.services.desk import Desk

_EXAMPLES = {
    CustomerField.EINVOICE: "such as peppol:0208:0202239951 or chorus:12345678200044",
}


class CorrectPanel(Panel[tuple[str, ...]]):
    """The customer's contact points, the wrong one first.

    The answer, once something was saved, is the communications that failed at, or waited for, what was corrected.
    """

    BINDINGS = [Binding("ctrl+s", "save", "save", id="correct.save")]
    HINTS = (("Tab", "next field"),)
    DEFAULT_CSS = """
    CorrectPanel TextArea { height: 6; border: none; padding: 0 1; background: $boost; }
    """

    def __init__(self, link: Link, look: Look, customer_id: str, field: CustomerField) -> None:
        super().__init__(link, look, "Correct the customer's address")
        self._customer_id = customer_id
        self._field = field
        self._shown: dict[CustomerField, str] = {}

    def body(self) -> ComposeResult:
        """A field for each contact point."""
        for field in CustomerField:
            yield Static(id=f"source-{field}", classes="caption")
            if field is CustomerField.ADDRESS:
                area = TextBox(id=f"value-{field}", tab_behavior="focus")
                yield area
            else:
                example = self.look.plain(_EXAMPLES.get(field, ""))
                box = LineBox(id=f"value-{field}", placeholder=example)
                yield box

    def buttons(self) -> tuple[Button, ...]:
        """Save or not."""
        return self.button("Save", "save"), self.button("Cancel", "cancel")

    def on_mount(self) -> None:
        """Read the customer."""
        self.ask(lambda desk: desk.customer(self._customer_id), self._show, group="customer")

    def _show(self, customer: CustomerView) -> None:
        self.retitle(f"Correct how {customer.name} is reached")
        for contact in customer.contacts:
            self._shown[contact.field] = safe(contact.value)
            self.query_one(f"#source-{contact.field}", Static).update(
                self.look.quote(self._caption(contact), 200)
            )
            self._put(contact.field, safe(contact.value))
        self.query_one(f"#value-{self._field}").focus()

    def _caption(self, contact: ContactView) -> str:
        return f"{FIELD_TITLES[contact.field]} ({origin_words(contact, self.look)})"

    def _put(self, field: CustomerField, value: str) -> None:
        if field is CustomerField.ADDRESS:
            area = self.query_one(f"#value-{field}", TextArea)
            area.text = value
            area.move_cursor(area.document.end)
        else:
            self.query_one(f"#value-{field}", Input).value = value

    def _value(self, field: CustomerField) -> str:
        if field is CustomerField.ADDRESS:
            return self.query_one(f"#value-{field}", TextArea).text.strip()
        return self.query_one(f"#value-{field}", Input).value.strip()

    def _changed(self) -> list[tuple[CustomerField, str]]:
        return [
            (field, self._value(field))
            for field, shown in self._shown.items()
            if self._value(field) != shown.strip()
        ]

    @property
    def unsaved(self) -> bool:
        """Whether something was typed."""
        return bool(self._changed())

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        """Save what was changed."""
        changed = self._changed()
        if not changed:
            self.dismiss(None)
            return
        self.ask(
            lambda desk: [
                desk.correct(self._customer_id, field, value) for field, value in changed
            ],
            lambda _: self._saved([field for field, _ in changed]),
            group="correct",
        )

    def _saved(self, fields: Iterable[CustomerField]) -> None:
        self._shown = {}
        self.ask(
            lambda desk: read_waiting(desk, self._customer_id, fields),
            self.dismiss,
            group="waiting",
            otherwise=lambda _: self.dismiss(()),
        )


def read_waiting(desk: Desk, customer_id: str, fields: Iterable[CustomerField]) -> tuple[str, ...]:
    """What failed at, or waited for, these contact points and may go now: communications, each once."""
    found = [item for field in fields for item in desk.wishes.waiting_for(customer_id, field)]
    return tuple(dict.fromkeys(found))
