"""Refusals: heard from everywhere, kept for addresses nobody has yet, and never sent against."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from datetime import timedelta

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, Purpose, Status, Tab
from commtui.errors import BadSignature, Refused, UsageError
from commtui.providers.base import Accepted, SendRequest
from commtui.services.unsubscribing import Unsubscribing
from commtui.services.wishing import Wishing
from commtui.store import inbox, optouts, outbox
from commtui.store.engine import Database
from commtui.store.schema import prepare
from tests.flow.test_fallback import AUTOMATIC, Desk
from tests.office import OPERATOR, ScriptedProvider, message

STOP = OptChange(Channel.SMS, True, Scope.ALL, OptSource.STOP)
START = OptChange(Channel.SMS, False, Scope.ALL, OptSource.STOP)
NUMBER = "+33612345678"


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def in_force(desk: Desk, address: str) -> list[OptSource]:
    with desk.database.read() as connection:
        found = optouts.of_addresses(connection, [address])
    return [item.source for item in found.get(address, [])]


def hear(desk: Desk, change: OptChange, address: str = NUMBER, seconds: float = 0.0) -> None:
    at = desk.database.now() + timedelta(seconds=seconds)
    with desk.database.write() as connection:
        optouts.learn(connection, desk.database, change, address, at)


def test_only_the_same_source_takes_a_refusal_back(desk: Desk) -> None:
    hear(desk, STOP)
    hear(desk, OptChange(Channel.SMS, True, Scope.ALL, OptSource.PROVIDER), seconds=1)
    hear(desk, START, seconds=2)
    assert in_force(desk, NUMBER) == [OptSource.PROVIDER]


def test_words_that_come_late_or_twice_change_nothing(desk: Desk) -> None:
    hear(desk, STOP, seconds=5)
    hear(desk, START, seconds=10)
    hear(desk, STOP, seconds=5)
    hear(desk, STOP, seconds=7)
    assert in_force(desk, NUMBER) == []
    hear(desk, STOP, seconds=12)
    hear(desk, START, seconds=11)
    assert in_force(desk, NUMBER) == [OptSource.STOP]


def test_a_start_that_overtakes_its_stop_wins(desk: Desk) -> None:
    hear(desk, START, seconds=10)
    hear(desk, STOP, seconds=5)
    assert in_force(desk, NUMBER) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_of_stop_start_and_stop_the_last_one_said_counts_in_every_order(
    desk: Desk, order: tuple[int, ...]
) -> None:
    for number in order:
        hear(desk, (STOP, START, STOP)[number], seconds=5.0 * number)
    assert in_force(desk, NUMBER) == [OptSource.STOP]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_consent_between_two_refusals_lifts_neither_in_any_order(
    desk: Desk, order: tuple[int, ...]
) -> None:
    for number in order:
        hear(desk, (STOP, STOP, START)[number], seconds=(0.0, 10.0, 5.0)[number])
    assert in_force(desk, NUMBER) == [OptSource.STOP]


def test_an_address_that_nobody_has_yet_is_remembered(desk: Desk) -> None:
    hear(desk, STOP)
    desk.put(message(channels=["sms"], customer={"phone": "06 12 34 56 78"}))
    plan = desk.plan()
    assert dict(plan.going) == {Channel.EMAIL: 1}


def test_a_refusal_between_queueing_and_sending_is_heard(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer={"phone": NUMBER}))
    desk.queue()
    hear(desk, STOP)
    desk.work()
    desk.fall_back()
    assert desk.provider.requests == []
    assert desk.log() == [("email", "queued"), ("sms", "failed")]


def test_a_refusal_at_the_last_moment_is_heard_in_the_transaction_that_begins(desk: Desk) -> None:
    desk.put(message(channels=["sms"], customer={"phone": NUMBER}))
    desk.queue()
    _, presence = desk.delivery()
    (claim,) = outbox.claim(desk.database, presence.id, 10, [])
    hear(desk, STOP)
    assert outbox.begin(desk.database, [claim]) == set()
    assert desk.line().status is Status.QUEUED


def test_marketing_refused_at_the_last_moment_is_skipped(desk: Desk) -> None:
    desk.put(message(purpose="marketing", channels=["email"]))
    desk.queue()
    hear(
        desk,
        OptChange(Channel.EMAIL, True, Scope.MARKETING, OptSource.UNSUBSCRIBE),
        "lea@example.com",
    )
    desk.work()
    assert desk.provider.requests == []
    assert desk.line().status is Status.SKIPPED


def test_a_refusal_of_marketing_leaves_transactional_messages_alone(desk: Desk) -> None:
    hear(
        desk,
        OptChange(Channel.EMAIL, True, Scope.MARKETING, OptSource.UNSUBSCRIBE),
        "lea@example.com",
    )
    desk.put(message())
    desk.send()
    assert desk.line().status is Status.SENT


def test_an_operator_takes_back_only_what_operators_noted(desk: Desk) -> None:
    desk.put(message(customer={"opt_out": ["sms"]}))
    desk.wishes.opt_out("K-1", Channel.EMAIL, Scope.ALL, "asked for letters only")
    page = desk.wishes.page("K-1")
    assert {item.source for item in page.optouts} == {OptSource.IMPORT, OptSource.OPERATOR}
    desk.wishes.opt_in("K-1", Channel.EMAIL, None, "changed their mind")
    with pytest.raises(Refused, match="only they take back"):
        desk.wishes.opt_in("K-1", Channel.SMS, None, "we would like to")
    desk.put(message(id="C-2", customer={"opt_out": []}))
    assert desk.wishes.page("K-1").optouts == ()
    with pytest.raises(UsageError):
        desk.wishes.opt_out("K-1", Channel.EMAIL, Scope.ALL, " ")


@pytest.mark.parametrize("back", list(Scope))
def test_one_refusal_is_taken_back_and_the_other_one_of_the_channel_stays(
    desk: Desk, back: Scope
) -> None:
    (left,) = set(Scope) - {back}
    desk.put(
        message("1", channels=["email"]), message("2", channels=["email"], purpose="marketing")
    )
    for scope in Scope:
        desk.wishes.opt_out("K-1", Channel.EMAIL, scope, "called")
    with pytest.raises(UsageError, match="say which is taken back"):
        desk.wishes.opt_in("K-1", Channel.EMAIL, None, "called again")
    page = desk.wishes.opt_in("K-1", Channel.EMAIL, back, "called again")
    assert [item.scope for item in page.optouts] == [left]
    with pytest.raises(Refused, match="no operator has noted that"):
        desk.wishes.opt_in("K-1", Channel.EMAIL, back, "once more")
    assert (dict(desk.plan("1").going) == {Channel.EMAIL: 1}) is (back is Scope.ALL)
    assert sum(count for _, count in desk.plan("2").skipping) == 1


def test_our_link_unsubscribes_the_address_that_the_email_went_to(desk: Desk) -> None:
    desk.put(message(purpose="marketing", channels=["email"]))
    desk.send()
    request = desk.provider.requests[0]
    link = request.unsubscribe
    assert link.startswith("https://hooks.example.com/unsubscribe/")
    unsubscribing = Unsubscribing(desk.database, desk.settings)
    token = link.rpartition("/")[2]
    with pytest.raises(BadSignature):
        unsubscribing.unsubscribe(token[:-1] + ("0" if token[-1] != "0" else "1"))
    unsubscribing.unsubscribe(token)
    assert in_force(desk, "lea@example.com") == [OptSource.UNSUBSCRIBE]
    assert "lea" not in link


def test_transactional_mail_carries_no_link(desk: Desk) -> None:
    desk.put(message())
    desk.send()
    assert desk.provider.requests[0].unsubscribe == ""


class Refusals(RuleBasedStateMachine):
    """Whatever happens in whatever order, nothing goes to an address that has opted out at that moment."""

    @initialize()
    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{self._folder.name}/c.db")
        prepare(self.database)
        self.desk = Desk(self.database, AUTOMATIC)
        self.wishes = Wishing(self.database, AUTOMATIC, OPERATOR, self.desk.dispatch)
        self.refused: set[tuple[Channel, OptSource, Scope]] = set()
        self.customer_refused: set[tuple[Channel | None, Scope]] = set()
        self.wrong: list[SendRequest] = []
        self.number = 0
        self.seconds = 0

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self._folder.cleanup()

    def _stopped(self, channel: Channel, purpose: Purpose) -> bool:
        marketing = purpose is Purpose.MARKETING
        by_address = any(
            known is channel and (scope is Scope.ALL or marketing)
            for known, _, scope in self.refused
        )
        by_customer = any(
            known in (None, channel) and (scope is Scope.ALL or marketing)
            for known, scope in self.customer_refused
        )
        return by_address or by_customer

    @rule(
        marketing=st.booleans(),
        channels=st.lists(st.sampled_from(["email", "sms"]), min_size=1, unique=True),
    )
    def bring(self, marketing: bool, channels: list[str]) -> None:
        self.number += 1
        self.desk.put(
            message(
                str(self.number),
                channels=channels,
                purpose="marketing" if marketing else "transactional",
                customer={"phone": NUMBER},
            )
        )

    @rule()
    def queue(self) -> None:
        if self.number:
            self.desk.queue()

    @rule(fail=st.booleans())
    def work(self, fail: bool) -> None:
        def script(request: SendRequest) -> Accepted | Exception:
            if self._stopped(request.channel, request.purpose):
                self.wrong.append(request)
            return Accepted(f"m-{request.entry_id}")

        delivery, presence = self.desk.delivery(ScriptedProvider(script))

        async def run() -> None:
            for _ in range(3):
                await delivery.step()
                await delivery.drain()

        asyncio.run(run())
        presence.end()
        if fail and (attempts := self.desk.lines(Tab.LOG)):
            newest = next((line for line in attempts if line.status is Status.SENT), None)
            if newest is not None:
                event = self.desk.event(newest.id, Status.BOUNCED, recipient=newest.recipient)
                inbox.learn(self.database, newest.provider, [event])

    @rule()
    def fall_back(self) -> None:
        self.desk.fall_back()

    @rule(
        channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
        source=st.sampled_from([OptSource.STOP, OptSource.GROUP, OptSource.SPAM_REPORT]),
        scope=st.sampled_from(list(Scope)),
        out=st.booleans(),
    )
    def hear(self, channel: Channel, source: OptSource, scope: Scope, out: bool) -> None:
        self.seconds += 1
        address = NUMBER if channel is Channel.SMS else "lea@example.com"
        hear(self.desk, OptChange(channel, out, scope, source), address, self.seconds)
        key = (channel, source, scope)
        (self.refused.add if out else self.refused.discard)(key)

    @rule(channel=st.sampled_from([Channel.EMAIL, Channel.SMS, None]))
    def tell_operator(self, channel: Channel | None) -> None:
        if self.number:
            scope = Scope.ALL if channel else Scope.MARKETING
            self.wishes.opt_out("K-1", channel, scope, "told us")
            self.customer_refused.add((channel, scope))

    @invariant()
    def nothing_went_to_a_refused_address(self) -> None:
        assert getattr(self, "wrong", []) == []


TestRefusals = Refusals.TestCase
TestRefusals.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_worker_that_looks_only_when_queueing_would_send_against_a_refusal(desk: Desk) -> None:
    """The naive order: asked when it is queued, and not again. The last look is what stops it."""
    desk.put(message(channels=["sms"], customer={"phone": NUMBER}))
    desk.queue()
    hear(desk, STOP)
    with desk.database.write() as connection:
        connection.execute(sa.text("UPDATE opt_out SET lifted_at = at"))
    desk.work()
    assert [request.channel for request in desk.provider.requests] == [Channel.SMS]
