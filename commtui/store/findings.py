"""What is found to be wrong while nobody looks: one row per finding, until it is right again."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.domain.views import Finding
from commtui.store.engine import Database
from commtui.store.inserts import insert
from commtui.store.tables_feedback import finding


def standing(connection: sa.Connection) -> list[Finding]:
    """Everything that is found to be wrong now, the oldest first."""
    rows = connection.execute(sa.select(finding).order_by(finding.c.since, finding.c.name))
    return [Finding(row.name, row.sentence, row.advice, row.since) for row in rows]


def put(database: Database, name: str, sentence: str, advice: str) -> None:
    """Note a finding, or what is said about it now; since when it stands stays."""
    with database.read() as connection:
        known = connection.execute(sa.select(finding).where(finding.c.name == name)).first()
    if known is not None and (known.sentence, known.advice) == (sentence, advice):
        return
    with database.write() as connection:
        statement = insert(connection, finding)
        connection.execute(
            statement.values(
                name=name, sentence=sentence, advice=advice, since=database.now()
            ).on_conflict_do_update(
                index_elements=["name"],
                set_={"sentence": statement.excluded.sentence, "advice": statement.excluded.advice},
            )
        )


def drop(database: Database, name: str) -> None:
    """It is right again."""
    with database.read() as connection:
        known = connection.execute(sa.select(finding.c.name).where(finding.c.name == name)).first()
    if known is not None:
        with database.write() as connection:
            connection.execute(finding.delete().where(finding.c.name == name))
