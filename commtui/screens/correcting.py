"""Correct how a customer is reached; the source's value and what was used before stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Input, Static, TextArea

from commtui.domain.text import line as one_line
from commtui.domain.text import safe
from commtui.domain.views import ContactView, CustomerField, CustomerView
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.look import Look

_TITLES = {
    CustomerField.EMAIL: "Email",
    CustomerField.PHONE: "Phone",
    CustomerField.ADDRESS: "Postal address",
}


class CorrectPanel(Panel[bool]):
    """The customer's contact points, the wrong one first; True when something was saved."""

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
                area = TextArea(id=f"value-{field}", tab_behavior="focus")
                area.cursor_blink = False
                yield area
            else:
                box = Input(id=f"value-{field}")
                box.cursor_blink = False
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
        source = one_line(contact.source_value, 120) or "nothing"
        words = f"{_TITLES[contact.field]} (source: {source}"
        if contact.correction:
            words += f"; corrected by {contact.corrected_by}"
            if contact.corrected_at:
                words += f", {self.look.moment(contact.corrected_at)}"
        return words + ")"

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
            self.dismiss(False)
            return
        self.ask(
            lambda desk: [
                desk.correct(self._customer_id, field, value) for field, value in changed
            ],
            self._saved,
            group="correct",
        )

    def _saved(self, views: Iterable[CustomerView]) -> None:
        self.dismiss(bool(list(views)))
