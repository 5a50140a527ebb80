"""`customer`: the page, corrections, order of channels, refusals and suppressions."""

from __future__ import annotations

from typing import Any

import pytest

from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, ErrorClass, Status
from commtui.store import optouts, wishes
from tests.cli.conftest import Shell

PEPPOL = "peppol:0208:0202239951"


def page(shell: Shell) -> dict[str, Any]:
    """The customer's page as scripts get it."""
    return dict(shell("customer", "show", "K-1", "--json").json)


def test_a_customer_is_shown_and_corrected(shell: Shell) -> None:
    entry = shell.bounced()
    assert page(shell)["email"] == "lea@example.com"
    changed = shell("customer", "set", "K-1", "--email", "lea.martin@example.com", "--json").json
    assert changed["contacts"]["email"]["corrected_by"] == "rosa"
    shell("resend", entry, "--yes")
    assert shell.overview()["recipient"] == "lea.martin@example.com"
    assert (
        "corrected by rosa; the source says lea@example.com"
        in shell("customer", "show", "12345").out
    )
    assert shell("customer", "set", "K-1", "--email", "nonsense").code == 1
    assert shell("customer", "set", "K-1").code == 2
    assert shell("customer", "show", "K-9").code == 2


def test_the_page_says_how_each_contact_point_did(shell: Shell) -> None:
    shell.bring({})
    shell("send", "--yes")
    shell.learn(shell.overview()["entry_id"], Status.DELIVERED)
    shell.bring({"reference": "7"})
    shell("send", "--yes", "--ids", "7")
    entry = shell("show", "7", "--json").json["entry_id"]
    shell.learn(entry, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "550 no such user")
    shown = page(shell)
    email = shown["contacts"]["email"]
    assert email["last_delivered"] < email["last_failed"]
    assert email["failed_words"] == "The mailbox does not exist."
    assert (email["marked"], email["liftable"]) == ("bounced (5.1.1)", True)
    assert shown["contacts"]["phone"]["last_failed"] is None
    assert shown["total"] == 2
    assert [line["subject"]["reference"] for line in shown["lines"]] == ["7", "12345"]
    text = shell("customer", "show", "K-1").out
    assert "marked bounced (5.1.1) since" in text
    assert "The mailbox does not exist." in text
    assert "last delivered" in text
    assert "customer lift K-1 --email" in text
    assert "Failed: bounced" in text


def test_an_order_of_channels_is_set_and_taken_back(shell: Shell) -> None:
    shell.bring()
    assert page(shell)["order"] == {}
    answer = shell(
        "customer", "set", "K-1", "--order", "invoice: post, email", "--order", "sms,email"
    )
    assert answer.code == 0
    assert "order    invoice: Post, Email" in answer.out
    assert "order    every kind: SMS, Email" in answer.out
    assert page(shell)["order"] == {"": ["sms", "email"], "invoice": ["post", "email"]}
    shell("customer", "set", "K-1", "--order", "invoice:")
    assert page(shell)["order"] == {"": ["sms", "email"]}
    shell("customer", "set", "K-1", "--order", "")
    assert page(shell)["order"] == {}


def test_an_order_with_a_channel_that_is_none_changes_nothing(shell: Shell) -> None:
    shell.bring()
    answer = shell(
        "customer", "set", "K-1", "--email", "new@example.com", "--order", "invoice: \x1bfax"
    )
    assert answer.code == 2
    assert "fax is no channel" in answer.err
    assert "\x1b" not in answer.err
    assert page(shell)["email"] == "lea@example.com"


@pytest.mark.parametrize(
    ("given", "value", "routing"),
    [
        (PEPPOL, PEPPOL, {"network": "peppol", "id": "0208:0202239951"}),
        (
            "chorus:12345678200044;service=SRV;engagement=E-1",
            "chorus:12345678200044;service=SRV;engagement=E-1",
            {
                "network": "chorus",
                "id": "12345678200044",
                "service_code": "SRV",
                "engagement": "E-1",
            },
        ),
        (
            '{"network": "peppol", "id": "0208:0202239951"}',
            PEPPOL,
            {"network": "peppol", "id": "0208:0202239951"},
        ),
    ],
)
def test_a_registration_for_e_invoices_is_set(
    shell: Shell, given: str, value: str, routing: dict[str, str]
) -> None:
    shell.bring()
    answer = shell("customer", "set", "K-1", "--einvoice", given, "--json")
    assert answer.code == 0
    assert (answer.json["einvoice"], answer.json["routing"]) == (value, routing)


