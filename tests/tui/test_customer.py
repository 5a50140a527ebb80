"""The customer's page: what it shows, each of its keys, and what follows a corrected address."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.widgets import Input

from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.views import ContactView, CustomerField, ErrandView
from commtui.domain.vocabulary import Channel, Tab
from commtui.widgets.customer_text import page_text, parse_order
from commtui.widgets.look import Look
from tests.tui.driving import Driver, console
from tests.tui.evil_desk import evil_desk
from tests.tui.fake_desk import NOW, FakeDesk
from tests.tui.fake_wishes import THEN
from tests.tui.test_single import to_log
from tests.tui.test_untrusted import HOSTILE, clean

LOOK = Look(clock=lambda: NOW)


def suppressed(desk: FakeDesk) -> None:
    """The email address bounced; the provider's suppression can be lifted."""
    desk.wishes.mark(
        CustomerField.EMAIL,
        last_failed=THEN,
        failed_words="The mailbox does not exist.",
        marked="bounced (550)",
        marked_at=THEN,
        liftable=True,
    )


def stopped(desk: FakeDesk) -> None:
    """The phone number answered STOP."""
    refusal = OptOut(Channel.SMS, Scope.ALL, OptSource.STOP, THEN, address="+41790000000")
    desk.wishes.mark(
        CustomerField.PHONE,
        refused=(refusal,),
        marked="failed (21610)",
        marked_at=THEN,
        liftable=True,
    )


async def opened(driver: Driver) -> None:
    """Open the page of the cursor's customer and wait until it is read."""
    await driver.open("CustomerPanel", "C")
    await driver.see("Bahnhofstrasse" if driver.app.size.height > 30 else "office@example.org")


async def choose(driver: Driver, words: str) -> None:
    """Take the one choice that these words leave."""
    await driver.until(lambda: driver.panel == "ChoicePanel")
    await driver.write(words)
    await driver.press("enter")
    await driver.until(lambda: driver.panel != "ChoicePanel")


async def give_reason(driver: Driver, reason: str) -> None:
    """The reason panel wants a reason, and gets one."""
    await driver.until(lambda: driver.panel == "ReasonPanel")
    await driver.press("enter")
    await driver.see("Say why in a few words")
    await driver.write(reason)
    await driver.press("enter")
    await driver.until(lambda: driver.panel != "ReasonPanel")


# What it shows


async def test_c_opens_the_page_from_either_tab(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("escape")
        await driver.back()
        await to_log(driver)
        wanted = driver.line.customer_id
        await opened(driver)
        assert desk.called("customer page") == ["K0", wanted]


async def test_c_opens_it_from_every_details_panel(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        for panel, keys in (("SummaryPanel", ["enter"]), ("AttemptsPanel", ["h"])):
            await driver.open(panel, *keys)
            await opened(driver)
            await driver.press("escape")
            await driver.until(lambda panel=panel: driver.panel == panel)
            await driver.press("escape")
            await driver.back()
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await opened(driver)
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "EntryPanel")


def test_the_page_says_everything_that_decides_what_is_sent(desk: FakeDesk) -> None:
    suppressed(desk)
    stopped(desk)
    errand = ErrandView(
        "lift", "sendgrid", "x", "new host", "rosa", THEN, "refused", "404", THEN + timedelta(1)
    )
    desk.wishes.mark(CustomerField.EMAIL, last_delivered=THEN, errands=(errand,))
    desk.correct("K0", CustomerField.ADDRESS, "Rue 1\n1000 Lausanne")
    desk.wishes.total = 1208
    text = page_text(desk.wishes.page("K0"), LOOK).plain
    moment, later = LOOK.moment(THEN), LOOK.moment(THEN + timedelta(1))
    for words in (
        "Name        Müller & Søn AG",
        "Id          K0",
        "Language    de",
        "Country     CH",
        f"last delivered {moment}",
        f"last failure {moment}: The mailbox does not exist.",
        f"suppressed since {moment}: bounced (550)",
        "correct it (F) or lift it (L).",
        f"asked {moment} by rosa: lift the suppression at sendgrid",
        f"refused {later}: 404",
        f"refused · SMS: everything · answered STOP · {moment}",
        "they must text START",
        "  Rue 1\n  1000 Lausanne\n",
        f"source: Bahnhofstrasse 1 8001 Zürich; corrected by anna, {LOOK.moment(NOW)}",
        "every kind: email, post, manual",
        f"Marketing, every channel · told the source system · {moment} · from the shop",
        "Network     Peppol",
        "Recipient   0208:0202239951",
        "Service     FACTURES",
        "Engagement  PO-77",
        "Mandatory   yes",
        "(2 days ago)",
        "could not be checked (not the same as not registered)",
        "The look-up timed out.",
        "✗ Failed: bounced    Email     invoice 12345",
        "1,200 more",
    ):
        assert words in text, words
    assert text.index("invoice 12345") < text.index("invoice 12350")


def test_a_phone_number_that_answered_stop_is_not_said_to_be_liftable(desk: FakeDesk) -> None:
    stopped(desk)
    text = page_text(desk.wishes.page("K0"), LOOK).plain
    assert "lift it (L)" not in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Reachability.REACHABLE, "reachable"),
        (Reachability.NOT_REGISTERED, "not registered"),
        (Reachability.NO_ENDPOINT, "nowhere to deliver to"),
        (Reachability.UNSUPPORTED, "not for this kind of document"),
        (Reachability.NEEDS_FIELDS, "a service code or an engagement number is missing"),
        (Reachability.COULD_NOT_CHECK, "could not be checked"),
    ],
)
def test_every_outcome_of_a_check_has_words(
    desk: FakeDesk, outcome: Reachability, words: str
) -> None:
    desk.wishes.registration = Registration(outcome, NOW - timedelta(minutes=7))
    text = page_text(desk.wishes.page("K0"), LOOK).plain
    assert "(7 minutes ago)" in text
    assert words in text.partition("Last check")[2].partition("Communications")[0]


