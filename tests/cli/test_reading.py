"""`import`, `schema`, `list`, `counts` and `show`."""

from __future__ import annotations

import csv
import io
import json

import pytest

from commtui.domain.vocabulary import Layer, Status
from tests.cli.conftest import Shell

FIELDS = [
    "id",
    "subject_id",
    "communication_id",
    "entry_id",
    "subject",
    "customer",
    "kind",
    "category",
    "channel",
    "provider",
    "recipient",
    "status",
    "chip",
    "error",
    "created_at",
    "sent_at",
    "updated_at",
    "ignored",
    "attempts",
]


def test_import_counts_and_names_what_it_refuses(shell: Shell) -> None:
    assert shell.bring().json == {"created": 1, "updated": 0, "unchanged": 0, "refused": []}
    assert shell.bring().json["unchanged"] == 1
    answer = shell.bring({"reference": "1"}, {"reference": "2", "kind": 7})
    assert answer.code == 1
    assert answer.json["created"] == 1
    (refused,) = answer.json["refused"]
    assert (refused["line"], refused["field"]) == (2, "kind")


def test_import_in_words_lists_refusals_on_standard_error(shell: Shell) -> None:
    file = shell.folder / "bad.jsonl"
    file.write_text("{}\nnonsense\n")
    answer = shell("import", str(file))
    assert (answer.code, answer.out) == (
        1,
        "0 created, 0 updated, 0 unchanged, 2 refused\n",
    )
    assert [line.split(":")[0] for line in answer.err.splitlines()] == ["line 1", "line 2"]


def test_import_of_a_file_that_is_not_there_is_wrong_usage(shell: Shell) -> None:
    answer = shell("import", str(shell.folder / "missing.jsonl"))
    assert answer.code == 2
    assert "missing.jsonl: No such file" in answer.err


