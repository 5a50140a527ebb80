"""A customer's page as text: contact points and their health, channel order, refusals, registration, messages."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from commtui.domain.einvoice import Reachability
from commtui.domain.lines import Line
from commtui.domain.optouts import SOURCE_WORDS, OptOut, OptSource, Scope
from commtui.domain.text import line, safe
from commtui.domain.views import (
    ContactHealth,
    ContactView,
    CustomerField,
    CustomerPage,
    CustomerView,
)
from commtui.domain.vocabulary import Channel
from commtui.widgets.errands import errand_rows
from commtui.widgets.holds import span
from commtui.widgets.look import Look, number
from commtui.widgets.timeline import fields, section

FIELD_TITLES = {
    CustomerField.EMAIL: "Email",
    CustomerField.PHONE: "Phone",
    CustomerField.ADDRESS: "Postal address",
    CustomerField.EINVOICE: "E-invoice",
}
STOP_WORDS = "Only the customer takes this back: they must text START to our number."
_STOP_CODE = "21610"
"""Twilio's code for a recipient who answered STOP (reference: providers)."""
_TAKEN_BACK = {
    OptSource.STOP: STOP_WORDS,
    OptSource.SPAM_REPORT: "A spam report is never lifted here.",
    OptSource.UNSUBSCRIBE: "Only the recipient can take this back, by subscribing again.",
    OptSource.PROVIDER: "Only the recipient can take this back, by subscribing again.",
    OptSource.GROUP: "Only the recipient can take this back, by subscribing again.",
    OptSource.IMPORT: "The source system takes this back.",
    OptSource.OPERATOR: "",
}
_REACHABILITY_WORDS = {
    Reachability.REACHABLE: "reachable",
    Reachability.NOT_REGISTERED: "not registered",
    Reachability.NO_ENDPOINT: "registered, but there is nowhere to deliver to",
    Reachability.UNSUPPORTED: "registered, but not for this kind of document",
    Reachability.NEEDS_FIELDS: "a service code or an engagement number is missing",
    Reachability.COULD_NOT_CHECK: "could not be checked (not the same as not registered)",
}


def page_text(page: CustomerPage, look: Look) -> Text:
    """Everything on the page, contact points first; times are in the operator's zone."""
    text = customer_text(page.customer)
    for health in page.contacts:
        text.append("\n").append(_contact_text(health, look))
    for title, part in (
        ("Order of channels", _order_text(page.preferences, look)),
        ("Opt-outs of the customer", _optouts_text(page.optouts, look)),
        ("E-invoicing", _registration_text(page, look)),
        (f"Communications, newest first ({look.zone_name})", _lines_text(page, look)),
    ):
        text.append("\n").append(section(title)).append(part)
    return text


def customer_text(customer: CustomerView) -> Text:
    """Who the customer is."""
    return fields(
        [
            ("Name", customer.name),
            ("Id", customer.id),
            ("Language", customer.language),
            ("Country", customer.country),
            ("Location", customer.location_group),
        ]
    )


def origin_words(contact: ContactView, look: Look) -> str:
    """Where a contact point's value comes from, safe and on one line."""
    source = line(contact.source_value, 120) or "nothing"
    if not contact.correction:
        return f"source: {source}"
    when = f", {look.moment(contact.corrected_at)}" if contact.corrected_at else ""
    return f"source: {source}; corrected by {line(contact.corrected_by, 60)}{when}"


def stopped_by_recipient(health: ContactHealth) -> bool:
    """Whether the recipient answered STOP, so that only their START brings messages back."""
    said = any(item.source is OptSource.STOP for item in health.refused)
    return said or (health.contact.field is CustomerField.PHONE and _STOP_CODE in health.marked)


def optout_words(item: OptOut) -> str:
    """What a refusal is about."""
    if item.channel is None:
        return "Marketing, every channel"
    return f"{item.channel.label}: {'marketing' if item.scope is Scope.MARKETING else 'everything'}"


def order_words(channels: Iterable[Channel]) -> str:
    """An order of channels as it is typed."""
    return ", ".join(channel.value for channel in channels)


def parse_order(text: str) -> tuple[Channel, ...]:
    """An order of channels as it was typed, such as "email, post, manual". Raises ValueError with what is wrong."""
    known = {channel.value: channel for channel in Channel}
    known |= {channel.label.casefold(): channel for channel in Channel}
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise ValueError(f"{word!r} is no channel; write some of {order_words(Channel)}")
    channels = tuple(known[word] for word in words)
    if len(set(channels)) < len(channels):
        raise ValueError("a channel stands there twice; name each one once")
    return channels


