"""What providers say about our own accounts: who asks, when again, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.store import steps
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.tables import entry
from commtui.store.tables_accounts import account_check
from commtui.store.tables_delivery import delivery_step

TAKEN_FOR = timedelta(minutes=5)
"""How long a worker that asks about an account is left alone with it."""
AT_START = timedelta(minutes=10)
"""A worker that starts asks again when the last answer is older: settings may have changed."""
BELIEVED_FOR = timedelta(days=3)
"""Older findings are not shown: nobody asks any more, for instance because the provider is not set up."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an account, or will be."""

    provider: str
    code: str
    sentence: str


def take(database: Database, providers: Sequence[str], *, starting: bool = False) -> list[str]:
    """The providers whose account is to be asked about now; nobody else takes them for a while."""
    if not providers:
        return []
    now = database.now()
    with database.read() as connection:
        rows = connection.execute(
            sa.select(account_check).where(account_check.c.provider.in_(providers))
        ).all()
    known = {row.provider: row.due_at for row in rows}
    if not starting and all(key in known and known[key] > now for key in providers):
        return []
    due = account_check.c.due_at <= now
    if starting:
        # one that another worker asks about now has a due date within TAKEN_FOR, and is left to it
        old = account_check.c.at <= now - AT_START
        due |= sa.and_(old, account_check.c.due_at > now + TAKEN_FOR)
    with database.write() as connection:
        for key in providers:
            if key not in known:
                _insert(connection, key, now)
        taken = connection.execute(
            account_check.update()
            .where(account_check.c.provider.in_(providers), due)
            .values(due_at=now + TAKEN_FOR)
            .returning(account_check.c.provider)
        )
        return sorted(taken.scalars())


def learnt(
    database: Database, provider: str, findings: Sequence[tuple[str, str]], again: timedelta
) -> bool:
    """Keep what is wrong now, as (code, sentence); returns whether that is another than before."""
    now = database.now()
    found = [{"code": code, "sentence": sentence} for code, sentence in findings]
    with database.write() as connection:
        row = account_check.c.provider == provider
        former = connection.execute(sa.select(account_check.c.findings).where(row)).scalar()
        connection.execute(
            account_check.update().where(row).values(at=now, due_at=now + again, findings=found)
        )
    return former != found


def not_asked(database: Database, provider: str, again: timedelta) -> None:
    """It could not be asked: what was found before stands, and it is asked again."""
    with database.write() as connection:
        connection.execute(
            account_check.update()
            .where(account_check.c.provider == provider)
            .values(due_at=database.now() + again)
        )


def findings(connection: sa.Connection, now: datetime) -> list[Finding]:
    """What is wrong with our accounts, by provider."""
    query = (
        sa.select(account_check.c.provider, account_check.c.findings)
        .where(account_check.c.at > now - BELIEVED_FOR)
        .order_by(account_check.c.provider)
    )
    return [
        Finding(row.provider, item["code"], item["sentence"])
        for row in connection.execute(query)
        for item in row.findings
    ]


def last_steps(connection: sa.Connection, provider: str) -> Mapping[str, Mapping[str, Any]]:
    """The steps of the newest message that a provider checked; empty when there is none."""
    newest = connection.execute(
        sa.select(delivery_step.c.entry_id)
        .join(entry, entry.c.id == delivery_step.c.entry_id)
        .where(delivery_step.c.name == "checked", entry.c.provider == provider)
        .order_by(delivery_step.c.entry_id.desc())
        .limit(1)
    ).scalar()
    return steps.reached(connection, [newest])[0].get(newest, {}) if newest else {}


def _insert(connection: sa.Connection, provider: str, now: datetime) -> None:
    """A row that is due; concurrent makers meet in it."""
    connection.execute(
        insert(connection, account_check)
        .values(provider=provider, due_at=now, findings=[])
        .on_conflict_do_nothing()
    )
