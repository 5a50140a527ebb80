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


def test_marketing_in_a_customers_own_order_is_skipped_when_none_of_it_reaches() -> None:
    order = Case(purpose=Purpose.MARKETING, wishes={"": (EMAIL, SMS)})
    decided = first(order, lambda item: f"no {item.value}", registered=False)
    assert (decided.channel, decided.reason) == (None, "email: no email → sms: no sms → skipped")


def test_a_transactional_message_in_a_customers_own_order_ends_with_a_person() -> None:
    decided = first(Case(wishes={"": (EMAIL,)}), lambda _: "no address", registered=False)
    assert (decided.channel, decided.reason) == (MANUAL, "email: no address → manual")


def test_a_customer_who_wants_a_person_first_gets_one() -> None:
    decided = first(Case(wishes={"": (MANUAL, EMAIL)}), lambda _: "no reason", registered=False)
    assert (decided.channel, decided.reason) == (MANUAL, "manual")


def test_a_chain_whose_every_link_failed_ends_without_another_way() -> None:
    decided = decide(SMS, Case(), lambda _: "", after=[(SMS, "a"), (EMAIL, "b"), (MANUAL, "c")])
    assert (decided.channel, decided.reason) == (
        None,
        "sms: a → email: b → manual: c → no other way",
    )


def test_a_law_about_e_invoices_says_nothing_about_other_channels() -> None:
    assert chain(EMAIL, Case(mandatory_einvoice=True)) == CHAINS[EMAIL]


def test_a_case_without_a_kind_goes_by_the_order_for_all_kinds() -> None:
    assert Case(kind_chains={"": (POST,)}).order == (POST,)


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sms, email", "'sms, email' is not of the form kind: channel, channel"),
        ("reminder:", "'reminder:' is not of the form kind: channel, channel"),
        (": sms", "': sms' is not of the form kind: channel, channel"),
        ("reminder", "'reminder' is not of the form kind: channel, channel"),
        (
            "reminder: pigeon",
            "'pigeon' is no channel; there are email, sms, post, einvoice, manual",
        ),
        ("a" * 100, f"'{'a' * 60}' is not of the form kind: channel, channel"),
        (
            f"reminder: {'b' * 100}",
            f"'{'b' * 60}' is no channel; there are email, sms, post, einvoice, manual",
        ),
    ],
    ids=["no kind", "no channels", "empty kind", "no colon", "no channel", "long", "long channel"],
)
def test_a_wrong_chains_setting_is_refused_with_its_place(wrong: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_chains(wrong)
    assert str(refused.value) == said
