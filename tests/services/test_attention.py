"""Ignoring, completing tasks and settling unknown outcomes."""

from __future__ import annotations

import pytest

from commtui.domain.lines import Query, Selection
from commtui.domain.views import Decision
from commtui.domain.vocabulary import Channel, Chip, ErrorClass, Ignored, Source, Status, Tab
from commtui.errors import NotFound, Refused, UsageError
from tests.services.conftest import Office, chips, selected

NOBODY = "01900000-0000-7000-8000-000000000000"


def test_an_ignored_line_leaves_its_chip_and_comes_back(office: Office) -> None:
    entry = office.bounced()
    assert chips(office)[Chip.FAILED] == 1
    assert office.attention.ignore(selected(office.line()), "closed account") == 1
    assert office.line().ignored
    assert chips(office) == dict.fromkeys(Chip, 0)
    log = office.lines(Tab.LOG)
    assert [(line.id, line.ignored) for line in log] == [(entry, True)]
    assert office.attention.unignore(selected(office.line())) == 1
    assert not office.line().ignored
    assert chips(office)[Chip.FAILED] == 1


def test_ignoring_twice_changes_nothing_the_second_time(office: Office) -> None:
    office.bounced()
    office.attention.ignore(selected(office.line()), "closed")
    assert office.attention.ignore(selected(office.line()), "closed") == 0


def test_ignoring_needs_a_reason_and_keeps_it_with_the_filter(office: Office) -> None:
    office.bounced()
    with pytest.raises(UsageError, match="reason"):
        office.attention.ignore(selected(office.line()), "  ")
    everything = Selection(Tab.OVERVIEW, query=Query(text="léa", chip=Chip.FAILED))
    assert office.attention.ignore(everything, "closed account") == 1
    operator, action, words = office.audits()[-1]
    assert (operator, action) == ("rosa", "ignore")
    assert words.splitlines() == ["closed account", "all that match, chip=failed, text=léa"]


def test_on_the_overview_the_latest_attempt_of_each_channel_is_ignored(office: Office) -> None:
    office.bring(
        channels=["email", "sms"],
        content={"subject": "Invoice", "text": "Hello", "sms": "Hello"},
        customer={"phone": "+33612345678"},
    )
    bounce = (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "no")
    first = office.send("12345", Channel.EMAIL, bounce)
    second = office.resending.resend(first, first)
    office.learn(second, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    text = office.send("12345", Channel.SMS, (Status.FAILED, ErrorClass.PERMANENT, "30005", "no"))
    office.attention.ignore(selected(office.line()), "closed")
    ignored = {line.id for line in office.lines(Tab.LOG, ignored=Ignored.ONLY)}
    assert ignored == {second, text}
    assert office.line().ignored


def test_before_an_attempt_the_communication_is_ignored(office: Office) -> None:
    office.bring()
    assert office.attention.ignore(selected(office.line()), "sent by hand") == 1
    assert office.line().ignored
    assert chips(office)[Chip.NOT_SENT] == 0
    office.send()
    assert not office.line().ignored


def test_on_the_log_exactly_the_chosen_entries_are_ignored(office: Office) -> None:
    first = office.bounced()
    second = office.resending.resend(first, first)
    office.learn(second, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    assert office.attention.ignore(Selection(Tab.LOG, (first,)), "old") == 1
    ignored = [line.id for line in office.lines(Tab.LOG, ignored=Ignored.ONLY)]
    assert ignored == [first]
    assert not office.line().ignored


def test_a_newer_attempt_is_not_ignored(office: Office) -> None:
    first = office.bounced()
    office.attention.ignore(selected(office.line()), "closed")
    second = office.resending.resend(first, first)
    office.learn(second, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    assert not office.line().ignored
    assert chips(office)[Chip.FAILED] == 1


def test_many_lines_are_ignored_in_batches_and_counted_exactly(office: Office) -> None:
    for number in range(130):
        office.bring(str(20000 + number))
    excluded = office.line("20007").id
    everything = Selection(Tab.OVERVIEW, query=Query(), excluded=frozenset({excluded}))
    assert office.attention.ignore(everything, "test data") == 129
    assert chips(office)[Chip.ALL] == 1
    assert [action for _, action, _ in office.audits()] == ["ignore", "ignore"]


def test_a_manual_task_is_completed_with_a_note(office: Office) -> None:
    office.bring(channels=["manual"])
    entry = office.send("12345", Channel.MANUAL)
    office.attention.complete(entry, "handed over at the counter")
    details = office.details.details(entry)
    assert details.attempt.line.status is Status.DONE
    assert details.attempt.note == "handed over at the counter"
    done = details.history[-1]
    assert (done.source, done.author, done.words) == (
        Source.OPERATOR,
        "rosa",
        "handed over at the counter",
    )
    assert chips(office)[Chip.COMPLETED] == 1
    with pytest.raises(Refused, match="over already"):
        office.attention.complete(entry, "again")


def test_only_waiting_manual_tasks_are_completed(office: Office) -> None:
    entry = office.bounced()
    with pytest.raises(Refused, match="only manual tasks"):
        office.attention.complete(entry, "done")
    with pytest.raises(UsageError, match="note"):
        office.attention.complete(entry, " ")
    with pytest.raises(NotFound):
        office.attention.complete(NOBODY, "done")


def test_an_unknown_outcome_settled_as_sent_frees_its_lane(office: Office) -> None:
    office.bring()
    entry = office.send()
    office.lose(entry)
    assert office.attention.settle(entry, Decision.SENT, "seen in SendGrid") is None
    details = office.details.details(entry)
    assert details.attempt.line.status is Status.SENT
    assert details.attempt.note == "seen in SendGrid"
    assert office.resending.offer(entry).refusal is None
    assert ("rosa", "settle: sent", "seen in SendGrid") in office.audits()


def test_giving_up_fails_it_until_the_provider_says_more(office: Office) -> None:
    office.bring()
    entry = office.send()
    office.lose(entry)
    office.attention.settle(entry, Decision.GIVE_UP, "nobody knows")
    details = office.details.details(entry)
    assert details.attempt.line.status is Status.FAILED
    assert details.explanation is not None
    assert "gave up" in details.explanation.sentence
    office.learn(entry, Status.DELIVERED)
    assert office.line().status is Status.DELIVERED


def test_sending_again_makes_a_new_entry_that_replaces_the_unknown_one(office: Office) -> None:
    office.bring()
    entry = office.send()
    office.lose(entry)
    new = office.attention.settle(entry, Decision.AGAIN, "the customer has nothing")
    assert new is not None
    assert office.line().entry_id == new
    assert office.details.details(new).attempt.replaces_id == entry
    assert ("rosa", "settle: again", "the customer has nothing") in office.audits()


@pytest.mark.parametrize("decision", list(Decision))
def test_a_known_outcome_is_not_settled(office: Office, decision: Decision) -> None:
    entry = office.bounced()
    with pytest.raises(Refused, match="this one is known"):
        office.attention.settle(entry, decision, "")


def test_what_the_provider_itself_does_not_know_is_settled_too(office: Office) -> None:
    office.bring()
    entry = office.send("12345", Channel.EMAIL, (Status.SENT, None, "", ""))
    office.report(entry, "unsure", office.database.now(), status=Status.UNKNOWN)
    assert office.line().status is Status.UNKNOWN
    office.attention.settle(entry, Decision.SENT, "")
    assert office.line().status is Status.SENT
