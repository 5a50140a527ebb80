"""Bulk send: a dry run that stages what would go, a confirmation that freezes it, and its expansion.

Only what was confirmed is sent. The console may close at any moment: workers expand the frozen items,
each in a transaction that looks again whether the operator's picture of that lane still holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from commtui.config import Settings
from commtui.domain.lines import Selection
from commtui.domain.sending import ANOTHER_WAY_REASON
from commtui.domain.views import Plan, Progress, RunResult, RunState
from commtui.domain.vocabulary import FAILED_STATUSES, Author, Cause, Channel, Tab
from commtui.errors import Refused
from commtui.services.dispatch import Dispatch
from commtui.services.lists import matching_ids
from commtui.services.rendering import NOT_YET, warnings
from commtui.store import audits, bulk, keeping, sends
from commtui.store.engine import Connection, Database
from commtui.store.entries import NewEntry
from commtui.store.ledger import Ledger
from commtui.store.prospects import LaneNow, Prospect

PREPARE_BATCH = 200
EXPAND_BATCH = 50
"""Items per transaction: well below 200 ms on either engine."""
BOUNCED_BEFORE = "failed before at this same address"


@dataclass
class _Tally:
    lines: int = 0
    going: Counter[Channel] = field(default_factory=Counter)
    staying: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    detours: Counter[str] = field(default_factory=Counter)
    skipping: Counter[str] = field(default_factory=Counter)
    others: int = 0


class Bulk:
    """Bulk runs, as an operator sees them."""

    def __init__(
        self, database: Database, settings: Settings, author: Author, dispatch: Dispatch
    ) -> None:
        self._database = database
        self._settings = settings
        self._author = author
        self._dispatch = dispatch

    def prepare(self, selection: Selection, communications: Iterator[str] | None = None) -> Plan:
        """Stage what a bulk send of these lines would do; nothing leaves by it. Raises Refused on the log."""
        if selection.tab is not Tab.OVERVIEW:
            raise Refused("bulk send is on the Communication tab; S takes these lines over there")
        now = self._database.now()
        run_id = self._database.new_id(now)
        with self._database.write() as connection:
            bulk.start_draft(connection, run_id, self._author, now, _described(selection))
        tally = _Tally()
        position = 0
        chosen = communications or self._communications(selection, tally)
        while batch := list(islice(chosen, PREPARE_BATCH)):
            self._dispatch.rendering.ensure(batch)
            with self._database.read() as connection:
                prospects = self._dispatch.load(connection, batch)
            items = [
                item
                for identifier in dict.fromkeys(batch)
                if identifier in prospects
                for item in self._items(prospects[identifier], now, tally)
            ]
            with self._database.write() as connection:
                bulk.add_items(connection, run_id, position, items)
            position += len(items)
        with self._database.write() as connection:
            bulk.close_draft(
                connection,
                run_id,
                tally.lines,
                sum(tally.going.values()) + sum(tally.skipping.values()),
                tally.others,
            )
        return Plan(
            run_id=run_id,
            lines=tally.lines,
            going=tuple(sorted(tally.going.items())),
            staying=tuple(tally.staying.most_common()),
            failing=tuple(tally.failing.most_common()),
            warnings=tuple(tally.warnings.most_common()),
            detours=tuple(tally.detours.most_common()),
            skipping=tuple(tally.skipping.most_common()),
            others=tally.others,
        )

    def confirm(self, run_id: str) -> None:
        """Freeze a dry run and let the workers have it. Raises Refused when it is not one any more."""
        with self._database.write() as connection:
            now = self._database.now()
            begins_at = now + timedelta(seconds=self._settings.sending.grace_seconds)
            if not bulk.switch(
                connection, run_id, [RunState.DRAFT], RunState.RUNNING, now, begins_at
            ):
                raise Refused("this dry run is no longer there; make a new one")
            progress = bulk.progress(connection, run_id)
            audits.write(
                connection,
                self._database,
                self._author,
                "bulk send",
                [run_id],
                {"messages": progress.total},
                bulk.query_of(connection, run_id),
            )

    def discard(self, run_id: str) -> None:
        """Forget a dry run."""
        bulk.delete_draft(self._database, run_id)

    def progress(self, run_id: str) -> Progress:
        """How far a run is. Raises NotFound."""
        with self._database.read() as connection:
            return bulk.progress(connection, run_id)

    def results(self, run_id: str, limit: int = 500) -> tuple[RunResult, ...]:
        """What became of each item, what needs somebody first."""
        with self._database.read() as connection:
            return tuple(bulk.results(connection, run_id, limit))

    def runs(self, limit: int = 50) -> tuple[Progress, ...]:
        """The newest runs."""
        with self._database.read() as connection:
            return tuple(bulk.recent(connection, limit))

    def pause(self, run_id: str) -> None:
        """Expand no further until it is resumed."""
        self._switch(run_id, [RunState.RUNNING], RunState.PAUSED)

    def resume(self, run_id: str) -> None:
        """Go on with a paused run."""
        self._switch(run_id, [RunState.PAUSED], RunState.RUNNING)

    def stop(self, run_id: str) -> None:
        """Leave the rest of a run untouched, for good."""
        self._switch(run_id, [RunState.RUNNING, RunState.PAUSED], RunState.STOPPED)

    def undo(self, run_id: str) -> None:
        """Take a run back of which nothing is on its way. Raises Refused."""
        with self._database.write() as connection:
            if number := bulk.begun(connection, run_id):
                raise Refused(
                    f"{number} of its messages are on their way: it cannot be undone, only the rest stopped"
                )
            self._move(connection, run_id, [RunState.RUNNING, RunState.PAUSED], RunState.UNDONE)

    def undo_last(self) -> Progress:
        """Take this operator's newest run back. Raises Refused."""
        own = (run for run in self.runs() if run.operator == self._author.name)
        newest = next(own, None)
        if newest is None:
            raise Refused("there is no bulk send of yours to undo")
        self.undo(newest.run_id)
        return newest

    def _switch(self, run_id: str, allowed: list[RunState], to: RunState) -> None:
        with self._database.write() as connection:
            self._move(connection, run_id, allowed, to)

    def _move(
        self, connection: Connection, run_id: str, allowed: list[RunState], to: RunState
    ) -> None:
        if not bulk.switch(connection, run_id, allowed, to, self._database.now()):
            raise Refused("this bulk send is over already")
        audits.write(
            connection, self._database, self._author, f"bulk send {to.value}", [run_id], {}
        )

    def _communications(self, selection: Selection, tally: _Tally) -> Iterator[str]:
        """The shown communication of each line; the others that need attention only when asked for."""
        # read to the end first: without a write-ahead log an open reader would block the staging
        ids = iter(list(matching_ids(self._database, selection)))
        while batch := list(islice(ids, PREPARE_BATCH)):
            with self._database.read() as connection:
                shown = sends.shown_communications(connection, batch)
                others = sends.other_failed(connection, batch)
            tally.lines += len(shown)
            tally.others += len(others)
            yield from shown
            if selection.include_others:
                yield from others

    def _items(self, prospect: Prospect, now: datetime, tally: _Tally) -> list[bulk.Item]:
        items = []
        for lane in prospect.lanes:
            reason = self._dispatch.refusal(prospect, lane, now)
            items.append(
                bulk.Item(
                    prospect.communication_id,
                    prospect.subject_id,
                    lane.channel,
                    lane.latest_entry_id,
                    reason or "",
                )
            )
            if reason == ANOTHER_WAY_REASON:
                continue
            if reason:
                tally.staying[reason] += 1
                continue
            way = self._dispatch.way(prospect, lane, now)
            if way.channel is None:
                tally.skipping[way.reason] += 1
                continue
            tally.going[way.channel] += 1
            if way.channel is not lane.channel:
                tally.detours[way.reason] += 1
            self._warn(prospect, lane, way.channel, tally)
        return items

    def _warn(self, prospect: Prospect, lane: LaneNow, target: Channel, tally: _Tally) -> None:
        failure = self._dispatch.foreseen_failure(prospect, target)
        if failure:
            tally.failing[failure] += 1
        for warning in warnings(prospect, target):
            tally.warnings[warning] += 1
        if failure or target is not lane.channel:
            return
        if (
            lane.status in FAILED_STATUSES
            and lane.error_class == "permanent"
            and lane.used_recipient == prospect.recipient(lane.channel)
        ):
            tally.warnings[BOUNCED_BEFORE] += 1