def test_a_registration_that_cannot_be_right_is_refused_with_what_it_has_to_be(
    shell: Shell,
) -> None:
    shell.bring()
    answer = shell("customer", "set", "K-1", "--einvoice", "chorus:123")
    assert answer.code == 1
    assert "14 digits" in answer.err
    assert page(shell)["routing"] is None


def test_the_last_check_of_a_registration_is_shown(shell: Shell) -> None:
    shell.bring()
    shell("customer", "set", "K-1", "--einvoice", PEPPOL)
    check = Registration(Reachability.COULD_NOT_CHECK, shell.database.now(), "no answer in DNS")
    with shell.database.write() as connection:
        wishes.keep_registration(connection, PEPPOL, check)
    shown = page(shell)["registration"]
    assert (shown["outcome"], shown["words"]) == ("could_not_check", "no answer in DNS")
    text = shell("customer", "show", "K-1").out
    assert "could not be checked: that does not mean not registered: no answer in DNS" in text


def test_what_can_go_to_a_corrected_address_is_offered(shell: Shell) -> None:
    shell.bounced()
    answer = shell("customer", "set", "K-1", "--email", "lea.martin@example.com")
    assert answer.code == 0
    (command,) = (line for line in answer.out.splitlines() if "send --ids" in line)
    assert "1 message can go to this email now:" in answer.out
    waiting = shell("customer", "set", "K-1", "--email", "lea@example.org", "--json").json[
        "waiting"
    ]
    assert waiting == [shell.overview()["communication_id"]]
    assert command.split() == ["commtui", "send", "--ids", *waiting]
    assert shell(*command.split()[1:], "--yes").code == 0
    assert shell.overview()["recipient"] == "lea@example.org"
    assert shell("customer", "set", "K-1", "--email", "lea@example.net", "--json").json[
        "waiting"
    ] == ([])


