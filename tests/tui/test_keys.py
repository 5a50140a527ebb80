"""The key contract: every binding has an id and words, help and palette come from them."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from textual.binding import Binding
from textual.widget import Widget

import commtui.app
from commtui.app import CommtuiApp
from commtui.domain.vocabulary import Channel, Tab
from commtui.screens import (
    choosing,
    correcting,
    customer,
    deciding,
    details,
    downloading,
    erasing,
    helping,
    holding,
    leaving,
    log,
    overview,
    panel,
    preferring,
    problem,
    reasons,
    resending,
    running,
    sending,
    waiting,
)
from commtui.screens.acting import ActingScreen
from commtui.screens.helping import commands_of
from commtui.screens.log import LogScreen
from commtui.screens.overview import CommunicationScreen
from commtui.widgets import chips, choices, filterline, keymenu, searchbox, table
from commtui.widgets.hints import key_name
from tests.tui.driving import console
from tests.tui.fake_desk import FakeDesk

CONTRACT = (
    "F2 1", "F3 2", "F5", "F6", "F7", "F8", "/", "f", "f t", "f k", "f d", "f u", "f s", "f l", "f i", "x",
    "Tab", "shift+Tab", "j ↓", "k ↑", "PgDn", "PgUp", "ctrl+d", "ctrl+u", "g Home", "G End", "Space", "v",
    "shift+↓", "shift+↑", "A", "*", "Esc", ",", ", e", ", u", ", k", ", t", "o", "e", "E", "Enter", "p", "S",
    "R", "I", "c", "d", "y", "y y", "y e", "y i", "y r", "y v", "h", "T", "F", "C", "H", "m", "r", "=", "? F1",
    ": ctrl+p", "q",
)  # fmt: skip
LATER = ("b", "w", "a", "n", "O", "-", "+")
MODULES = (
    commtui.app, choosing, correcting, customer, deciding, details, downloading, erasing, helping, holding, leaving,
    log, overview, panel, preferring, problem, reasons, resending, running, sending, waiting, chips, choices,
    filterline, keymenu, searchbox, table,
)  # fmt: skip


def all_bindings() -> list[Binding]:
    """Every binding that the console declares."""
    found: dict[int, Binding] = {}
    for module in MODULES:
        for _, kind in inspect.getmembers(module, inspect.isclass):
            for base in kind.__mro__:
                if base.__module__.startswith("commtui."):
                    for binding in base.__dict__.get("BINDINGS", ()):
                        found[id(binding)] = binding
    return list(found.values())


def test_every_binding_has_an_id_of_its_own_and_words() -> None:
    bindings = all_bindings()
    assert len(bindings) > 80
    assert all(
        isinstance(binding, Binding) and binding.id and binding.description for binding in bindings
    )
    repeated = [
        name for name, count in Counter(binding.id for binding in bindings).items() if count > 1
    ]
    assert not repeated


@pytest.mark.parametrize("screen", [CommunicationScreen, LogScreen])
def test_the_tabs_keep_the_key_contract(screen: type[ActingScreen]) -> None:
    keys = {command.keys for command in commands_of(screen.all_bindings())}
    assert set(CONTRACT) <= keys


@pytest.mark.parametrize("screen", [CommunicationScreen, LogScreen])
def test_keys_of_what_does_not_exist_yet_are_unbound(screen: type[ActingScreen]) -> None:
    bound = {key for binding in screen.all_bindings() for key in key_name(binding.key).split()}
    assert not bound & set(LATER)


def test_nothing_of_ours_hides_a_private_part_of_textual() -> None:
    mine = [
        kind
        for module in MODULES
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Widget) and kind.__module__.startswith("commtui.")
    ]
    for kind in mine:
        theirs = {
            name
            for base in kind.__mro__
            if base.__module__.startswith("textual.")
            for name in (*base.__dict__, *_assigned(base))
            if name.startswith("_") and not name.startswith("__")
        }
        ours = {
            name
            for base in kind.__mro__
            if base.__module__.startswith("commtui.")
            for name in (*base.__dict__, *_assigned(base))
            if name.startswith("_") and not name.startswith("__")
        }
        generated = {
            name
            for name in ours
            if name.startswith(
                (
                    "_css",
                    "_merged",
                    "_decorated",
                    "_inherit",
                    "_computes",
                    "_reactives",
                    "_default",
                    "_sender",
                    "_scoped",
                )
            )
        }
        assert not (ours & theirs) - generated - {"_fatal_error"}, kind


def _assigned(kind: type) -> set[str]:
    initialiser = kind.__dict__.get("__init__")
    return {
        name
        for name in getattr(initialiser, "__code__", _assigned.__code__).co_names
        if name.startswith("_")
    }


async def test_help_lists_every_key_and_is_searched_by_typing(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "question_mark")
        await driver.see("Keys of Communication")
        assert len(driver.text.splitlines()) <= 24
        await driver.write("invert")
        await driver.see("Invert marks *")
        await driver.until(lambda: "Bulk runs" not in driver.text)
        await driver.press("escape")
        await driver.back()


async def test_f1_opens_help_too(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "f1")


async def test_the_palette_runs_actions(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("PalettePanel", "colon")
        await driver.write("last line")
        await driver.press("enter")
        await driver.back()
        await driver.until(lambda: driver.table.cursor == 26)


async def test_the_palette_knows_filter_values_with_their_numbers(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("PalettePanel", "ctrl+p")
        await driver.see("Send")
        await driver.write("filter to type sms")
        await driver.see("Filter to type SMS narrows to 5")
        await driver.press("enter")
        await driver.back()
        assert driver.tab.chosen.channels == {Channel.SMS}


async def test_the_palette_changes_tabs(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("PalettePanel", "ctrl+p")
        await driver.write("f3")
        await driver.press("enter")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG)


async def test_digits_change_tabs_too(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("2")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG)
        await driver.press("1")
        await driver.until(lambda: driver.tab.TAB is Tab.OVERVIEW)


def test_the_app_has_no_palette_or_toast_of_its_own() -> None:
    assert CommtuiApp.ENABLE_COMMAND_PALETTE is False