class Expansion:
    """Workers turn frozen items into entries."""

    def __init__(
        self, database: Database, dispatch: Dispatch, zone: ZoneInfo | None = None
    ) -> None:
        self._database = database
        self._dispatch = dispatch
        self._zone = zone

    def step(self, hold: Callable[[], bool] = lambda: False) -> int:
        """Expand a batch of each running run; returns how many items were decided."""
        with self._database.read() as connection:
            if keeping.held(connection):
                return 0
        decided = 0
        for run_id in bulk.running(self._database):
            if hold():
                break
            number = self._expand(run_id)
            decided += number
            if not number:
                bulk.finish_if_empty(self._database, run_id)
        return decided

    def _expand(self, run_id: str) -> int:
        now = self._database.now()
        with self._database.read() as connection:
            ahead = bulk.ahead(connection, run_id, EXPAND_BATCH)
        made = self._dispatch.make(ahead, now)
        settled = 0
        with self._database.write() as connection:
            pending = bulk.take(connection, run_id, EXPAND_BATCH)
            if not pending:
                return 0
            ledger = Ledger(self._database, connection, now)
            known = self._dispatch.load(connection, [item.communication_id for item in pending])
            ledger.lock(prospect.subject_id for prospect in known.values())
            prospects = self._dispatch.load(connection, [item.communication_id for item in pending])
            new: list[NewEntry] = []
            for item in pending:
                entry, reason = self._decide(item, prospects.get(item.communication_id), now, made)
                if reason == NOT_YET:
                    continue
                settled += 1
                if entry is not None:
                    new.append(entry)
                bulk.settle(connection, item, entry_id=entry.id if entry else None, reason=reason)
            ledger.add(new)
            ledger.close()
        return settled

    def _decide(
        self,
        item: bulk.Pending,
        prospect: Prospect | None,
        now: datetime,
        made: Mapping[str, int],
    ) -> tuple[NewEntry | None, str]:
        lane = prospect.lane(item.channel) if prospect else None
        if prospect is None or lane is None:
            return None, "it is no longer wanted on this channel"
        if lane.latest_entry_id != item.seen_entry:
            return None, self._meanwhile(lane)
        reason = self._dispatch.hindrance(prospect, lane, now, made)
        if reason:
            return None, reason
        entry = self._dispatch.attempt(
            prospect,
            lane,
            cause=Cause.BULK,
            author=item.author,
            now=now,
            bulk_run_id=item.run_id,
        )
        return entry, ""

    def _meanwhile(self, lane: LaneNow) -> str:
        with self._database.read() as connection:
            found = sends.author_of(connection, lane.latest_entry_id or "")
        if found is None:
            return "sent meanwhile by somebody else"
        name, at = found
        return f"sent meanwhile by {name}, {at.astimezone(self._zone):%H:%M}"


def _described(selection: Selection) -> str:
    if selection.query is None:
        return f"{len(selection.ids)} marked"
    return f"all that match {selection.query}"[:2_000]