def test_without_registration_wishes_or_messages_it_says_so(desk: FakeDesk) -> None:
    desk.wishes.routing = desk.wishes.registration = None
    desk.wishes.optouts, desk.wishes.preferences, desk.overview = (), {}, []
    text = page_text(desk.wishes.page("K0"), LOOK).plain
    for words in ("the usual order for every kind", "not registered with us", "none"):
        assert words in text
    desk.wishes.routing_problem = "network is 'fax'; allowed are chorus and peppol"
    assert "cannot be used: network is 'fax'" in page_text(desk.wishes.page("K0"), LOOK).plain


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_it_fits_scrolls_and_names_its_keys(desk: FakeDesk, size: tuple[int, int]) -> None:
    suppressed(desk)
    async with console(desk, size=size) as driver:
        await opened(driver)
        for words in ("F correct", "o opt-out", "i opt-in", "p order", "S send waiting", "Esc"):
            assert words in driver.words
        await driver.press("G")
        await driver.see("invoice 12380")
        await driver.press("g")
        await driver.see("Name Müller")
        await driver.open("ChoicePanel", "question_mark")
        await driver.see("Keys of the customer's page")
        await driver.see("Lift a suppression L")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_hostile_words_in_every_field_are_shown_as_they_are(size: tuple[int, int]) -> None:
    desk = evil_desk()
    suppressed(desk)
    stopped(desk)
    errand = ErrandView("lift", "sendgrid", "x", "why", "rosa", THEN, "refused", "404", THEN)
    desk.wishes.mark(CustomerField.EMAIL, errands=(errand,))
    noted = OptOut(Channel.SMS, Scope.ALL, OptSource.OPERATOR, THEN, note="said so", author="rosa")
    desk.wishes.optouts = (*desk.wishes.optouts, noted)
    desk.correct("K0", CustomerField.PHONE, "+41791111111")
    assert not HOSTILE.search(page_text(desk.wishes.page("K0"), LOOK).plain.replace("\n", ""))
    async with console(desk, size=size) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("CustomerPanel", "C")
        await driver.see("[red]x")
        for _ in range(60):
            clean(driver)
            await driver.press("pagedown")
        for key, panel in (("L", "ReasonPanel"), ("i", "ChoicePanel"), ("p", "PreferPanel")):
            await driver.open(panel, key)
            await driver.pilot.pause()
            clean(driver)
            await driver.press("escape")
            await driver.until(lambda: driver.panel == "CustomerPanel")


# Changes


