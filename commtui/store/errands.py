"""What operators asked the workers to do at a provider: stop a letter, take an address off a suppression list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from commtui.domain.views import ErrandView
from commtui.domain.vocabulary import Author
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables_delivery import errand

CANCEL, LIFT = "cancel", "lift"
TAKEN_FOR = timedelta(minutes=2)
"""How long a worker that took an errand is left alone with it; all errands may be repeated."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to do at a provider."""

    id: str
    kind: str
    provider: str
    entry_id: str | None
    address: str
    reason: str
    operator: str
    tries: int


def ask(
    connection: sa.Connection,
    database: Database,
    author: Author,
    kind: str,
    provider: str,
    reason: str,
    *,
    entry_id: str | None = None,
    address: str = "",
) -> str:
    """Note an errand; one that is open already is not noted twice. Returns its id."""
    same = sa.select(errand.c.id).where(
        errand.c.kind == kind,
        errand.c.provider == provider,
        errand.c.address == address,
        errand.c.state == "open",
        errand.c.entry_id.is_(None) if entry_id is None else errand.c.entry_id == entry_id,
    )
    known = connection.execute(same).scalar()
    if known is not None:
        return str(known)
    now = database.now()
    identifier = database.new_id(now)
    connection.execute(
        errand.insert().values(
            id=identifier,
            kind=kind,
            provider=provider,
            entry_id=entry_id,
            address=address,
            reason=reason,
            operator=author.name,
            state="open",
            at=now,
            due_at=now,
        )
    )
    return identifier


def take(database: Database, providers: Sequence[str], limit: int) -> list[Errand]:
    """Errands that are due at these providers; nobody else takes them for a while."""
    now = database.now()
    waiting = (
        sa.select(errand.c.id)
        .where(
            errand.c.state == "open",
            errand.c.due_at <= now,
            errand.c.provider.in_(list(providers)),
        )
        .order_by(errand.c.id)
        .limit(limit)
    )
    with database.read() as connection:
        if connection.execute(waiting.limit(1)).first() is None:
            return []
    with database.write() as connection:
        ids = list(connection.execute(waiting.with_for_update(skip_locked=True)).scalars())
        if not ids:
            return []
        rows = connection.execute(
            errand.update()
            .where(errand.c.id.in_(ids))
            .values(due_at=now + TAKEN_FOR, tries=errand.c.tries + 1)
            .returning(errand)
        ).all()
    return [
        Errand(
            row.id,
            row.kind,
            row.provider,
            row.entry_id,
            row.address,
            row.reason,
            row.operator,
            row.tries,
        )
        for row in rows
    ]


def done(connection: sa.Connection, identifier: str, state: str, words: str, now: datetime) -> None:
    """Close an errand: done, or refused."""
    connection.execute(
        errand.update()
        .where(errand.c.id == identifier)
        .values(state=state, words=words[:500], done_at=now)
    )


def later(connection: sa.Connection, identifier: str, words: str, due_at: datetime) -> None:
    """The provider could not be asked: again in a while."""
    connection.execute(
        errand.update().where(errand.c.id == identifier).values(words=words[:500], due_at=due_at)
    )


def of_addresses(connection: sa.Connection, addresses: Sequence[str]) -> list[ErrandView]:
    """What was asked about these normalised addresses, newest first."""
    query = sa.select(errand).where(errand.c.address.in_(list(addresses)))
    return [_view(row) for row in connection.execute(query.order_by(errand.c.id.desc()))]


def of_entry(connection: sa.Connection, entry_id: str) -> list[ErrandView]:
    """What was asked about an entry, newest first."""
    return of_entries(connection, [entry_id]).get(entry_id, [])


def of_entries(connection: sa.Connection, entry_ids: Sequence[str]) -> dict[str, list[ErrandView]]:
    """What was asked about each of these entries, newest first."""
    found: dict[str, list[ErrandView]] = defaultdict(list)
    for batch in batches(entry_ids):
        query = sa.select(errand).where(errand.c.entry_id.in_(batch))
        for row in connection.execute(query.order_by(errand.c.id.desc())):
            found[row.entry_id].append(_view(row))
    return found


def _view(row: Any) -> ErrandView:
    return ErrandView(
        kind=row.kind,
        provider=row.provider,
        address=row.address,
        reason=row.reason,
        operator=row.operator,
        at=row.at,
        state=row.state,
        words=row.words,
        done_at=row.done_at,
    )
