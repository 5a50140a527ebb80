"""`fallback`: what is held above the cap is listed, let go, or left."""

from __future__ import annotations

import pytest

from commtui.domain.vocabulary import ErrorClass, Status
from tests.cli.conftest import Shell


@pytest.fixture
def held(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Two invoices whose emails bounced, and whose text messages are above the cap."""
    monkeypatch.setenv("COMMTUI_FALLBACK__CAP_PER_HOUR", "0")
    monkeypatch.setenv("COMMTUI_FALLBACK__CHAINS", "invoice: email, sms")
    text = {"subject": "Your invoice", "text": "Hello", "sms": "Hello"}
    shell.bring(
        *(
            {
                "channels": ["email"],
                "content": text,
                "customer": {"id": f"K-{number}", "email": f"{number}@example.com"}
                | {"phone": f"+3361234567{number}"},
            }
            for number in (1, 2)
        )
    )
    shell("send", "--yes")
    for line in shell("list", "log", "--json").lines:
        shell.learn(line["id"], Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "no such user")
    shell.follow()
    return shell


def channels(shell: Shell) -> list[str]:
    """The channels of all entries, in order."""
    return sorted(line["channel"] for line in shell("list", "log", "--json").lines)


def test_nothing_held_is_said_so(shell: Shell) -> None:
    assert shell("fallback", "list").out == "no fallback is held\n"
    assert shell("fallback", "list", "--json").json == []
    answer = shell("fallback", "release", "sendgrid", "bounced")
    assert answer.code == 2
    assert "no fallback is held for" in answer.err


def test_what_is_held_is_listed_by_cause(held: Shell) -> None:
    assert channels(held) == ["email", "email"]
    (item,) = held("fallback", "list", "--json").json
    assert (item["cause"], item["number"]) == ("sendgrid bounced", 2)
    assert item["first"] <= item["last"]
    assert (item["channel"], item["targets"]) == ("email", {"sms": 2})
    heading, row = held("fallback", "list").out.splitlines()
    assert heading.split()[:5] == ["Cause", "Held", "Would", "go", "by"]
    assert row.split()[:4] == ["sendgrid", "bounced", "2", "SMS"]


@pytest.mark.parametrize("cause", [["sendgrid bounced"], ["sendgrid", "bounced"]])
def test_what_is_released_goes_by_the_other_channel(held: Shell, cause: list[str]) -> None:
    answer = held("fallback", "release", *cause)
    assert answer.code == 0
    assert "2 released" in answer.out
    assert "no worker is running" in answer.out
    held.follow()
    assert channels(held) == ["email", "email", "sms", "sms"]
    assert held("fallback", "list", "--json").json == []
    entries = held("show", "12345", "--json").json["entries"]
    assert (entries[0]["cause"], entries[0]["replaces_id"]) == ("fallback", entries[1]["id"])
    assert entries[0]["reason"] == "email: bounced → sms"


def test_what_is_declined_stays_failed(held: Shell) -> None:
    answer = held("fallback", "decline", "sendgrid bounced")
    assert answer.out == "2 left as they are: failed\n"
    held.follow()
    assert channels(held) == ["email", "email"]
    assert held("fallback", "decline", "sendgrid bounced").code == 2
