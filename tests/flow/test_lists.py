"""The two lists: what stands on them, what filters leave, what the chips count; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from commtui.domain.lines import Line, PageKey, Query, Selection, Sort, SortKey
from commtui.domain.vocabulary import Channel, Chip, Ignored, Status, Tab
from commtui.errors import Rejected
from commtui.providers.base import Accepted
from commtui.services.lists import matching_ids
from commtui.store import tallies
from commtui.store.engine import Database
from tests.office import Office, message, references


class Calendar:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=2)
        return self.moment


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def past(database_url: str, calendar: Calendar) -> Iterator[Office]:
    """An office in January 2026."""
    database = Database(database_url, calendar)
    yield Office(database)
    database.close()


def test_a_bounced_invoice_that_is_resent_has_one_line_and_two_attempts(
    past: Office, calendar: Calendar
) -> None:
    past.put(message("12345"))
    past.send()
    past.report_on("12345", Status.BOUNCED)
    assert [(line.status, line.chip) for line in past.lines()] == [(Status.BOUNCED, Chip.FAILED)]

    calendar.moment = datetime(2026, 1, 16, 9, 0, tzinfo=UTC)
    past.send()
    past.report_on("12345", Status.DELIVERED)
    assert [(line.status, line.chip) for line in past.lines()] == [
        (Status.DELIVERED, Chip.COMPLETED)
    ]
    days = [(line.acted_at.day, line.status) for line in past.attempts("12345")]
    assert days == [(16, Status.DELIVERED), (15, Status.BOUNCED)]
    older = past.attempts("12345")[1]
    assert older.settled_at is not None
    assert older.settled_at.day == 16


def test_the_logs_chip_failed_can_leave_out_what_was_settled(past: Office) -> None:
    past.put(message("1"), message("2"))
    past.send()
    past.report_on("1", Status.BOUNCED)
    past.report_on("2", Status.BOUNCED)
    past.send("1")
    still_open: dict[str, Any] = {"chip": Chip.FAILED, "open_only": True}
    assert references(past.lines(Tab.LOG, **still_open)) == ["2"]
    assert past.counts(Tab.LOG, **still_open).failed == 1
    assert past.counts(Tab.LOG, **still_open).all == 3
    assert past.counts(Tab.LOG).failed == 2


def test_a_bounce_after_delivery_wins_and_says_so(past: Office) -> None:
    past.put(message())
    past.send()
    past.report_on("12345", Status.DELIVERED)
    past.report_on("12345", Status.BOUNCED)
    assert past.line().status is Status.BOUNCED
    assert past.line().after_delivery


def test_other_communications_that_need_attention_put_a_line_under_failed(past: Office) -> None:
    past.put(message(id="first"))
    past.send()
    past.report_on("12345", Status.BOUNCED)
    past.put(message(id="second", kind="reminder"))
    past.queue()
    past.work()
    newest = past.line()
    assert (newest.kind, newest.status, newest.chip) == ("reminder", Status.SENT, Chip.FAILED)
    assert newest.others == 1
    assert past.counts().failed == 1


def test_what_is_still_collecting_is_on_no_list_and_in_no_count(past: Office) -> None:
    past.put(message(collecting=True))
    assert past.lines() == []
    assert past.counts().all == 0
    assert past.lists.emptiness(Tab.OVERVIEW, Query()).collecting == 1
    past.put(message())
    assert references(past.lines()) == ["12345"]


@pytest.fixture
def crowd(past: Office, calendar: Calendar) -> Office:
    """Lines of every kind, spread over three months."""
    for number in range(24):
        past.put(
            message(
                f"{1000 + number}",
                subject={
                    "type": "contract" if number % 3 == 0 else "invoice",
                    "reference": f"{1000 + number}",
                    "title": f"100% sure_{number}" if number % 5 == 0 else f"Título {number}",
                },
                customer={
                    "id": f"K-{number % 4}",
                    "name": ("Émile Zola", "ЖУКОВ", "Straße AG", "O'Brien")[number % 4],
                    "location_group": "north" if number % 2 else "south",
                    "phone": "+33639981234",
                },
                channels=["sms"] if number % 6 == 5 else ["email"],
            )
        )
        calendar.moment += timedelta(days=4)
        if number % 4 == 3:
            continue

        def script(request: Any, number: int = number) -> Any:
            return Rejected("x", "400", "Postfach voll") if number % 4 == 2 else accepted(request)

        past.send(f"{1000 + number}", script=script)
        if number % 4 == 1:
            past.report_on(f"{1000 + number}", Status.DELIVERED)
    past.housekeeping.catch_up()
    return past


def accepted(request: Any) -> Any:
    """An acceptance with an id that can be searched for."""
    return Accepted(f"SG{request.entry_id[-6:]}")


FILTERS: list[dict[str, Any]] = [
    {},
    {"channels": frozenset({Channel.SMS})},
    {"categories": frozenset({"contract"})},
    {"statuses": frozenset({Status.REJECTED, Status.DELIVERED})},
    {"location_groups": frozenset({"north"})},
    {"customer": "K-2"},
    {"sent_from": datetime(2026, 2, 10, 12, tzinfo=UTC)},
    {
        "sent_from": datetime(2026, 1, 20, tzinfo=UTC),
        "sent_to": datetime(2026, 3, 15, 7, tzinfo=UTC),
    },
    {
        "sent_from": datetime(2026, 2, 3, tzinfo=UTC),
        "sent_to": datetime(2026, 2, 9, tzinfo=UTC),
    },
    {"sent_to": datetime(2026, 2, 1, tzinfo=UTC), "categories": frozenset({"invoice"})},
    {"text": "emile"},
    {"text": "жуков"},
    {"text": "strasse"},
    {"text": "100%"},
    {"text": "sure_1"},
    {"text": "postfach zola"},
    {"text": "1007"},
    {"text": "lea@"},
    {"text": "o'"},
    {"text": "_"},
    {"text": "nothing like it"},
]


def expected(lines: list[Line], query: dict[str, Any]) -> set[str]:
    """Which of these lines a query leaves, by the plain reading of each filter."""

    def fits(line: Line) -> bool:
        moment = line.acted_at
        return (
            ("channels" not in query or line.channel in query["channels"])
            and ("categories" not in query or line.category in query["categories"])
            and ("statuses" not in query or line.status in query["statuses"])
            and ("location_groups" not in query or line.location_group in query["location_groups"])
            and ("customer" not in query or line.customer_id == query["customer"])
            and ("sent_from" not in query or moment >= query["sent_from"])
            and ("sent_to" not in query or moment < query["sent_to"])
        )

    return {line.id for line in lines if fits(line)}


@pytest.mark.parametrize("tab", list(Tab))
def test_counts_and_pages_agree_with_a_plain_reading_of_every_filter(
    crowd: Office, tab: Tab
) -> None:
    everything = crowd.lines(tab)
    for query in FILTERS:
        found = crowd.lines(tab, **query)
        if "text" not in query:
            assert {line.id for line in found} == expected(everything, query), query
        counts = crowd.counts(tab, **query)
        by_chip = [
            sum(line.chip is chip for line in found)
            for chip in (Chip.FAILED, Chip.NOT_SENT, Chip.COMPLETED)
        ]
        assert [counts.failed, counts.not_sent, counts.completed] == by_chip, query
        assert counts.all == len(found), query
        for chip in (Chip.FAILED, Chip.NOT_SENT, Chip.COMPLETED):
            assert len(crowd.lines(tab, chip=chip, **query)) == counts.of(chip), (query, chip)


SEARCHES = {
    "ÉMILE": 6,
    "emile zola": 6,
    "Жуков": 6,
    "STRASSE": 6,
    "straße": 6,
    "100%": 5,
    "%": 5,
    "_": 5,
    "titulo 7": 2,
    "1003": 1,
    "10031": 0,
}


@pytest.mark.parametrize("indexed", [False, True])
def test_search_folds_case_and_accents_and_takes_signs_literally(
    past: Office, indexed: bool
) -> None:
    names = ("Émile Zola", "ЖУКОВ", "Straße AG", "O'Brien")
    past.put(
        *(
            message(
                f"{1000 + number}",
                subject={
                    "type": "invoice",
                    "reference": f"{1000 + number}",
                    "title": f"100% a_{number}" if number % 5 == 0 else f"Título {number}",
                },
                customer={"id": f"K-{number % 4}", "name": names[number % 4]},
            )
            for number in range(24)
        )
    )
    while indexed and past.housekeeping.catch_up():
        pass
    assert {text: len(past.lines(text=text)) for text in SEARCHES} == SEARCHES
    assert {text: past.counts(text=text).all for text in SEARCHES} == SEARCHES


def test_search_finds_recipients_provider_ids_and_error_texts(past: Office) -> None:
    past.put(message("1"), message("2", customer={"id": "K-2", "email": "bob@example.org"}))
    past.send()
    past.report_on("2", Status.BOUNCED, words="550 mailbox Müller unavailable")
    attempt = past.attempts("2")[0]
    for text in ("bob@example", f"m-{attempt.id}", "mailbox muller"):
        assert references(past.lines(text=text)) == ["2"], text
        assert references(past.lines(Tab.LOG, text=text)) == ["2"], text


def test_pages_by_key_give_every_line_once_in_order_and_backwards_too(crowd: Office) -> None:
    for tab, key, descending in product(Tab, SortKey, (True, False)):
        sort = Sort(key, descending)
        whole = [line.id for line in crowd.lists.page(tab, Query(), sort, limit=1000).lines]
        pages: list[str] = []
        after: PageKey | None = None
        while (page := crowd.lists.page(tab, Query(), sort, limit=5, after=after)).lines:
            pages += [line.id for line in page.lines]
            after = page.last
        assert pages == whole
        assert len(set(whole)) == len(whole)
        last = crowd.lists.last_page(tab, Query(), sort, 5)
        assert [line.id for line in last.lines] == whole[-5:]
        before = crowd.lists.page(tab, Query(), sort, limit=5, before=last.first)
        assert [line.id for line in before.lines] == whole[-10:-5]
        jump = crowd.lists.page(tab, Query(), sort, limit=5, offset=7)
        assert [line.id for line in jump.lines] == whole[7:12]


def test_all_that_match_means_what_matched_at_that_moment(crowd: Office) -> None:
    query = Query(chip=Chip.FAILED)
    failed = [line.id for line in crowd.lines(chip=Chip.FAILED)]
    newest = crowd.lines(chip=Chip.FAILED)[0]
    selection = Selection(
        Tab.OVERVIEW, query=query, excluded=frozenset({failed[1]}), up_to=newest.sort_id
    )
    crowd.put(message("9999", customer={"email": "nonsense"}))
    crowd.send("9999")
    assert crowd.line("9999").chip is Chip.FAILED
    chosen = list(matching_ids(crowd.database, selection))
    assert chosen == [failed[0], *failed[2:]]


def test_dropdowns_offer_what_is_there_with_the_lines_each_would_leave(crowd: Office) -> None:
    query = Query(categories=frozenset({"invoice"}))
    for field, attribute in (
        ("channels", "channel"),
        ("categories", "category"),
        ("statuses", "status"),
        ("location_groups", "location_group"),
    ):
        lines = crowd.lines() if field == "categories" else crowd.lines(categories={"invoice"})
        wanted: dict[str, int] = {}
        for line in lines:
            value = str(getattr(line, attribute))
            wanted[value] = wanted.get(value, 0) + 1
        offered = crowd.lists.choices(Tab.OVERVIEW, query, field)
        assert {choice.value: choice.count for choice in offered} == wanted
    customers = crowd.lists.choices(Tab.OVERVIEW, Query(), "customer", "emi")
    assert [(choice.value, choice.label, choice.count) for choice in customers] == [
        ("K-0", "Émile Zola", 6)
    ]


def test_an_empty_list_says_which_filters_hide_how_many(crowd: Office) -> None:
    assert crowd.lists.emptiness(Tab.OVERVIEW, Query()).anything
    narrow = Query(location_groups=frozenset({"north"}), chip=Chip.FAILED)
    assert not crowd.lines(location_groups={"north"}, chip=Chip.FAILED)
    assert dict(crowd.lists.emptiness(Tab.OVERVIEW, narrow).hidden) == {
        "location group": crowd.counts().failed,
        "chip Failed": crowd.counts(location_groups={"north"}).all,
    }


def test_the_counters_equal_a_count_of_the_lists_themselves(crowd: Office) -> None:
    for tab in Tab:
        with crowd.database.read() as connection:
            plain = tallies.recounted(connection, tab)
            for ignored in (Ignored.NO, Ignored.ALSO):
                found = tallies.grouped(connection, tab, Query(ignored=ignored), "status")
                wanted: dict[str, int] = {}
                for (status, _, hidden), lines in plain.items():
                    if ignored is Ignored.ALSO or not hidden:
                        wanted[status] = wanted.get(status, 0) + lines
                assert dict(found) == wanted