async def test_o_notes_an_opt_out_of_a_channel_with_a_reason(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("o")
        await choose(driver, "SMS: everything")
        await driver.see("refuses everything, transactional messages too, by SMS")
        await give_reason(driver, "said so by phone")
        assert desk.called("opt_out") == [("K0", Channel.SMS, Scope.ALL, "said so by phone")]
        await driver.see("Noted. It holds from the next sending on")
        await driver.press("G", "pageup")
        await driver.see("SMS: everything · told an operator anna")


@pytest.mark.parametrize(
    ("words", "channel"),
    [("marketing every", None), ("email marketing", Channel.EMAIL)],
)
async def test_o_notes_an_opt_out_of_marketing(
    desk: FakeDesk, words: str, channel: Channel | None
) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("o")
        await choose(driver, words)
        await give_reason(driver, "letter")
        assert desk.called("opt_out") == [("K0", channel, Scope.MARKETING, "letter")]


@pytest.mark.parametrize(
    ("words", "scope"), [("post: everything", Scope.ALL), ("post: marketing", Scope.MARKETING)]
)
async def test_i_takes_back_one_refusal_that_an_operator_noted(
    desk: FakeDesk, words: str, scope: Scope
) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("i")
        await driver.see("No operator has noted a refusal")
        desk.wishes.optouts = (
            *desk.wishes.optouts,
            OptOut(Channel.POST, Scope.ALL, OptSource.OPERATOR, THEN),
            OptOut(Channel.POST, Scope.MARKETING, OptSource.OPERATOR, THEN),
        )
        await driver.press("escape")
        await driver.back()
        await opened(driver)
        await driver.open("ChoicePanel", "i")
        await driver.see("Post: everything")
        assert "Marketing, every channel" not in driver.text.partition("Take back")[2]
        await driver.see("Post: marketing")
        await choose(driver, words)
        await driver.see("Every other refusal stays")
        await give_reason(driver, "changed their mind")
        assert desk.called("opt_in") == [("K0", Channel.POST, scope, "changed their mind")]
        await driver.see("Taken back.")
        (left,) = [item for item in desk.wishes.optouts if item.source is OptSource.OPERATOR]
        assert left.scope is not scope


async def test_p_sets_the_order_of_channels(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.open("PreferPanel", "p")
        await driver.see("email, post, manual")
        await driver.write("invoice")
        await driver.press("tab")
        box = driver.app.screen.query_one("#channels", Input)
        await driver.until(lambda: not box.value)
        await driver.write("post, fax")
        await driver.press("enter")
        await driver.see("'fax' is no channel; write some of email, sms, post, einvoice, manual")
        assert not desk.called("prefer")
        box.value = "E-invoice, post"
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert desk.called("prefer") == [("K0", "invoice", (Channel.EINVOICE, Channel.POST))]
        await driver.see("Saved.")


def test_an_order_names_each_channel_once() -> None:
    assert parse_order("") == ()
    assert parse_order(" SMS , email,") == (Channel.SMS, Channel.EMAIL)
    with pytest.raises(ValueError, match="twice"):
        parse_order("email, Email")


async def test_l_has_a_worker_lift_the_suppression(desk: FakeDesk) -> None:
    suppressed(desk)
    async with console(desk) as driver:
        await opened(driver)
        await driver.open("ReasonPanel", "L")
        await driver.see("office@example.org: bounced (550)")
        await driver.see("A worker asks the provider")
        await driver.see("S sends what waited for it")
        await give_reason(driver, "mailbox is back")
        assert desk.called("lift") == [("K0", CustomerField.EMAIL, "mailbox is back")]
        await driver.see("Asked: a worker lifts the suppression")
        await driver.see("lift the suppression at sendgrid")


async def test_l_asks_which_one_when_two_can_be_lifted(desk: FakeDesk) -> None:
    suppressed(desk)
    desk.wishes.mark(CustomerField.ADDRESS, marked="returned", liftable=True)
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("L")
        await choose(driver, "postal")
        await give_reason(driver, "moved back")
        assert desk.called("lift") == [("K0", CustomerField.ADDRESS, "moved back")]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (OptSource.STOP, "they must text START"),
        (OptSource.SPAM_REPORT, "spam reports are never lifted here"),
        (OptSource.UNSUBSCRIBE, "what the recipient unsubscribed from"),
    ],
)
async def test_l_never_lifts_what_the_recipient_said(
    desk: FakeDesk, source: OptSource, words: str
) -> None:
    refusal = OptOut(Channel.EMAIL, Scope.ALL, source, THEN, address="office@example.org")
    desk.wishes.mark(CustomerField.EMAIL, refused=(refusal,))
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("L")
        await driver.see("Nothing to lift")
        await driver.see(words)
        assert driver.panel == "CustomerPanel"


async def test_l_never_lifts_a_number_that_the_provider_stopped(desk: FakeDesk) -> None:
    desk.wishes.mark(CustomerField.PHONE, marked="failed (21610)", liftable=True)
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("L")
        await driver.see("Nothing to lift. Only the customer takes this back")
        assert driver.panel == "CustomerPanel"


async def test_l_says_when_nothing_is_suppressed_or_no_list_is_kept(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("L")
        await driver.see("no address of this customer is suppressed")
        desk.wishes.mark(CustomerField.ADDRESS, marked="returned")
        await driver.press("escape")
        await driver.back()
        await opened(driver)
        await driver.press("L")
        await driver.see("the provider keeps no list for it")


async def test_s_makes_a_dry_run_of_what_waited_for_addresses_that_work(desk: FakeDesk) -> None:
    suppressed(desk)
    desk.wishes.waiting = {
        CustomerField.EMAIL: ("c-bad",),
        CustomerField.PHONE: ("c1", "c2"),
        CustomerField.ADDRESS: ("c2", "c3"),
    }
    async with console(desk) as driver:
        await opened(driver)
        await driver.open("SendPanel", "S")
        await driver.see("3 messages will go:")
        assert "from 0 lines" not in driver.words
        assert desk.called("prepare exactly") == [("c1", "c2", "c3")]
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert not desk.called("confirm")
        await driver.open("SendPanel", "S")
        await driver.see("3 messages will go:")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        assert desk.called("confirm") == ["run1"]
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "CustomerPanel")


