"""Practice data is what `commtui import` takes, holds every scenario, and is the same for the same seed."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from commtui.config import Settings
from commtui.demo.callbacks import SigningKey
from commtui.demo.data import EXAMPLE_REFERENCE, PREFIX, pdf, practice_lines
from commtui.demo.email_scenarios import SENDGRID
from commtui.demo.ledger import PracticeMessage
from commtui.demo.oracle import problems
from commtui.demo.people import HOSTILE_NAMES
from commtui.demo.scenarios import ENDING, scenario_for
from commtui.demo.site import practice_settings, settings_text
from commtui.demo.sms_scenarios import TWILIO
from commtui.domain.vocabulary import Status
from commtui.services.import_lines import LineParser
from commtui.store.contacts import routing_text
from commtui.store.sends import postal_lines

NOW = datetime(2026, 1, 16, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return list(practice_lines(1, NOW))


def test_the_same_seed_and_moment_give_the_same_data(lines: list[dict[str, Any]]) -> None:
    assert list(practice_lines(1, NOW)) == lines
    assert list(practice_lines(2, NOW)) != lines


def test_import_takes_every_line(lines: list[dict[str, Any]]) -> None:
    parser = LineParser()
    for line in lines:
        parser.parse(json.dumps(line, ensure_ascii=False).encode())
    assert len({line["id"] for line in lines}) == len(lines)


def test_there_is_enough_of_everything(lines: list[dict[str, Any]]) -> None:
    subjects = {
        (line["customer"]["id"], line["subject"]["type"], line["subject"]["reference"])
        for line in lines
    }
    assert 350 <= len(lines) <= 620
    assert 230 <= len(subjects) <= 480
    assert len({line["customer"]["location_group"] for line in lines}) >= 6
    assert len({line["customer"]["language"] for line in lines}) >= 4
    assert any(line.get("channels") == ["email", "sms"] for line in lines)
    assert any(line.get("channels") == ["manual"] for line in lines)
    assert any(line.get("collecting") for line in lines)
    assert any(line.get("release") == "auto" for line in lines)
    assert any(len(line.get("documents", ())) == 2 for line in lines)
    assert {line["customer"]["name"] for line in lines} >= set(HOSTILE_NAMES)
    assert any(line["subject"]["reference"] == EXAMPLE_REFERENCE for line in lines)
    assert all(line["customer"]["id"].startswith(PREFIX) for line in lines)


def test_every_scenario_is_in_it(lines: list[dict[str, Any]]) -> None:
    found = set()
    for line in lines:
        customer, channels = line["customer"], line.get("channels") or ["email"]
        if "email" in channels and "email" in customer:
            found.add(scenario_for(SENDGRID, customer["email"]).recipient())
        if "sms" in channels and "phone" in customer:
            found.add(scenario_for(TWILIO, customer["phone"]).recipient())
        if "einvoice" in channels:
            recipient = routing_text(json.dumps(customer["einvoice"]))
            found.add(scenario_for(recipient.partition(":")[0], recipient).recipient())
        if "post" in channels:
            found.add(
                scenario_for("ping", postal_lines(json.dumps(customer["address"]))).recipient()
            )
    assert found == {scenario.recipient() for scenario in ENDING}


def test_its_documents_are_readable() -> None:
    page = pdf("Aurore")
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", page)[0])
    assert page[start:].startswith(b"xref")
    for number, place in enumerate(re.findall(rb"^(\d{10}) 00000 n", page, re.MULTILINE), 1):
        assert page[int(place) :].startswith(b"%d 0 obj" % number)


def test_attachments_are_such_documents(lines: list[dict[str, Any]]) -> None:
    documents = [
        document
        for line in lines
        for document in line.get("documents", ())
        if document["role"] == "attachment"
    ]
    assert documents
    for document in documents:
        assert base64.b64decode(document["base64"], validate=True).startswith(b"%PDF-1.4")


def test_practice_settings_survive_their_file(tmp_path: Any) -> None:
    from commtui.config import load

    settings = practice_settings(
        Settings(operator='Zoé "the \\ boss"'),
        "sqlite:////nowhere/practice.db",
        "http://127.0.0.1:1",
        8571,
        SigningKey(),
    )
    file = tmp_path / "practice.toml"
    file.write_text(settings_text(settings), encoding="utf-8")
    file.chmod(0o600)
    assert load(file, {}) == settings


def taken(entry_id: str, provider: str = SENDGRID) -> PracticeMessage:
    return PracticeMessage(provider, entry_id, "a@example.com", "m", "delivered", "")


@pytest.mark.parametrize(
    ("accepted", "log", "expected"),
    [
        (["e"], {"e": Status.SENT}, []),
        (["e"], {"e": Status.UNKNOWN}, []),
        ([], {"e": Status.UNKNOWN}, []),
        ([], {"e": Status.REJECTED}, []),
        (["e", "e"], {"e": Status.SENT}, ["accepted 2 times"]),
        (["e"], {}, ["not in the log"]),
        (["e"], {"e": Status.REJECTED}, ["but the log says rejected"]),
        (["e"], {"e": Status.QUEUED}, ["but the log says queued"]),
        ([], {"e": Status.DELIVERED}, ["never accepted"]),
    ],
)
def test_the_oracle_tells_right_from_wrong(
    accepted: list[str], log: dict[str, Status], expected: list[str]
) -> None:
    found = problems([taken(entry_id) for entry_id in accepted], log)
    assert len(found) == len(expected)
    assert all(part in sentence for part, sentence in zip(expected, found, strict=True))


def test_only_an_invoice_network_rejects_what_it_took() -> None:
    rejected = {"e": Status.REJECTED}
    assert problems([taken("e", "chorus")], rejected) == []
    assert problems([taken("e", "twilio")], rejected) != []
