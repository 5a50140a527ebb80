"""`send`, `resend`, `settle`, `complete`, `cancel`, `ignore` and `download`."""

from __future__ import annotations

import time
import zipfile

import pytest

from commtui.cli import parser
from commtui.cli.sending import run_resend
from commtui.config import load
from commtui.domain.vocabulary import ErrorClass, Status
from commtui.errors import Refused
from tests.cli.conftest import Shell
from tests.ping_practice import letter


def test_send_without_yes_and_without_a_terminal_sends_nothing_and_says_so(shell: Shell) -> None:
    shell.bring()
    answer = shell("send")
    assert answer.code == 1
    assert "nothing is sent without --yes" in answer.err
    assert shell("list", "log", "--json").out == ""


def test_a_dry_run_says_what_would_go_and_sends_nothing(shell: Shell) -> None:
    shell.bring({}, {"channels": ["email"], "customer": {"id": "K-2", "email": "nonsense"}})
    answer = shell("send", "--dry-run", "--json")
    assert answer.code == 0
    assert answer.json["going"] == {"email": 1, "manual": 1}
    assert answer.json["detours"] == [
        {"reason": "email: address invalid → post: no letter → manual", "count": 1}
    ]
    assert answer.json["skipping"] == []
    assert (answer.json["sent"], answer.json["run_id"]) == (False, None)
    text = shell("send", "--dry-run").out
    assert "1 of them another way: email: address invalid → post: no letter → manual" in text
    assert shell("list", "log", "--json").out == ""


def test_an_entry_says_which_way_it_went_and_why(shell: Shell) -> None:
    shell.bring({"channels": ["email"], "customer": {"email": "nonsense"}})
    assert shell("send", "--yes").code == 0
    way = "email: address invalid → post: no letter → manual"
    assert shell.overview()["reason"] == way
    (line,) = shell("list", "log", "--json").lines
    assert (line["channel"], line["reason"]) == ("manual", way)
    (entry,) = shell("show", "12345", "--json").json["entries"]
    assert entry["reason"] == way
    assert f"Way           {way}" in shell("show", "12345").out


def test_what_may_not_reach_a_customer_who_wants_no_marketing_is_written_down_as_skipped(
    shell: Shell,
) -> None:
    shell.bring({"channels": ["email"], "purpose": "marketing"})
    told = ("customer", "opt-out", "K-1", "--marketing", "--reason", "said so on the phone")
    assert shell(*told).code == 0
    dry = shell("send", "--dry-run", "--json").json
    assert (dry["total"], dry["going"]) == (0, {})
    (skipping,) = dry["skipping"]
    assert skipping["count"] == 1
    assert "opted out (told an operator" in skipping["reason"]
    assert skipping["reason"].endswith("→ skipped")
    assert f"1 will be skipped: {skipping['reason']}" in shell("send", "--dry-run").out
    assert shell("send").code == 1
    assert shell("list", "log", "--json").out == ""
    done = shell("send", "--yes")
    assert done.code == 0
    assert "confirmed: 0 on their way, 1 skipped" in done.out
    assert shell.overview()["status"] == "skipped"


def test_send_queues_what_may_go_at_once(shell: Shell) -> None:
    shell.bring({}, {})
    answer = shell("send", "--yes")
    assert answer.code == 0
    assert "2 will go: Email" in answer.out
    assert "no worker is running" in answer.out
    statuses = [line["status"] for line in shell("list", "log", "--json").lines]
    assert statuses == ["queued", "queued"]


def test_sending_what_is_queued_or_completed_does_nothing_and_says_so(shell: Shell) -> None:
    shell.bring()
    shell("send", "--yes")
    again = shell("send", "--yes", "--ids", "12345")
    assert again.code == 1
    assert "1 will not: already on its way" in again.out
    shell.learn(shell.overview()["entry_id"], Status.DELIVERED)
    for arguments in (("12345", "--yes"), ("--yes", "--ids", shell.overview()["id"])):
        again = shell("send", *arguments)
        assert again.code == 1
        assert "1 will not: already completed" in again.out
    assert shell("send", "--yes").out.splitlines()[0] == "nothing matches"
    assert len(shell("list", "log", "--json").lines) == 1


