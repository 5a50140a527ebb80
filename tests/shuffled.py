"""Events of many messages, told once in order or again and again at random, and what a database makes of them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from commtui.config import Settings
from commtui.demo.callbacks import event_body
from commtui.domain.fold import Fact
from commtui.domain.vocabulary import Source, Tab
from commtui.providers.base import Accepted, RawWebhook
from commtui.providers.sendgrid import SendGridReceiver
from commtui.services.events import Applying
from commtui.store import inbox
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.ledger import Ledger
from commtui.store.matching import match
from commtui.store.tables import entry, entry_status, entry_text, provider_event, subject
from commtui.store.tables_wishes import opt_out
from tests.office import SETTINGS, Office, message

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
"""Both databases are set up at this instant, so that only what is told can differ."""
SENT = START + timedelta(minutes=1)
MOST_TIMES = 40
MOST_EVENTS = 128
"""In one call."""
KINDS: tuple[dict[str, Any], ...] = (
    {"event": "processed"},
    {"event": "deferred", "response": "450 try later"},
    {"event": "delivered", "response": "250 OK"},
    {"event": "delivered", "response": "250 OK once more"},
    {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 no such user"},
    {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 user moved away"},
    {"event": "bounce", "type": "bounce", "status": "5.7.1", "reason": "550 not allowed"},
    {"event": "bounce", "type": "blocked", "status": "4.2.2", "reason": "552 mailbox full"},
    {"event": "dropped", "reason": "Bounced Address"},
    {"event": "open", "useragent": "a mail program"},
    {"event": "click", "url": "https://example.com"},
    {"event": "spamreport"},
    {"event": "unsubscribe"},
    {"event": "group_unsubscribe", "asm_group_id": 7},
    {"event": "group_resubscribe", "asm_group_id": 7},
)


@dataclass(frozen=True)
class Told:
    """What a provider has to tell about one office's messages, each fact once, in the order of time."""

    events: tuple[dict[str, Any], ...]

    def in_order(self) -> Iterator[bytes]:
        """Each fact once, as it happened."""
        for first in range(0, len(self.events), 20):
            yield event_body(self.events[first : first + 20])

    def shuffled(self, chance: random.Random) -> Iterator[bytes]:
        """Each fact up to forty times, under new ids, in any order, in calls of any size."""
        again = [
            {**event, "sg_event_id": f"{number}-{time_of}"}
            for number, event in enumerate(self.events)
            for time_of in range(chance.randint(1, MOST_TIMES))
        ]
        chance.shuffle(again)
        first = 0
        while first < len(again):
            size = chance.randint(1, MOST_EVENTS)
            yield event_body(again[first : first + size])
            first += size


def office_with(database_url: str, messages: int) -> tuple[Office, dict[str, str]]:
    """An office that has sent so many messages, and their entries by reference."""
    database = Database(database_url, lambda: START)
    office = Office(database)
    office.put(
        *(
            message(
                f"{number}",
                customer={"id": f"K-{number}", "email": f"customer{number}@example.com"},
            )
            for number in range(messages)
        )
    )
    office.queue()
    office.work(lambda request: Accepted(f"m-{request.reference}"), rounds=messages)
    with database.read() as connection:
        rows = connection.execute(
            sa.select(entry.c.id, subject.c.reference).join(
                subject, subject.c.id == entry.c.subject_id
            )
        ).all()
    return office, {row.reference: row.id for row in rows}


def told(seed: int, entries: dict[str, str], number: int) -> Told:
    """So many facts; the same ones for every office with as many messages."""
    chance = random.Random(seed)
    known: set[tuple[Any, ...]] = set()
    made: list[dict[str, Any]] = []
    references = sorted(entries, key=int)
    while len(made) < number:
        reference = chance.choice(references)
        kind = chance.choice(KINDS)
        at = int((SENT + timedelta(seconds=chance.randint(0, 3_000))).timestamp())
        says = kind.get("status") or kind.get("reason", "")
        key = (reference, kind["event"], says, at)
        if key in known:
            continue
        known.add(key)
        made.append({**kind, "timestamp": at, **_about(chance, reference, entries[reference])})
    return Told(tuple(sorted(made, key=lambda event: event["timestamp"])))


def _about(chance: random.Random, reference: str, entry_id: str) -> dict[str, Any]:
    """How an event says which message it is about: by our id, by the provider's, or by one that nobody has."""
    way = chance.random()
    about = {
        "email": f"customer{reference}@example.com",
        "sg_message_id": f"m-{reference}.recvd-1",
        "sg_event_id": "once",
    }
    if way < 0.7:
        return {**about, "commtui_entry": entry_id}
    if way < 0.95:
        return about
    return {**about, "sg_message_id": f"nobody-{reference}.recvd-1"}


def take_in(database: Database, calls: Sequence[bytes]) -> None:
    """Keep calls as the web receiver does."""
    for body in calls:
        hook = RawWebhook("/webhooks/sendgrid", {}, body, database.now())
        inbox.store(database, "sendgrid", hook, {})


def apply(database: Database) -> None:
    """What a worker does with them."""
    applying = Applying(database, SETTINGS)
    while applying.step():
        pass


