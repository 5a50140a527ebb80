"""Importing: what goes in, what is refused, what it leaves alone; on both databases."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.config import Sending, Settings
from commtui.domain.fold import Fact
from commtui.domain.lines import Line, Query, Sort
from commtui.domain.vocabulary import (
    STARTED_STATUSES,
    Author,
    Cause,
    Channel,
    Chip,
    Source,
    Status,
    Tab,
)
from commtui.services.importing import Importer, ImportResult
from commtui.services.lists import Lists
from commtui.store import search
from commtui.store.engine import Database
from commtui.store.entries import Change, NewEntry
from commtui.store.ledger import Ledger
from commtui.store.tables import audit, communication, contact, content, customer, journal, lane

OPERATOR = Author("rosa", True)


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A line about an invoice of its own; `customer` and others replace what is there."""
    customer = {"id": "K-1", "name": "Léa Martin", "email": "lea@example.com"}
    return {
        "id": f"C-{number}",
        "subject": {"type": "invoice", "reference": str(12344 + number), "title": "January"},
        "customer": {**customer, **changes.pop("customer", {})},
        "kind": "invoice",
        "content": {"subject": "Your invoice", "text": "Hello"},
        **changes,
    }


def raw(lines: Iterable[dict[str, Any]]) -> list[bytes]:
    """The lines as a file has them."""
    return [json.dumps(item).encode() + b"\n" for item in lines]


class Case:
    """One database with shortcuts for arranging and asking."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def run(self, *lines: dict[str, Any], release: str = "hold", **options: Any) -> ImportResult:
        """Import these lines."""
        importer = Importer(self.database, Settings(sending=Sending(release=release)), OPERATOR)
        folder: Path | None = options.pop("documents", None)
        return importer.run(raw(lines), documents=folder, **options)

    def overview(self, **query: Any) -> list[Line]:
        """The overview's lines, oldest first."""
        page = Lists(self.database).page(Tab.OVERVIEW, Query(**query), Sort(), limit=10_000)
        return list(reversed(page.lines))

    def total(self, **query: Any) -> int:
        """The number beside chip All, from the counters."""
        return Lists(self.database).counts(Tab.OVERVIEW, Query(**query)).all

    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """What a query finds."""
        with self.database.read() as connection:
            return list(connection.execute(statement))

    def stored(self, number: int = 1) -> Any:
        """A communication's row."""
        return self.rows(
            sa.select(communication).where(communication.c.external_id == f"C-{number}")
        )[0]

    def lanes(self, number: int = 1) -> dict[str, str]:
        """A communication's lanes: status by channel."""
        found = self.rows(sa.select(lane).where(lane.c.communication_id == self.stored(number).id))
        return {row.channel: row.status for row in found}

    def contact(self, field: str = "email") -> Any:
        """A contact row of the only customer."""
        return self.rows(sa.select(contact).where(contact.c.field == field))[0]

    def correct(self, value: str, field: str = "email") -> None:
        """An operator corrects a contact of the only customer."""
        with self.database.write() as connection:
            connection.execute(
                contact.update()
                .where(contact.c.field == field)
                .values(
                    correction=value,
                    replaced_value=contact.c.source_value,
                    corrected_by="rosa",
                    corrected_at=self.database.now(),
                )
            )

    def audits(self, action: str) -> list[Any]:
        """Audit rows of one action, oldest first."""
        return self.rows(sa.select(audit).where(audit.c.action == action).order_by(audit.c.id))

    def send(self, status: Status, number: int = 1, channel: Channel = Channel.EMAIL) -> str:
        """An attempt that ended with `status`; returns its entry's id."""
        stored = self.stored(number)
        now = self.database.now()
        entry_id = self.database.new_id()
        entry = NewEntry(
            id=entry_id,
            communication_id=stored.id,
            subject_id=stored.subject_id,
            customer_id=stored.customer_id,
            channel=channel,
            provider="sendgrid",
            cause=Cause.INITIAL,
            author=OPERATOR,
            category="invoice",
            location_group="",
            recipient="lea@example.com",
            recipient_key="lea@example.com",
            recipient_name="Léa",
            version=stored.version,
            rendering=0,
            content_hash=stored.content_hash,
            status=Status.QUEUED,
            due_at=now,
        )
        with self.database.write() as connection:
            ledger = Ledger(self.database, connection, now)
            ledger.lock([stored.subject_id])
            ledger.add([entry])
            if status is not Status.QUEUED:
                step = status in (Status.SENDING, Status.UNKNOWN)
                ledger.apply([Change(entry_id, Fact(status, now), Source.WORKER, step=step)])
            ledger.close()
        return entry_id


