"""A record with something of everything in it, and what an owner of the database can do to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from commtui.domain.lines import Selection
from commtui.domain.sealing import Report
from commtui.domain.vocabulary import Status, Tab
from commtui.services.attention import Attention
from commtui.services.resending import Resending
from commtui.services.verifying import verify
from commtui.store import seals
from commtui.store.engine import Database
from commtui.store.tables import audit, entry, entry_status, entry_status_text
from tests.office import OPERATOR, Office, message


@dataclass(frozen=True)
class Known:
    """Ids of what stands in the record."""

    bounced: str
    """Replaced by `resent`."""
    resent: str
    delivered: str
    young: str
    """In no seal yet."""
    bounce: str
    """The history row of the bounce, which has words."""
    silent: str
    """A history row without words."""
    ignoring: str
    """The audit row of an ignoring, which has words."""


def written(office: Office) -> Known:
    """A bounce that was resent, a delivery, an ignored line and one entry that is too young to be sealed."""
    office.put(message("1"), message("2"), message("3"))
    office.send("1", "2")
    for reference, status in (("1", Status.BOUNCED), ("2", Status.DELIVERED)):
        office.report_on(reference, status)
    resending = Resending(office.database, office.settings, OPERATOR, office.dispatch)
    bounced = office.attempts("1")[0].id
    resent = resending.resend(bounced, bounced)
    office.work()
    attention = Attention(office.database, OPERATOR, resending)
    attention.ignore(Selection(Tab.OVERVIEW, (office.line("3").id,)), "a duplicate")
    while seals.seal_next(office.database):
        pass
    office.put(message("4"))
    office.send("4")
    with office.database.read() as connection:
        rows = connection.execute(
            sa.select(entry_status.c.id, entry_status.c.fact, entry_status.c.words_hash)
            .where(entry_status.c.entry_id == bounced)
            .order_by(entry_status.c.id)
        ).all()
        ignoring = connection.execute(
            sa.select(audit.c.id).where(audit.c.action == "ignore")
        ).scalar_one()
    return Known(
        bounced=bounced,
        resent=resent,
        delivered=office.attempts("2")[0].id,
        young=office.attempts("4")[0].id,
        bounce=next(row.id for row in rows if row.fact == "bounced"),
        silent=next(row.id for row in rows if row.words_hash == "none"),
        ignoring=ignoring,
    )


def checked(database: Database, outside: dict[int, str] | None = None) -> Report:
    """A verification."""
    return verify(database, outside or {})


def heads(database: Database) -> dict[int, str]:
    """The hashes of all seals, as they would have been kept elsewhere."""
    with database.read() as connection:
        return {link.number: link.hash for link in seals.chain(connection)}


def content(database: Database) -> list[object]:
    """Everything that must not change."""
    with database.read() as connection:
        return [
            list(connection.execute(sa.select(table).order_by(table.c[key])))
            for table, key in (
                (entry, "id"),
                (entry_status, "id"),
                (audit, "id"),
                (entry_status_text, "entry_status_id"),
            )
        ]


@contextmanager
def unguarded(database: Database) -> Iterator[sa.Connection]:
    """The database without its triggers, which are back afterwards exactly as they were: an owner can do that."""
    with database.write() as connection:
        if database.sqlite:
            rows = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).all()
            for row in rows:
                connection.exec_driver_sql(f"DROP TRIGGER {row.name}")
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            yield connection
            for row in rows:
                connection.exec_driver_sql(row.sql)
            return
        rows = connection.exec_driver_sql(
            "SELECT tgrelid::regclass::text AS place, tgname FROM pg_trigger WHERE tgenabled = 'A'"
        ).all()
        for row in rows:
            connection.exec_driver_sql(f"ALTER TABLE {row.place} DISABLE TRIGGER {row.tgname}")
        yield connection
        for row in rows:
            connection.exec_driver_sql(
                f"ALTER TABLE {row.place} ENABLE ALWAYS TRIGGER {row.tgname}"
            )
