"""Resend: the stored content once more, to the present address, and only once however many ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from commtui.domain.views import CustomerField
from commtui.domain.vocabulary import Author, Cause, Channel, ErrorClass, Status, Tab
from commtui.errors import NotFound, Refused
from commtui.services.resending import SAME_ADDRESS
from commtui.store import prospects, requests
from commtui.store.ledger import Ledger
from tests.services.conftest import Office

NOBODY = "01900000-0000-7000-8000-000000000000"


def test_a_resend_is_a_new_entry_with_the_same_content(office: Office) -> None:
    first = office.bounced()
    office.bring(content={"subject": "Corrected", "text": "New words"})
    second = office.resending.resend(first, first)
    attempt = office.details.details(second).attempt
    assert (attempt.cause, attempt.author, attempt.replaces_id) == (Cause.RESEND, "rosa", first)
    sent = requests.load(office.database, [first, second])
    assert sent[first].text == sent[second].text == "Hello"
    line = office.line()
    assert (line.entry_id, line.status, line.attempts) == (second, Status.QUEUED, 2)
    assert ("rosa", "resend", "") in office.audits()


def test_a_resend_goes_to_the_present_address_and_the_old_entry_keeps_its_own(
    office: Office,
) -> None:
    first = office.bounced()
    office.customers.correct("K-1", CustomerField.EMAIL, "lea.martin@example.com")
    offer = office.resending.offer(first)
    assert offer.used_recipient == "lea@example.com"
    assert offer.present_recipient == "lea.martin@example.com"
    assert offer.refusal is None
    assert SAME_ADDRESS not in offer.warnings
    second = office.resending.resend(first, offer.seen_entry)
    recipients = {line.id: line.recipient for line in office.lines(Tab.LOG)}
    assert recipients == {first: "lea@example.com", second: "lea.martin@example.com"}


def test_an_offer_warns_of_the_address_that_failed_and_of_what_was_delivered(
    office: Office,
) -> None:
    first = office.bounced()
    assert office.resending.offer(first).warnings == (SAME_ADDRESS,)
    second = office.resending.resend(first, first)
    office.learn(second, Status.DELIVERED)
    assert "delivered: the customer gets it once more" in office.resending.offer(second).warnings[0]
    older = office.resending.offer(first)
    assert any("not the latest" in warning for warning in older.warnings)
    assert [attempt.line.id for attempt in older.earlier] == [second, first]


def test_an_address_that_cannot_be_right_is_foreseen(office: Office) -> None:
    office.bring(customer={"email": "nonsense"})
    first = office.send(
        "12345", Channel.EMAIL, (Status.FAILED, ErrorClass.PERMANENT, "invalid_recipient", "no")
    )
    offer = office.resending.offer(first)
    assert any("our own check will stop it" in warning for warning in offer.warnings)


def test_what_is_on_its_way_is_refused(office: Office) -> None:
    office.bring()
    first = office.send()
    assert office.resending.offer(first).refusal == "this message is already on its way"
    with pytest.raises(Refused, match="already on its way"):
        office.resending.resend(first, first)


def test_a_message_that_somebody_else_sent_meanwhile_is_refused_with_name_and_time(
    office: Office,
) -> None:
    first = office.bounced()
    offer = office.resending.offer(first)
    other = Office(office.database, Author("ivan", True))
    second = other.resending.resend(first, first)
    office.learn(second, Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1")
    with pytest.raises(Refused, match=r"^sent meanwhile by ivan, \d\d:\d\d$"):
        office.resending.resend(first, offer.seen_entry)


def test_an_unknown_outcome_is_sent_again_only_by_settling_it(office: Office) -> None:
    office.bring()
    first = office.send()
    office.lose(first)
    assert "Settle it" in (office.resending.offer(first).refusal or "")
    with pytest.raises(Refused, match="Settle it"):
        office.resending.resend(first, first)
    second = office.resending.resend(first, first, "they have nothing", settling=True)
    assert office.line().entry_id == second
    assert office.details.details(first).attempt.settled_by == second


def test_an_older_attempt_waits_until_the_unknown_latest_is_settled(office: Office) -> None:
    first = office.bounced()
    second = office.resending.resend(first, first)
    office.lose(second)
    assert "settle that one first" in (office.resending.offer(first).refusal or "")
    with pytest.raises(Refused, match="settle that one first"):
        office.resending.resend(first, second)


def test_a_recipient_that_refused_us_is_not_written_to_at_the_same_address(office: Office) -> None:
    office.bring()
    first = office.send(
        "12345", Channel.EMAIL, (Status.DROPPED, ErrorClass.POLICY, "unsubscribed_address", "")
    )
    with pytest.raises(Refused, match="not to this address again"):
        office.resending.resend(first, first)


def test_a_manual_task_is_completed_and_not_resent(office: Office) -> None:
    office.bring(channels=["manual"])
    first = office.send("12345", Channel.MANUAL)
    with pytest.raises(Refused, match="completed, not resent"):
        office.resending.resend(first, first)


def test_an_entry_that_does_not_exist_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        office.resending.offer(NOBODY)
    with pytest.raises(NotFound):
        office.resending.resend(NOBODY, NOBODY)


def test_four_resends_at_the_same_moment_make_one(office: Office) -> None:
    first = office.bounced()
    gate = Barrier(4)

    def resend(_: int) -> str:
        gate.wait()
        try:
            return office.resending.resend(first, first)
        except Refused as refused:
            return str(refused)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(resend, range(4)))
    made = [line.id for line in office.lines(Tab.LOG) if line.id != first]
    assert len(made) == 1
    assert [answer for answer in answers if answer in made] == made
    assert sum(answer.startswith("sent meanwhile by rosa") for answer in answers) == 3


def test_without_lock_and_seen_entry_one_resend_after_another_would_be_sent(
    office: Office,
) -> None:
    """What the seen entry is for: each of these looks at the lane as it is, not as somebody saw it."""
    first = office.bounced()

    def naive() -> str:
        with office.database.write() as connection:
            now = office.database.now()
            communication_id = office.line().communication_id
            prospect = prospects.load(connection, [communication_id])[communication_id]
            new = office.dispatch.entry(
                prospect, Channel.EMAIL, cause=Cause.RESEND, author=office.author, now=now
            )
            ledger = Ledger(office.database, connection, now)
            ledger.add([new])
            ledger.close()
        office.learn(new.id, Status.SENT)
        return new.id

    for _ in range(4):
        naive()
    assert len(office.lines(Tab.LOG)) == 5
    with pytest.raises(Refused, match="sent meanwhile"):
        office.resending.resend(first, first)
