"""A customer's order of channels, typed for one kind of message or for all."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button, Input, Static

from commtui.domain.vocabulary import Channel
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.widgets.boxes import LineBox
from commtui.widgets.customer_text import order_words, parse_order
from commtui.widgets.look import Look


class PreferPanel(Panel[str]):
    """The customer's order of channels for one kind of message; an empty order is the usual one."""

    BINDINGS = [Binding("ctrl+s", "save", "save", id="prefer.save")]
    HINTS = (("Tab", "next field"),)

    def __init__(
        self, link: Link, look: Look, customer_id: str, known: dict[str, tuple[Channel, ...]]
    ) -> None:
        super().__init__(link, look, "Order of channels")
        self._customer_id = customer_id
        self._known = known
        self._offered = order_words(known.get("", ()))
        """The order that was filled in, so not typed."""
        self._saving = False

    def body(self) -> ComposeResult:
        """Kind and channels."""
        yield Static(self.look.say("Kind of message, such as invoice (empty: every kind)"))
        kind = LineBox(id="kind")
        yield kind
        yield Static(self.look.say("Channels in order, such as email, post, manual (empty: usual)"))
        channels = LineBox(self._offered, id="channels")
        yield channels
        kind.cursor_blink = channels.cursor_blink = False

    def buttons(self) -> tuple[Button, ...]:
        """Save or not."""
        return self.button("Save", "save"), self.button("Cancel", "cancel")

    @property
    def unsaved(self) -> bool:
        """Whether something was typed."""
        return bool(self._kind) or self._order.strip() != self._offered

    @property
    def _kind(self) -> str:
        return self.query_one("#kind", Input).value.strip()

    @property
    def _order(self) -> str:
        return self.query_one("#channels", Input).value

    @on(Input.Blurred, "#kind")
    def _kind_given(self) -> None:
        if self._order.strip() == self._offered:
            self._offered = order_words(self._known.get(self._kind, ()))
            self.query_one("#channels", Input).value = self._offered

    @on(Input.Submitted)
    def action_save(self) -> None:
        """Save the order, once."""
        kind = self._kind
        try:
            channels = parse_order(self._order)
        except ValueError as error:
            self.say_problem(str(error))
            return
        if not self._saving:
            self._saving = True
            self.ask(
                lambda desk: desk.wishes.prefer(self._customer_id, kind, channels),
                lambda _: self.dismiss("Saved. The order holds from the next sending on."),
                group="prefer",
                otherwise=self._not_saved,
            )

    def _not_saved(self, error: Exception) -> None:
        self._saving = False
        self.failed(error)