def test_ids_are_separate_arguments_and_of_any_kind(shell: Shell) -> None:
    shell.bring({}, {}, {}, {})
    lines = {
        line["subject"]["reference"]: line for line in shell("list", "overview", "--json").lines
    }
    answer = shell(
        "send",
        "--ids",
        lines["12345"]["id"],
        lines["12346"]["communication_id"],
        "C-12347",
        "--yes",
    )
    assert answer.code == 0
    sent = {line["subject"]["reference"] for line in shell("list", "log", "--json").lines}
    assert sent == {"12345", "12346", "12347"}
    first = lines["12345"]["id"]
    entry = shell("show", first, "--json").json["entries"][0]["id"]
    shell.learn(entry, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    assert shell("send", "--yes", "--ids", entry).code == 0
    assert shell("show", first, "--json").json["attempts"] == 2


def test_an_older_communication_of_a_subject_is_sent_when_it_is_named(shell: Shell) -> None:
    shell.bring({"id": "old"})
    shell.bring({"id": "new", "kind": "reminder"})
    assert shell("send", "--yes", "--ids", "old").code == 0
    (line,) = shell("list", "log", "--json").lines
    assert line["kind"] == "invoice"


def test_a_query_and_ids_exclude_each_other(shell: Shell) -> None:
    assert shell("send", "Martin", "--ids", "12345", "--yes").code == 2


def test_resend_makes_a_new_entry_and_refuses_what_was_resent_already(shell: Shell) -> None:
    first = shell.bounced()
    second = shell("resend", first, "--yes", "--json").json["entry_id"]
    for text in (first, second, "12345"):
        again = shell("resend", text, "--yes")
        assert again.code == 1
        assert "already on its way" in again.err
    shell.learn(second, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    again = shell("resend", first, "--yes")
    assert again.code == 1
    assert "sent meanwhile by rosa" in again.err
    assert f"as entry {second} (bounced)" in again.err
    assert shell("resend", "12345", "--yes").code == 0


def test_resend_without_yes_and_without_a_terminal_sends_nothing(shell: Shell) -> None:
    first = shell.bounced()
    answer = shell("resend", first)
    assert answer.code == 1
    assert "nothing is sent without --yes" in answer.err
    assert len(shell("list", "log", "--json").lines) == 1


def test_resend_of_two_channels_at_once_is_ambiguous(shell: Shell) -> None:
    shell.bring(
        {
            "channels": ["email", "sms"],
            "content": {"subject": "I", "text": "T", "sms": "S"},
            "customer": {"phone": "+33612345678"},
        }
    )
    shell("send", "--yes")
    answer = shell("resend", "12345", "--yes")
    assert answer.code == 2
    assert "(email, queued)" in answer.err
    assert "(sms, queued)" in answer.err


def test_four_resends_at_the_same_moment_make_one_send(shell: Shell) -> None:
    first = shell.bounced()
    processes = [shell.start("resend", first, "--yes") for _ in range(4)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1, 1, 1], answers
    assert len(shell("list", "log", "--json").lines) == 2


def test_an_id_that_stands_for_a_latest_attempt_does_not_mean_one_made_since_the_command_began(
    shell: Shell,
) -> None:
    shell.bounced()
    chosen = parser.parse(["resend", "12345", "--yes"])
    chosen.started = time.monotonic() - 3600
    with pytest.raises(Refused, match="sent meanwhile"):
        run_resend(chosen, load())


def test_an_unknown_outcome_is_settled(shell: Shell) -> None:
    shell.bring()
    shell("send", "--yes")
    entry = shell.overview()["entry_id"]
    shell.learn(entry, Status.UNKNOWN, ErrorClass.UNKNOWN, "no_answer", step=True)
    assert shell("settle", "12345", "give-up", "--note", "nobody knows").code == 0
    shown = shell("show", entry, "--json").json
    assert shown["status"] == "failed"
    assert shown["entries"][0]["note"] == "nobody knows"
    again = shell("settle", entry, "sent")
    assert again.code == 1
    assert "only an unknown outcome" in again.err


def test_a_manual_task_is_completed_with_its_note(shell: Shell) -> None:
    shell.bring({"channels": ["manual"]})
    shell("send", "--yes")
    assert shell("complete", "12345").code == 2
    assert shell("complete", "12345", "--note", "handed over").code == 0
    assert shell.overview()["status"] == "done"
    assert shell("show", "12345", "--json").json["entries"][0]["note"] == "handed over"


def test_lines_are_ignored_and_brought_back_by_any_id(shell: Shell) -> None:
    entry = shell.bounced()
    assert shell("ignore", "12345").code == 2
    assert shell("ignore", entry, "--reason", "closed").out == "1 ignored\n"
    assert shell.overview()["ignored"] is True
    assert shell("unignore", "12345").out == "1 brought back\n"
    assert shell.overview()["ignored"] is False


def test_a_download_holds_what_was_chosen(shell: Shell) -> None:
    entry = shell.bounced()
    path = shell.folder / "out.zip"
    answer = shell("download", "martin", "-o", str(path), "--json")
    assert answer.json["lines"] == 1
    assert zipfile.is_zipfile(path)
    assert shell("download", "-o", str(path)).code == 1
    log = shell.folder / "log.zip"
    assert shell("download", "--ids", entry, "-o", str(log)).code == 0
    assert shell("download", "--ids", entry, "12345", "-o", str(log)).code == 2


def test_what_the_provider_cannot_stop_is_not_cancelled(shell: Shell) -> None:
    shell.bring()
    shell("send", "--yes")
    waiting = shell("cancel", "12345", "--reason", "wrong amount")
    assert waiting.code == 1
    assert "only what the provider has accepted" in waiting.err
    shell.learn(shell.overview()["entry_id"], Status.SENT, provider_message_id="M-1")
    sent = shell("cancel", "12345", "--reason", "wrong amount")
    assert sent.code == 1
    assert "SendGrid cannot stop what it has accepted" in sent.err
    assert shell("cancel", "12345").code == 2
    assert shell("cancel", "12345", "--reason", " ").code == 2
    assert shell("cancel", "nothing", "--reason", "wrong amount").code == 2


def test_a_letter_that_ping_accepted_is_asked_back_and_show_says_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "secret",
        "ORGANISATION": "0b0e7a70-0000-4000-8000-000000000001",
    }.items():
        monkeypatch.setenv(f"COMMTUI_PING__{name}", value)
    where = {"street": "12 rue de la Forêt", "zip": "75011", "city": "Paris"}
    window = "Léa Martin\n12 rue de la Forêt\n75011 Paris\nFR"
    (shell.folder / "letter.pdf").write_bytes(letter(window))
    document = {"role": "letter", "path": "letter.pdf", "name": "letter.pdf"}
    shell.bring(
        {
            "channels": ["post"],
            "customer": {"address": {**where, "country": "FR"}},
            "documents": [{**document, "media_type": "application/pdf"}],
        }
    )
    assert shell("send", "--yes").code == 0
    line = shell.overview()
    assert (line["channel"], line["provider"]) == ("post", "ping")
    assert shell("cancel", "12345", "--reason", "wrong amount").code == 1
    shell.learn(line["entry_id"], Status.SENT, provider_message_id="P-1")
    answer = shell("cancel", "12345", "--reason", "wrong amount")
    assert answer.code == 0
    assert "no worker is running" in answer.out
    (entry,) = shell("show", "12345", "--json").json["entries"]
    (asked,) = entry["errands"]
    assert (asked["kind"], asked["provider"], asked["state"]) == ("cancel", "ping", "open")
    assert (asked["operator"], asked["reason"]) == ("rosa", "wrong amount")
    assert "cancel asked by rosa" in shell("show", "12345").out
    shell.learn(line["entry_id"], Status.DELIVERED)
    late = shell("cancel", "12345", "--reason", "wrong amount")
    assert late.code == 1
    assert "not delivered yet" in late.err
