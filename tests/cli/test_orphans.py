"""`commtui orphans`: what fits no message, for people and for scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from commtui.domain.ids import id_at
from commtui.domain.vocabulary import Status
from commtui.providers.base import DeliveryEvent
from commtui.store import inbox
from commtui.store.tables import provider_event
from tests.cli.conftest import Shell


@pytest.fixture
def lonely(shell: Shell) -> Shell:
    """Three events about messages that nobody knows, four days old."""
    now = shell.database.now()
    events = [
        DeliveryEvent(
            kind="delivered\x1b[31m",
            at=now - timedelta(minutes=number),
            entry_id=None,
            provider_message_id=f"msg-{number}",
            recipient="lea@example.com",
            status=Status.DELIVERED,
            payload={"event": "delivered", "reason": "\x1b]0;pwn\x07"},
        )
        for number in range(3)
    ]
    inbox.learn(shell.database, "sendgrid", events)
    with shell.database.write() as connection:
        hashes = connection.execute(sa.select(provider_event.c.hash)).scalars().all()
        for number, key in enumerate(hashes):
            old = id_at(now - timedelta(days=4, seconds=number))
            connection.execute(
                provider_event.update().where(provider_event.c.hash == key).values(id=old)
            )
    return shell


def test_without_orphans_it_says_so(shell: Shell) -> None:
    assert shell("orphans").out == "no orphans: all feedback fits a message\n"
    assert shell("orphans", "--json").out == ""


def test_they_are_printed_with_what_came_and_nothing_steers_the_terminal(lonely: Shell) -> None:
    answer = lonely("orphans")
    heading, *rows = answer.out.splitlines()
    assert heading.split()[:3] == ["Time", "Provider", "Kind"]
    assert len(rows) == 3
    assert "\x1b" not in answer.out
    for number in range(3):
        assert any(f"msg-{number}" in row and "pwn" in row for row in rows)


def test_scripts_get_all_of_it(lonely: Shell) -> None:
    lines = lonely("orphans", "--json", "--limit", "2").lines
    assert len(lines) == 2
    assert set(lines[0]) == {
        "id", "provider", "kind", "at", "received_at", "message_id", "recipient", "payload",
    }  # fmt: skip
    assert lines[0]["recipient"] == "lea@example.com"
