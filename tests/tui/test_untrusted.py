"""Text from outside: no widget gets it bare, no control character of it reaches a screen."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.text import Text
from textual import events

import commtui
from commtui.domain.views import DocumentInfo, Happening
from commtui.domain.vocabulary import Channel, DocumentRole, Layer, Source, Tab
from commtui.widgets.columns import COLUMNS, cell
from commtui.widgets.look import Look
from commtui.widgets.timeline import attempt_line, fields, headline, history_text
from tests.tui.driving import Driver, console
from tests.tui.evil_desk import EVIL, EvilDesk, evil_desk, poisoned
from tests.tui.fake_desk import NOW, make_line

HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
PACKAGE = Path(commtui.__file__).parent
SHOWN = [
    *(PACKAGE / "widgets").glob("*.py"),
    *(PACKAGE / "screens").glob("*.py"),
    PACKAGE / "app.py",
]
MAKERS = {"say", "quote", "passage", "fields", "append", "Text"}
WIDGETS = {"Static", "Label", "Button", "Option"}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _renderable(node: ast.expr) -> bool:
    """A call that makes a Text, or a name that a signature says is one."""
    if isinstance(node, ast.Call):
        made = _name(node.func)
        return made in MAKERS or made.endswith("_text") or made == "_prompt"
    return isinstance(node, ast.Name) and node.id == "text"


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_no_widget_is_given_a_bare_string(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        assert name not in ("notify", "from_markup"), f"{path.name}:{node.lineno}"
        of_static = isinstance(node.func, ast.Attribute) and "Static" in ast.unparse(
            node.func.value
        )
        if node.args and (name in WIDGETS or (name == "update" and of_static)):
            assert _renderable(node.args[0]), f"{path.name}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_nothing_that_parses_markup_is_set(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                assert _name(target) not in (
                    "border_title",
                    "border_subtitle",
                    "tooltip",
                    "sub_title",
                )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.text(max_size=200))
def test_no_text_puts_a_control_character_into_a_row_or_a_panel(words: str) -> None:
    look = Look(clock=lambda: NOW)
    line = make_line(
        0,
        reference=words,
        customer_name=words,
        recipient=words,
        error_message=words,
        note=words,
        kind=words,
        location_group=words,
    )
    for column in COLUMNS:
        shown = cell(line, column.key, look, 20)
        assert not HOSTILE.search(shown)
        assert "\n" not in shown
    for text in (
        headline(line, look),
        fields([("Name", words)]),
        look.quote(words),
        look.passage(words),
    ):
        assert isinstance(text, Text)
        assert not HOSTILE.search(text.plain)


def clean(driver: Driver) -> None:
    """Nothing hostile is on the screen."""
    found = HOSTILE.search(driver.text.replace("\n", ""))
    assert not found, repr(driver.text[max(0, found.start() - 30) : found.start() + 30])


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
async def test_hostile_words_are_shown_as_they_are_in_every_panel(size: tuple[int, int]) -> None:
    desk = evil_desk()
    async with console(desk, size=size) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.see("[red]x")
        clean(driver)
        for keys, panel, words in (
            (["enter"], "SummaryPanel", "What to do"),
            (["h"], "AttemptsPanel", "newest first"),
            (["S"], "SendPanel", "will go"),
            (["I"], "IgnorePanel", "Reason"),
            (["F"], "CorrectPanel", "Postal address"),
            (["T"], "ChoicePanel", "Bulk runs"),
            (["f", "u"], "FilterPanel", "\\e]0;pwn"),
            (["f", "s"], "FilterPanel", "\\e]0;pwn"),
            (["colon"], "PalettePanel", "Send"),
        ):
            await driver.open(panel, *keys)
            await driver.see(words)
            clean(driver)
            await driver.press("escape")
            await driver.back()
        await driver.press("comma", "e")
        await driver.see("Same error: [red]x")
        clean(driver)
        await driver.press("p", "comma", "u")
        await driver.see("Customer: [red]x")
        clean(driver)


async def test_hostile_words_on_the_log_and_in_refusals() -> None:
    desk = evil_desk()
    async with console(desk, size=(140, 90)) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.press("f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        await driver.open("EntryPanel", "enter")
        await driver.see("What happened")
        clean(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Earlier attempts")
        clean(driver)
        await driver.press("escape")
        await driver.back()
        await driver.press("j")
        await driver.open("SettlePanel", "c")
        await driver.press("x", "tab", "tab", "enter")
        await driver.see("Not done: [red]x[/red]\\e]0;pwn")
        clean(driver)
        await driver.press("escape")
        await driver.back()
        await driver.open("DownloadPanel", "d")
        await driver.press("enter")
        await driver.see("Fetch it")
        clean(driver)
        await driver.press("escape")
        await driver.back()
        await driver.press("y", "e")
        assert not HOSTILE.search(driver.app.clipboard)
        clean(driver)


async def test_a_hostile_ledger_and_way_are_clean() -> None:
    desk = evil_desk()
    desk.history = (Happening(NOW, Source.POLL, "x", "1", "y", layer=Layer.BUSINESS),)
    desk.evidence = (DocumentInfo(DocumentRole.ATTACHMENT, "a.xml", "application/xml", 1, "cd"),)
    desk.plan_now = replace(desk.plan_now, detours=(("way", 1),), skipping=(("no", 1),))
    desk.overview = [
        replace(line, channel=Channel.EINVOICE, reason=f"{EVIL} → post") for line in desk.overview
    ]
    async with console(desk, size=(140, 90)) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("SendPanel", "S")
        await driver.see("Marketing that will be skipped")
        clean(driver)
        await driver.press("escape")
        await driver.back()
        await driver.press("f3")
        await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)
        await driver.open("EntryPanel", "enter")
        await driver.see("Facts by layer")
        await driver.see("Way [red]x")
        clean(driver)


async def test_progress_of_a_hostile_run_is_clean() -> None:
    desk = evil_desk()
    async with console(desk) as driver:
        await driver.until(lambda: driver.table.window.loaded)
        await driver.open("SendPanel", "S")
        await driver.see("will go")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        await driver.see("9 of 12 decided")
        clean(driver)


def test_hostile_attempts_and_events_are_text() -> None:
    desk: EvilDesk = evil_desk(3)
    look = Look(clock=lambda: NOW)
    details = desk.details("e0000000")
    assert not HOSTILE.search(history_text(details.history, look).plain.replace("\n", ""))
    assert not HOSTILE.search(attempt_line(details.attempt, look).plain.replace("\n", ""))
    assert poisoned(details).content_text.startswith(EVIL)


@pytest.mark.parametrize(
    ("keys", "panel"),
    [(["slash"], ""), (["I"], "IgnorePanel"), (["F"], "CorrectPanel"), (["f", "u"], "FilterPanel")],
)
async def test_what_is_pasted_is_shown_as_it_is_in_every_box(keys: list[str], panel: str) -> None:
    desk = evil_desk()
    async with console(desk, size=(140, 45)) as driver:
        await driver.press(*keys)
        await driver.until(lambda: not panel or driver.panel == panel)
        for box in driver.app.screen.query("Input, TextArea"):
            box.focus()
            await driver.pilot.pause()
            box.post_message(events.Paste(EVIL.replace("\r\n", " ")))
            await driver.see("\\e]0;pwn\\x07")
            clean(driver)