def test_many_waiting_messages_are_named_in_part_and_all_in_json(shell: Shell) -> None:
    shell.bring(*({"reference": str(number)} for number in range(1, 23)))
    shell("send", "--yes")
    for line in shell("list", "log", "--json").lines:
        shell.learn(line["id"], Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    text = shell("customer", "set", "K-1", "--email", "lea.martin@example.com").out
    assert "22 messages can go to this email now; the first 20 of them" in text
    assert len(text.splitlines()[-1].split()) == 3 + 20
    again = shell("customer", "set", "K-1", "--email", "lea@example.org", "--json").json
    assert len(again["waiting"]) == 22


@pytest.mark.parametrize(
    ("options", "channel", "scope", "words", "back"),
    [
        (["--channel", "sms"], "sms", "all", "SMS, told an operator (rosa)", ["--channel", "sms"]),
        (
            ["--channel", "post"],
            "post",
            "all",
            "Post, told an operator (rosa)",
            ["--channel", "post", "--all"],
        ),
        (
            ["--channel", "email", "--marketing"],
            "email",
            "marketing",
            "marketing by Email, told an operator (rosa)",
            ["--channel", "email", "--marketing"],
        ),
        (
            ["--marketing"],
            None,
            "marketing",
            "marketing, told an operator (rosa)",
            ["--marketing"],
        ),
    ],
)
def test_a_refusal_is_noted_and_taken_back(
    shell: Shell,
    options: list[str],
    channel: str | None,
    scope: str,
    words: str,
    back: list[str],
) -> None:
    shell.bring()
    answer = shell("customer", "opt-out", "12345", *options, "--reason", "called on Monday")
    assert answer.code == 0
    assert f"refuses  {words}" in answer.out
    (refusal,) = page(shell)["optouts"]
    assert (refusal["channel"], refusal["scope"], refusal["source"]) == (channel, scope, "operator")
    assert (refusal["author"], refusal["note"]) == ("rosa", "called on Monday")
    lifted = shell("customer", "opt-in", "K-1", *back, "--reason", "called again", "--json")
    assert (lifted.code, lifted.json["optouts"]) == (0, [])


def test_of_two_refusals_of_a_channel_the_one_that_is_named_is_taken_back(shell: Shell) -> None:
    shell.bring()
    told = ("--reason", "called")
    email = ("customer", "opt-in", "K-1", "--channel", "email")
    shell("customer", "opt-out", "K-1", "--channel", "email", *told)
    shell("customer", "opt-out", "K-1", "--channel", "email", "--marketing", *told)
    unclear = shell(*email, *told)
    assert unclear.code == 2
    assert "say which is taken back" in unclear.err
    assert [item["scope"] for item in page(shell)["optouts"]] == ["all", "marketing"]
    left = shell(*email, "--all", *told, "--json").json["optouts"]
    assert [item["scope"] for item in left] == ["marketing"]
    again = shell(*email, "--all", *told)
    assert again.code == 1
    assert "what is noted there: marketing by Email" in again.err
    assert shell(*email, "--marketing", *told, "--json").json["optouts"] == []


def test_a_refused_channel_is_not_used_and_the_dry_run_says_so(shell: Shell) -> None:
    shell.bring({"channels": ["email"]})
    shell("customer", "opt-out", "K-1", "--channel", "email", "--reason", "called")
    plan = shell("send", "--dry-run", "--json").json
    assert plan["going"] == {"manual": 1}
    assert "email: opted out (told an operator" in plan["detours"][0]["reason"]


def test_what_the_recipient_said_is_shown_and_stays(shell: Shell) -> None:
    shell.bring()
    change = OptChange(Channel.EMAIL, True, Scope.MARKETING, OptSource.UNSUBSCRIBE)
    with shell.database.write() as connection:
        optouts.learn(connection, shell.database, change, "Lea@Example.com", shell.database.now())
    answer = shell("customer", "opt-in", "K-1", "--channel", "email", "--reason", "called")
    assert answer.code == 1
    assert "only they take back" in answer.err
    (refusal,) = page(shell)["contacts"]["email"]["optouts"]
    assert (refusal["source"], refusal["address"]) == ("unsubscribe", "lea@example.com")
    assert "refused: marketing by Email, unsubscribed" in shell("customer", "show", "K-1").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["opt-out", "K-1", "--channel", "email"],
        ["opt-out", "K-1", "--channel", "email", "--reason", " "],
        ["opt-out", "K-1", "--reason", "called"],
        ["opt-out", "K-9", "--marketing", "--reason", "called"],
        ["opt-in", "K-1", "--channel", "email", "--marketing", "--all", "--reason", "called"],
        ["opt-in", "K-1", "--all", "--reason", "called"],
        ["opt-in", "K-1", "--reason", "called"],
        ["lift", "K-1", "--reason", "called"],
        ["lift", "K-1", "--email"],
        ["show", "K-1", "--email", "x@example.com"],
    ],
)
def test_a_change_that_makes_no_sense_is_wrong_usage(shell: Shell, arguments: list[str]) -> None:
    shell.bring()
    answer = shell("customer", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert page(shell)["optouts"] == []


def test_a_suppression_is_lifted_by_a_worker_that_is_asked(shell: Shell) -> None:
    shell.bounced()
    answer = shell("customer", "lift", "K-1", "--email", "--reason", "mailbox made anew")
    assert answer.code == 0
    assert "no worker is running" in answer.out
    assert "lift asked by rosa" in answer.out
    (errand,) = page(shell)["contacts"]["email"]["errands"]
    assert (errand["kind"], errand["state"]) == ("lift", "open")
    assert (errand["operator"], errand["reason"]) == ("rosa", "mailbox made anew")


def test_nothing_is_lifted_where_nothing_is_suppressed(shell: Shell) -> None:
    shell.bring()
    for field in ("--email", "--phone"):
        answer = shell("customer", "lift", "K-1", field, "--reason", "called")
        assert answer.code == 1
        assert "nothing is suppressed" in answer.err


def test_nothing_on_a_customers_page_can_steer_the_terminal(shell: Shell) -> None:
    evil = "\x1b[31m\x9b\u202e evil"
    address = {"name": evil, "street": evil, "zip": "75011", "city": "Paris", "country": "FR"}
    shell.bring({"customer": {"name": evil, "address": address}})
    shell("customer", "opt-out", "K-1", "--marketing", "--reason", evil)
    shell("customer", "set", "K-1", "--order", f"{evil}: email")
    for arguments in (("customer", "show", "K-1"), ("customer", "show", "K-1", "--json")):
        out = shell(*arguments).out
        assert out.count("evil") >= 4
        assert not set(out) & {"\x1b", "\x9b", "\u202e"}
