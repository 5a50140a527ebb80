"""The fold: the same state from the same facts, in any order and however often they come."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.fold import GIVEN_UP_RANK, RANKS, EntryState, Fact, merge, worse
from commtui.domain.vocabulary import FAILED_STATUSES, Chip, ErrorClass, Status, chip_of

START = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
REPORTED = [status for status in Status if RANKS.get(status, 0) >= RANKS[Status.SENT]]
INFORMATIONAL = -1
PROVIDER_UNKNOWN = 15

SENDING = EntryState(Status.SENDING, START, RANKS[Status.SENDING])
LOST = EntryState(Status.UNKNOWN, START, RANKS[Status.UNKNOWN], ErrorClass.UNKNOWN, "no_answer")


def fact(status: Status, minutes: float = 1, **fields: object) -> Fact:
    return Fact(status, START + timedelta(minutes=minutes), **fields)  # type: ignore[arg-type]


def folded(*facts: Fact, start: EntryState = SENDING) -> EntryState:
    state = start
    for item in facts:
        state = merge(state, item)
    return state


facts = st.builds(
    Fact,
    st.sampled_from(REPORTED),
    st.integers(-5, 5).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.none() | st.sampled_from(ErrorClass),
    st.sampled_from(["", "5.1.1", "550"]),
)
operators = st.one_of(
    st.builds(
        Fact,
        st.just(Status.FAILED),
        st.just(START),
        st.just(ErrorClass.UNKNOWN),
        st.just("given_up"),
        st.just(GIVEN_UP_RANK),
    ),
    st.builds(Fact, st.just(Status.SENT), st.just(START), rank=st.just(11)),
    st.builds(Fact, st.just(Status.UNKNOWN), st.just(START), rank=st.just(PROVIDER_UNKNOWN)),
    st.builds(Fact, st.just(Status.NOT_SENT), st.just(START), rank=st.just(INFORMATIONAL)),
)


@given(st.lists(facts | operators, max_size=8), st.randoms(use_true_random=False))
def test_facts_end_in_the_same_state_in_every_order(items: list[Fact], rng) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert folded(*items) == folded(*shuffled)


@given(st.lists(facts | operators, max_size=6))
def test_facts_that_come_again_change_nothing(items: list[Fact]) -> None:
    once = folded(*items)
    assert folded(*items, *reversed(items)) == once
    assert folded(*(item for item in items for _ in range(2))) == once


@given(st.lists(facts, min_size=1, max_size=6))
def test_the_worst_fact_wins_and_the_earliest_of_its_kind_gives_the_time(items: list[Fact]) -> None:
    state = folded(*items)
    assert state.rank == max(item.weight for item in items)
    assert state.at == min(item.at for item in items if item.weight == state.rank)


@given(st.lists(facts | operators, max_size=6))
def test_delivery_is_remembered_whatever_comes_after(items: list[Fact]) -> None:
    delivered = [item.at for item in items if item.status in (Status.DELIVERED, Status.DONE)]
    assert folded(*items).delivered_at == min(delivered, default=None)


def test_ranks_stand_as_they_are_because_entries_are_stored_with_them() -> None:
    assert {status.value: rank for status, rank in RANKS.items()} == {
        "not_sent": 0,
        "queued": 1,
        "sending": 2,
        "unknown": 3,
        "skipped": 9,
        "sent": 10,
        "cancelled": 12,
        "done": 20,
        "delivered": 20,
        "rejected": 30,
        "failed": 32,
        "undelivered": 34,
        "dropped": 36,
        "blocked": 38,
        "bounced": 40,
        "returned": 42,
    }
    assert GIVEN_UP_RANK == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"code": "5.1.1"}, {"code": "5.1.2"}),
        ({"error_class": ErrorClass.PERMANENT}, {"error_class": ErrorClass.TEMPORARY}),
        ({"error_class": ErrorClass.PERMANENT}, {}),
        ({"minutes": 1}, {"minutes": 2}),
    ],
    ids=["code", "class", "no class", "time"],
)
def test_two_that_are_as_strong_end_the_same_whichever_comes_first(
    one: dict[str, object], other: dict[str, object]
) -> None:
    first, second = fact(Status.BOUNCED, **one), fact(Status.BOUNCED, **other)  # type: ignore[arg-type]
    assert folded(first, second) == folded(second, first)
    assert folded(first) != folded(second)


def test_two_statuses_of_one_rank_and_time_end_the_same_whichever_comes_first() -> None:
    done, delivered = fact(Status.DONE), fact(Status.DELIVERED)
    assert folded(done, delivered) == folded(delivered, done)


def test_a_fact_and_a_state_say_no_more_than_they_were_told() -> None:
    plain = fact(Status.SENT)
    assert (plain.error_class, plain.code, plain.rank) == (None, "", None)
    assert (SENDING.error_class, SENDING.code, SENDING.sent_at) == (None, "", None)
    assert SENDING.delivered_at is None


def test_words_of_a_weight_below_acceptance_are_no_acceptance() -> None:
    assert folded(fact(Status.SENT, rank=GIVEN_UP_RANK)).sent_at is None
    assert folded(fact(Status.SENT, rank=RANKS[Status.SENT])).sent_at is not None


def test_every_status_that_an_entry_can_have_has_a_rank() -> None:
    assert set(RANKS) == set(Status) - {Status.COLLECTING}


@pytest.mark.parametrize(
    "bad", [Status.BOUNCED, Status.BLOCKED, Status.DROPPED, Status.UNDELIVERED, Status.RETURNED]
)
def test_a_failure_wins_over_a_delivery_and_says_that_it_came_after(bad: Status) -> None:
    for order in itertools.permutations((fact(Status.SENT), fact(Status.DELIVERED, 2), fact(bad))):
        state = folded(*order)
        assert (state.status, state.after_delivery) == (bad, True)


def test_a_failure_without_a_delivery_is_not_after_one() -> None:
    assert not folded(fact(Status.SENT), fact(Status.BOUNCED)).after_delivery
    assert not folded(fact(Status.DELIVERED)).after_delivery


def test_an_event_that_only_informs_changes_nothing() -> None:
    bounced = folded(fact(Status.BOUNCED))
    assert merge(bounced, fact(Status.NOT_SENT, rank=INFORMATIONAL)) == bounced
    assert merge(SENDING, fact(Status.NOT_SENT, rank=INFORMATIONAL)) == SENDING


def test_a_delivery_without_an_acceptance_counts_as_sent_then() -> None:
    state = folded(fact(Status.DELIVERED, 5))
    assert state.sent_at == state.delivered_at == START + timedelta(minutes=5)
    assert folded(fact(Status.DELIVERED, 5), fact(Status.SENT, 2)).sent_at == START + timedelta(
        minutes=2
    )


def test_what_was_rejected_or_failed_was_never_sent() -> None:
    assert folded(fact(Status.REJECTED)).sent_at is None
    assert folded(fact(Status.FAILED)).sent_at is None


@pytest.mark.parametrize("said", [Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.REJECTED])
def test_a_provider_settles_an_unknown_outcome(said: Status) -> None:
    assert folded(fact(said), start=LOST).status is said


@pytest.mark.parametrize("said", [Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.REJECTED])
def test_giving_up_gives_way_to_any_word_of_the_provider(said: Status) -> None:
    given_up = fact(Status.FAILED, 2, code="given_up", rank=GIVEN_UP_RANK)
    assert folded(given_up, start=LOST).status is Status.FAILED
    assert folded(given_up, fact(said), start=LOST).status is said
    assert folded(fact(said), given_up, start=LOST).status is said


def test_an_operators_it_was_sent_gives_way_to_what_became_of_it() -> None:
    for told in (Status.DELIVERED, Status.BOUNCED):
        for order in itertools.permutations((fact(Status.SENT, 3), fact(told))):
            assert folded(*order, start=LOST).status is told


def test_a_provider_that_does_not_know_is_believed_over_its_acceptance_only() -> None:
    unsure = fact(Status.UNKNOWN, 2, rank=PROVIDER_UNKNOWN)
    assert folded(fact(Status.SENT), unsure).status is Status.UNKNOWN
    assert folded(unsure, fact(Status.DELIVERED)).status is Status.DELIVERED
    assert folded(fact(Status.UNDELIVERED), unsure).status is Status.UNDELIVERED


@pytest.mark.parametrize("old", [status for status in RANKS if status not in FAILED_STATUSES])
def test_an_ignored_line_comes_back_when_it_comes_to_need_attention(old: Status) -> None:
    for new in RANKS:
        assert worse(new, old) == (chip_of(new) is Chip.FAILED)


def test_an_ignored_failure_comes_back_only_when_it_becomes_a_worse_one() -> None:
    assert worse(Status.BOUNCED, Status.BLOCKED)
    assert not worse(Status.BLOCKED, Status.BOUNCED)
    assert worse(Status.REJECTED, Status.UNKNOWN)
    assert not any(worse(status, status) for status in RANKS)
    assert not any(worse(Status.DELIVERED, status) for status in RANKS)
