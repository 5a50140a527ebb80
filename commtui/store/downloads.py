"""What a download holds: the version that each line shows, its texts and its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from commtui.domain.lines import Line
from commtui.domain.views import DocumentInfo
from commtui.domain.vocabulary import Channel, Tab
from commtui.store import details, lists
from commtui.store.details import Content
from commtui.store.engine import Database
from commtui.store.overview import batches
from commtui.store.tables import communication, document, entry, lane


@dataclass(frozen=True, slots=True)
class Item:
    """One line with the names of what it sent."""

    line: Line
    channels: tuple[Channel, ...]
    """On the log the entry's own; on the overview all that the communication goes on."""
    version: int
    content: Content
    documents: tuple[DocumentInfo, ...]


def items(database: Database, tab: Tab, ids: Sequence[str]) -> list[Item]:
    """The lines with these ids, in their order; what is no longer there is left out."""
    with database.read() as connection:
        lines = {line.id: line for line in lists.by_ids(connection, tab, ids)}
        ordered = [lines[key] for key in ids if key in lines]
        versions = _versions(connection, ordered)
        contents = details.contents(connection, list(versions.values()))
        documents = details.documents(connection, list(versions.values()))
        channels = _channels(connection, tab, ordered)
    return [
        Item(
            line,
            channels[line.id],
            versions[line.id][1],
            contents.get(versions[line.id], Content()),
            documents[versions[line.id]],
        )
        for line in ordered
    ]


def _versions(connection: sa.Connection, lines: Sequence[Line]) -> dict[str, tuple[str, int, int]]:
    """Communication, version and rendering by line: those of its entry, before one the newest."""
    sent: dict[str, tuple[int, int]] = {}
    for batch in batches([line.entry_id for line in lines if line.entry_id]):
        query = sa.select(entry.c.id, entry.c.version, entry.c.rendering).where(
            entry.c.id.in_(batch)
        )
        sent.update((row.id, (row.version, row.rendering)) for row in connection.execute(query))
    present: list[tuple[str, int]] = []
    for batch in batches([line.communication_id for line in lines if not line.entry_id]):
        query = sa.select(communication.c.id, communication.c.version).where(
            communication.c.id.in_(batch)
        )
        present += [(row.id, row.version) for row in connection.execute(query)]
    newest = {key[0]: key for key in details.newest_renderings(connection, present)}
    return {
        line.id: (line.communication_id, *sent[line.entry_id])
        if line.entry_id
        else newest[line.communication_id]
        for line in lines
    }


def _channels(
    connection: sa.Connection, tab: Tab, lines: Sequence[Line]
) -> dict[str, tuple[Channel, ...]]:
    if tab is Tab.LOG:
        return {line.id: (line.channel,) for line in lines}
    by_communication: dict[str, list[Channel]] = {line.communication_id: [] for line in lines}
    for batch in batches(list(by_communication)):
        query = (
            sa.select(lane.c.communication_id, lane.c.channel)
            .where(lane.c.communication_id.in_(batch))
            .order_by(lane.c.channel)
        )
        for row in connection.execute(query):
            by_communication[row.communication_id].append(Channel(row.channel))
    return {line.id: tuple(by_communication[line.communication_id]) for line in lines}


def content_of(database: Database, sha256: str) -> bytes:
    """The bytes of a document."""
    with database.read() as connection:
        query = sa.select(document.c.content).where(document.c.sha256 == sha256)
        return bytes(connection.execute(query).scalar_one())