def apply_naively(database: Database, calls: Sequence[bytes]) -> None:
    """As others do it: whatever was heard last is what the message is."""
    receiver, heard = SendGridReceiver(Settings()), 100
    for body in calls:
        hook = RawWebhook("/webhooks/sendgrid", {}, body, database.now())
        with database.write() as connection:
            ledger = Ledger(database, connection, database.now())
            for event in receiver.parse(hook):
                entry_id, _ = match(connection, "sendgrid", event)
                if entry_id is None or event.status is None:
                    continue
                heard += 1
                fact = Fact(event.status, event.at, event.error_class, event.code, heard)
                ledger.apply([Change(entry_id, fact, Source.EVENT, words=event.words)])
            ledger.close()


def start_worker(database_url: str, log: Path, *more: str) -> subprocess.Popen[bytes]:
    """A worker process on a database."""
    environment = {
        **os.environ,
        "COMMTUI_DATABASE__URL": database_url,
        "COMMTUI_FALLBACK__AUTOMATIC": "false",
        "COMMTUI_WORKER__LEASE_SECONDS": "5",
    }
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "commtui", "worker", *more],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment,
        )


def unread(database: Database) -> int:
    """How many calls wait to be applied."""
    with database.read() as connection:
        return connection.execute(
            sa.select(sa.func.count()).select_from(inbox.inbox).where(inbox.inbox.c.state == "new")
        ).scalar_one()


def apply_under_fire(
    database: Database, database_url: str, log: Path, chance: random.Random, kills: int
) -> int:
    """Have workers apply what was taken in, and kill each in the middle; returns how many were killed."""
    killed, whole = 0, unread(database)
    marks = sorted(chance.sample(range(1, whole), min(kills, whole - 1)), reverse=True)
    for left in marks:
        worker = start_worker(database_url, log)
        while unread(database) > left and worker.poll() is None:
            time.sleep(0.005)
        worker.kill()
        worker.wait()
        killed += 1
    last = start_worker(database_url, log, "--until-idle")
    assert last.wait(1_200) == 0, log.read_text(errors="replace")[-5_000:]
    return killed


State = dict[str, Any]


def state(database: Database) -> State:
    """Everything that operators see and decisions go by, without the ids that differ between databases."""
    office = Office(database)
    office.housekeeping.catch_up()
    with database.read() as connection:
        references: dict[str, str] = {
            row.id: row.reference
            for row in connection.execute(
                sa.select(entry.c.id, subject.c.reference).join(
                    subject, subject.c.id == entry.c.subject_id
                )
            )
        }
        return {
            "entries": _entries(connection, references),
            "facts": _facts(connection, references),
            "twice in a history": _twice(connection),
            "refusals": sorted(
                (row.address, row.scope, row.source, row.at)
                for row in connection.execute(
                    sa.select(opt_out).where(opt_out.c.lifted_at.is_(None))
                )
            ),
            "lines": {
                line.reference: (line.status, line.chip, line.after_delivery, line.error_message)
                for line in office.lines()
            },
            "counts": [office.counts(tab) for tab in Tab],
        }


def _entries(connection: sa.Connection, references: dict[str, str]) -> dict[str, tuple[Any, ...]]:
    shown = (
        entry.c.status,
        entry.c.chip,
        entry.c.status_at,
        entry.c.rank,
        entry.c.error_class,
        entry.c.error_code,
        entry.c.error_key,
        entry.c.sent_at,
        entry.c.delivered_at,
        entry.c.provider_message_id,
        entry.c.delivered_twice,
        entry_text.c.error_words,
    )
    rows = connection.execute(
        sa.select(entry.c.id, *shown).join(entry_text, entry_text.c.entry_id == entry.c.id)
    )
    return {references[row.id]: tuple(row)[1:] for row in rows}


def _facts(connection: sa.Connection, references: dict[str, str]) -> Counter[tuple[Any, ...]]:
    rows = connection.execute(sa.select(provider_event))
    return Counter(
        (
            row.kind,
            row.at,
            row.payload["code"],
            row.payload["recipient"],
            row.provider_message_id,
            references.get(row.entry_id or "", "nobody's"),
        )
        for row in rows
    )


def _twice(connection: sa.Connection) -> list[tuple[Any, ...]]:
    what = (
        entry_status.c.entry_id,
        entry_status.c.word,
        entry_status.c.at,
        entry_status.c.error_code,
    )
    rows = connection.execute(
        sa.select(*what)
        .where(entry_status.c.source == Source.EVENT.value)
        .group_by(*what)
        .having(sa.func.count() > 1)
    )
    return [tuple(row) for row in rows]


def differences(expected: State, found: State) -> list[str]:
    """What of a state is not as it should be, a few of each sort."""
    wrong = [f"twice in a history: {item}" for item in found["twice in a history"][:3]]
    for name, wanted in expected.items():
        if found[name] == wanted:
            continue
        if isinstance(wanted, dict):
            keys = [
                key for key in {**wanted, **found[name]} if wanted.get(key) != found[name].get(key)
            ]
            wrong += [
                f"{name} {key}: {found[name].get(key)} instead of {wanted.get(key)}"
                for key in keys[:3]
            ]
        else:
            wrong.append(f"{name}: {found[name]} instead of {wanted}")
    return wrong