@pytest.fixture
def case(database: Database) -> Case:
    """An empty database on each engine."""
    return Case(database)


def test_a_line_becomes_an_overview_line_that_waits_for_somebody(case: Case) -> None:
    assert case.run(line(1), line(2)) == ImportResult(created=2)
    first, second = case.overview()
    assert (first.reference, first.title, first.customer_id) == ("12345", "January", "K-1")
    assert (first.status, first.channel, first.recipient) == (
        Status.NOT_SENT,
        Channel.EMAIL,
        "lea@example.com",
    )
    assert second.reference == "12346"
    assert case.total() == case.total(chip=Chip.NOT_SENT) == 2
    assert case.stored().release == "hold"


def test_the_same_lines_again_are_unchanged(case: Case) -> None:
    case.run(line(1), line(2))
    before = case.stored()
    assert case.run(line(1), line(2)) == ImportResult(unchanged=2)
    assert case.stored() == before
    assert case.total() == 2


def test_a_bad_line_is_refused_and_the_rest_goes_in(case: Case) -> None:
    importer = Importer(case.database, Settings(), OPERATOR)
    heard: list[int] = []
    result = importer.run(
        [*raw([line(1)]), b"\n", b"{oops\n", *raw([line(2, kind=5), line(3)])],
        documents=None,
        progress=heard.append,
    )
    assert result.created == 2
    assert [(item.line, item.field) for item in result.refused] == [(3, "line"), (4, "kind")]
    assert heard[-1] == 5


def test_every_import_leaves_an_audit_row_of_its_operator(case: Case) -> None:
    case.run(line(1), line(2, kind=5))
    row = case.audits("import")[0]
    assert (row.operator, row.operator_verified) == ("rosa", True)
    assert row.result == {"created": 1, "updated": 0, "unchanged": 0, "refused": 1}


def test_what_went_in_before_an_interruption_stays_and_is_on_record(case: Case) -> None:
    def broken() -> Iterator[bytes]:
        yield from raw(line(number) for number in range(1, 31))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Importer(case.database, Settings(), OPERATOR).run(broken(), documents=None)
    went_in = case.total()
    assert 0 < went_in < 30
    assert case.audits("import")[0].result["interrupted"] is True
    everything = [line(number) for number in range(1, 31)]
    assert case.run(*everything) == ImportResult(created=30 - went_in, unchanged=went_in)


def test_lines_with_one_id_apply_in_the_order_of_the_file(case: Case) -> None:
    versions = [line(1, content={"subject": "s", "text": str(n)}) for n in range(3)]
    result = case.run(versions[0], line(2), versions[1], versions[1], versions[2], versions[0])
    assert result == ImportResult(created=2, updated=3, unchanged=1)
    stored = case.stored()
    texts = case.rows(
        sa.select(content)
        .where(content.c.communication_id == stored.id)
        .order_by(content.c.version)
    )
    assert [row.text for row in texts] == ["0", "1", "2", "0"]
    assert stored.version == 4


def test_a_line_without_a_release_gets_the_setting_and_one_with_it_its_own(case: Case) -> None:
    case.run(line(1), line(2, release="hold"), release="auto")
    assert (case.stored(1).release, case.stored(2).release) == ("auto", "hold")
    case.run(line(1, kind="reminder"))
    assert case.stored(1).release == "auto"


# contacts and corrections


def test_what_a_line_leaves_out_stays_and_null_erases(case: Case) -> None:
    case.run(line(1, customer={"phone": " +33612345678 ", "location_group": "North"}))
    case.run(line(2))
    assert case.contact("phone").source_value == "+33612345678"
    assert case.overview()[0].location_group == "North"
    case.run(line(3, customer={"phone": None, "location_group": None}))
    assert case.contact("phone").source_value == ""
    assert {item.location_group for item in case.overview()} == {""}


