"""What must hold after every step, computed from the tables in another way than the program does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.store.counters import cube
from commtui.store.engine import Database
from commtui.store.tables import (
    audit,
    bulk_item,
    communication,
    entry,
    entry_status,
    lane,
    outbox,
    provider_event,
    subject,
)
from tests.machine.network import Broken, Network

WORST_FIRST = [
    "returned",
    "undelivered",
    "bounced",
    "dropped",
    "blocked",
    "failed",
    "rejected",
    "unknown",
    "not_sent",
    "sending",
    "queued",
    "sent",
    "delivered",
    "done",
    "skipped",
    "cancelled",
]
FAILED = frozenset(WORST_FIRST[:8])
NOT_SENT = frozenset({"not_sent", "sending", "queued"})
STRONGEST_FIRST = [
    "returned",
    "bounced",
    "blocked",
    "dropped",
    "undelivered",
    "failed",
    "rejected",
    "delivered",
    "done",
    "cancelled",
    "sent",
    "skipped",
]
"""Of facts; a delivery and a completed task never meet."""
GIVEN_UP = "given_up"
STEPS = frozenset({"queued", "sending", "unknown"})
FIXED = ("id", "communication_id", "channel", "recipient_hash", "content_hash", "cause", "author")


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the checks look at, read in one transaction."""

    entries: Mapping[str, Any]
    history: Sequence[Any]
    lanes: Sequence[Any]
    subjects: Sequence[Any]
    communications: Mapping[str, Any]
    outbox: Mapping[str, Any]
    events: Sequence[Any]
    items: Mapping[str, Any]
    """Items of bulk runs by the entry they became."""
    audits: int
    cells: Mapping[tuple[Any, ...], int]

    @classmethod
    def of(cls, database: Database) -> Picture:
        """The present one."""
        counted = cube()
        names = ("scope", "channel", "status", "chip", "ignored", "settled")
        cells = [counted.c[name] for name in names]
        with database.read() as connection:

            def rows(table: sa.Table) -> Sequence[Any]:
                return connection.execute(sa.select(table)).all()

            sums = sa.select(*cells, sa.func.sum(counted.c.lines).label("n")).group_by(*cells)
            return cls(
                {row.id: row for row in sorted(rows(entry), key=lambda row: row.id)},
                sorted(rows(entry_status), key=lambda row: row.id),
                rows(lane),
                rows(subject),
                {row.id: row for row in rows(communication)},
                {row.entry_id: row for row in rows(outbox)},
                rows(provider_event),
                {row.entry_id: row for row in rows(bulk_item) if row.entry_id},
                connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one(),
                {tuple(row[:-1]): int(row.n) for row in connection.execute(sums) if row.n},
            )

    def lane_of(self, row: Any) -> tuple[str, str]:
        """The lane an entry is in."""
        return row.communication_id, row.channel


@dataclass
class Memory:
    """What earlier steps left, so that what must never change is seen not to."""

    picture: Picture | None = None
    decided: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    """What an operator saw of a lane when deciding on a new entry: lane and its latest attempt then."""
    operator_facts: dict[str, list[tuple[str, datetime, str]]] = field(default_factory=dict)
    ignored_at: dict[str, str] = field(default_factory=dict)
    """The status that an attempt had when somebody ignored it."""


Check = Callable[[Picture, Memory, Network], None]


def check_all(picture: Picture, memory: Memory, network: Network) -> None:
    """Every invariant. Raises Broken."""
    for check in CHECKS:
        check(picture, memory, network)
    memory.picture = picture


def one_entry_a_decision(picture: Picture, memory: Memory, network: Network) -> None:
    """Whatever an operator decided about what they saw, one entry came of it; a lane's second taking needs one."""
    spent: Counter[tuple[str, str, str, str | None]] = Counter()
    by_operator: set[str] = set()
    for row in picture.entries.values():
        item = picture.items.get(row.id)
        if item is not None:
            spent["operator", item.communication_id, item.channel, item.seen_entry] += 1
            by_operator.add(row.id)
        elif row.id in memory.decided:
            spent["operator", *memory.decided[row.id]] += 1
            by_operator.add(row.id)
        elif row.cause in ("fallback", "initial"):
            spent[row.cause, *picture.lane_of(row), row.replaces_id] += 1
        else:
            raise Broken(f"decision: nobody decided on {row.id}")
    for key, number in spent.items():
        if number > 1:
            raise Broken(f"decision: {number} entries came of {key}")
    taken = {picture.lane_of(picture.entries[key]): key for key in reversed(network.accepted)}
    for key in network.accepted:
        first = taken[picture.lane_of(picture.entries[key])]
        if key != first and key not in by_operator:
            raise Broken(f"twice: {key} was taken after {first} and nobody decided it")


