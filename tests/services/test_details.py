"""Details: what a line means in plain words, its history, its other attempts, what was sent."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from commtui.domain.vocabulary import Channel, ErrorClass, Release, Source, Status
from commtui.errors import NotFound
from commtui.store import providers_state
from commtui.store.providers_state import Why
from commtui.store.workers import Presence
from tests.services.conftest import Office

NOBODY = "01900000-0000-7000-8000-000000000000"


def test_a_bounce_is_explained_with_its_class_and_what_to_do(office: Office) -> None:
    office.bounced()
    summary = office.details.summary(office.line().id)
    assert summary.explanation is not None
    assert summary.explanation.error_class is ErrorClass.PERMANENT
    assert summary.explanation.sentence == "The mailbox does not exist."
    assert "Correct the customer's address" in summary.explanation.advice


def test_a_bounce_after_a_delivery_says_so(office: Office) -> None:
    entry = office.bounced()
    office.report(entry, "delivered", office.database.now(), status=Status.DELIVERED)
    explanation = office.details.details(entry).explanation
    assert explanation is not None
    assert "reported as delivered" in explanation.sentence


def test_what_is_delivered_needs_no_explanation(office: Office) -> None:
    office.bring()
    office.send("12345", Channel.EMAIL, (Status.DELIVERED, None, "", ""))
    assert office.details.summary(office.line().id).explanation is None


def test_what_waits_for_release_says_so_without_a_class(office: Office) -> None:
    office.bring()
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.error_class is None
    assert "waits for release" in explanation.sentence


def test_what_waits_for_its_date_names_it_in_the_operators_zone(office: Office) -> None:
    office.bring(release=Release.AUTO, send_at="2099-01-16T08:00:00+00:00")
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.sentence == "It waits for its date, 2099-01-16 09:00 CET."


def test_what_expired_before_anybody_sent_it_says_so(office: Office) -> None:
    office.bring(expires_at="2020-01-16T08:00:00+00:00")
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert "expired on 2020-01-16" in explanation.sentence


def test_a_manual_task_says_that_somebody_has_to_act(office: Office) -> None:
    office.bring(channels=["manual"])
    office.send("12345", Channel.MANUAL)
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.sentence.startswith("Manual action required")
    assert explanation.error_class is None


def test_what_is_queued_without_a_worker_says_how_to_start_one(office: Office) -> None:
    office.bring()
    office.send()
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert "no worker is running" in explanation.sentence
    Presence(office.database, "worker", 60.0)
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.sentence == "It waits to be handed to SendGrid."


def test_a_paused_provider_is_the_reason_of_what_is_queued(office: Office) -> None:
    office.bring()
    office.send()
    providers_state.pause(office.database, "sendgrid", Why.ACCOUNT, "The credits are used up.", 600)
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.sentence.startswith("SendGrid is paused until")
    assert explanation.sentence.endswith("The credits are used up.")
    assert explanation.advice.startswith("Have the account put right; what waits goes out")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "401",
            "Put a valid key into sendgrid.api_key; what waits goes out by itself afterwards.",
        ),
        (
            "403_sender",
            "Verify sendgrid.from_email in SendGrid, or set one that is verified. "
            "What waits goes out by itself afterwards.",
        ),
        ("418", "Have the account put right; what waits goes out by itself afterwards."),
    ],
)
def test_a_paused_provider_says_how_to_put_the_account_right(
    office: Office, code: str, advice: str
) -> None:
    office.bring()
    office.send()
    providers_state.pause(office.database, "sendgrid", Why.ACCOUNT, "Refused.", 600, code)
    explanation = office.details.summary(office.line().id).explanation
    assert explanation is not None
    assert explanation.advice == advice


def test_an_unknown_outcome_says_that_it_may_have_been_sent(office: Office) -> None:
    office.bring()
    entry = office.send()
    office.lose(entry)
    explanation = office.details.details(entry).explanation
    assert explanation is not None
    assert explanation.error_class is ErrorClass.UNKNOWN
    assert "may have been sent" in explanation.sentence


def test_history_tells_changes_and_events_in_time_order_and_each_once(office: Office) -> None:
    office.bring()
    start = office.database.now()
    entry = office.send("12345", Channel.EMAIL, (Status.SENT, None, "", ""))
    later = [start + timedelta(minutes=minute) for minute in range(1, 4)]
    office.report(entry, "open", later[2])
    office.report(
        entry,
        "bounce",
        later[1],
        status=Status.BOUNCED,
        error_class=ErrorClass.PERMANENT,
        code="5.1.1",
        words="550 no such user",
    )
    office.report(entry, "processed", later[0], status=Status.SENT)
    history = office.details.details(entry).history
    assert [item.word for item in history] == ["initial", "sent", "processed", "bounce", "open"]
    assert [item.status for item in history] == [
        Status.QUEUED,
        Status.SENT,
        None,
        Status.BOUNCED,
        None,
    ]
    bounce = history[3]
    assert (bounce.source, bounce.code, bounce.words) == (
        Source.EVENT,
        "5.1.1",
        "550 no such user",
    )
    assert history[0].author == "rosa"


def test_attempts_before_and_after_are_those_of_the_lane(office: Office) -> None:
    first = office.bounced()
    second = office.resending.resend(first, first)
    office.learn(second, Status.SENT)
    third = office.resending.resend(second, second)
    details = office.details.details(second)
    assert [item.line.id for item in details.before] == [first]
    assert [item.line.id for item in details.after] == [third]
    assert details.attempt.replaces_id == first
    assert details.before[0].settled_by == second
    assert [item.line.id for item in office.details.attempts(office.line().id)] == [
        third,
        second,
        first,
    ]


def test_details_hold_what_that_entry_sent_even_when_the_source_sent_more(office: Office) -> None:
    pdf = {
        "role": "attachment",
        "base64": base64.b64encode(b"%PDF one").decode(),
        "name": "invoice.pdf",
        "media_type": "application/pdf",
    }
    office.bring(documents=[pdf])
    entry = office.send(
        "12345", Channel.EMAIL, (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "no")
    )
    office.bring(content={"subject": "Corrected", "text": "New words"})
    details = office.details.details(entry)
    assert (details.content_subject, details.content_text) == ("Your invoice", "Hello")
    assert [(item.name, item.size) for item in details.documents] == [("invoice.pdf", 8)]
    assert details.attempt.version == 1


def test_the_summary_lists_the_other_communications_newest_first(office: Office) -> None:
    office.bring(id="old")
    office.send("12345", Channel.EMAIL, (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "no"))
    office.bring(id="untouched", kind="contract")
    office.bring(id="new", kind="reminder")
    office.send()
    summary = office.details.summary(office.line().id)
    assert summary.line.kind == "reminder"
    assert [(other.kind, other.status) for other in summary.others] == [
        ("contract", Status.NOT_SENT),
        ("invoice", Status.BOUNCED),
    ]


def test_ids_that_nothing_has_are_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        office.details.details(NOBODY)
    with pytest.raises(NotFound):
        office.details.summary(NOBODY)
    assert office.details.attempts(NOBODY) == ()
