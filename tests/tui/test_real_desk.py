"""The console on the real desk over a database: every action, from the keyboard to the log."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from commtui.bootstrap import open_desk
from commtui.config import Database as DatabaseSettings
from commtui.config import Secret
from commtui.domain.vocabulary import Cause, Channel, DocumentRole, Layer, Source, Status, Tab
from commtui.errors import Rejected, UnknownOutcome
from commtui.providers.base import Accepted, Document, SendRequest
from commtui.services.desk import Desk
from commtui.store.engine import Database
from commtui.store.evidences import keep_evidence
from commtui.store.schema import prepare
from tests.office import SETTINGS, Office, message
from tests.tui.driving import Driver, console

BAD = "bounces@example.com"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office on a database in a file."""
    database = Database(f"sqlite:///{tmp_path / 'commtui.db'}")
    prepare(database)
    yield Office(database)
    database.close()


@pytest.fixture
def desk(office: Office, tmp_path: Path) -> Iterator[Desk]:
    """The desk on the same database."""
    url = Secret(f"sqlite:///{tmp_path / 'commtui.db'}")
    opened = open_desk(replace(SETTINGS, operator="rosa", database=DatabaseSettings(url)))
    yield opened
    opened.close()


async def away(call: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Let the office do something while the console runs."""
    return await asyncio.to_thread(call, *args, **named)


async def opened(driver: Driver, count: int) -> None:
    """Wait for a list of so many lines."""
    await driver.until(
        lambda: driver.table.window.loaded and driver.table.window.total == count,
        f"not {count} lines",
    )


async def to_log(driver: Driver, count: int) -> None:
    """Go to the log."""
    await driver.press("f3")
    await driver.until(lambda: driver.tab.TAB is Tab.LOG)
    await opened(driver, count)


def bounced(office: Office, *references: str) -> None:
    """These messages were sent and bounced."""
    office.put(*(message(reference) for reference in references))
    office.send(*references)
    for reference in references:
        office.report_on(reference, Status.BOUNCED)


async def test_the_example_of_the_field_bounced_on_one_day_delivered_on_the_next(
    office: Office, desk: Desk
) -> None:
    await away(bounced, office, "12345")
    async with console(desk) as driver:
        await driver.see("✗ Failed: bounced Email 12345 Léa Martin")
        await to_log(driver, 1)
        await driver.open("ResendPanel", "R")
        await driver.see("Goes to lea@example.com (the same)")
        await driver.press("s")
        await driver.back()
        await away(office.work)
        await away(office.report_on, "12345", Status.DELIVERED)
        await driver.press("f8", "r")
        await opened(driver, 2)
        shown = [line.status for line in driver.table.in_view]
        assert shown == [Status.DELIVERED, Status.BOUNCED]
        await driver.see("fixed by")
        await driver.press("f2", "f7")
        await opened(driver, 1)
        await driver.see("✓ Delivered Email 12345")
    assert [line.status for line in office.attempts()] == [Status.DELIVERED, Status.BOUNCED]


async def test_marked_lines_are_sent_and_seen_arriving(office: Office, desk: Desk) -> None:
    office.put(*(message(f"{number}") for number in range(100, 106)))
    async with console(desk) as driver:
        await driver.press("f6")
        await opened(driver, 6)
        await driver.press("space", "space", "space")
        await driver.open("SendPanel", "S")
        await driver.see("3 messages will go")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        await away(office.expand)
        await away(office.work)
        await driver.see("3 → Sent")
        await driver.press("escape")
        await driver.back()
        for line in office.lines(Tab.LOG):
            await away(office.report_on, line.reference, Status.DELIVERED)
        await driver.until(
            lambda: sum(line.status is Status.DELIVERED for line in driver.table.in_view) == 3
        )
        await driver.see("Not sent 3")
        await driver.see("Completed 3")
    assert len(office.lines(Tab.LOG)) == 3


async def test_all_that_match_are_frozen_at_the_confirmation(office: Office, desk: Desk) -> None:
    office.put(*(message(f"{number}") for number in range(100, 160)))
    async with console(desk) as driver:
        await driver.press("f6")
        await opened(driver, 60)
        await driver.press("A", "A")
        await driver.see("60 marked (all that match)")
        await driver.open("SendPanel", "S")
        await driver.see("60 messages will go")
        await away(office.put, message("999"))
        await driver.press("s")
        await driver.write("60")
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        await away(office.expand)
        await away(office.work)
        await driver.see("60 of 60 decided")
    assert len(office.lines(Tab.LOG)) == 60
    assert office.attempts("999") == []


async def test_the_address_is_corrected_before_the_resend(office: Office, desk: Desk) -> None:
    await away(bounced, office, "12345")
    async with console(desk) as driver:
        await to_log(driver, 1)
        await driver.open("ResendPanel", "R")
        await driver.see("Goes to lea@example.com")
        await driver.open("CorrectPanel", "e")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-email"
        )
        driver.app.screen.query_one("#value-email", Input).value = "lea.martin@example.com"
        await driver.press("enter")
        await driver.see("Goes to lea.martin@example.com (changed)")
        await driver.press("s")
        await driver.back()
    await away(office.work)
    newest, oldest = office.attempts()
    assert (newest.recipient, oldest.recipient) == ("lea.martin@example.com", "lea@example.com")
    assert desk.attempts(newest.subject_id)[0].cause is Cause.RESEND


async def test_details_are_limited_on_the_overview_and_complete_on_the_log(
    office: Office, desk: Desk
) -> None:
    await away(bounced, office, "12345")
    async with console(desk, size=(120, 60)) as driver:
        await opened(driver, 1)
        await driver.open("SummaryPanel", "enter")
        await driver.see("What to do")
        await driver.see("permanent")
        await driver.open("AttemptsPanel", "h")
        await driver.see("bulk send · by rosa")
        await driver.press("escape", "escape")
        await driver.back()
        await to_log(driver, 1)
        await driver.open("EntryPanel", "enter")
        for words in (
            "sendgrid",
            "5.1.1",
            "no such user",
            "webhook",
            "Message id m-",
            "Your invoice",
        ):
            await driver.see(words)


async def test_ignoring_takes_a_line_out_and_brings_it_back(office: Office, desk: Desk) -> None:
    await away(bounced, office, "1", "2")
    async with console(desk) as driver:
        await opened(driver, 2)
        gone = driver.line.reference
        await driver.open("IgnorePanel", "I")
        await driver.write("wrong invoice")
        await driver.press("enter")
        await driver.see("1 line ignored.")
        await driver.see("Failed 1")
        await driver.press("r")
        await opened(driver, 1)
        await driver.open("ChoicePanel", "f", "i")
        await driver.press("down", "down", "enter")
        await opened(driver, 1)
        await driver.until(lambda: driver.line.reference == gone)
        await driver.open("IgnorePanel", "I")
        await driver.see("Bring back")
        await driver.press("enter")
        await driver.see("1 line brought back.")
    assert office.counts().failed == 2


async def test_a_manual_task_is_completed(office: Office, desk: Desk) -> None:
    office.put(message(channels=["manual"]))
    await away(office.send)
    async with console(desk, size=(120, 40)) as driver:
        await driver.press("f6")
        await opened(driver, 1)
        await driver.see("manual action")
        await driver.open("CompletePanel", "c")
        await driver.write("handed over in person")
        await driver.press("enter")
        await driver.back()
        await driver.see("✓ Done")
    assert office.line().status is Status.DONE


async def test_an_unknown_outcome_is_settled(office: Office, desk: Desk) -> None:
    office.put(message("1"), message("2"), message("3"))
    await away(office.send, script=lambda request: UnknownOutcome("sendgrid", "read timeout"))
    async with console(desk) as driver:
        await opened(driver, 3)
        for tabs in (2, 3, 4):
            await driver.open("SettlePanel", "c")
            await driver.press(*"seen", *["tab"] * tabs, "enter")
            await driver.back()
            await driver.see("Settled:")
            await driver.press("j")
        await away(office.work)
    assert sorted(line.status for line in office.lines()) == [
        Status.FAILED,
        Status.SENT,
        Status.SENT,
    ]
    assert len(office.lines(Tab.LOG)) == 4


async def test_a_download_is_a_zip_that_opens(office: Office, desk: Desk, tmp_path: Path) -> None:
    await away(bounced, office, "1", "2")
    async with console(desk, size=(120, 40)) as driver:
        await opened(driver, 2)
        await driver.press("A")
        await driver.open("DownloadPanel", "d")
        await driver.until(lambda: driver.app.screen.query_one("#path", Input).value)
        driver.app.screen.query_one("#path", Input).value = str(tmp_path / "two.zip")
        await driver.press("enter")
        await driver.see("2 lines")
        await driver.see("scp ")
        await driver.press("escape")
        await driver.back()
    with zipfile.ZipFile(tmp_path / "two.zip") as archive:
        assert "manifest.csv" in archive.namelist()


async def test_a_path_that_is_taken_is_refused_in_words(
    office: Office, desk: Desk, tmp_path: Path
) -> None:
    await away(bounced, office, "1")
    (tmp_path / "taken.zip").write_bytes(b"mine")
    async with console(desk) as driver:
        await opened(driver, 1)
        await driver.open("DownloadPanel", "d")
        await driver.until(lambda: driver.app.screen.query_one("#path", Input).value)
        driver.app.screen.query_one("#path", Input).value = str(tmp_path / "taken.zip")
        await driver.press("enter")
        await driver.see("Not done:")
    assert (tmp_path / "taken.zip").read_bytes() == b"mine"


def mixed(request: SendRequest) -> Accepted | Exception:
    """A provider that refuses one text message."""
    if request.channel is Channel.SMS:
        return Rejected("twilio", "21211", "The 'To' number is not a valid phone number")
    return Accepted(f"m-{request.entry_id}")


async def test_filters_search_sort_and_chips_on_real_data(office: Office, desk: Desk) -> None:
    nordic = {
        "id": "K-2",
        "name": "Nørdic Bikes",
        "email": "b@example.com",
        "phone": "+33639981201",
    }
    office.put(
        message("10", customer={**nordic, "location_group": "Lyon"}, channels=["sms"]),
        message("20", subject={"type": "contract", "reference": "20"}),
        message("30"),
        message("40", collecting=True),
    )
    await away(office.send, "10", "20", script=mixed)
    async with console(desk) as driver:
        await opened(driver, 1)
        await driver.see("Failed 1")
        await driver.see("Not sent 1")
        await driver.see("Completed 1")
        await driver.see("All 3")
        await driver.press("f8")
        await opened(driver, 3)
        for keys, title, choice in (
            (("f", "t"), "Filter by type", "sms"),
            (("f", "k"), "Filter by category", "contract"),
            (("f", "s"), "Filter by status", "reject"),
            (("f", "l"), "Filter by location group", "lyon"),
            (("f", "u"), "Filter by customer", "nordic"),
        ):
            await driver.open("FilterPanel", *keys)
            await driver.see(title)
            await driver.write(choice)
            await driver.press("enter")
            await opened(driver, 1)
            await driver.press("x")
            await opened(driver, 3)
        await driver.open("DatesPanel", "f", "d")
        await driver.press("end", "down", "down", "down", "down", "enter")
        await driver.see("Nothing to show here.")
        await driver.see("sent between hides 3 lines")
        await driver.see("1 still collecting data")
        await driver.press("x", "/")
        await driver.write("nordic")
        await driver.press("enter")
        await opened(driver, 1)
        await driver.see("Nørdic Bikes")
        await driver.press("escape", "o", "r")
        await driver.until(
            lambda: [line.reference for line in driver.table.in_view] == ["10", "20", "30"]
        )
        await driver.press("o", "u")
        await driver.until(lambda: driver.table.in_view[-1].reference == "10")
        await driver.press("o", "s", "o", "t")
        await driver.see("Time▼")


async def test_rows_of_the_same_cause_are_found(office: Office, desk: Desk) -> None:
    await away(bounced, office, "1", "2")
    office.put(message("3"))
    await away(office.send, "3", script=lambda request: Rejected("sendgrid", "400", "bad thing"))
    async with console(desk) as driver:
        await opened(driver, 3)
        await driver.press("G", "comma", "e")
        await opened(driver, 2)
        await driver.see("Same error:")


async def test_the_logs_subjects_are_taken_over_and_sent(office: Office, desk: Desk) -> None:
    await away(bounced, office, "1", "2", "3")
    async with console(desk) as driver:
        await to_log(driver, 3)
        await driver.press("space", "space", "S")
        await driver.until(lambda: driver.tab.TAB is Tab.OVERVIEW and driver.marked == 2)
        await driver.open("SendPanel", "S")
        await driver.see("2 messages will go")
        await driver.see("failed before at this same address")
        await driver.press("tab", "enter")
        await driver.until(lambda: driver.panel == "ProgressPanel")
    await away(office.expand)
    await away(office.work)
    assert len(office.lines(Tab.LOG)) == 5


async def test_runs_can_be_looked_at_again_paused_and_stopped(office: Office, desk: Desk) -> None:
    office.put(*(message(f"{number}") for number in range(5)))
    office.bulk.confirm(office.plan().run_id)
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "T")
        await driver.see("by rosa: 5 messages")
        await driver.open("ProgressPanel", "enter")
        await driver.see("5 not begun yet")
        await driver.press("p")
        await driver.see("paused")
        await driver.press("p")
        await driver.see("running")
        await driver.press("X")
        await driver.see("stopped")
        await driver.press("X")
        await driver.see("Not done:")


async def test_the_palette_has_real_filter_values(office: Office, desk: Desk) -> None:
    await away(bounced, office, "1", "2")
    async with console(desk) as driver:
        await opened(driver, 2)
        await driver.open("PalettePanel", "ctrl+p")
        await driver.write("bounced")
        await driver.see("Filter to status Failed: bounced narrows to 2")
        await driver.press("enter")
        await driver.back()
        assert driver.tab.chosen.statuses == {Status.BOUNCED}


async def test_a_status_moves_without_moving_anything_else(office: Office, desk: Desk) -> None:
    office.put(*(message(f"{number}") for number in range(100, 130)))
    await away(office.send)
    async with console(desk) as driver:
        await driver.press("f8")
        await opened(driver, 30)
        await driver.press("j", "j", "space", "j")
        cursor, top, marked = driver.table.cursor, driver.table.top, driver.marked
        here = driver.line.id
        first = driver.table.in_view[0].reference
        await away(office.report_on, first, Status.BOUNCED)
        await driver.see(f"✗ Failed: bounced Email {first}")
        await driver.see("Failed 1")
        assert (driver.table.cursor, driver.table.top, driver.marked) == (cursor, top, marked)
        assert driver.line.id == here


async def test_a_bounced_address_is_corrected_on_the_customers_page_and_what_waited_is_sent(
    office: Office, desk: Desk
) -> None:
    await away(bounced, office, "1", "2")
    async with console(desk, size=(120, 50)) as driver:
        await opened(driver, 2)
        await driver.open("CustomerPanel", "C")
        await driver.see("Customer Léa Martin")
        await driver.see("last failure")
        await driver.see("suppressed since")
        await driver.open("CorrectPanel", "F")
        await driver.see("E-invoice (source: nothing)")
        await driver.until(lambda: driver.app.focused and driver.app.focused.id == "value-email")
        driver.app.screen.query_one("#value-email", Input).value = "lea.new@example.com"
        await driver.press("ctrl+s")
        await driver.see("2 messages failed at, or waited for, this address. Send them now?")
        await driver.open("SendPanel", "enter")
        await driver.see("2 messages will go:")
        await driver.press("s")
        await driver.until(lambda: driver.panel == "ProgressPanel")
        await driver.press("escape")
        await driver.until(lambda: driver.panel == "CustomerPanel")
        await driver.see("lea.new@example.com")
        await driver.see("corrected by rosa")
    await away(office.expand)
    await away(office.work)
    recipients = {line.recipient for line in office.lines(Tab.LOG) if line.status is Status.SENT}
    assert recipients == {"lea.new@example.com"}


async def test_wishes_are_kept_and_shown(office: Office, desk: Desk) -> None:
    office.put(message("1"))
    async with console(desk, size=(120, 50)) as driver:
        await driver.press("f8")
        await opened(driver, 1)
        await driver.open("CustomerPanel", "C")
        await driver.see("the usual order for every kind")
        await driver.open("ChoicePanel", "o")
        await driver.write("email: everything")
        await driver.open("ReasonPanel", "enter")
        await driver.write("said so by phone")
        await driver.press("enter")
        await driver.see("Email: everything · told an operator rosa")
        await driver.open("PreferPanel", "p")
        await driver.press("tab")
        await driver.write("post, email")
        await driver.press("enter")
        await driver.see("every kind: post, email")
        await driver.open("ChoicePanel", "i")
        await driver.open("ReasonPanel", "enter")
        await driver.write("changed her mind")
        await driver.press("enter")
        await driver.see("Opt-outs of the customer none")


def test_details_have_layers_and_evidence(office: Office, desk: Desk) -> None:
    office.put(message("1"))
    office.send("1")
    entry = office.attempts("1")[0].id
    office.report(
        office.event(entry, None, kind="SUSPENDUE", code="20", layer=Layer.BUSINESS),
        office.event(entry, None, kind="open"),
    )
    proof = Document(DocumentRole.ATTACHMENT, "receipt.xml", "application/xml", b"<receipt/>")
    with office.database.write() as connection:
        keep_evidence(connection, entry, [proof], office.database.now())
    details = desk.details(entry)
    assert [(fact.word, fact.layer) for fact in details.history if fact.source is Source.EVENT] == [
        ("SUSPENDUE", Layer.BUSINESS),
        ("open", None),
    ]
    assert [(item.name, item.size) for item in details.evidence] == [("receipt.xml", 10)]