def nothing_is_lost(picture: Picture, memory: Memory, network: Network) -> None:
    """Entries stay, what was taken is known, and whatever is under way has its lane's row."""
    before = memory.picture.entries if memory.picture else {}
    for key, row in before.items():
        now = picture.entries.get(key)
        if now is None or any(getattr(now, name) != getattr(row, name) for name in FIXED):
            raise Broken(f"lost: entry {key} is gone or was rewritten")
        if row.settled_by and now.settled_by != row.settled_by:
            raise Broken(f"settled: {key} was settled by another entry before")
    for key in network.accepted:
        if key not in picture.entries:
            raise Broken(f"lost: {key} was taken and is in no log")
    for key in network.answered:
        if picture.entries[key].sent_at is None:
            raise Broken(f"lost: the yes to {key} was not kept")
    for key, row in picture.entries.items():
        under_way = row.status in STEPS and row.rank < 10 and row.settled_by is None
        if under_way != (key in picture.outbox):
            raise Broken(f"lost: {key} is {row.status}, and its lane is {key in picture.outbox}")
    for key, row in picture.outbox.items():
        status = picture.entries[key].status
        expected = {"queued": "queued", "preparing": "queued"}.get(row.state, row.state)
        if status != expected:
            raise Broken(f"lost: {key} is {status} and its row {row.state}")


def history_only_grows(picture: Picture, memory: Memory, network: Network) -> None:
    """Append-only is what it says."""
    if memory.picture is None:
        return
    known = {row.id: row for row in picture.history}
    for row in memory.picture.history:
        if known.get(row.id) != row:
            raise Broken(f"history: {row.word} of {row.entry_id} is gone or was rewritten")
    if picture.audits < memory.picture.audits:
        raise Broken("history: the audit shrank")


def states_are_folds(picture: Picture, memory: Memory, network: Network) -> None:
    """The strongest fact says the status, its earliest instance the time, in whatever order they came."""
    facts: dict[str, list[tuple[str, datetime, str]]] = defaultdict(list)
    for key, told in memory.operator_facts.items():
        facts[key] += told
    for row in picture.events:
        if row.entry_id and row.payload["status"]:
            facts[row.entry_id].append((row.payload["status"], row.at, row.payload["code"]))
    begun: set[str] = set()
    for row in picture.history:
        if row.source == "worker" and row.entry_id in begun:
            if row.word == "withdrawn":
                facts[row.entry_id].append(("cancelled", row.at, ""))
            elif row.word in STRONGEST_FIRST:
                facts[row.entry_id].append((row.word, row.at, row.error_code))
        elif row.word == "withdrawn":
            facts[row.entry_id].append(("cancelled", row.at, ""))
        begun.add(row.entry_id)
    for key, row in picture.entries.items():
        _compare(row, facts[key])


def _compare(row: Any, facts: list[tuple[str, datetime, str]]) -> None:
    strong = [fact for fact in facts if fact[2] != GIVEN_UP]
    counted = strong or facts
    if not counted:
        if row.status not in {*STEPS, "not_sent", "skipped"}:
            raise Broken(f"fold: {row.id} is {row.status} without any fact")
        return
    status = min((fact[0] for fact in counted), key=STRONGEST_FIRST.index)
    at = min(fact[1] for fact in counted if fact[0] == status)
    sent = [fact[1] for fact in strong if fact[0] in ("sent", "delivered")]
    arrived = [fact[1] for fact in strong if fact[0] in ("delivered", "done")]
    expected = (status, at, min(sent, default=None), min(arrived, default=None))
    if (row.status, row.status_at, row.sent_at, row.delivered_at) != expected:
        found = (row.status, row.status_at, row.sent_at, row.delivered_at)
        raise Broken(f"fold: {row.id} is {found}, its facts say {expected}")


def lanes_say_their_latest(picture: Picture, memory: Memory, network: Network) -> None:
    """A lane is what its newest entry is."""
    attempts: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in picture.entries.values():
        attempts[picture.lane_of(row)].append(row)
    for row in picture.lanes:
        made = attempts.pop((row.communication_id, row.channel), [])
        latest = made[-1] if made else None
        expected = (
            (latest.id, latest.status, latest.ignored_at is not None, len(made))
            if latest is not None
            else (None, "not_sent", False, 0)
        )
        if (row.latest_entry_id, row.status, bool(row.ignored), row.attempts) != expected:
            raise Broken(f"lane: {row} is not {expected}")
    if attempts:
        raise Broken(f"lane: entries without a lane: {sorted(attempts)}")


