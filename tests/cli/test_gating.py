"""`provider` and `runs`: what is paused is listed, changed with a reason, and a bulk send is taken back."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


def test_a_provider_is_paused_with_a_reason_listed_and_released(shell: Shell) -> None:
    assert shell("provider", "list").out == "no provider is paused\n"
    assert shell("provider", "list", "--json").json == []
    answer = shell("provider", "pause", "sendgrid", "--reason", "their status page is red")
    assert (answer.code, answer.out[:19]) == (0, "sendgrid is paused:")
    (item,) = shell("provider", "list", "--json").json
    assert item["reason"] == "their status page is red"
    assert (item["by"], item["until"]) == ("rosa", None)
    _, row = shell("provider", "list").out.splitlines()
    assert row.split()[0] == "sendgrid"
    assert row.endswith("their status page is red")
    assert shell("provider", "pause", "sendgrid", "--reason", "again").code == 1
    assert shell("provider", "release", "sendgrid").code == 0
    assert shell("provider", "release", "sendgrid").code == 1
    assert shell("provider", "list").out == "no provider is paused\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pause", "sendgrid"), "--reason"),
        (("pause", "sendgird", "--reason", "red"), "no provider 'sendgird'"),
        (("release", "manual"), "nothing to pause"),
    ],
    ids=["no reason", "unknown", "manual"],
)
def test_a_wrong_pause_says_what_is_wrong(
    shell: Shell, arguments: tuple[str, ...], words: str
) -> None:
    answer = shell("provider", *arguments)
    assert answer.code == 2
    assert words in answer.err


def test_a_bulk_send_is_listed_and_undone_while_it_waits(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMTUI_SENDING__GRACE_SECONDS", "600")
    assert shell("runs", "list").out == "no bulk send yet\n"
    shell.bring({})
    assert shell("send", "--yes").code == 0
    (run,) = shell("runs", "list", "--json").json
    assert (run["state"], run["messages"], run["waiting"]) == ("running", 1, 1)
    assert shell("runs", "pause", run["id"]).out == "paused: 0 on their way, 1 not\n"
    assert shell("runs", "resume", run["id"]).code == 0
    assert shell("runs", "undo", run["id"]).out == "undone: 0 on their way, 1 not\n"
    assert shell("runs", "stop", run["id"]).code == 1
    assert run["id"] in shell("runs", "list").out
    assert shell("list", "log", "--json").lines == []
