"""Unknown outcomes: settled by a webhook, by asking, or by an operator, each audited, never by guessing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.domain.views import Decision
from commtui.domain.vocabulary import Status
from commtui.errors import Refused, UnknownOutcome
from commtui.providers.base import Accepted, DeliveryEvent, SendRequest
from commtui.services.asking import Asking
from commtui.services.attention import Attention
from commtui.services.events import Applying
from commtui.services.resending import Resending
from commtui.store.tables import audit
from commtui.store.tables import outbox as outbox_table
from tests.office import OPERATOR, Office, ScriptedProvider, message

LOST = UnknownOutcome("twilio", "no_answer")


class Found(ScriptedProvider):
    """A provider that lists these messages for whatever it is asked, as Twilio lists them by number and text."""

    def __init__(self, *sids: str, made_at: datetime | None = None) -> None:
        super().__init__()
        self.sids = sids
        self.made_at = made_at
        self.asked: list[str] = []

    async def find(
        self,
        request: SendRequest,
        since: datetime,
        reached: Mapping[str, Mapping[str, Any]],
    ) -> Sequence[DeliveryEvent] | None:
        """What the list has."""
        self.asked.append(request.entry_id)
        return [
            DeliveryEvent(
                kind="sent",
                at=since,
                timed=False,
                entry_id=request.entry_id,
                provider_message_id=sid,
                recipient=request.recipient,
                status=Status.SENT,
                made_at=self.made_at or since,
            )
            for sid in self.sids
        ] or None


def ask(office: Office, provider: Found) -> int:
    """Ask about unknown outcomes, whenever they were asked about before."""
    with office.database.write() as connection:
        connection.execute(outbox_table.update().values(asked_at=None))
    applying = Applying(office.database, office.settings)
    return asyncio.run(Asking(office.database, {"twilio": provider}, applying).about_unknown())


def text(reference: str, phone: str = "+33612345678") -> dict[str, Any]:
    """A text message about a subject."""
    customer = {"id": f"K-{phone}", "name": "Léa", "phone": phone}
    return message(reference, channels=["sms"], customer=customer)


def lose(office: Office, *references: str) -> None:
    """Send these, and lose the answer to each."""
    for reference in references:
        office.put(text(reference))
        office.send(reference, script=lambda _: LOST)
        assert office.line(reference).status is Status.UNKNOWN


def attention(office: Office) -> Attention:
    """The operator's decisions."""
    resending = Resending(office.database, office.settings, OPERATOR, office.dispatch)
    return Attention(office.database, OPERATOR, resending)


def trail(office: Office) -> list[tuple[str, str, dict[str, Any]]]:
    """Who settled what in the audit."""
    with office.database.read() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()
    return [(row.operator, row.action, row.result) for row in rows if "settle" in row.action]


def test_the_one_message_that_fits_settles_it_and_stands_in_the_audit(office: Office) -> None:
    lose(office, "1")
    assert ask(office, Found("SM1")) == 1
    assert office.line("1").status is Status.SENT
    ((who, action, result),) = trail(office)
    assert (who, action) == ("commtui", "unknown outcome settled")
    assert result == {"by": "asking the provider", "status": "sent"}


def test_a_webhook_that_settles_it_stands_in_the_audit(office: Office) -> None:
    lose(office, "1")
    office.report_on("1", Status.DELIVERED)
    office.report_on("1", Status.DELIVERED, at=office.database.now() + timedelta(seconds=1))
    ((_, _, result),) = trail(office)
    assert result == {"by": "a webhook", "status": "delivered"}


def test_two_messages_that_fit_settle_nothing(office: Office) -> None:
    lose(office, "1")
    ask(office, Found("SM1", "SM2"))
    assert office.line("1").status is Status.UNKNOWN


