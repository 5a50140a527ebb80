"""The customer's page: how they are reached, what they refuse, what they were sent, and changes to that."""

from __future__ import annotations

from typing import Generic

from rich.text import Text
from textual.binding import Binding
from textual.screen import ScreenResultType

from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.text import line as one_line
from commtui.domain.views import ContactHealth, CustomerField, CustomerPage
from commtui.domain.vocabulary import Channel
from commtui.screens.choosing import ChoicePanel
from commtui.screens.correcting import CorrectPanel, read_waiting
from commtui.screens.erasing import ErasePanel
from commtui.screens.guarding import changes
from commtui.screens.helping import help_panel
from commtui.screens.link import Link
from commtui.screens.panel import ReadingPanel
from commtui.screens.preferring import PreferPanel
from commtui.screens.reasons import ReasonPanel
from commtui.screens.waiting import offer_waiting, send_waiting
from commtui.widgets.choices import Item
from commtui.widgets.customer_text import (
    FIELD_TITLES,
    STOP_WORDS,
    optout_words,
    page_text,
    stopped_by_recipient,
)
from commtui.widgets.look import Look

_MARKETING = "marketing"
_NOTED = "Noted. It holds from the next sending on, also for what is queued already."
_LIFT_WORDS = (
    "A worker asks the provider to take the address off its suppression list; what came of it is shown here. When it "
    "is done, the address counts as working, and S sends what waited for it. Lift it only when you know that the "
    "address works again: another bounce harms the reputation of all our mail.\nWhy it works again:"
)


class KeyedPanel(ReadingPanel[ScreenResultType], Generic[ScreenResultType]):
    """A panel to read with many keys of its own: they are named first, scrolling where there is room left."""

    BINDINGS = [
        Binding("question_mark,f1", "help", "Keys of this page", show=False, id="reading.help")
    ]
    HELP_TITLE = "Keys of these details"

    def hinted(self) -> list[tuple[str, str]]:
        """Its own keys, then those for scrolling."""
        own = [hint for hint in super().hinted() if hint not in self.HINTS]
        return [*own, *self.HINTS]

    def action_help(self) -> None:
        """The keys of this panel."""
        self.app.push_screen(help_panel(self, self.HELP_TITLE))