def test_a_correction_holds_until_the_source_brings_a_new_value(case: Case) -> None:
    case.run(line(1, customer={"email": "old@example.com"}))
    case.correct("right@example.com")
    case.run(line(2, customer={"email": "old@example.com"}))
    case.run(line(3, customer={"email": "right@example.com"}))
    case.run(line(4, customer={"email": "old@example.com"}))
    assert case.contact().correction == "right@example.com"
    assert not case.audits("correction dropped")
    case.run(line(5, customer={"email": "new@example.com"}))
    found = case.contact()
    assert (found.source_value, found.correction, found.corrected_by) == ("new@example.com", "", "")
    assert case.audits("correction dropped")[0].targets == ["K-1", "email"]


def test_without_a_wish_the_channel_follows_the_contacts_until_something_is_sent(
    case: Case,
) -> None:
    texts = {"subject": "s", "text": "t", "sms": "short"}
    case.run(*(line(n, content=texts, customer={"email": None}) for n in (1, 2)))
    assert case.lanes(1) == {"manual": "not_sent"}
    case.send(Status.FAILED, 2, Channel.MANUAL)
    case.run(line(3, content=texts, customer={"email": None, "phone": "0612345678"}))
    assert case.lanes(1) == case.lanes(3) == {"sms": "not_sent"}
    assert case.lanes(2) == {"manual": "failed"}
    assert case.overview()[0].channel is Channel.SMS


def test_wanted_channels_get_a_lane_each_and_a_later_line_replaces_them(case: Case) -> None:
    case.run(line(1, channels=["email", "sms", "email"]))
    assert case.lanes() == {"email": "not_sent", "sms": "not_sent"}
    case.run(line(1, channels=["post"]))
    assert case.lanes() == {"post": "not_sent"}


def test_a_lane_that_was_tried_stays_when_the_wishes_change(case: Case) -> None:
    case.run(line(1, channels=["email", "sms"]))
    case.send(Status.BOUNCED)
    case.run(line(1, channels=["post"]))
    assert case.lanes() == {"email": "bounced", "post": "not_sent"}


# what may still change


@pytest.mark.parametrize("status", sorted(STARTED_STATUSES))
def test_content_cannot_be_replaced_once_it_is_on_its_way(case: Case, status: Status) -> None:
    case.run(line(1))
    case.send(status)
    changes = {
        "content": {"subject": "s", "text": "other"},
        "channels": ["post"],
        "kind": "reminder",
        "purpose": "marketing",
        "send_at": "2030-01-01T00:00:00Z",
        "expires_at": "2030-01-01T00:00:00Z",
        "release": "auto",
    }
    for field, value in changes.items():
        result = case.run(line(1, **{field: value}))
        assert [item.field for item in result.refused] == [field]
        assert "new communication" in result.refused[0].message
    assert case.stored().version == 1


def test_customer_data_is_taken_even_when_the_message_is_sent(case: Case) -> None:
    case.run(line(1))
    case.send(Status.DELIVERED)
    assert case.run(line(1, customer={"email": "new@example.com"})) == ImportResult(updated=1)
    assert case.contact().source_value == "new@example.com"


def test_a_refused_line_changes_nothing_of_its_customer(case: Case) -> None:
    case.run(line(1))
    case.send(Status.SENT)
    case.run(line(1, kind="reminder", customer={"name": "Other"}))
    assert case.overview()[0].customer_name == "Léa Martin"


def test_after_a_failure_new_content_becomes_the_next_version(case: Case) -> None:
    case.run(line(1))
    case.send(Status.BOUNCED)
    assert case.run(line(1, content={"subject": "s", "text": "2"})) == ImportResult(updated=1)
    stored = case.stored()
    assert stored.version == 2
    assert case.lanes() == {"email": "bounced"}
    kept = case.rows(sa.select(content.c.text).where(content.c.version == 1))
    assert [row.text for row in kept] == ["Hello"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": {"type": "invoice", "reference": "other"}},
        {"subject": {"type": "contract", "reference": "12345"}},
        {"customer": {"id": "K-2"}},
    ],
)
def test_a_communication_cannot_move_to_another_subject(
    case: Case, changes: dict[str, Any]
) -> None:
    case.run(line(1))
    result = case.run(line(1, **changes))
    assert [item.field for item in result.refused] == ["subject"]
    assert case.total() == 1
    assert len(case.rows(sa.select(customer))) == 1