def test_a_message_that_another_entry_has_is_not_this_one(office: Office) -> None:
    office.put(text("0"))
    office.send("0", script=lambda _: Accepted("SM0"))
    lose(office, "1")
    ask(office, Found("SM0"))
    assert office.line("1").status is Status.UNKNOWN
    ask(office, Found("SM0", "SM1"))
    assert office.line("1").status is Status.SENT


def test_one_message_for_two_that_may_have_made_it_settles_neither(office: Office) -> None:
    lose(office, "1", "2")
    ask(office, Found("SM1"))
    assert {office.line(reference).status for reference in "12"} == {Status.UNKNOWN}
    attention(office).settle(office.line("1").entry_id or "", Decision.SENT, "the customer has it")
    ask(office, Found("SM1"))
    assert office.line("2").status is Status.UNKNOWN


def test_the_same_text_to_another_number_is_no_rival(office: Office) -> None:
    office.put(text("2", "+33612345699"))
    office.send("2", script=lambda _: LOST)
    lose(office, "1")
    provider = Found("SM1")
    ask(office, provider)
    assert len(provider.asked) == 2
    assert [office.line(reference).status for reference in "12"].count(Status.SENT) == 1


def test_a_message_made_long_after_the_answer_was_lost_is_another_one(office: Office) -> None:
    lose(office, "1")
    ask(office, Found("SM1", made_at=office.database.now() + timedelta(minutes=5)))
    assert office.line("1").status is Status.UNKNOWN


def test_a_provider_is_asked_again_soon_at_first_and_seldom_later(office: Office) -> None:
    lose(office, "1")
    provider = Found()
    applying = Applying(office.database, office.settings)
    asking = Asking(office.database, {"twilio": provider}, applying)

    def asked_after(asked: timedelta, lost: timedelta) -> int:
        now = office.database.now()
        with office.database.write() as connection:
            connection.execute(
                outbox_table.update().values(asked_at=now - asked, state_at=now - lost)
            )
        return asyncio.run(asking.about_unknown())

    assert asyncio.run(asking.about_unknown()) == 1
    assert asyncio.run(asking.about_unknown()) == 0
    assert asked_after(timedelta(seconds=11), timedelta(seconds=20)) == 1
    assert asked_after(timedelta(seconds=11), timedelta(minutes=10)) == 0
    assert asked_after(timedelta(minutes=6), timedelta(hours=10)) == 1


@pytest.mark.parametrize(
    ("decision", "status", "action"),
    [
        (Decision.SENT, Status.SENT, "settle: sent"),
        (Decision.GIVE_UP, Status.FAILED, "settle: give-up"),
    ],
)
def test_an_operators_decision_is_audited_once(
    office: Office, decision: Decision, status: Status, action: str
) -> None:
    lose(office, "1")
    attention(office).settle(office.line("1").entry_id or "", decision, "asked them")
    assert office.line("1").status is status
    assert [(who, what) for who, what, _ in trail(office)] == [(OPERATOR.name, action)]


def test_send_again_is_one_new_entry_and_audited(office: Office) -> None:
    lose(office, "1")
    made = attention(office).settle(office.line("1").entry_id or "", Decision.AGAIN, "not there")
    assert made is not None
    assert len(office.attempts("1")) == 2
    assert [what for _, what, _ in trail(office)] == ["settle: again"]


def test_a_plain_resend_is_refused_and_says_what_to_do(office: Office) -> None:
    lose(office, "1")
    entry = office.line("1").entry_id or ""
    resending = Resending(office.database, office.settings, OPERATOR, office.dispatch)
    assert "Settle it" in (resending.offer(entry).refusal or "")
    with pytest.raises(Refused, match="Settle it"):
        resending.resend(entry, entry)
    assert len(office.attempts("1")) == 1


def test_a_bulk_send_leaves_it_with_that_reason(office: Office) -> None:
    lose(office, "1")
    office.put(text("2", "+33612345699"))
    plan = office.queue("1", "2")
    assert plan.staying == (
        ("outcome unknown: it may have been sent; settle it in the log first", 1),
    )
    assert len(office.attempts("1")) == 1
