"""The words: every status has a look of its own kind, and the chips share them out."""

from __future__ import annotations

import pytest

from commtui.domain.vocabulary import (
    FAILED_STATUSES,
    OPEN_STATUSES,
    STARTED_STATUSES,
    STATUS_GROUPS,
    STATUS_LOOKS,
    Channel,
    Chip,
    Status,
    chip_of,
)


@pytest.mark.parametrize("status", Status)
def test_a_status_is_shown_by_a_word_and_a_sign_in_one_cell_with_a_plain_stand_in(
    status: Status,
) -> None:
    looks = STATUS_LOOKS[status]
    assert looks.label.strip()
    assert len(looks.glyph) == len(looks.ascii) == 1
    assert looks.ascii.isascii()


def test_no_two_statuses_share_a_word() -> None:
    assert len({looks.label for looks in STATUS_LOOKS.values()}) == len(Status)


def test_the_chips_share_out_every_status_but_collecting() -> None:
    by_chip = {chip: {s for s in Status if chip_of(s) is chip} for chip in Chip}
    assert by_chip[Chip.ALL] == set()
    assert by_chip[Chip.FAILED] == FAILED_STATUSES
    assert by_chip[Chip.NOT_SENT] == {Status.NOT_SENT, Status.QUEUED, Status.SENDING}
    assert by_chip[Chip.COMPLETED] == {
        Status.SENT,
        Status.DELIVERED,
        Status.SKIPPED,
        Status.CANCELLED,
        Status.DONE,
    }
    assert set().union(*by_chip.values()) == set(Status) - {Status.COLLECTING}


def test_every_failure_is_worse_than_everything_else() -> None:
    failed = [STATUS_LOOKS[status].severity for status in FAILED_STATUSES]
    others = [looks.severity for s, looks in STATUS_LOOKS.items() if s not in FAILED_STATUSES]
    assert min(failed) > max(others)


def test_severities_decide_between_any_two_statuses() -> None:
    assert len({looks.severity for looks in STATUS_LOOKS.values()}) == len(Status)


def test_status_failed_means_the_failures_whose_outcome_is_known() -> None:
    assert STATUS_GROUPS["failed"] == {
        Status.FAILED,
        Status.BOUNCED,
        Status.DROPPED,
        Status.BLOCKED,
        Status.UNDELIVERED,
        Status.RETURNED,
    }


def test_a_lane_is_locked_while_its_outcome_is_open_and_content_is_fixed_from_then_on() -> None:
    assert {Status.QUEUED, Status.SENDING, Status.UNKNOWN} == OPEN_STATUSES
    assert OPEN_STATUSES < STARTED_STATUSES
    assert {Status.SENT, Status.DELIVERED} == STARTED_STATUSES - OPEN_STATUSES


def test_channels_and_chips_have_the_words_of_the_field() -> None:
    assert [channel.label for channel in Channel] == ["Email", "SMS", "Post", "E-invoice", "Manual"]
    assert [chip.label for chip in Chip] == ["Failed", "Not sent", "Completed", "All"]
