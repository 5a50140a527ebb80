"""`customer`: show a customer, correct contact points, note and take back refusals, lift a suppression."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from commtui.cli import erasing
from commtui.cli.customer_page import print_page
from commtui.cli.opening import NO_WORKER, desk
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.domain.optouts import Scope
from commtui.domain.text import line
from commtui.domain.views import CustomerField, CustomerPage
from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound, UsageError
from commtui.services import identify, records
from commtui.services.desk import Desk

IDS_SHOWN = 20
"""So many messages are named in words; a script finds all of them in the JSON."""


def run_customer(chosen: argparse.Namespace, settings: Settings) -> int:
    """Show a customer, or change what may be sent to them and how."""
    orders = [_order(text) for text in chosen.order] if chosen.action == "set" else []
    with desk(settings) as opened:
        if chosen.action == "erase":
            # nothing but the customer's own id will do for this
            return erasing.erase(opened, chosen.id, chosen)
        customer_id = _customer(opened, chosen.id)
        if chosen.action == "set":
            _set(opened, customer_id, chosen, orders)
        else:
            _ACTIONS[chosen.action](opened, customer_id, chosen)
    return 0


def _customer(opened: Desk, text: str) -> str:
    """The source's id of a customer, named by it, else by the id of something that is theirs."""
    try:
        return opened.customer(text).id
    except NotFound:
        return identify.customer(opened.database, text)


def _order(text: str) -> tuple[str, tuple[Channel, ...]]:
    """Kind (empty: every kind) and channels, out of "invoice: email, post". Raises UsageError."""
    kind, _, names = text.rpartition(":")
    words = [word for name in names.split(",") if (word := name.strip().lower())]
    unknown = [word for word in words if word not in set(Channel)]
    if unknown:
        raise UsageError(
            f'{line(unknown[0], 60)} is no channel; write "invoice: email, post" with some of '
            f"{', '.join(Channel)}"
        )
    return kind.strip(), tuple(dict.fromkeys(map(Channel, words)))


def _show(opened: Desk, customer_id: str, chosen: argparse.Namespace) -> None:
    page = opened.wishes.page(customer_id)
    if chosen.json:
        say_json(records.customer(page), indent=2)
    else:
        print_page(page, opened.zone)


def _set(
    opened: Desk,
    customer_id: str,
    chosen: argparse.Namespace,
    orders: Sequence[tuple[str, tuple[Channel, ...]]],
) -> None:
    changes = {
        field: value
        for field in CustomerField
        if (value := getattr(chosen, field.value)) is not None
    }
    if not changes and not orders:
        raise UsageError(
            "customer set takes --email, --phone, --address, --einvoice or --order; "
            "customer show only looks"
        )
    for field, value in changes.items():
        opened.correct(customer_id, field, value)
    for kind, channels in orders:
        opened.wishes.prefer(customer_id, kind, channels)
    waiting = {field: opened.wishes.waiting_for(customer_id, field) for field in changes}
    page = opened.wishes.page(customer_id)
    if chosen.json:
        ids = dict.fromkeys(found for each in waiting.values() for found in each)
        say_json({**records.customer(page), "waiting": list(ids)}, indent=2)
        return
    print_page(page, opened.zone, lines=False)
    for field, found in waiting.items():
        _offer(field, found)


def _offer(field: CustomerField, waiting: Sequence[str]) -> None:
    """What may go to a corrected contact point now, and how."""
    if not waiting:
        return
    one = "1 message" if len(waiting) == 1 else f"{len(waiting)} messages"
    rest = len(waiting) - IDS_SHOWN
    if rest > 0:
        say(f"{one} can go to this {field} now; the first {IDS_SHOWN} of them, all with --json:")
    else:
        say(f"{one} can go to this {field} now:")
    say(f"commtui send --ids {' '.join(waiting[:IDS_SHOWN])}")


def _opt_out(opened: Desk, customer_id: str, chosen: argparse.Namespace) -> None:
    channel = Channel(chosen.channel) if chosen.channel else None
    scope = Scope.MARKETING if chosen.marketing else Scope.ALL
    _changed(opened, opened.wishes.opt_out(customer_id, channel, scope, chosen.reason), chosen)


def _opt_in(opened: Desk, customer_id: str, chosen: argparse.Namespace) -> None:
    channel = Channel(chosen.channel) if chosen.channel else None
    scope = None
    if chosen.marketing:
        scope = Scope.MARKETING
    elif chosen.all:
        scope = Scope.ALL
    if channel is None and scope is not Scope.MARKETING:
        raise UsageError(
            "customer opt-in takes --channel, --marketing or both; --all needs --channel"
        )
    _changed(opened, opened.wishes.opt_in(customer_id, channel, scope, chosen.reason), chosen)


def _lift(opened: Desk, customer_id: str, chosen: argparse.Namespace) -> None:
    opened.wishes.lift(customer_id, CustomerField(chosen.field), chosen.reason)
    _changed(opened, opened.wishes.page(customer_id), chosen)
    if not chosen.json:
        idle = "" if opened.health().workers else NO_WORKER
        say(f"asked: a worker has the provider lift it; customer show says what came of it{idle}")


def _changed(opened: Desk, page: CustomerPage, chosen: argparse.Namespace) -> None:
    if chosen.json:
        say_json(records.customer(page), indent=2)
    else:
        print_page(page, opened.zone, lines=False)


_ACTIONS: dict[str, Callable[[Desk, str, argparse.Namespace], None]] = {
    "show": _show,
    "opt-out": _opt_out,
    "opt-in": _opt_in,
    "lift": _lift,
}
