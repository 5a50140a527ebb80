"""Provider health: held fallbacks on the status line and in the panel, released or left as failed by a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commtui.domain.views import AccountWarning, FallbackHold, Health, ProviderPause
from commtui.domain.vocabulary import Channel
from commtui.widgets.holds import held_words, hold_words, span, way_of
from tests.tui.driving import console
from tests.tui.evil_desk import evil_desk
from tests.tui.fake_desk import FakeDesk
from tests.tui.fake_wishes import HOLD, THEN
from tests.tui.test_untrusted import clean

REFUSED = ProviderPause("twilio", "the key was refused", THEN, THEN + timedelta(minutes=5))
RETURNS = FallbackHold(
    "ping returned", 7, THEN, THEN + timedelta(hours=3), Channel.POST, ((Channel.SMS, 7),)
)


def held(desk: FakeDesk, *holds: FallbackHold) -> None:
    """These fallbacks are held."""
    desk.run_health = Health(1, 1, (), 0, holds)


@pytest.mark.parametrize(
    ("cause", "count", "time", "words"),
    [
        ("sendgrid bounced", 3120, timedelta(minutes=10), "3,120 bounces in 10 minutes"),
        ("sendgrid dropped", 51, timedelta(seconds=5), "51 drops in 1 minute"),
        ("sendgrid blocked", 60, timedelta(minutes=89), "60 blocks in 89 minutes"),
        ("twilio failed", 60, timedelta(hours=2), "60 failures in 2 hours"),
        ("twilio undelivered", 60, timedelta(hours=40), "60 undelivered messages in 2 days"),
        ("ping returned", 1, timedelta(0), "1 return"),
        ("peppol rejected", 52, timedelta(hours=1), "52 rejections in 60 minutes"),
        ("something new", 2, timedelta(hours=30), "2 failures in 30 hours"),
    ],
)
def test_a_hold_is_said_in_words(cause: str, count: int, time: timedelta, words: str) -> None:
    assert hold_words(FallbackHold(cause, count, THEN, THEN + time)) == words


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        (HOLD, "bounced email → post"),
        (RETURNS, "returned post → SMS"),
        (
            replace(HOLD, targets=((Channel.POST, 3000), (Channel.SMS, 120))),
            "bounced email → post (3,000) or SMS (120)",
        ),
        (replace(RETURNS, cause="ping something-new"), "failed post → SMS"),
        (replace(HOLD, origin=None), ""),
    ],
    ids=["one", "sms", "two", "unheard-of", "gone-provider"],
)
def test_a_hold_says_which_channel_would_follow(hold: FallbackHold, words: str) -> None:
    assert way_of(hold) == words


def test_a_length_of_time_is_rounded_to_what_says_it_well_enough() -> None:
    assert span(timedelta(seconds=100)) == "2 minutes"
    assert span(timedelta(minutes=95)) == "2 hours"
    assert span(timedelta(days=9, hours=13)) == "10 days"


def test_several_causes_are_counted() -> None:
    assert (
        held_words((HOLD, RETURNS))
        == "fallback held: 3,120 bounces in 10 minutes and 1 other cause"
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_status_line_says_what_is_held(desk: FakeDesk, size: tuple[int, int]) -> None:
    held(desk, HOLD)
    async with console(desk, size=size) as driver:
        await driver.see("1 worker · fallback held: 3,120 bounces in 10 minutes · web")


async def test_where_there_is_no_room_pauses_and_holds_are_both_named(desk: FakeDesk) -> None:
    held(desk, HOLD)
    desk.run_health = replace(desk.run_health, paused=(REFUSED,))
    async with console(desk) as driver:
        await driver.see("1 worker · twilio paused · 3,120 fallbacks held · web")


async def test_h_shows_health_and_what_is_held(desk: FakeDesk) -> None:
    held(desk, HOLD, RETURNS)
    desk.run_health = replace(desk.run_health, paused=(REFUSED,), due=12)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        for words in (
            "Workers 1",
            "Due 12 messages",
            "twilio: the key was refused",
            "sendgrid: 3,120 bounces in 10 minutes",
            "bounced email → post",
        ):
            await driver.see(words)
        await driver.press("end")
        for words in (
            "ping: 7 returns in 3 hours",
            "returned post → SMS",
            "s release fallback",
            "x leave as failed",
        ):
            await driver.see(words)


EXPIRING = AccountWarning(
    "chorus", "The technical account's password expires on 2026-12-05.", "Renew it in Chorus Pro."
)
LOW = AccountWarning("peppol", "The credit at the access point is low: 7.", "Top it up.")


async def test_h_shows_what_is_wrong_with_our_accounts_and_what_to_do(desk: FakeDesk) -> None:
    desk.run_health = Health(1, 1, (), 0, warnings=(EXPIRING, LOW))
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        for warning in (EXPIRING, LOW):
            await driver.see(f"{warning.provider}: {warning.sentence}")
            await driver.see(f"What to do {warning.advice}")


async def test_the_status_line_warns_about_accounts_in_full_or_in_short(desk: FakeDesk) -> None:
    desk.run_health = Health(1, 1, (), 0, warnings=(LOW,))
    async with console(desk, size=(120, 40)) as driver:
        await driver.see("1 worker · peppol: The credit at the access point is low: 7. · web")
    desk.run_health = Health(1, 1, (), 0, warnings=(EXPIRING, LOW))
    async with console(desk, size=(80, 24)) as driver:
        await driver.see("1 worker · chorus account · peppol account · web")


async def test_a_paused_provider_is_not_warned_about_twice(desk: FakeDesk) -> None:
    paused = ProviderPause("peppol", "no credit", THEN, THEN + timedelta(hours=1))
    desk.run_health = Health(1, 1, (paused,), 0, warnings=(LOW,))
    async with console(desk, size=(120, 40)) as driver:
        await driver.see("1 worker · peppol paused: no credit · web")


async def test_without_workers_and_holds_it_says_so(desk: FakeDesk) -> None:
    desk.run_health = Health(0, 0, (), 0)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("none: nothing is sent")
        await driver.see("no feedback is received")
        await driver.see("nothing is known to be wrong")
        await driver.press("s")
        await driver.see("No fallback is held.")
        assert driver.panel == "HealthPanel"


async def test_a_large_release_is_typed_and_cancel_is_the_default(desk: FakeDesk) -> None:
    held(desk, HOLD)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("3,120 bounces")
        await driver.open("HoldPanel", "s")
        await driver.see("bounced email → post")
        await driver.see("as a new entry, and is paid by the")
        assert driver.app.focused is not None
        assert driver.app.focused.id == "cancel"
        await driver.press("tab", "enter")
        await driver.see("type 3120 and press Enter")
        assert not desk.called("release")
        await driver.write("3120")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "HealthPanel")
        assert desk.called("release") == ["sendgrid bounced"]
        await driver.see("3,120 fallbacks released")
        await driver.see("No fallback is held.")
        await driver.press("escape")
        await driver.back()
        await driver.until(lambda: "fallback held" not in driver.status)


async def test_escape_and_the_default_button_release_nothing(desk: FakeDesk) -> None:
    held(desk, RETURNS)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("7 returns")
        for key in ("enter", "escape"):
            await driver.open("HoldPanel", "s")
            await driver.press(key)
            await driver.until(lambda: driver.panel == "HealthPanel")
        assert not desk.called("release")


async def test_one_of_several_causes_is_left_as_failed(desk: FakeDesk) -> None:
    held(desk, HOLD, RETURNS)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("7 returns")
        await driver.open("ChoicePanel", "x")
        await driver.see("ping: 7 returns in 3 hours, returned post → SMS")
        await driver.write("ping")
        await driver.open("HoldPanel", "enter")
        await driver.see("They stay failed")
        await driver.press("tab", "enter")
        await driver.until(lambda: driver.panel == "HealthPanel")
        assert desk.called("decline") == ["ping returned"]
        await driver.see("7 fallbacks left as failed.")
        await driver.see("sendgrid: 3,120 bounces")


async def test_a_hold_that_somebody_else_decided_says_so(desk: FakeDesk) -> None:
    held(desk, RETURNS)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("7 returns")
        await driver.open("HoldPanel", "x")
        held(desk)
        await driver.press("tab", "enter")
        await driver.see("no fallback is held for 'ping returned'")
        assert driver.panel == "HoldPanel"


async def test_the_palette_knows_both_new_panels(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("PalettePanel", "colon")
        await driver.write("held fallbacks")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "HealthPanel")
        await driver.press("escape")
        await driver.back()
        await driver.open("PalettePanel", "colon")
        await driver.write("customer of this row")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "CustomerPanel")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_hostile_causes_are_clean(size: tuple[int, int]) -> None:
    desk = evil_desk()
    held(desk, HOLD, RETURNS)
    async with console(desk, size=size) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("HealthPanel", "H")
        await driver.see("[red]x")
        clean(driver)
        await driver.open("ChoicePanel", "s")
        clean(driver)
        await driver.open("HoldPanel", "enter")
        clean(driver)


async def test_a_pause_is_shown_with_since_until_and_by_whom(desk: FakeDesk) -> None:
    by_hand = ProviderPause("ping", "their status page is red", THEN, None, "rosa")
    desk.run_health = Health(1, 1, (REFUSED, by_hand), 0, unknown=2)
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        for words in (
            "Unknown 2 outcomes",
            "twilio: the key was refused",
            "then one message",
            "ping: their status page is red",
            "by rosa, until somebody releases it",
        ):
            await driver.see(words)


async def test_a_provider_is_paused_and_released_with_a_reason(desk: FakeDesk) -> None:
    desk.run_health = Health(1, 1, (), 0, providers=("sendgrid", "twilio"))
    async with console(desk) as driver:
        await driver.open("HealthPanel", "H")
        await driver.see("none")
        await driver.press("u")
        await driver.see("No provider is paused.")
        await driver.open("ChoicePanel", "p")
        await driver.write("twi")
        await driver.open("ReasonPanel", "enter")
        await driver.press("enter")
        assert not desk.called("pause provider")
        await driver.write("red page")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "HealthPanel")
        assert desk.called("pause provider") == [("twilio", "red page")]
        await driver.see("twilio is paused.")
        await driver.see("twilio: red page")
        await driver.open("ReasonPanel", "u")
        await driver.write("green")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "HealthPanel")
        assert desk.called("release provider") == [("twilio", "green")]
        await driver.see("twilio is released.")
