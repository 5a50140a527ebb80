"""Bulk send: the dry run tells the truth, what was confirmed is frozen, and only that is sent; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from commtui.domain.lines import Query, Selection
from commtui.domain.views import RunState
from commtui.domain.vocabulary import Author, Cause, Channel, Chip, ErrorClass, Status, Tab
from commtui.errors import NotFound, Refused, Rejected, UnknownOutcome
from commtui.services.bulk import Bulk
from tests.office import OPERATOR, Office, message


def test_a_dry_run_says_how_many_go_on_which_channel_and_why_others_stay(office: Office) -> None:
    office.put(
        message("held"),
        message("two", channels=["email", "sms"], customer={"phone": "+33639981234"}),
        message("sent"),
        message("lost"),
        message("wrong", customer={"id": "K-2", "email": "no address"}),
        message("letter", channels=["post"]),
        message("bounced"),
        message("refused"),
    )
    office.send("sent", "bounced", "refused")
    office.report_on("bounced", Status.BOUNCED)
    office.report_on("refused", Status.DROPPED, error_class=ErrorClass.POLICY, code="unsubscribed")
    office.send("lost", script=lambda request: UnknownOutcome("sendgrid", "no_answer"))
    plan = office.plan()
    assert plan.lines == 8
    assert dict(plan.going) == {Channel.EMAIL: 4, Channel.SMS: 1}
    assert dict(plan.staying) == {
        "already completed": 1,
        "outcome unknown: it may have been sent; settle it in the log first": 1,
        "no provider is set up for Post": 1,
        "refused by the recipient: not to this address again": 1,
    }
    assert sum(dict(plan.failing).values()) == 2
    assert dict(plan.warnings) == {"failed before at this same address": 1}


def test_a_dry_run_sends_nothing_and_leaves_no_trace_in_the_log(office: Office) -> None:
    office.put(message())
    plan = office.plan()
    office.expand()
    assert office.lines(Tab.LOG) == []
    office.bulk.discard(plan.run_id)
    with pytest.raises(NotFound):
        office.bulk.progress(plan.run_id)
    with pytest.raises(Refused):
        office.bulk.confirm(plan.run_id)


def test_only_what_was_confirmed_is_sent_although_more_matches_by_then(office: Office) -> None:
    office.put(message("1"), message("2"))
    plan = office.bulk.prepare(Selection(Tab.OVERVIEW, query=Query(chip=Chip.NOT_SENT)))
    office.put(message("3"))
    office.bulk.confirm(plan.run_id)
    office.expand()
    assert {line.reference for line in office.lines(Tab.LOG)} == {"1", "2"}
    assert office.bulk.progress(plan.run_id).state is RunState.DONE


def test_an_item_that_somebody_sent_meanwhile_is_skipped_and_says_who(office: Office) -> None:
    office.put(message())
    plan = office.plan()
    bob = Bulk(office.database, office.settings, Author("bob", True), office.dispatch)
    quicker = bob.prepare(Selection(Tab.OVERVIEW, (office.line().id,)))
    bob.confirm(quicker.run_id)
    office.expand()
    office.bulk.confirm(plan.run_id)
    office.expand()
    assert len(office.attempts()) == 1
    result = office.bulk.results(plan.run_id)[0]
    assert result.status is None
    assert result.words.startswith("sent meanwhile by bob, ")


def test_one_confirmed_twice_is_sent_once(office: Office) -> None:
    office.put(message())
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    with pytest.raises(Refused):
        office.bulk.confirm(plan.run_id)
    office.expand()
    assert len(office.attempts()) == 1


def test_pause_and_stop_leave_the_rest_untouched(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(60)))
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    assert office.expansion.step() == 50
    office.bulk.pause(plan.run_id)
    assert office.expansion.step() == 0
    office.bulk.resume(plan.run_id)
    office.bulk.stop(plan.run_id)
    office.expand()
    progress = office.bulk.progress(plan.run_id)
    assert (progress.state, progress.expanded, progress.waiting) == (RunState.STOPPED, 50, 0)
    assert progress.withdrawn == 10
    assert office.counts(Tab.LOG).all == 50
    with pytest.raises(Refused):
        office.bulk.resume(plan.run_id)


def test_several_workers_expand_one_run_without_doubling_an_item(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(120)))
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: office.expand(), range(4)))
    office.expand()
    assert office.counts(Tab.LOG).all == 120
    assert office.bulk.progress(plan.run_id).expanded == 120


def test_a_failed_line_is_sent_again_as_a_new_attempt_by_the_operator(office: Office) -> None:
    office.put(message())
    office.send(script=lambda request: Rejected("sendgrid", "400", "no"))
    plan = office.queue()
    office.work()
    newest, oldest = office.attempts()
    assert (newest.status, oldest.status) == (Status.SENT, Status.REJECTED)
    assert oldest.settled_at is not None
    progress = office.bulk.progress(plan.run_id)
    assert progress.by_status == ((Status.SENT, 1),)
    assert progress.operator == OPERATOR.name


def test_other_communications_of_a_subject_go_only_when_asked_for(office: Office) -> None:
    office.put(message(id="first"))
    office.send(script=lambda request: Rejected("sendgrid", "400", "no"))
    office.put(message(id="second"))
    line = office.line()
    alone = office.bulk.prepare(Selection(Tab.OVERVIEW, (line.id,)))
    assert (alone.total, alone.others) == (1, 1)
    both = office.bulk.prepare(Selection(Tab.OVERVIEW, (line.id,), include_others=True))
    assert both.total == 2


def test_bulk_send_is_not_on_the_log(office: Office) -> None:
    with pytest.raises(Refused, match="Communication tab"):
        office.bulk.prepare(Selection(Tab.LOG, query=Query()))


def test_entries_of_a_bulk_run_name_their_cause_author_and_what_they_replace(
    office: Office,
) -> None:
    office.put(message())
    office.send(script=lambda request: Rejected("sendgrid", "400", "no"))
    office.queue()
    with office.database.read() as connection:
        from commtui.store.tables import entry

        rows = connection.execute(entry.select().order_by(entry.c.id)).all()
    assert [(row.cause, row.author, row.author_verified) for row in rows] == [
        (Cause.BULK.value, "rosa", True),
        (Cause.BULK.value, "rosa", True),
    ]
    assert rows[1].replaces_id == rows[0].id


def test_a_bulk_send_is_undone_while_its_delay_lasts_and_leaves_no_trace(office: Office) -> None:
    slow = replace(office.settings, sending=replace(office.settings.sending, grace_seconds=60.0))
    bulk = Bulk(office.database, slow, OPERATOR, office.dispatch)
    office.put(*(message(str(number)) for number in range(3)))
    plan = office.plan()
    bulk.confirm(plan.run_id)
    assert office.expansion.step() == 0
    progress = bulk.progress(plan.run_id)
    assert progress.undoable
    assert progress.begins_at == progress.confirmed_at + timedelta(seconds=60)
    assert bulk.undo_last().run_id == plan.run_id
    undone = bulk.progress(plan.run_id)
    assert (undone.state, undone.withdrawn, undone.open) == (RunState.UNDONE, 3, 0)
    assert office.attempts("0") == []
    assert office.line("0").status is Status.NOT_SENT
    with pytest.raises(Refused, match="over already"):
        bulk.undo(plan.run_id)
    with pytest.raises(Refused, match="over already"):
        bulk.resume(plan.run_id)


def test_what_is_on_its_way_cannot_be_undone_only_the_rest_stopped(office: Office) -> None:
    office.put(*(message(str(number)) for number in range(60)))
    plan = office.plan()
    office.bulk.confirm(plan.run_id)
    assert office.expansion.step() == 50
    with pytest.raises(Refused, match="50 of its messages are on their way"):
        office.bulk.undo(plan.run_id)
    office.bulk.stop(plan.run_id)
    assert [line.status for line in office.lines()].count(Status.QUEUED) == 50


def test_an_operator_undoes_only_a_run_of_their_own(office: Office) -> None:
    office.put(message())
    office.bulk.confirm(office.plan().run_id)
    other = Bulk(office.database, office.settings, Author("ada", True), office.dispatch)
    with pytest.raises(Refused, match="of yours"):
        other.undo_last()


def test_undo_and_expansion_at_the_same_moment_never_both_win(office: Office) -> None:
    for number in range(6):
        office.put(message(str(number)))
        plan = office.plan(str(number))
        office.bulk.confirm(plan.run_id)
        start = threading.Barrier(2)
        refused: list[Refused] = []

        def undo(
            run_id: str = plan.run_id,
            start: threading.Barrier = start,
            refused: list[Refused] = refused,
        ) -> None:
            start.wait()
            try:
                office.bulk.undo(run_id)
            except Refused as error:
                refused.append(error)

        thread = threading.Thread(target=undo)
        thread.start()
        start.wait()
        office.expand()
        thread.join()
        office.expand()
        progress = office.bulk.progress(plan.run_id)
        assert progress.expanded == len(office.attempts(str(number))) == len(refused)
        assert (progress.state is RunState.UNDONE) == (not refused)
