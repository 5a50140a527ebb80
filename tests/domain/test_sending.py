"""What may be sent: the whole table of statuses, classes and locks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commtui.domain.sending import (
    COMPLETED_REASON,
    ON_ITS_WAY_REASON,
    UNKNOWN_REASON,
    Candidate,
    refusal,
    resend_refusal,
)
from commtui.domain.vocabulary import Channel, ErrorClass, Status

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
FREE = Candidate(
    channel=Channel.EMAIL,
    status=Status.NOT_SENT,
    error_class=None,
    locked=False,
    same_address=True,
    provider_ready=True,
)
COLLECTING = "data still being collected"
UNKNOWN = "outcome unknown: it may have been sent; settle it in the log first"
POLICY = "refused by the recipient: not to this address again"
RESEND_ON_ITS_WAY = "this message is already on its way"

BULK: dict[Status, str | None] = {
    Status.COLLECTING: COMPLETED_REASON,
    Status.NOT_SENT: None,
    Status.QUEUED: ON_ITS_WAY_REASON,
    Status.SENDING: ON_ITS_WAY_REASON,
    Status.UNKNOWN: UNKNOWN,
    Status.SENT: COMPLETED_REASON,
    Status.DELIVERED: COMPLETED_REASON,
    Status.BOUNCED: None,
    Status.DROPPED: None,
    Status.BLOCKED: None,
    Status.FAILED: None,
    Status.UNDELIVERED: None,
    Status.RETURNED: None,
    Status.REJECTED: None,
    Status.SKIPPED: COMPLETED_REASON,
    Status.CANCELLED: COMPLETED_REASON,
    Status.DONE: COMPLETED_REASON,
}
CLASSES = (None, *ErrorClass)
FAILED = [status for status, reason in BULK.items() if reason is None][1:]


def test_the_table_has_every_status() -> None:
    assert set(BULK) == set(Status)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize("same_address", [True, False])
def test_a_bulk_send_takes_what_failed_or_never_left(
    status: Status, error_class: ErrorClass | None, same_address: bool
) -> None:
    candidate = replace(FREE, status=status, error_class=error_class, same_address=same_address)
    expected = BULK[status]
    if status in FAILED and error_class is ErrorClass.POLICY and same_address:
        expected = POLICY
    assert refusal(candidate, NOW) == expected


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("error_class", CLASSES)
def test_a_bulk_send_never_takes_a_lane_that_is_locked(
    status: Status, error_class: ErrorClass | None
) -> None:
    candidate = replace(FREE, status=status, error_class=error_class, locked=True)
    expected = UNKNOWN if status is Status.UNKNOWN else ON_ITS_WAY_REASON
    assert refusal(candidate, NOW) == expected


@pytest.mark.parametrize(("status", "locked"), itertools.product(Status, (False, True)))
def test_nothing_is_sent_by_anybody_while_its_data_is_being_collected(
    status: Status, locked: bool
) -> None:
    candidate = replace(FREE, status=status, locked=locked, collecting=True)
    assert refusal(candidate, NOW) == resend_refusal(candidate) == COLLECTING


@pytest.mark.parametrize(
    ("expires_in", "reason"),
    [(-1, "expired before it was sent"), (0, "expired before it was sent"), (1, None)],
)
def test_a_bulk_send_leaves_what_has_expired(expires_in: int, reason: str | None) -> None:
    candidate = replace(FREE, expires_at=NOW + timedelta(seconds=expires_in))
    assert refusal(candidate, NOW) == reason


@pytest.mark.parametrize("channel", Channel)
def test_a_channel_without_a_provider_is_named(channel: Channel) -> None:
    candidate = replace(FREE, channel=channel, provider_ready=False)
    assert refusal(candidate, NOW) == f"no provider is set up for {channel.label}"


def test_a_manual_task_is_made_once_and_then_completed() -> None:
    task = replace(FREE, channel=Channel.MANUAL)
    assert refusal(task, NOW) is None
    assert refusal(replace(task, attempted=True), NOW) == "manual task: complete it"
    assert refusal(replace(task, attempted=True, status=Status.DONE), NOW) == COMPLETED_REASON
    assert resend_refusal(task) == "a manual task is completed, not resent"


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize(("locked", "same_address"), itertools.product((False, True), repeat=2))
def test_a_resend_takes_what_is_not_on_its_way_and_was_not_refused_by_the_recipient(
    status: Status, error_class: ErrorClass | None, locked: bool, same_address: bool
) -> None:
    candidate = replace(
        FREE, status=status, error_class=error_class, locked=locked, same_address=same_address
    )
    refused = error_class is ErrorClass.POLICY and same_address
    if status in (Status.QUEUED, Status.SENDING) or (locked and status is not Status.UNKNOWN):
        expected = RESEND_ON_ITS_WAY
    elif refused and status in {*FAILED, Status.UNKNOWN}:
        expected = POLICY
    else:
        expected = None
    assert resend_refusal(candidate, settling=True) == expected
    plain = UNKNOWN_REASON if status is Status.UNKNOWN else expected
    assert resend_refusal(candidate) == plain


def test_a_resend_needs_a_provider() -> None:
    delivered = replace(FREE, status=Status.DELIVERED, provider_ready=False)
    assert resend_refusal(delivered) == "no provider is set up for Email"
