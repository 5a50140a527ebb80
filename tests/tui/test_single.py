"""What is done to one line: details, resend, ignore, complete, settle, correct, download, copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from commtui.domain.views import CustomerField, Decision, DocumentInfo, ErrandView, Happening
from commtui.domain.vocabulary import Cause, Channel, DocumentRole, Layer, Source, Status, Tab
from commtui.widgets.look import Look
from commtui.widgets.timeline import attempt_line
from tests.tui.driving import Driver, console
from tests.tui.fake_desk import NOW, FakeDesk, make_line, with_status
from tests.tui.fake_wishes import THEN


async def to_log(driver: Driver) -> None:
    """Go to the log and wait for it."""
    await driver.press("f3")
    await driver.until(lambda: driver.tab.TAB is Tab.LOG and driver.table.window.loaded)


async def test_overview_details_are_limited_and_attempts_are_one_key_further(
    desk: FakeDesk,
) -> None:
    async with console(desk) as driver:
        await driver.open("SummaryPanel", "enter")
        await driver.see("The mailbox does not exist.")
        await driver.see("Correct the address (F), then send again.")
        await driver.see("permanent: this address will not work")
        assert "sendgrid" not in driver.text
        await driver.open("AttemptsPanel", "h")
        await driver.see("1 attempt, newest first")
        await driver.press("escape")
        assert driver.panel == "SummaryPanel"
        await driver.press("escape")
        await driver.back()


async def test_log_details_are_complete(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 50)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        for words in (
            "technical: on our side",
            "Provider sendgrid (Email)",
            "Code 400",
            "Its words The from address does not match",
            "webhook bounce → Rejected",
            "Message id msg-12347",
            "invoice.pdf attachment, application/pdf, 48,211 bytes",
            "please find your invoice attached",
        ):
            await driver.see(words)


async def test_long_details_scroll(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("technical")
        await driver.press("G")
        await driver.see("please find your invoice")
        await driver.press("g", "j", "k", "pagedown", "pageup")
        await driver.see("technical")


async def test_h_opens_all_attempts(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("AttemptsPanel", "h")
        await driver.see("All attempts · invoice 12345")


async def test_resend_shows_both_addresses_and_asks_with_cancel_focused(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Used office2@example.org")
        await driver.see("Goes to office@example.org (changed)")
        await driver.see("failed before at this same address")
        assert driver.app.focused is not None
        assert driver.app.focused.id == "cancel"
        await driver.press("enter")
        await driver.back()
        assert not desk.called("resend")


async def test_s_resends_what_was_seen(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "enter", "R")
        await driver.see("Goes to")
        await driver.press("s")
        await driver.back()
        assert desk.called("resend") == [("e0000002", "e0000002")]
        await driver.see("Resent as a new entry")


async def test_a_refused_resend_says_why_and_offers_no_button(desk: FakeDesk) -> None:
    desk.refuse = "this message is already on its way"
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Cannot be resent: this message is already on its way")
        await driver.press("s", "tab", "enter")
        assert not desk.called("resend")


async def test_a_resend_that_lost_a_race_says_so_and_asks_anew(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Goes to")
        desk.refuse = "sent meanwhile by rosa, 10:42"
        await driver.press("s")
        await driver.see("Not done: sent meanwhile by rosa, 10:42")
        assert driver.panel == "ResendPanel"


async def test_the_address_can_be_corrected_before_a_resend(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("Goes to office@example.org")
        await driver.open("CorrectPanel", "e")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-email"
        )
        driver.app.screen.query_one("#value-email", Input).value = "new@example.org"
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "ResendPanel")
        assert desk.called("correct") == [("K0", CustomerField.EMAIL, "new@example.org")]
        await driver.see("Goes to new@example.org (changed)")


async def test_f_jumps_to_the_address_that_was_wrong(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], channel=Channel.SMS)
    async with console(desk) as driver:
        await driver.open("CorrectPanel", "F")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-phone"
        )
        await driver.press("ctrl+s")
        await driver.back()
        assert not desk.called("correct")


async def test_a_postal_address_keeps_its_lines(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], channel=Channel.POST)
    async with console(desk) as driver:
        await driver.open("CorrectPanel", "F")
        await driver.until(
            lambda: driver.app.focused is not None and driver.app.focused.id == "value-address"
        )
        await driver.press("enter", "C", "H", "ctrl+s")
        await driver.back()
        assert desk.called("correct") == [
            ("K0", CustomerField.ADDRESS, "Bahnhofstrasse 1\n8001 Zürich\nCH")
        ]


async def test_ignoring_wants_a_reason_and_dims_the_line(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("space")
        await driver.open("IgnorePanel", "I")
        await driver.press("enter")
        await driver.see("Say why in a few words")
        await driver.write("customer called")
        await driver.press("enter")
        await driver.back()
        assert desk.called("ignore") == ["customer called"]
        await driver.see("1 line ignored.")
        assert driver.marked == 0
        await driver.until(lambda: driver.table.in_view[0].ignored)


async def test_an_ignored_line_is_brought_back_with_the_same_key(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], ignored=True)
    async with console(desk) as driver:
        await driver.open("ChoicePanel", "f", "i")
        await driver.press("down", "down", "enter")
        await driver.back()
        await driver.until(lambda: driver.table.line and driver.line.ignored)
        await driver.open("IgnorePanel", "I")
        await driver.see("Bring back this line")
        await driver.press("enter")
        await driver.back()
        assert desk.called("unignore") == [""]


async def test_a_manual_task_is_completed_with_a_note(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("f6")
        await driver.until(lambda: driver.table.line and driver.line.channel is Channel.MANUAL)
        entry_id = driver.line.entry_id
        await driver.open("CompletePanel", "c")
        await driver.press("enter")
        await driver.see("Write what was done")
        await driver.write("handed over in person")
        await driver.press("enter")
        await driver.back()
        assert desk.called("complete") == [(entry_id, "handed over in person")]
        await driver.see("The task is done.")
        await driver.until(lambda: driver.table.in_view[0].status is Status.DONE)


async def test_c_on_another_line_says_that_there_is_nothing_to_complete(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("c")
        await driver.see("Nothing to complete")


@pytest.mark.parametrize(
    ("tabs", "decision"),
    [(2, Decision.SENT), (3, Decision.AGAIN), (4, Decision.GIVE_UP)],
    ids=["sent", "again", "give-up"],
)
async def test_an_unknown_outcome_is_settled_by_the_operator(
    desk: FakeDesk, tabs: int, decision: Decision
) -> None:
    desk.overview = [make_line(3)]
    async with console(desk) as driver:
        await driver.open("SettlePanel", "c")
        await driver.press(*["tab"] * tabs, "enter")
        await driver.see("Write what you found out")
        assert not desk.called("settle")
        await driver.press("escape")
        await driver.back()
        await driver.open("SettlePanel", "c")
        await driver.press(*"seen", *["tab"] * tabs, "enter")
        await driver.back()
        assert desk.called("settle") == [("e0000003", decision, "seen")]
        await driver.see("Settled:")


async def test_a_download_says_where_it_is_and_how_to_fetch_it(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.5 22")
    async with console(desk, size=(120, 40)) as driver:
        await driver.press("space", "space")
        await driver.open("DownloadPanel", "d")
        await driver.see("/home/anna/commtui-2026-01-16.zip")
        await driver.press("enter")
        await driver.see("2 lines, 5 files, 52,310 bytes")
        await driver.see("@10.0.0.5:/home/anna/commtui-2026-01-16.zip .")
        await driver.press("ctrl+y", "escape")
        await driver.back()
        assert driver.app.clipboard.startswith("scp ")
        assert driver.marked == 2


async def test_a_full_disk_is_said_in_words_and_another_path_can_be_tried(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.open("DownloadPanel", "d")
        await driver.see("/home/anna")
        box = driver.app.screen.query_one("#path", Input)
        box.value = "/full/x.zip"
        await driver.press("enter")
        await driver.see("Disk full: There is no room left")
        box.value = str(Path("/room/x.zip"))
        await driver.press("enter")
        await driver.see("Written /room/x.zip")


@pytest.mark.parametrize(
    ("key", "copied"),
    [
        (
            "y",
            "12345\tMüller & Søn AG\tEmail\toffice0@example.org\tbounced\t550 550 5.1.1 no such mailbox here",
        ),
        ("e", "550 550 5.1.1 no such mailbox here"),
        ("i", "s0000000"),
        ("r", "office0@example.org"),
        ("v", "commtui list overview --chip failed"),
    ],
)
async def test_y_copies_over_ssh(desk: FakeDesk, key: str, copied: str) -> None:
    async with console(desk) as driver:
        await driver.press("y", key)
        assert driver.app.clipboard.replace("\\x09", "\t") == copied
        await driver.see("Sent to the terminal's clipboard")


async def test_the_command_line_says_what_it_cannot_express(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await driver.press("comma", "t", "y", "v")
        await driver.until(lambda: "without the filters that it cannot say yet" in driver.status)


async def test_a_detour_is_told_in_both_details(desk: FakeDesk) -> None:
    way = "email: no address → post: address incomplete → manual"
    desk.overview[0] = replace(desk.overview[0], reason=way)
    desk.overview[2] = replace(desk.overview[2], reason=way)
    async with console(desk, size=(120, 40)) as driver:
        await driver.open("SummaryPanel", "enter")
        await driver.see(f"Way {way}")
        await driver.press("escape")
        await driver.back()
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see(f"Way {way}")


async def test_the_wanted_way_needs_no_words(desk: FakeDesk) -> None:
    desk.overview[0] = replace(desk.overview[0], reason="email")
    async with console(desk) as driver:
        await driver.open("SummaryPanel", "enter")
        await driver.see("Title")
        assert "Way " not in driver.text


async def test_an_e_invoice_has_a_ledger_of_facts_by_layer(desk: FakeDesk) -> None:
    desk.overview[2] = replace(desk.overview[2], channel=Channel.EINVOICE, provider="chorus")
    desk.history = (
        Happening(NOW, Source.WORKER, "deposited", "0", "flow taken", layer=Layer.API),
        Happening(NOW, Source.POLL, "IN_INTEGRE", "", "", layer=Layer.MESSAGE),
        Happening(NOW, Source.POLL, "SUSPENDUE", "20", "a piece is missing", layer=Layer.BUSINESS),
        Happening(NOW, Source.POLL, "seen", "20", "no layer"),
    )
    async with console(desk, size=(120, 60)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("Accepted is not received, and received is not approved.")
        ledger = driver.words.partition("Facts by layer")[2].partition("What happened")[0]
        layers = [
            ("API", "deposited · 0 · flow taken"),
            ("Transport", "nothing reported"),
            ("Message", "IN_INTEGRE"),
            ("Business", "SUSPENDUE · 20 · a piece is missing"),
            ("Payment", "nothing reported"),
        ]
        for (name, fact), (after, _) in zip(layers, [*layers[1:], ("\0", "")], strict=True):
            assert fact in ledger.partition(name)[2].partition(after)[0], (name, ledger)
        assert "no layer" not in ledger


async def test_only_e_invoices_have_a_ledger(desk: FakeDesk) -> None:
    async with console(desk, size=(120, 60)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("What happened")
        assert "Facts by layer" not in driver.text


async def test_evidence_is_listed_among_the_documents(desk: FakeDesk) -> None:
    desk.evidence = (
        DocumentInfo(DocumentRole.ATTACHMENT, "receipt.xml", "application/xml", 1234, "cd" * 32),
    )
    async with console(desk, size=(120, 60)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("invoice.pdf attachment, application/pdf, 48,211 bytes")
        await driver.see("receipt.xml evidence, application/xml, 1,234 bytes")


async def test_a_task_says_where_its_documents_are(desk: FakeDesk) -> None:
    task = replace(desk.overview[2], channel=Channel.MANUAL)
    desk.overview = [with_status(task, Status.NOT_SENT)]
    async with console(desk, size=(120, 50)) as driver:
        await driver.press("f6")
        await driver.until(lambda: driver.table.window.total == 1)
        await driver.open("SummaryPanel", "enter")
        await driver.see("At hand d on the list downloads all of it")
        await driver.press("escape")
        await driver.back()
        await to_log(driver)
        await driver.press("f5")
        await driver.open("EntryPanel", "enter")
        await driver.see("c completes the task")


async def test_details_name_all_their_keys(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.open("ChoicePanel", "question_mark")
        await driver.see("Keys of these details")
        await driver.see("Have the provider stop a letter X")


@pytest.mark.parametrize(
    ("channel", "title"),
    [(Channel.EMAIL, "Sent text"), (Channel.MANUAL, "Text"), (Channel.POST, "")],
)
async def test_only_a_text_that_was_sent_is_called_so(
    desk: FakeDesk, channel: Channel, title: str
) -> None:
    sent_at = NOW if channel is Channel.EMAIL else None
    desk.overview[2] = replace(
        desk.overview[2], channel=channel, status=Status.FAILED, sent_at=sent_at
    )
    async with console(desk, size=(120, 60)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("invoice.pdf")
        assert ("Dear customer" in driver.text) is bool(title)
        assert ("Sent text" in driver.text) is (title == "Sent text")


async def test_a_postal_address_begins_with_the_name_and_names_it_once(desk: FakeDesk) -> None:
    name = desk.overview[2].customer_name
    desk.overview[2] = replace(desk.overview[2], recipient=f"{name}, 1 rue Essai")
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see(f"Recipient {name}, 1 rue Essai")


async def test_a_task_among_the_attempts_has_its_word(desk: FakeDesk) -> None:
    task = replace(desk._attempt(desk.log[2]), cause=Cause.TASK)
    assert "task" in attempt_line(task, Look(clock=lambda: NOW)).plain


async def test_x_asks_the_provider_to_stop_a_letter(desk: FakeDesk) -> None:
    desk.overview[2] = replace(
        desk.overview[2],
        channel=Channel.POST,
        status=Status.SENT,
        provider="ping",
        error_class=None,
    )
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("X asks the provider to stop this letter.")
        await driver.open("ReasonPanel", "X")
        await driver.see("printed and handed over")
        await driver.press("enter")
        await driver.see("Say why in a few words")
        await driver.write("wrong enclosure")
        desk.refuse = "Ping cannot stop what it has handed over"
        await driver.press("enter")
        await driver.see("Not done: Ping cannot stop what it has handed over")
        desk.refuse = ""
        await driver.press("enter")
        await driver.until(lambda: driver.panel == "EntryPanel")
        assert desk.called("cancel")[-1] == ("s0000002", "wrong enclosure")
        await driver.see("Asked: a worker asks the provider to stop it.")


@pytest.mark.parametrize(
    ("state", "words", "top", "row"),
    [
        ("open", "", "is being asked to stop this letter", "waiting for a worker"),
        (
            "open",
            "nobody answers",
            "is being asked to stop this letter",
            "could not be asked yet and is tried again: nobody answers",
        ),
        ("done", "cancelling", "becomes Cancelled when that is confirmed", "done 14 Jan"),
        ("refused", "It is printed.", "did not stop this letter: It is printed. X asks", "refused"),
    ],
    ids=["waiting", "again", "done", "refused"],
)
async def test_details_say_what_came_of_a_letter_that_was_asked_back(
    desk: FakeDesk, state: str, words: str, top: str, row: str
) -> None:
    desk.overview[2] = replace(
        desk.overview[2], channel=Channel.POST, status=Status.SENT, provider="ping"
    )
    done = None if state == "open" else THEN
    asked = ErrandView("cancel", "ping", "", "wrong enclosure", "anna", THEN, state, words, done)
    desk.errands = (asked,)
    async with console(desk, size=(120, 50)) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see(top)
        await driver.see("Asked of the provider")
        await driver.see("by anna: stop this message at ping")
        await driver.see("why: wrong enclosure")
        await driver.see(row)


async def test_x_on_anything_else_says_why_not(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("EntryPanel", "enter")
        await driver.see("Provider")
        assert "X asks the provider" not in driver.text
        await driver.press("X")
        await driver.see("Only a letter that the provider has accepted")
        assert not desk.called("cancel")


async def test_a_resend_says_that_the_address_page_is_made_anew(desk: FakeDesk) -> None:
    async with console(desk) as driver:
        await to_log(driver)
        await driver.open("ResendPanel", "R")
        await driver.see("The same content goes out once more")
        desk.new_letter = True
        await driver.press("escape")
        await driver.back()
        await driver.open("ResendPanel", "R")
        await driver.see("The letter's address page is made anew for the present address.")