def test_a_collecting_line_shows_nowhere_until_a_later_one_completes_it(case: Case) -> None:
    started = line(1, collecting=True)
    del started["content"]
    assert case.run(started) == ImportResult(created=1)
    assert (case.overview(), case.total()) == ([], 0)
    assert case.run(line(1)) == ImportResult(updated=1)
    assert [item.reference for item in case.overview()] == ["12345"]
    assert case.total() == 1
    assert [item.field for item in case.run(started).refused] == ["collecting"]


# what is derived


def test_a_large_customers_lines_all_follow_its_group_and_its_name(case: Case) -> None:
    case.run(*(line(number, customer={"location_group": "North"}) for number in range(510)))
    case.run(line(1, customer={"location_group": "South"}))
    assert case.total(location_groups=frozenset({"North"})) == 0
    assert case.total(location_groups=frozenset({"South"})) == 510
    assert {item.location_group for item in case.overview()} == {"South"}
    last = case.rows(sa.select(sa.func.max(journal.c.seq)))[0][0]
    case.run(line(1, customer={"name": "Léa Dupont"}))
    noted = case.rows(
        sa.select(journal.c.subject_id).where(journal.c.seq > last, journal.c.what == "line")
    )
    assert len({row.subject_id for row in noted}) == 510


@pytest.mark.parametrize("indexed", [False, True])
def test_search_finds_new_titles_and_names_and_no_longer_the_old(case: Case, indexed: bool) -> None:
    case.run(line(1), line(2, customer={"id": "K-2", "name": "Zoë Ångström"}))
    if indexed:
        search.index_pending(case.database)
    assert [item.reference for item in case.overview(text="angstrom")] == ["12346"]
    case.run(
        line(1, subject={"type": "invoice", "reference": "12345", "title": "February"}),
        line(2, customer={"id": "K-2", "name": "Zoë Berg"}),
    )
    if indexed:
        search.index_pending(case.database)
    assert [item.reference for item in case.overview(text="february")] == ["12345"]
    assert [item.reference for item in case.overview(text="january")] == ["12346"]
    assert case.overview(text="angstrom") == []
    assert [item.reference for item in case.overview(text="zoe berg")] == ["12346"]


def test_a_changed_name_is_told_to_those_who_watch(case: Case) -> None:
    case.run(line(1))
    last = case.rows(sa.select(sa.func.max(journal.c.seq)))[0][0]
    case.run(line(1, customer={"name": "Léa Dupont"}))
    noted = case.rows(
        sa.select(journal.c.subject_id).where(journal.c.seq > last, journal.c.what == "line")
    )
    assert {row.subject_id for row in noted} == {case.stored().subject_id}


def test_the_counters_agree_with_the_lines(case: Case) -> None:
    rng = random.Random(7)
    for _ in range(4):
        case.run(
            *(
                line(
                    number,
                    channels=rng.choice([None, ["sms"], ["email", "post"]]),
                    customer={"location_group": rng.choice(["North", "South"])},
                    subject={"type": rng.choice(["invoice", "contract"]), "reference": "1"},
                )
                for number in rng.sample(range(1, 60), 40)
            )
        )
    shown = case.overview()
    for group in ("North", "South"):
        expected = sum(item.location_group == group for item in shown)
        assert case.total(location_groups=frozenset({group})) == expected
    for channel in (Channel.SMS, Channel.EMAIL, Channel.POST):
        expected = sum(item.channel is channel for item in shown)
        assert case.total(channels=frozenset({channel})) == expected


def test_importers_at_the_same_time_make_everything_once(case: Case) -> None:
    def lines(who: int) -> list[dict[str, Any]]:
        rng = random.Random(who)
        numbers = list(range(1, 91))
        rng.shuffle(numbers)
        return [
            line(number, customer={"id": f"K-{number % 9}", "location_group": f"G{who}"})
            for number in numbers
        ]

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda who: case.run(*lines(who)), range(3)))
    assert sum(result.created for result in results) == 90
    assert sum(result.updated for result in results) == 180
    assert len(case.overview()) == case.total() == 90
    for group in range(3):
        shown = sum(item.location_group == f"G{group}" for item in case.overview())
        assert case.total(location_groups=frozenset({f"G{group}"})) == shown