def test_the_schema_is_json_schema(shell: Shell) -> None:
    assert shell("schema").json["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_list_prints_the_promised_fields_first(shell: Shell) -> None:
    entry_id = shell.bounced()
    (line,) = shell("list", "log", "--json").lines
    assert list(line)[: len(FIELDS)] == FIELDS
    assert line["id"] == line["entry_id"] == entry_id
    assert line["subject"] == {"type": "invoice", "reference": "12345", "title": "January"}
    assert line["customer"] == {"id": "K-1", "name": "Léa Martin"}
    assert (line["status"], line["chip"]) == ("bounced", "failed")
    assert line["error"] == {
        "class": "permanent",
        "code": "5.1.1",
        "message": "550 no such user",
    }
    assert line["created_at"].endswith("Z")


def test_list_pages_through_everything_and_stops_at_the_limit(shell: Shell) -> None:
    shell.bring(*({"reference": str(number)} for number in range(1000, 1620)))
    everything = shell("list", "overview", "--limit", "1000000", "--json").lines
    assert len({line["id"] for line in everything}) == 620
    some = shell("list", "overview", "--limit", "501", "--json").lines
    assert some == everything[:501]
    assert shell("list", "overview", "--limit", "0", "--json").out == ""


def test_a_query_may_stand_before_between_and_after_options(shell: Shell) -> None:
    shell.bring({}, {"customer": {"id": "K-2", "name": "Ivan Petrov"}})
    for arguments in (
        ("ivan", "petrov", "--json"),
        ("--json", "ivan", "petrov"),
        ("ivan", "--json", "petrov", "--chip", "not-sent"),
    ):
        (line,) = shell("list", "overview", *arguments).lines
        assert line["customer"]["name"] == "Ivan Petrov"


def test_a_search_takes_percent_and_underscore_literally(shell: Shell) -> None:
    shell.bring({"reference": "100%_a"}, {"reference": "100xxa"})
    assert len(shell("list", "overview", "100%_", "--json").lines) == 1


def test_chips_narrow_the_list_and_counts_say_how_much(shell: Shell) -> None:
    shell.bounced()
    shell.bring({}, {})
    assert shell("counts", "overview", "--json").json == {
        "failed": 1,
        "not_sent": 1,
        "completed": 0,
        "all": 2,
    }
    assert len(shell("list", "overview", "--chip", "failed", "--json").lines) == 1
    assert "Not sent          1" in shell("counts", "overview").out


def test_ignored_lines_are_hidden_unless_they_are_asked_for(shell: Shell) -> None:
    shell.bring()
    shell("ignore", "12345", "--reason", "closed")
    assert shell("list", "overview", "--json").out == ""
    assert shell("list", "overview", "--ignored", "only", "--json").lines[0]["ignored"] is True


def test_csv_is_for_spreadsheets_and_no_formula(shell: Shell) -> None:
    shell.bring({"customer": {"name": "=1+1"}})
    (row,) = csv.DictReader(io.StringIO(shell("list", "overview", "--csv").out))
    assert row["customer_name"] == "'=1+1"
    assert row["subject_reference"] == "12345"


def test_nothing_that_was_imported_can_steer_the_terminal(shell: Shell) -> None:
    shell.bring({"customer": {"name": "\x1b[31m\x9b\u202e evil"}})
    for arguments in (("list", "overview"), ("list", "overview", "--json"), ("show", "12345")):
        out = shell(*arguments).out
        assert "evil" in out
        assert not set(out) & {"\x1b", "\x9b", "\u202e"}
    (line,) = shell("list", "overview", "--json").lines
    assert line["customer"]["name"] == "\x1b[31m\x9b\u202e evil"


def test_show_has_everything_about_the_subject(shell: Shell) -> None:
    first = shell.bounced()
    second = shell("resend", first, "--yes", "--json").json["entry_id"]
    shell.learn(second, Status.DELIVERED)
    shown = shell("show", "12345", "--json").json
    assert shown["status"] == "delivered"
    assert [entry["id"] for entry in shown["entries"]] == [second, first]
    assert shown["entries"][0]["replaces_id"] == first
    assert shown["entries"][1]["settled_by"] == second
    assert [item["external_id"] for item in shown["communications"]] == ["C-12345"]
    words = [item["words"] for item in shown["history"] if item["entry_id"] == first]
    assert "550 no such user" in words
    assert shown["events"] == shown["documents"] == []
    text = shell("show", first).out
    assert "Its words     550 no such user" in text
    assert f"Replaces      {first}" in text


def test_show_says_in_which_layer_of_e_invoicing_a_fact_was_established(shell: Shell) -> None:
    shell.bring()
    shell("send", "--yes")
    entry = shell.overview()["entry_id"]
    shell.learn(entry, Status.SENT, layer=Layer.API)
    shell.learn(entry, Status.SENT, code="AB", words="received", layer=Layer.MESSAGE)
    shown = shell("show", entry, "--json").json
    layers = [item.get("layer") for item in shown["entries"][0]["history"]]
    assert [layer for layer in layers if layer] == ["api", "message"]
    assert [item["layer"] for item in shown["history"] if "layer" in item] == ["api", "message"]
    assert "message · AB · received" in shell("show", entry).out


def test_show_of_an_entry_is_about_that_entry(shell: Shell) -> None:
    first = shell.bounced()
    shell("resend", first, "--yes")
    shown = shell("show", first, "--json").json
    assert (shown["id"], shown["status"]) == (first, "bounced")
    assert shown["explanation"]["sentence"] == "The mailbox does not exist."
    assert len(shown["entries"]) == 2


def test_show_finds_what_is_still_collecting(shell: Shell) -> None:
    shell.bring({"collecting": True})
    shown = shell("show", "C-12345", "--json").json
    assert shown["communications"][0]["collecting"] is True
    assert shown["entries"] == []
    assert "still collecting data" in shell("show", "C-12345").out


@pytest.mark.parametrize("which", ["id", "subject_id", "communication_id", "entry_id"])
def test_every_kind_of_id_leads_to_its_subject(shell: Shell, which: str) -> None:
    shell.bounced()
    line = shell.overview()
    assert shell("show", line[which], "--json").json["subject_id"] == line["subject_id"]


def test_an_abbreviated_id_will_do_when_only_one_thing_has_it(shell: Shell) -> None:
    shell.bring()
    line = shell.overview()
    assert shell("show", line["subject_id"][:-1], "--json").json["id"] == line["id"]
    answer = shell("show", line["subject_id"][:8])
    assert answer.code == 2
    assert "is ambiguous" in answer.err
    assert line["communication_id"] in answer.err


def test_a_reference_that_two_customers_have_is_ambiguous(shell: Shell) -> None:
    shell.bring(
        {"reference": "7", "id": "a"},
        {"reference": "7", "id": "b", "customer": {"id": "K-2", "name": "Ivan"}},
    )
    answer = shell("show", "7")
    assert answer.code == 2
    assert "Ivan" in answer.err
    assert shell("show", "a", "--json").json["customer"]["id"] == "K-1"


def test_unknown_ids_end_with_a_code_of_their_own(shell: Shell) -> None:
    for text in ("nothing", "01900000-0000-7000-8000-000000000000", "%"):
        answer = shell("show", text)
        assert answer.code == 2
        assert answer.out == ""
        assert "nothing has the id" in answer.err


def test_json_is_ascii_where_the_terminal_is_not_in_unicode(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.bring()
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    out, _ = shell.start("list", "overview", "--json").communicate(timeout=60)
    assert out.isascii()
    assert json.loads(out)["customer"]["name"] == "Léa Martin"
