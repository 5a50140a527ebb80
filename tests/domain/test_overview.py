"""The overview line: one per subject, and nothing that needs attention behind it out of reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commtui.domain.overview import CommunicationState, LaneState, SubjectLine, subject_line
from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    STATUS_LOOKS,
    Channel,
    Chip,
    Status,
    chip_of,
)


def lane(
    status: Status,
    entry: str | None = "e1",
    channel: Channel = Channel.EMAIL,
    *,
    ignored: bool = False,
    superseded: bool = False,
) -> LaneState:
    return LaneState("c", channel, status, entry, 1 if entry else 0, ignored, superseded)


def communication(identifier: str, *lanes: LaneState, ignored: bool = False) -> CommunicationState:
    return CommunicationState(identifier, ignored, lanes)


def line_of(*communications: CommunicationState) -> SubjectLine:
    line = subject_line(communications)
    assert line is not None
    return line


ATTEMPTED = [s for s in Status if s not in (Status.COLLECTING, Status.NOT_SENT)]
entries = st.integers(0, 30).map(lambda number: f"e{number:02}")
lanes = st.one_of(
    st.builds(
        LaneState,
        st.just("c"),
        st.sampled_from(Channel),
        st.sampled_from(ATTEMPTED),
        entries,
        st.integers(1, 3),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        LaneState,
        st.just("c"),
        st.sampled_from(Channel),
        st.just(Status.NOT_SENT),
        st.none(),
        st.just(0),
        st.just(False),
        st.booleans(),
    ),
)
subjects = st.lists(
    st.builds(
        CommunicationState,
        st.integers(0, 30).map(lambda number: f"c{number:02}"),
        st.booleans(),
        st.lists(lanes, min_size=1, max_size=3, unique_by=lambda item: item.channel).map(tuple),
    ),
    min_size=1,
    max_size=4,
    unique_by=(lambda item: item.id, lambda item: item.newest),
)


@given(subjects)
def test_every_communication_that_needs_attention_is_reached_from_chip_failed(
    communications: list[CommunicationState],
) -> None:
    line = line_of(*communications)
    needing = [item.id for item in communications if item.wants_attention]
    if needing:
        assert (line.chip, line.ignored) == (Chip.FAILED, False)
    behind = [identifier for identifier in needing if identifier != line.communication_id]
    assert line.others == len(behind)


@given(subjects)
def test_a_line_is_under_failed_for_a_reason(communications: list[CommunicationState]) -> None:
    line = line_of(*communications)
    if line.chip is Chip.FAILED:
        assert line.others or line.status in FAILED_STATUSES
    else:
        assert line.chip is chip_of(line.status)


@given(subjects, st.randoms(use_true_random=False))
def test_a_line_does_not_depend_on_the_order_of_what_it_is_made_of(
    communications: list[CommunicationState],
    rng,  # type: ignore[no-untyped-def]
) -> None:
    shuffled = list(communications)
    rng.shuffle(shuffled)
    assert line_of(*shuffled) == line_of(*communications)


@given(subjects)
def test_a_line_shows_the_newest_communication_with_the_worst_of_its_lanes(
    communications: list[CommunicationState],
) -> None:
    line = line_of(*communications)
    shown = next(item for item in communications if item.id == line.communication_id)
    assert line.sort_id == max(item.newest for item in communications)
    worst = max(STATUS_LOOKS[item.status].severity for item in shown.speaking)
    assert STATUS_LOOKS[line.status].severity == worst
    assert line.attempts == sum(item.attempts for item in shown.lanes)


def test_a_subject_of_which_everything_is_still_collecting_has_no_line() -> None:
    assert subject_line([]) is None


def test_a_communication_that_was_never_tried_is_not_sent() -> None:
    line = line_of(communication("c1", lane(Status.NOT_SENT, None)))
    assert (line.status, line.chip, line.entry_id) == (Status.NOT_SENT, Chip.NOT_SENT, None)
    assert line.sort_id == "c1"


def test_newest_is_the_latest_attempt_and_not_the_latest_communication() -> None:
    older = communication("c1", lane(Status.DELIVERED, "e9"))
    newer = communication("c2", lane(Status.SENT, "e3"))
    assert line_of(older, newer).communication_id == "c1"


def test_a_resent_message_that_arrived_is_delivered() -> None:
    line = line_of(communication("c1", lane(Status.DELIVERED, "e2")))
    assert (line.status, line.chip, line.others) == (Status.DELIVERED, Chip.COMPLETED, 0)


def test_a_delivered_line_with_a_failed_reminder_behind_it_is_under_failed() -> None:
    line = line_of(
        communication("c1", lane(Status.BOUNCED, "e1")),
        communication("c2", lane(Status.DELIVERED, "e2")),
    )
    assert (line.status, line.chip, line.others) == (Status.DELIVERED, Chip.FAILED, 1)


def test_of_two_lanes_the_worse_speaks_for_the_communication() -> None:
    both = communication(
        "c1",
        lane(Status.DELIVERED, "e2"),
        lane(Status.UNDELIVERED, "e1", Channel.SMS),
    )
    line = line_of(both)
    assert (line.status, line.channel, line.entry_id) == (Status.UNDELIVERED, Channel.SMS, "e1")


def test_a_lane_that_a_fallback_took_over_no_longer_speaks() -> None:
    moved = communication(
        "c1",
        lane(Status.BOUNCED, "e1", superseded=True),
        lane(Status.DELIVERED, "e2", Channel.POST),
    )
    assert line_of(moved).status is Status.DELIVERED
    alone = communication("c1", lane(Status.BOUNCED, "e1", superseded=True))
    assert line_of(alone).status is Status.BOUNCED


def test_an_ignored_failure_is_out_of_sight_until_another_one_needs_attention() -> None:
    ignored = communication("c1", lane(Status.BOUNCED, "e1", ignored=True))
    assert line_of(ignored).ignored
    behind = communication("c2", lane(Status.REJECTED, "e0"))
    line = line_of(ignored, behind)
    assert (line.communication_id, line.ignored, line.others) == ("c1", False, 1)


def test_ignoring_one_lane_leaves_the_other_in_sight() -> None:
    half = communication(
        "c1",
        lane(Status.BOUNCED, "e1", ignored=True),
        lane(Status.UNDELIVERED, "e2", Channel.SMS),
    )
    assert not line_of(half).ignored
    assert half.wants_attention


@pytest.mark.parametrize("ignored", [True, False])
def test_before_a_first_attempt_the_communication_itself_is_ignored(ignored: bool) -> None:
    waiting = communication("c1", lane(Status.NOT_SENT, None), ignored=ignored)
    assert line_of(waiting).ignored is ignored


def test_an_ignored_failure_behind_the_line_does_not_count() -> None:
    line = line_of(
        communication("c1", lane(Status.BOUNCED, "e1", ignored=True)),
        communication("c2", lane(Status.DELIVERED, "e2")),
    )
    assert (line.chip, line.others) == (Chip.COMPLETED, 0)
