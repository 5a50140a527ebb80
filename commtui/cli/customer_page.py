"""A customer's page in words: contact points and their health, order of channels, refusals, registration, lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from commtui.cli.listing import print_lines
from commtui.cli.output import say
from commtui.domain.einvoice import Reachability
from commtui.domain.optouts import SOURCE_WORDS, OptOut, Scope
from commtui.domain.text import line
from commtui.domain.views import ContactHealth, ContactView, CustomerPage, ErrandView

_FOUND = {
    Reachability.REACHABLE: "registered",
    Reachability.NOT_REGISTERED: "not registered",
    Reachability.NO_ENDPOINT: "registered, but there is nowhere to deliver to",
    Reachability.UNSUPPORTED: "registered, but not for this kind of document",
    Reachability.NEEDS_FIELDS: "needs a service code or an engagement number",
    Reachability.COULD_NOT_CHECK: "could not be checked: that does not mean not registered",
}


def print_page(page: CustomerPage, zone: tzinfo | None, *, lines: bool = True) -> None:
    """Print a customer's page, with or without their lines; times in this zone."""
    _Words(page, zone).print()
    if lines and page.lines:
        say("")
        print_lines(page.lines, zone)
        if page.total > len(page.lines):
            say(f"the newest {len(page.lines)} of {page.total}")


class _Words:
    def __init__(self, page: CustomerPage, zone: tzinfo | None) -> None:
        self._page = page
        self._zone = zone

    def print(self) -> None:
        view = self._page.customer
        say(f"{line(view.name)} ({line(view.id)})")
        for item in self._page.contacts:
            self._pair(item.contact.field.value, _value(item.contact))
            for words in self._health(item):
                self._pair("", words)
        for words in self._registration():
            self._pair("", words)
        for kind, channels in self._page.preferences:
            order = ", ".join(channel.label for channel in channels)
            self._pair("order", f"{kind or 'every kind'}: {order}")
        for refusal in self._page.optouts:
            self._pair("refuses", self._refusal(refusal))

    def _pair(self, name: str, words: str) -> None:
        say(f"{name:<9}{line(words, 1_000)}")

    def _at(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def _health(self, item: ContactHealth) -> Iterator[str]:
        if item.last_delivered:
            yield f"last delivered {self._at(item.last_delivered)}"
        if item.last_failed:
            yield f"last failed {self._at(item.last_failed)}: {item.failed_words}"
        if item.marked:
            since = f" since {self._at(item.marked_at)}" if item.marked_at else ""
            yield f"marked {item.marked}{since}: nothing goes there by itself"
        if item.liftable:
            yield (
                f"customer lift {self._page.customer.id} --{item.contact.field} --reason TEXT "
                "takes it off the provider's list"
            )
        for refusal in item.refused:
            yield f"refused: {self._refusal(refusal)}"
        for errand in item.errands:
            yield self._errand(errand)

    def _refusal(self, item: OptOut) -> str:
        what = item.channel.label if item.channel else ""
        if item.scope is Scope.MARKETING:
            what = f"marketing by {what}" if what else "marketing"
        who = f" ({item.author})" if item.author else ""
        note = f": {item.note}" if item.note else ""
        return f"{what}, {SOURCE_WORDS[item.source]}{who} {self._at(item.at)}{note}"

    def _errand(self, item: ErrandView) -> str:
        asked = f"{item.kind} asked by {item.operator} {self._at(item.at)} ({item.reason})"
        done = f" {self._at(item.done_at)}" if item.done_at else ""
        words = f": {item.words}" if item.words else ""
        return f"{asked}: {item.state}{done}{words}"

    def _registration(self) -> Iterator[str]:
        """Follows the registration's own line, the last of the contact points."""
        if self._page.routing_problem:
            yield f"cannot be right: {self._page.routing_problem}"
        check = self._page.registration
        if check:
            words = f": {check.words}" if check.words else ""
            yield f"checked {self._at(check.at)}: {_FOUND[check.outcome]}{words}"


def _value(contact: ContactView) -> str:
    words = _on_one_line(contact.value) or "none"
    if contact.correction:
        source = _on_one_line(contact.source_value) or "nothing"
        words += f" (corrected by {contact.corrected_by}; the source says {source})"
    return words


def _on_one_line(address: str) -> str:
    return address.replace("\n", ", ")