async def test_s_says_when_nothing_waits(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("S")
        await driver.see("Nothing waits for an address")


async def test_a_refusal_of_the_desk_is_said_and_the_reason_stays(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("o")
        await choose(driver, "SMS: everything")
        await driver.write("by phone")
        desk.refuse = "K0 is being changed by anna"
        await driver.press("enter")
        await driver.see("K0 is being changed by anna")
        desk.refuse = ""
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert desk.called("opt_out") == [("K0", Channel.SMS, Scope.ALL, "by phone")]


# Corrections


async def correct(driver: Driver, field: str, value: str) -> None:
    """Write a corrected value and save it."""
    await driver.until(lambda: driver.panel == "CorrectPanel")
    box = driver.app.screen.query_one(f"#value-{field}", Input)
    await driver.until(lambda: driver.app.focused is not None and driver.app.focused.id)
    await driver.until(lambda: (driver.app.focused.id or "").startswith("value-"))  # type: ignore[union-attr]
    box.value = value
    await driver.press("ctrl+s")
    await driver.until(lambda: driver.panel != "CorrectPanel")


async def test_f_on_the_page_starts_at_the_address_that_does_not_work(desk: FakeDesk) -> None:
    desk.wishes.mark(CustomerField.PHONE, marked="undelivered")
    async with console(desk) as driver:
        await opened(driver)
        await driver.open("CorrectPanel", "F")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-phone"
        )
        await correct(driver, "phone", "+41791111111")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        await driver.see("Corrected.")
        await driver.see("corrected by anna")


async def test_a_correction_offers_what_waited_and_sends_it_only_after_the_dry_run(
    desk: FakeDesk,
) -> None:
    desk.wishes.waiting = {CustomerField.EMAIL: ("c1", "c2", "c3")}
    async with console(desk) as driver:
        await driver.press("F")
        await correct(driver, "email", "new@example.org")
        await driver.until(lambda: driver.panel == "WaitingPanel")
        await driver.see("3 messages failed at, or waited for, this address. Send them now?")
        assert not desk.called("prepare")
        await driver.open("SendPanel", "enter")
        await driver.see("3 messages will go:")
        assert not desk.called("confirm")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        assert desk.called("confirm") == ["run1"]
        await driver.press("escape")
        await driver.back()


async def test_the_offer_can_be_declined(desk: FakeDesk) -> None:
    desk.wishes.waiting = {CustomerField.EMAIL: ("c1",)}
    async with console(desk) as driver:
        await opened(driver)
        await driver.press("F")
        await correct(driver, "email", "new@example.org")
        await driver.see("1 message failed at, or waited for, this address. Send it now?")
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        assert not desk.called("prepare")


async def test_a_correction_that_nothing_waited_for_offers_nothing(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("F")
        await correct(driver, "email", "new@example.org")
        await driver.back()
        assert desk.called("waiting_for") == [("K0", CustomerField.EMAIL)]
        await driver.see("Corrected.")


async def test_the_registration_for_e_invoices_is_corrected_as_a_text(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], channel=Channel.EINVOICE)
    async with console(desk, size=(120, 40)) as driver:
        await driver.open("CorrectPanel", "F")
        await driver.see("such as peppol:0208:0202239951")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-einvoice"
        )
        await correct(driver, "einvoice", "peppol:0208:0202239951")
        await driver.back()
        assert desk.called("correct") == [("K0", CustomerField.EINVOICE, "peppol:0208:0202239951")]


async def test_a_correction_before_a_resend_tells_of_the_others_that_waited(
    desk: FakeDesk,
) -> None:
    desk.wishes.waiting = {CustomerField.EMAIL: ("c0000002", "c8", "c9")}
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Goes to office@example.org")
        await driver.press("e")
        await correct(driver, "email", "new@example.org")
        await driver.until(lambda: driver.panel == "ResendPanel")
        await driver.see("2 other messages failed at, or waited for, this address")


async def test_a_customer_without_contact_points_has_a_page(desk: FakeDesk) -> None:
    desk.customer_view = replace(
        desk.customer_view, contacts=(ContactView(CustomerField.EMAIL, "", "", "", None),)
    )
    async with console(desk) as driver:
        await driver.open("CustomerPanel", "C")
        await driver.see("none: F enters one")
        assert driver.tab.TAB is Tab.OVERVIEW
