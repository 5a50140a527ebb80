"""The customer's own row, and what of theirs could still be sent: the first and the last step of an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from commtui.domain.fold import GIVEN_UP_RANK, Fact
from commtui.domain.optouts import OptOut, OptSource, Scope
from commtui.domain.text import fold
from commtui.domain.vocabulary import Author, Channel, ErrorClass, Release, Source, Status
from commtui.errors import NotFound, Refused
from commtui.store import optouts
from commtui.store.engine import Database
from commtui.store.entries import Change
from commtui.store.erasing_scope import ERASED_NAME
from commtui.store.import_follow import FOLLOW_UP
from commtui.store.ledger import Ledger
from commtui.store.outbox import live_workers
from commtui.store.tables import communication, customer, entry, import_run, lane, outbox

CODE = "erased"


def mark(connection: sa.Connection, database: Database, external_id: str) -> bool:
    """Refuse everything about this customer from now on; returns whether that is new. Raises NotFound, Refused.

    Lines of an import that is under way could bring the customer back behind our back.
    """
    row = connection.execute(
        sa.select(customer.c.id, customer.c.erased_at)
        .where(customer.c.external_id == external_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"there is no customer {external_id}")
    importing = sa.select(import_run.c.id).where(import_run.c.state != FOLLOW_UP).limit(1)
    if connection.execute(importing).first() is not None:
        raise Refused("an import is under way; erase when it is over")
    if row.erased_at is not None:
        return False
    now = database.now()
    connection.execute(customer.update().where(customer.c.id == row.id).values(erased_at=now))
    refusal = OptOut(None, Scope.ALL, OptSource.ERASED, now)
    optouts.add(connection, database, refusal, row.id)
    return True


def under_way(connection: sa.Connection, customer_id: str, now: datetime) -> int:
    """How many messages of a customer living workers are sending at this moment."""
    query = (
        sa.select(sa.func.count())
        .select_from(outbox)
        .join(entry, entry.c.id == outbox.c.entry_id)
        .where(
            entry.c.customer_id == customer_id,
            outbox.c.state.in_(["preparing", "sending"]),
            outbox.c.worker_id.in_(live_workers(now)),
        )
    )
    return int(connection.execute(query).scalar_one())


def open_entries(connection: sa.Connection, customer_id: str) -> list[str]:
    """Attempts of a customer that are queued, of unknown outcome, or a task for a person."""
    waiting = sa.select(outbox.c.entry_id).join(entry, entry.c.id == outbox.c.entry_id)
    tasks = sa.select(entry.c.id).join(lane, lane.c.latest_entry_id == entry.c.id)
    return sorted(
        {
            *connection.execute(waiting.where(entry.c.customer_id == customer_id)).scalars(),
            *connection.execute(
                tasks.where(
                    entry.c.customer_id == customer_id,
                    entry.c.channel == Channel.MANUAL.value,
                    entry.c.status == Status.NOT_SENT.value,
                )
            ).scalars(),
        }
    )


def withdraw(database: Database, entry_ids: Sequence[str], author: Author) -> None:
    """Attempts that are open fail, as erased, and nobody has to look at them; any word of the provider says more."""
    now = database.now()
    fact = Fact(Status.FAILED, now, ErrorClass.POLICY, CODE, GIVEN_UP_RANK)
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        ledger.apply(
            [
                Change(identifier, fact, Source.OPERATOR, word=CODE, author=author)
                for identifier in entry_ids
            ]
        )
        ledger.set_ignored(entry_ids, True)
        ledger.close()


def unstarted(connection: sa.Connection, customer_id: str) -> list[str]:
    """Communications of a customer that nothing was tried of and that are not out of sight yet."""
    query = sa.select(communication.c.id).where(
        communication.c.customer_id == customer_id,
        ~communication.c.started,
        sa.or_(
            communication.c.ignored_at.is_(None),
            communication.c.release != Release.HOLD.value,
        ),
    )
    return list(connection.execute(query.order_by(communication.c.id)).scalars())


def put_aside(database: Database, communication_ids: Sequence[str]) -> None:
    """Communications that nothing was tried of leave by themselves no more, and are out of sight."""
    now = database.now()
    with database.write() as connection:
        ledger = Ledger(database, connection, now)
        query = sa.select(communication.c.subject_id).where(
            communication.c.id.in_(communication_ids)
        )
        subjects = set(connection.execute(query).scalars())
        ledger.lock(subjects)
        connection.execute(
            communication.update()
            .where(communication.c.id.in_(communication_ids))
            .values(
                release=Release.HOLD.value,
                ignored_at=sa.func.coalesce(
                    communication.c.ignored_at, sa.literal(now, communication.c.ignored_at.type)
                ),
            )
        )
        ledger.touch(subjects)
        ledger.close()


def forget_hashes(connection: sa.Connection, communication_ids: Sequence[str]) -> int:
    """Hashes of whole import lines have no salt: they would tell who guesses the line."""
    return connection.execute(
        communication.update()
        .where(
            communication.c.id.in_(communication_ids),
            sa.or_(communication.c.line_hash != "", communication.c.content_hash != ""),
        )
        .values(line_hash="", content_hash="")
    ).rowcount


def forget_name(connection: sa.Connection, customer_id: str) -> int:
    """Empty the customer's own row; its id in the source system stays, by which a repeated import is refused."""
    return connection.execute(
        customer.update()
        .where(customer.c.id == customer_id, customer.c.name != ERASED_NAME)
        .values(name=ERASED_NAME, name_folded=fold(ERASED_NAME), language="", country="")
    ).rowcount
