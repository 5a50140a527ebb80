"""Which way a message goes: chains, reasons in words, marketing, mandatory e-invoices, preferences."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.channels import CHAINS, Case, chain, decide, first, parse_chains
from commtui.domain.vocabulary import Channel, Purpose

EMAIL, SMS, POST = Channel.EMAIL, Channel.SMS, Channel.POST
EINVOICE, MANUAL = Channel.EINVOICE, Channel.MANUAL
MARKETING = Case(purpose=Purpose.MARKETING)


def because(**reasons: str) -> Mapping[Channel, str]:
    return {Channel(name): words for name, words in reasons.items()}


@pytest.mark.parametrize(
    ("start", "why", "channel", "reason"),
    [
        (EMAIL, {}, EMAIL, "email"),
        (EMAIL, because(email="no address"), POST, "email: no address → post"),
        (
            EMAIL,
            because(email="no address", post="address incomplete"),
            MANUAL,
            "email: no address → post: address incomplete → manual",
        ),
        (SMS, because(sms="no number"), EMAIL, "sms: no number → email"),
        (POST, because(post="no letter"), EMAIL, "post: no letter → email"),
        (EINVOICE, because(einvoice="not registered"), EMAIL, "e-invoice: not registered → email"),
        (MANUAL, {}, MANUAL, "manual"),
    ],
)
def test_a_chain_starts_at_the_wanted_channel_and_says_why_links_were_passed_over(
    start: Channel, why: Mapping[Channel, str], channel: Channel, reason: str
) -> None:
    decided = decide(start, Case(), lambda item: why.get(item, ""))
    assert (decided.channel, decided.reason) == (channel, reason)


def test_where_an_e_invoice_is_mandatory_only_a_person_replaces_it() -> None:
    case = Case(mandatory_einvoice=True)
    decided = decide(EINVOICE, case, lambda item: "refused" if item is EINVOICE else "")
    assert (decided.channel, decided.reason) == (MANUAL, "e-invoice: refused → manual")


def test_marketing_goes_the_wanted_way_or_is_skipped() -> None:
    assert decide(EMAIL, MARKETING, lambda _: "").channel is EMAIL
    decided = decide(EMAIL, MARKETING, lambda item: "opted out" if item is EMAIL else "")
    assert (decided.channel, decided.reason) == (None, "email: opted out → skipped")
    decided = first(MARKETING, lambda _: "opted out", registered=False)
    assert decided.channel is None
    assert decided.reason == "email: opted out → sms: opted out → post: opted out → skipped"
    wished = Case(purpose=Purpose.MARKETING, wishes={"": (EMAIL, MANUAL)})
    assert first(wished, lambda _: "no", registered=False).channel is None


def test_links_that_failed_are_not_tried_again_and_stand_in_the_reason() -> None:
    decided = decide(EMAIL, Case(), lambda _: "", after=[(EMAIL, "bounced")])
    assert (decided.channel, decided.reason) == (POST, "email: bounced → post")
    decided = decide(EMAIL, Case(), lambda _: "", after=[(EMAIL, "bounced"), (POST, "returned")])
    assert (decided.channel, decided.reason) == (MANUAL, "email: bounced → post: returned → manual")


def test_a_customers_order_comes_before_the_configured_one_and_that_before_the_usual_one() -> None:
    configured = {"reminder": (SMS, EMAIL)}
    case = Case(kind="reminder", kind_chains=configured)
    assert chain(EMAIL, case) == (EMAIL, SMS, MANUAL)
    wishes = {"": (POST,), "reminder": (POST, EMAIL)}
    assert chain(EMAIL, Case(kind="reminder", kind_chains=configured, wishes=wishes)) == (
        EMAIL,
        POST,
        MANUAL,
    )
    assert chain(SMS, Case(kind="invoice", wishes={"": (POST,)})) == (SMS, POST, MANUAL)
    assert chain(SMS, Case(kind="invoice", kind_chains=configured)) == CHAINS[SMS]


def test_without_a_wish_the_first_channel_that_reaches_is_taken() -> None:
    reasons = because(
        email="no address", sms="no number", post="no address", einvoice="no document"
    )
    assert first(Case(), lambda item: reasons.get(item, ""), registered=False).reason == (
        "email: no address → sms: no number → post: no address → manual"
    )
    assert first(Case(), lambda _: "", registered=True).channel is EINVOICE
    assert first(Case(), lambda _: "", registered=False).channel is EMAIL
    order = Case(wishes={"": (POST, EMAIL)})
    assert first(order, lambda _: "", registered=False).channel is POST


@given(
    start=st.sampled_from(list(Channel)),
    blocked=st.sets(st.sampled_from(list(Channel))),
    failed=st.lists(st.sampled_from([EMAIL, SMS, POST, EINVOICE]), unique=True),
    order=st.lists(st.sampled_from(list(Channel)), unique=True),
    mandatory=st.booleans(),
)
def test_a_transactional_message_always_ends_somewhere_and_never_where_it_must_not(
    start: Channel,
    blocked: set[Channel],
    failed: list[Channel],
    order: list[Channel],
    mandatory: bool,
) -> None:
    case = Case(wishes={"": order}, mandatory_einvoice=mandatory)
    decided = decide(
        start,
        case,
        lambda item: "no" if item in blocked else "",
        after=[(item, "failed") for item in failed],
    )
    assert decided.channel is not None
    assert decided.channel not in failed
    assert decided.channel is MANUAL or decided.channel not in blocked
    if start is EINVOICE and mandatory:
        assert decided.channel in (EINVOICE, MANUAL)


def test_the_chains_setting_is_read_or_refused_with_its_place() -> None:
    assert parse_chains("reminder: sms, email ; contract:post") == {
        "reminder": (SMS, EMAIL),
        "contract": (POST,),
    }
    assert parse_chains("") == {}
    for wrong in ("sms, email", "reminder: pigeon", "reminder:", ": sms"):
        with pytest.raises(ValueError, match=r"reminder|sms|pigeon"):
            parse_chains(wrong)