def lines_say_their_lanes(picture: Picture, memory: Memory, network: Network) -> None:
    """The overview line is the worst of the newest communication, and Failed while any other needs somebody."""
    lanes: dict[str, list[Any]] = defaultdict(list)
    for row in picture.lanes:
        lanes[row.communication_id].append(row)
    for row in picture.subjects:
        own = [
            item
            for item in picture.communications.values()
            if item.subject_id == row.id and lanes[item.id]
        ]
        if own:
            _compare_line(row, own, lanes)


def _compare_line(row: Any, own: list[Any], lanes: Mapping[str, list[Any]]) -> None:
    def newest(item: Any) -> str:
        return max((made.latest_entry_id or "" for made in lanes[item.id]), default="") or item.id

    def speaking(item: Any) -> list[Any]:
        return [made for made in lanes[item.id] if not made.superseded_by] or lanes[item.id]

    def wants(item: Any) -> bool:
        return any(made.status in FAILED and not made.ignored for made in speaking(item))

    shown = max(own, key=newest)
    others = sum(wants(item) for item in own if item is not shown)
    worst = min(speaking(shown), key=lambda made: WORST_FIRST.index(made.status)).status
    chip = (
        "failed" if others or worst in FAILED else "not-sent" if worst in NOT_SENT else "completed"
    )
    attempts = sum(made.attempts for made in lanes[shown.id])
    expected = (True, shown.id, worst, chip, others, attempts)
    found = (row.visible, row.communication_id, row.status, row.chip, row.others, row.attempts)
    if found != expected:
        raise Broken(f"line: {row.reference} is {found}, its lanes say {expected}")
    if any(wants(item) for item in own) and (row.chip != "failed" or row.ignored):
        raise Broken(f"reach: {row.reference} needs somebody and is not under Failed")


def counters_are_counts(picture: Picture, memory: Memory, network: Network) -> None:
    """The chips' numbers are what GROUP BY says."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in picture.entries.values():
        key = ("log", row.channel, row.status, row.chip)
        counted[*key, row.ignored_at is not None, row.settled_by is not None] += 1
    for row in picture.subjects:
        if row.visible:
            counted["overview", row.channel, row.status, row.chip, bool(row.ignored), False] += 1
    cells = {(*key[:4], bool(key[4]), bool(key[5])): n for key, n in picture.cells.items()}
    if cells != counted:
        wrong = {key: (cells.get(key, 0), counted[key]) for key in {*cells, *counted}}
        off = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
        raise Broken(f"counter: {off} (counted, there)")


def settled_by_later_ones(picture: Picture, memory: Memory, network: Network) -> None:
    """What an attempt was settled by is a later one of its communication; one replaced after failing is settled."""
    before = memory.picture.entries if memory.picture else {}
    for row in picture.entries.values():
        if row.settled_by is not None:
            later = picture.entries.get(row.settled_by)
            if later is None or later.id <= row.id:
                raise Broken(f"settled: {row.id} by {row.settled_by}, which is no later entry")
            if later.communication_id != row.communication_id:
                raise Broken(f"settled: {row.id} by an entry of another communication")
        if row.id in before or row.replaces_id not in before:
            continue
        old = before[row.replaces_id]
        if old.status in FAILED and picture.entries[old.id].settled_by is None:
            raise Broken(f"settled: {old.id} failed, was replaced, and is not settled")


def ignored_until_worse(picture: Picture, memory: Memory, network: Network) -> None:
    """An ignored attempt that became worse is not ignored any more."""
    for row in picture.entries.values():
        if row.ignored_at is None:
            memory.ignored_at.pop(row.id, None)
            continue
        then = memory.ignored_at.get(row.id)
        if then is None:
            raise Broken(f"ignored: nobody ignored {row.id}")
        if row.status in FAILED and then not in FAILED:
            raise Broken(f"ignored: {row.id} was {then} and is {row.status}")


def unknown_waits_for_somebody(picture: Picture, memory: Memory, network: Network) -> None:
    """From unknown, an entry goes on by a fact only; nothing is made of it by itself."""
    if memory.picture is None:
        return
    for key, old in memory.picture.entries.items():
        now = picture.entries[key]
        by_itself = old.status == "unknown" and now.status in ("queued", "sending")
        if by_itself and key in network.uncertain:
            raise Broken(f"unknown: {key} is {now.status} again by itself")
    for row in picture.entries.values():
        if row.cause == "fallback" and row.id not in memory.picture.entries:
            old = picture.entries[row.replaces_id]
            if old.status not in FAILED - {"unknown"}:
                raise Broken(f"unknown: {row.id} falls back from {old.status}")


CHECKS: tuple[Check, ...] = (
    history_only_grows,
    nothing_is_lost,
    unknown_waits_for_somebody,
    one_entry_a_decision,
    states_are_folds,
    lanes_say_their_latest,
    lines_say_their_lanes,
    counters_are_counts,
    settled_by_later_ones,
    ignored_until_worse,
)
