"""A machine that does what operators, workers, providers and customers do, in any order, to one office."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from commtui.config import Fallback
from commtui.domain import ids
from commtui.domain.lines import Query, Selection, Sort
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.views import CustomerField, Decision
from commtui.domain.vocabulary import Channel, Chip, Status, Tab
from commtui.errors import CommError
from commtui.services.attention import Attention
from commtui.services.claiming import Claiming
from commtui.services.customers import Customers
from commtui.services.delivery import Delivery
from commtui.services.falling_back import FallingBack
from commtui.services.housekeeping import Housekeeping
from commtui.services.resending import Resending
from commtui.services.wishing import Wishing
from commtui.store import outbox, requests
from commtui.store.engine import Database
from commtui.store.schema import prepare
from commtui.store.workers import Presence
from tests.machine.checks import FAILED, GIVEN_UP, STEPS, Memory, Picture, check_all
from tests.machine.network import Answer, Broken, MachineProvider, Network, Stalled
from tests.office import OPERATOR, SETTINGS, Office, message

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SUBJECTS, COMMUNICATIONS = 3, 5
TURNS = 5
"""Of the event loop."""
PANELS = 2
"""So many are open at a time."""
LEASE = SETTINGS.worker.lease_seconds
FALLING = replace(SETTINGS, fallback=Fallback(cap_per_hour=3))
Opening = contextlib.AbstractContextManager[str]
pick = st.integers(0, 1_000)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """The present."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Chance:
    """Chance that is the same in every run: ids decide in which order ties are taken and how long retries wait."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    def randbelow(self, limit: int) -> int:
        """As `secrets.randbelow`."""
        return self._random.randrange(limit)

    def randbits(self, bits: int) -> int:
        """As `secrets.randbits`."""
        return self._random.getrandbits(bits)


_template: list[Path] = []


@contextlib.contextmanager
def sqlite_url() -> Iterator[str]:
    """A fresh SQLite database in a file, in memory where there is such a folder."""
    shared = Path("/dev/shm")
    folder = str(shared) if shared.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="ct-", dir=folder) as made:
        path = Path(made) / "c.db"
        if not _template:
            database = Database(f"sqlite:///{path}")
            prepare(database)
            database.close()
            kept = Path(tempfile.mkstemp(prefix="ct-", suffix=".db")[1])
            shutil.copy(path, kept)
            _template.append(kept)
        shutil.copy(_template[0], path)
        yield f"sqlite:///{path}"


class OfficeMachine(RuleBasedStateMachine):
    """The real services on one database, and beside them what the outside world really saw."""

    open_database: ClassVar[Callable[[], Opening]] = staticmethod(sqlite_url)
    resending_class: ClassVar[type[Resending]] = Resending
    delivery_class: ClassVar[type[Delivery]] = Delivery
    housekeeping_class: ClassVar[type[Housekeeping]] = Housekeeping
    steps: ClassVar[int] = 0
    """Of all machines of this class so far."""
    told: ClassVar[set[str]]
    """What happened in any of them."""

    def __init_subclass__(cls) -> None:
        cls.steps, cls.told = 0, set()

    def __init__(self) -> None:
        super().__init__()
        self.chance = patch.object(ids, "secrets", Chance())
        self.chance.start()
        self.opened = self.open_database()
        self.clock = Clock()
        self.database = Database(self.opened.__enter__(), self.clock)
        self.office = Office(self.database, FALLING)
        self.housekeeping = self.housekeeping_class(self.database)
        self.resending = self.resending_class(
            self.database, FALLING, OPERATOR, self.office.dispatch
        )
        self.attention = Attention(self.database, OPERATOR, self.resending)
        self.wishes = Wishing(self.database, FALLING, OPERATOR, self.office.dispatch)
        self.customers = Customers(self.database, FALLING, OPERATOR)
        self.falling_back = FallingBack(self.database, FALLING, self.office.dispatch)
        self.network = Network()
        self.memory = Memory()
        self.brought = 0
        self.drafts: list[str] = []
        self.runs: list[str] = []
        self.panels: list[tuple[str, str]] = []
        """Entries with the latest attempt of their lane, as an operator's screen shows them."""
        self.stalled: list[Stalled] = []
        self.sick: list[Presence] = []
        self.corrected: dict[str, str] = {}
        """The email address that an operator put in, by customer."""
        self.checked = True

    def teardown(self) -> None:
        """Close what was opened."""
        type(self).told |= self.network.told
        self.database.close()
        self.opened.__exit__(None, None, None)
        self.chance.stop()

    # helpers

    def act(self) -> Picture:
        """Every step takes a second; the present picture."""
        type(self).steps += 1
        self.checked = False
        self.clock.pass_by(1)
        return self.memory.picture or Picture.of(self.database)

    def tell(self, what: str) -> None:
        """Note that something happened."""
        self.network.told.add(what)

    def customers_of(self) -> dict[str, str]:
        """Customer by entry."""
        picture = self.memory.picture or Picture.of(self.database)
        references = {row.id: row.reference for row in picture.subjects}
        return {key: references[row.subject_id] for key, row in picture.entries.items()}

    def deliver(self, provider: MachineProvider, *, die: bool = False) -> None:
        """One round of a worker of its own; with `die` it stops existing in the middle of its calls."""
        presence = Presence(self.database, "worker", LEASE)
        both = {"sendgrid": provider, "twilio": provider}
        delivery = self.delivery_class(self.database, FALLING, both, presence.id)

        async def run() -> None:
            await delivery.step()
            if die:
                # so that every call that was started has reached the provider
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                return
            await delivery.drain()

        asyncio.run(run())
        if die:
            self.sick.append(presence)
        else:
            presence.end()
        if provider.problem is not None:
            raise provider.problem

    def email_of(self, customer: str) -> str:
        """The address in use."""
        return self.corrected.get(customer, f"k{customer}@example.com")

    def standing(self, picture: Picture, status: str) -> list[Any]:
        """Entries in such a state, oldest first."""
        return [row for row in picture.entries.values() if row.status == status]

    # what comes in

    @rule(
        subject=st.integers(1, SUBJECTS),
        channels=st.sampled_from([["email"], ["sms"], ["email", "sms"]]),
        again=st.booleans(),
        release=st.sampled_from(["auto", "hold"]),
    )
    def bring(self, subject: int, channels: list[str], again: bool, release: str) -> None:
        """A communication is imported, or the last line once more."""
        self.act()
        if self.brought and (again or self.brought >= COMMUNICATIONS):
            self.office.put(self.line)
            self.tell("imported again")
            return
        self.brought += 1
        reference = str(subject)
        self.line = message(
            reference,
            id=f"C-{self.brought}",
            channels=channels,
            release=release,
            customer={
                "id": f"K-{reference}",
                "email": f"k{reference}@example.com",
                "phone": f"+3361234560{reference}",
            },
        )
        self.office.put(self.line)

    @initialize()
    def begin(self) -> None:
        """Two messages are there, and on their way."""
        self.bring(1, ["email", "sms"], again=False, release="hold")
        self.bring(2, ["email"], again=False, release="hold")
        self.send_all(others=False)

    # operators

    @rule(others=st.booleans())
    def prepare_run(self, others: bool) -> None:
        """A dry run of everything on the overview."""
        self.act()
        self.drafts.append(self.office.plan(include_others=others).run_id)

    @precondition(lambda self: self.drafts)
    @rule(which=pick, expand=st.booleans())
    def confirm_run(self, which: int, expand: bool) -> None:
        """A dry run, perhaps an old one, is confirmed."""
        self.act()
        run_id = self.drafts.pop(which % len(self.drafts))
        self.office.bulk.confirm(run_id)
        self.runs.append(run_id)
        if expand:
            self.office.expand()

    @rule()
    def expand(self) -> None:
        """Workers expand what was confirmed, and release what leaves by itself."""
        self.act()
        self.office.expand()
        self.office.release.step()

    @rule(others=st.booleans())
    def send_all(self, others: bool) -> None:
        """A dry run, its confirmation and its expansion, one after the other."""
        self.act()
        self.runs.append(self.office.queue(include_others=others).run_id)

    @precondition(lambda self: self.runs)
    @rule(which=pick, how=st.sampled_from(["pause", "resume", "stop", "undo"]))
    def control_run(self, which: int, how: str) -> None:
        """Somebody holds a run, lets it go on, stops it or takes it back."""
        self.act()
        with contextlib.suppress(CommError):
            getattr(self.office.bulk, how)(self.runs[which % len(self.runs)])
            self.tell(f"run: {how}")

    @rule(which=pick, fresh=st.booleans())
    def resend(self, which: int, fresh: bool) -> None:
        """Resend from a panel just opened, or from one that has been open for a while."""
        picture = self.act()
        over = [row.id for row in picture.entries.values() if row.status not in STEPS]
        if over and (fresh or not self.panels):
            entry_id = over[which % len(over)]
            self.panels.append((entry_id, self.resending.offer(entry_id).seen_entry))
            del self.panels[:-PANELS]
        if not self.panels:
            return
        entry_id, seen = self.panels[-1 if fresh else which % len(self.panels)]
        row = picture.entries[entry_id]
        try:
            new = self.resending.resend(entry_id, seen)
        except CommError:
            self.tell("resend refused")
            return
        self.memory.decided[new] = (*picture.lane_of(row), seen)
        self.tell("resend")

    @rule(which=pick, decision=st.sampled_from(list(Decision)))
    def settle(self, which: int, decision: Decision) -> None:
        """An operator settles an outcome that nobody knows, or does a task by hand."""
        picture = self.act()
        rows = self.standing(picture, "unknown")
        if not rows:
            self._complete(which, self.standing(picture, "not_sent"))
            return
        row = rows[which % len(rows)]
        try:
            new = self.attention.settle(row.id, decision, "asked them")
        except CommError:
            return
        self.tell(f"settled: {decision.value}")
        now = self.clock.now
        if new is not None:
            self.memory.decided[new] = (*picture.lane_of(row), row.id)
        else:
            sent = decision is Decision.SENT
            fact = ("sent", now, "") if sent else ("failed", now, GIVEN_UP)
            self.memory.operator_facts.setdefault(row.id, []).append(fact)

    @rule(which=pick, tab=st.sampled_from(list(Tab)), ignored=st.booleans())
    def ignore(self, which: int, tab: Tab, ignored: bool) -> None:
        """A line is ignored, or brought back."""
        picture = self.act()
        shown = (
            [row.id for row in picture.subjects if row.visible]
            if tab is Tab.OVERVIEW
            else list(picture.entries)
        )
        if not shown:
            return
        selection = Selection(tab, (shown[which % len(shown)],))
        work = self.attention.ignore if ignored else self.attention.unignore
        work(selection, "dealt with")
        for row in Picture.of(self.database).entries.values():
            if row.ignored_at == self.clock.now:
                self.memory.ignored_at[row.id] = row.status
                self.tell("ignored")

    def _complete(self, which: int, tasks: list[Any]) -> None:
        if tasks:
            row = tasks[which % len(tasks)]
            self.attention.complete(row.id, "telephoned")
            done = ("done", self.clock.now, "")
            self.memory.operator_facts.setdefault(row.id, []).append(done)
            self.tell("task done")

    @rule(
        subject=st.integers(1, SUBJECTS),
        channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
        out=st.booleans(),
        by_customer=st.booleans(),
    )
    def opt(self, subject: int, channel: Channel, out: bool, by_customer: bool) -> None:
        """A customer refuses a channel or takes it back: tells an operator, or answers STOP to a message."""
        self.act()
        customer = str(subject)
        refused = self.network.refused.setdefault(customer, set())
        if by_customer:
            change = OptChange(channel, out, Scope.ALL, OptSource.STOP)
            sms = channel is Channel.SMS
            address = f"+3361234560{customer}" if sms else self.email_of(customer)
            event = self.office.event(
                "",
                None,
                kind="stop" if out else "start",
                entry_id=None,
                provider_message_id="",
                recipient=address,
                opt=change,
            )
            self.office.report(event, provider="twilio" if sms else "sendgrid")
            key = (address, channel)
        else:
            key = ("operator", channel)
            try:
                if out:
                    self.wishes.opt_out(f"K-{customer}", channel, Scope.ALL, "told us")
                else:
                    self.wishes.opt_in(f"K-{customer}", channel, None, "told us")
            except CommError:
                return
        (refused.add if out else refused.discard)(key)
        self.tell("opted out" if out else "opted in")

    # workers

    @rule(answers=st.lists(st.sampled_from(list(Answer)), min_size=1, max_size=3))
    def work(self, answers: list[Answer]) -> None:
        """A worker sends what is due."""
        self.act()
        self.deliver(MachineProvider(self.network, answers, self.customers_of()))

    @rule(
        point=st.sampled_from(["claimed", "begun", "called"]),
        answer=st.sampled_from(list(Answer)),
    )
    def die(self, point: str, answer: Answer) -> None:
        """A worker dies after its claim, after it committed `sending`, or while it waits for the answer."""
        self.act()
        self.tell(f"died: {point}")
        if point == "called":
            provider = MachineProvider(self.network, [answer], self.customers_of(), hangs=True)
            self.deliver(provider, die=True)
            return
        presence = Presence(self.database, "worker", LEASE)
        taken = Claiming(self.database, FALLING, presence.id).take(2, 0)
        if point == "begun" and taken.claims:
            self.network.uncertain |= outbox.begin(self.database, taken.claims)

    @rule(accepts=st.booleans())
    def stall(self, accepts: bool) -> None:
        """A worker calls, and stops before it can record the answer; it will come back with it."""
        self.act()
        presence = Presence(self.database, "worker", LEASE)
        taken = Claiming(self.database, FALLING, presence.id).take(1, 0)
        customers = self.customers_of()
        for claim in taken.claims:
            if not outbox.begin(self.database, [claim]):
                continue
            request = requests.load(self.database, [claim.entry_id])[claim.entry_id]
            answer = Answer.LOST if accepts else Answer.NOT_SENT
            self.network.hand_over(request, customers[claim.entry_id], answer)
            self.network.uncertain.add(claim.entry_id)
            self.stalled.append(Stalled(claim, accepts))

    @precondition(lambda self: self.stalled)
    @rule(which=pick, twice=st.booleans())
    def come_back(self, which: int, twice: bool) -> None:
        """A stalled worker records its answer at last, perhaps twice because the first commit's answer was lost."""
        self.act()
        late = self.stalled.pop(which % len(self.stalled))
        outcome = late.outcome(self.clock.now)
        for _ in range(1 + twice):
            outbox.finish(self.database, [outcome])
        if late.taken:
            self.network.answered.add(late.claim.entry_id)
        else:
            self.network.uncertain.discard(late.claim.entry_id)
        self.tell("late answer")

    @rule(seconds=st.sampled_from([0, LEASE + 1, 600]))
    def keep_house(self, seconds: float) -> None:
        """Time passes, and a worker looks after the database and decides what follows failures."""
        self.act()
        self.clock.pass_by(seconds)
        self.housekeeping.recover()
        self.housekeeping.match_events()
        self.housekeeping.catch_up()
        while self.falling_back.step():
            pass

    # providers

    @rule(
        which=pick,
        kind=st.sampled_from(["delivered", "bad", "delivered", "open"]),
        late=st.integers(-3, 3),
        named=st.booleans(),
        times=st.integers(1, 3),
    )
    def hear(self, which: int, kind: str, late: int, named: bool, times: int) -> None:
        """The provider reports on something it took: late, early, twice, by our id or by its own only."""
        picture = self.act()
        if not self.network.accepted:
            return
        row = picture.entries[self.network.accepted[which % len(self.network.accepted)]]
        sms = row.channel == "sms"
        bad = Status.UNDELIVERED if sms else Status.BOUNCED
        status = {"delivered": Status.DELIVERED, "bad": bad}.get(kind)
        event = self.office.event(
            row.id,
            status,
            at=self.clock.now + timedelta(seconds=late),
            entry_id=row.id if named else None,
            recipient=f"{row.channel} of {row.subject_id}",
        )
        for _ in range(times):
            self.office.report(event, provider=row.provider)
        self.tell(f"heard: {kind}")

    @rule(subject=st.integers(1, SUBJECTS))
    def correct(self, subject: int) -> None:
        """An operator corrects an address; what was wrong with the old one counts no more."""
        self.act()
        value = f"k{subject}.{len(self.corrected)}@example.com"
        with contextlib.suppress(CommError):
            self.customers.correct(f"K-{subject}", CustomerField.EMAIL, value)
            self.corrected[str(subject)] = value

    # what must hold

    @invariant()
    def holds(self) -> None:
        """Everything that checks.py says, after each step."""
        if not self.checked:
            check_all(Picture.of(self.database), self.memory, self.network)
            self.checked = True

    @rule()
    def open_failed(self) -> None:
        """Whatever needs somebody is on the list that chip Failed opens."""
        picture = self.act()
        page = self.office.lists.page(Tab.OVERVIEW, Query(chip=Chip.FAILED), Sort(), limit=100)
        shown = {line.id for line in page.lines}
        wanting = {
            picture.communications[row.communication_id].subject_id
            for row in picture.lanes
            if row.status in FAILED and not row.ignored and not row.superseded_by
        }
        if not wanting <= shown:
            raise Broken(f"reach: {sorted(wanting - shown)} are not on the list of chip Failed")