def _contact_text(health: ContactHealth, look: Look) -> Text:
    contact = health.contact
    text = Text("\n").append(FIELD_TITLES[contact.field], "bold").append("\n")
    if not contact.value:
        return text.append("  none: F enters one" + _corrected_words(contact, look))
    for row in safe(contact.value, 500).splitlines():
        text.append(f"  {row}\n")
    origin = origin_words(contact, look) if contact.correction else "as the source system says"
    text.append(f"  {origin}\n", "dim")
    if health.last_delivered:
        text.append(f"  last delivered {look.moment(health.last_delivered)}\n")
    if health.last_failed:
        text.append(f"  last failure {look.moment(health.last_failed)}: ")
        text.append(f"{line(health.failed_words, 300)}\n")
    if not (health.last_delivered or health.last_failed):
        text.append("  nothing is known yet of messages to it\n")
    if health.marked:
        text.append(_marked_text(health, look))
    for item in health.refused:
        text.append(look.plain(f"  refused · {_optout_text(item, look)}\n"), "bold")
        if advice := _TAKEN_BACK[item.source]:
            text.append(f"    {advice}\n")
    for errand in health.errands:
        text.append(errand_rows(errand, look, "  ") + "\n")
    text.rstrip()
    return text


def _corrected_words(contact: ContactView, look: Look) -> str:
    return f" ({origin_words(contact, look)})" if contact.source_value else ""


def _marked_text(health: ContactHealth, look: Look) -> Text:
    since = f" since {look.moment(health.marked_at)}" if health.marked_at else ""
    text = Text().append(f"  suppressed{since}: {line(health.marked, 120)}\n", "bold")
    if stopped_by_recipient(health):
        ways = STOP_WORDS
    else:
        ways = "Nothing goes there by itself: correct it (F)"
        ways += " or lift it (L)." if health.liftable else "."
    return text.append(f"    {ways}\n")


def _order_text(preferences: Iterable[tuple[str, tuple[Channel, ...]]], look: Look) -> Text:
    rows = [
        Text().append(f"{line(kind, 60) or 'every kind'}: ", "bold").append(order_words(channels))
        for kind, channels in preferences
    ]
    return Text("\n").join(rows) if rows else look.say("the usual order for every kind (p)")


def _optout_text(item: OptOut, look: Look) -> str:
    by = f" {line(item.author, 60)}" if item.author else ""
    parts = [optout_words(item), f"{SOURCE_WORDS[item.source]}{by}", look.moment(item.at)]
    return " · ".join([*parts, *filter(None, [line(item.note, 300)])])


def _optouts_text(optouts: Iterable[OptOut], look: Look) -> Text:
    rows = [Text(look.plain(_optout_text(item, look))) for item in optouts]
    return Text("\n").join(rows) if rows else look.say("none")


def _registration_text(page: CustomerPage, look: Look) -> Text:
    if page.routing_problem:
        return Text(f"cannot be used: {line(page.routing_problem, 300)}")
    routing = page.routing
    if routing is None:
        return look.say("not registered with us (F enters peppol:… or chorus:…)")
    mandatory = routing.is_mandatory(page.customer.country)
    text = fields(
        [
            ("Network", routing.network.label),
            ("Recipient", routing.id),
            ("Service", routing.service_code),
            ("Engagement", routing.engagement),
            ("Mandatory", "yes: nothing else replaces it" if mandatory else "no"),
        ]
    )
    check = page.registration
    text.append("\n").append(f"{'Last check':<12}", "bold")
    if check is None:
        return text.append("never")
    age = span(look.clock() - check.at)
    text.append(f"{look.moment(check.at)} ({age} ago)\n")
    text.append(f"{'':<12}{_REACHABILITY_WORDS[check.outcome]}", "bold")
    return text.append(f"\n{'':<12}{line(check.words, 300)}" if check.words else "")


def _lines_text(page: CustomerPage, look: Look) -> Text:
    text = Text()
    for item in page.lines:
        text.append(_line_text(item, look)).append("\n")
    if page.total > len(page.lines):
        text.append(f"{number(page.total - len(page.lines))} more: f u on the list shows them all")
    elif not page.lines:
        text.append("none")
    text.rstrip()
    return text


def _line_text(item: Line, look: Look) -> Text:
    text = Text(f"{look.moment(item.acted_at):<13}")
    text.append(f"{look.status(item.status):<21}", "bold")
    text.append(f"{item.channel.label:<10}{line(item.kind, 20)} {line(item.reference, 40)}")
    return text.append(" (ignored)" * item.ignored)