class CustomerPanel(KeyedPanel[None]):
    """Everything about one customer that decides what may be sent how."""

    BINDINGS = [
        Binding("F", "correct", "correct", id="customer.correct"),
        Binding("o", "opt_out", "opt-out", id="customer.opt_out"),
        Binding("i", "opt_in", "opt-in", id="customer.opt_in"),
        Binding("p", "prefer", "order", id="customer.prefer"),
        Binding("S", "send", "send waiting", id="customer.send"),
        Binding("L", "lift", "Lift a suppression", show=False, id="customer.lift"),
        Binding(
            "X", "erase", "Erase the customer's personal data", show=False, id="customer.erase"
        ),
    ]
    HELP_TITLE = "Keys of the customer's page"

    def __init__(self, link: Link, look: Look, customer_id: str, name: str) -> None:
        super().__init__(link, look, f"Customer {name}")
        self._customer_id = customer_id
        self._page: CustomerPage | None = None
        self._note = ""

    def on_mount(self) -> None:
        """Read the page."""
        self._read()

    def _read(self) -> None:
        self.ask(lambda desk: desk.wishes.page(self._customer_id), self._show, group="page")

    def _show(self, page: CustomerPage) -> None:
        self._page = page
        self.retitle(f"Customer {page.customer.name}")
        text = Text().append(f"{self._note}\n\n" if self._note else "", "bold")
        self.show(text.append(page_text(page, self.look)))

    def _changed(self, words: str | None) -> None:
        """Something was changed: say so on top and read the page anew."""
        if words:
            self._note = words
            self.say_problem("")
            self.query_one("#body").scroll_home(animate=False)
            self._read()

    # Contact points

    @changes
    def action_correct(self) -> None:
        """Correct contact points, one that does not work first."""
        if self._page is not None:
            wrong = [item.contact.field for item in self._page.contacts if item.marked]
            field = wrong[0] if wrong else CustomerField.EMAIL
            panel = CorrectPanel(self.link, self.look, self._customer_id, field)
            self.app.push_screen(panel, self._corrected)

    def _corrected(self, waiting: tuple[str, ...] | None) -> None:
        if waiting is not None:
            self._changed("Corrected. It is used from the next sending on.")
            if waiting:
                offer_waiting(self, waiting, self._read)

    @changes
    def action_send(self) -> None:
        """Send what waited for contact points that work: the dry run asks first."""
        if self._page is not None:
            good = [
                item.contact.field
                for item in self._page.contacts
                if item.contact.value and not item.marked
            ]
            self.ask(
                lambda desk: read_waiting(desk, self._customer_id, good),
                self._send,
                group="waiting",
            )

    def _send(self, waiting: tuple[str, ...]) -> None:
        if waiting:
            self.say_problem("")
            send_waiting(self, waiting, self._read)
        else:
            self.say_problem("Nothing waits for an address of this customer that works.")

    # Suppression

    @changes
    def action_lift(self) -> None:
        """Have a provider's suppression lifted, where there is one that can be."""
        if self._page is None:
            return
        liftable = [
            item for item in self._page.contacts if item.liftable and not stopped_by_recipient(item)
        ]
        if not liftable:
            self.say_problem(_not_liftable(self._page.contacts))
        elif len(liftable) == 1:
            self._lift(liftable[0])
        else:
            items = [
                Item(
                    item.contact.field, FIELD_TITLES[item.contact.field], one_line(item.marked, 60)
                )
                for item in liftable
            ]
            self.app.push_screen(
                ChoicePanel(self.link, self.look, "Lift which suppression", items),
                lambda chosen: self._lift_chosen(liftable, chosen),
            )

    def _lift_chosen(self, liftable: list[ContactHealth], chosen: tuple[str, ...] | None) -> None:
        for item in liftable:
            if chosen and item.contact.field == chosen[0]:
                self._lift(item)

    def _lift(self, health: ContactHealth) -> None:
        field = health.contact.field
        about = f"{one_line(health.contact.value, 200)}: {one_line(health.marked, 120)}"
        self.app.push_screen(
            ReasonPanel(
                self.link,
                self.look,
                "Lift the suppression",
                f"{about}\n{_LIFT_WORDS}",
                "Lift",
                lambda desk, reason: desk.wishes.lift(self._customer_id, field, reason),
                "Asked: a worker lifts the suppression at the provider; what it says is shown here.",
            ),
            self._changed,
        )

    # Wishes

    @changes
    def action_opt_out(self) -> None:
        """Note that the customer refuses a channel, or marketing."""
        if self._page is not None:
            items = [
                Item(_MARKETING, "Marketing, every channel"),
                *(Item(channel.value, f"{channel.label}: everything") for channel in _REFUSABLE),
                *(
                    Item(f"{channel.value} {_MARKETING}", f"{channel.label}: marketing")
                    for channel in _REFUSABLE
                ),
            ]
            panel = ChoicePanel(self.link, self.look, "The customer refuses", items)
            self.app.push_screen(panel, self._refused)

    def _refused(self, chosen: tuple[str, ...] | None) -> None:
        if not chosen:
            return
        channel, scope = _refusal(chosen[0])
        what = "marketing" if scope is Scope.MARKETING else "everything, transactional messages too"
        where = f"by {channel.label}" if channel else "by every channel"
        self.app.push_screen(
            ReasonPanel(
                self.link,
                self.look,
                "Note an opt-out",
                f"The customer refuses {what}, {where}.\nWho said so, and how:",
                "Note it",
                lambda desk, reason: desk.wishes.opt_out(self._customer_id, channel, scope, reason),
                _NOTED,
            ),
            self._changed,
        )

    @changes
    def action_opt_in(self) -> None:
        """Take back what an operator had noted."""
        if self._page is None:
            return
        noted: dict[str, str] = {}
        for item in self._page.optouts:
            if item.source is OptSource.OPERATOR:
                noted[_choice(item)] = optout_words(item)
        if not noted:
            self.say_problem(
                "No operator has noted a refusal. What the recipient or the source system said, only they take back."
            )
            return
        items = [Item(key, words) for key, words in noted.items()]
        self.app.push_screen(
            ChoicePanel(self.link, self.look, "Take back which refusal", items),
            lambda chosen: self._accepted(chosen, noted),
        )

    def _accepted(self, chosen: tuple[str, ...] | None, noted: dict[str, str]) -> None:
        if not chosen:
            return
        channel, scope = _refusal(chosen[0])
        self.app.push_screen(
            ReasonPanel(
                self.link,
                self.look,
                "Take an opt-out back",
                f"{noted[chosen[0]]}. Every other refusal stays, and so does what the recipient said "
                "themselves.\nWho said so, and how:",
                "Take it back",
                lambda desk, reason: desk.wishes.opt_in(self._customer_id, channel, scope, reason),
                "Taken back. It holds from the next sending on.",
            ),
            self._changed,
        )

    @changes
    def action_prefer(self) -> None:
        """Set the order of channels for a kind of message, or for all."""
        if self._page is not None:
            panel = PreferPanel(
                self.link, self.look, self._customer_id, dict(self._page.preferences)
            )
            self.app.push_screen(panel, self._changed)

    def action_erase(self) -> None:
        """Say what erasing the customer would empty; their id has to be written before it is done."""
        self.ask(
            lambda desk: desk.erasing.plan(self._customer_id),
            lambda plan: self.app.push_screen(
                ErasePanel(self.link, self.look, plan), self._changed
            ),
            group="erasing",
        )


_REFUSABLE = (Channel.EMAIL, Channel.SMS, Channel.POST, Channel.EINVOICE)


def _choice(item: OptOut) -> str:
    """A refusal as it is chosen; `_refusal` reads it."""
    if item.channel is None:
        return _MARKETING
    marketing = item.scope is Scope.MARKETING
    return f"{item.channel.value} {_MARKETING}" if marketing else item.channel.value


def _refusal(chosen: str) -> tuple[Channel | None, Scope]:
    """Channel and scope of a choice such as "email marketing", "email" or "marketing"."""
    channel, _, marketing = chosen.partition(" ")
    if channel == _MARKETING:
        return None, Scope.MARKETING
    return Channel(channel), Scope.MARKETING if marketing else Scope.ALL


def _not_liftable(contacts: tuple[ContactHealth, ...]) -> str:
    """Why no suppression of a customer can be lifted here."""
    if any(stopped_by_recipient(item) for item in contacts):
        return f"Nothing to lift. {STOP_WORDS}"
    refused = {refusal.source for item in contacts for refusal in item.refused}
    if OptSource.SPAM_REPORT in refused:
        return "Nothing to lift: spam reports are never lifted here."
    if refused:
        return "Nothing to lift: what the recipient unsubscribed from, only they take back."
    if any(item.marked for item in contacts):
        return "Nothing to lift: the provider keeps no list for it. Correct the address (F)."
    return "Nothing to lift: no address of this customer is suppressed."
