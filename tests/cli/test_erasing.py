"""`customer erase`: the dry run, the erasure, what it says about its limits."""

from __future__ import annotations

from tests.cli.conftest import Shell


def test_the_dry_run_says_what_would_go_and_changes_nothing(shell: Shell) -> None:
    shell.bounced()
    answer = shell("customer", "erase", "K-1")
    assert answer.code == 0
    assert "this would be erased" in answer.out
    assert "1  contact points" in answer.out
    assert "1  entries of the log stay as they are" in answer.out
    assert "not reached: back-ups" in answer.out
    assert "--yes does it" in answer.out
    assert shell.overview()["recipient"] == "lea@example.com"


def test_erasing_empties_what_lists_show_and_says_how_much_it_was(shell: Shell) -> None:
    shell.bounced()
    planned = shell("customer", "erase", "K-1", "--json").json
    done = shell("customer", "erase", "K-1", "--yes", "--json")
    assert done.code == 0
    assert (planned["erased"], done.json["erased"]) == (False, True)
    assert done.json["rows"] == planned["rows"]
    assert (done.json["compacted"], done.json["remnants"]) == (True, 0)
    line = shell.overview()
    assert (line["recipient"], line["customer"]["name"]) == ("", "Erased customer")
    assert line["subject"]["title"] == ""
    again = shell("customer", "erase", "K-1")
    assert "erased before" in again.out


def test_only_the_customers_own_id_will_do(shell: Shell) -> None:
    shell.bring()
    assert shell("customer", "erase", "12345").code == 2
    assert shell("customer", "erase", "K-9", "--yes").code == 2


def test_the_customer_can_be_shown_and_not_be_changed_afterwards(shell: Shell) -> None:
    shell.bounced()
    shell("customer", "erase", "K-1", "--yes")
    page = shell("customer", "show", "K-1")
    assert page.code == 0
    assert "was erased" in page.out
    assert "lea@example.com" not in page.out
    refused = shell("customer", "set", "K-1", "--email", "lea@example.com")
    assert (refused.code, "erased on" in refused.err) == (1, True)
    assert shell("resend", shell.overview()["entry_id"], "--yes").code == 1
