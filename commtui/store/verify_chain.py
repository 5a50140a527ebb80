"""Verification of the chain of seals: every link, every record in it, and that no record stands outside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from commtui.domain import sealing
from commtui.domain.sealing import Finding, Kind, Member, Seal
from commtui.store import feed, seals

PAGE = 5_000


@dataclass
class Walked:
    """What a walk along the chain saw."""

    seals: int = 0
    head: str = ""
    sealed: Counter[Kind] = field(default_factory=Counter)
    waiting: Counter[Kind] = field(default_factory=Counter)


def walk(
    connection: sa.Connection, walked: Walked, outside: Mapping[int, str]
) -> Iterator[Finding]:
    """Every link, compared with its records and with the heads that were kept elsewhere, by number."""
    before: Seal | None = None
    for link in seals.chain(connection):
        place = f"seal {link.number}"
        yield from (Finding(place, words) for words in _broken(link, before))
        if link.number in outside and outside[link.number] != link.hash:
            yield Finding(place, "is not the one whose hash was kept outside the database")
        yield from _members(connection, link, walked)
        walked.seals += 1
        walked.head = link.hash
        before = link
    last = before.number if before else 0
    for number in sorted(number for number in outside if number > last):
        yield Finding(f"seal {number}", "is gone: its hash was kept outside the database")
    yield from _waiting(connection, walked)


def _broken(link: Seal, before: Seal | None) -> Iterator[str]:
    if link.number != (before.number + 1 if before else 1):
        yield f"follows on {f'seal {before.number}' if before else 'nothing'}: seals between are gone"
    if link.previous != (before.hash if before else ""):
        yield "does not name the hash of the seal before it"
    if before is not None and link.upto <= before.upto:
        yield "covers a part of the journal that is sealed already"
    if link.format not in sealing.COLUMNS:
        yield f"has the format {link.format}, which this version does not know"
    if link.hash != link.computed:
        yield "was changed: its hash is not that of its content"


def _members(connection: sa.Connection, link: Seal, walked: Walked) -> Iterator[Finding]:
    if link.format not in sealing.COLUMNS:
        return
    try:
        members = sealing.unpack(link.members)
    except ValueError:
        yield Finding(f"seal {link.number}", "has a list of records that cannot be read")
        return
    keys = [(item.kind, item.id) for item in members]
    hashes = seals.hashes_of(connection, keys, link.format)
    off = False
    for item in members:
        walked.sealed[item.kind] += 1
        found = hashes.get((item.kind, item.id))
        if found is None or found[:8] != item.mark:
            off = True
            what = "is gone" if found is None else "was changed"
            yield Finding(f"{item.kind.word} {item.id}", f"{what} since seal {link.number}")
    same = not off and sealing.digest(hashes[key] for key in keys) == link.digest
    if not off and (not same or len(members) != link.records):
        yield Finding(f"seal {link.number}", "was made over other records than it lists")


def _waiting(connection: sa.Connection, walked: Walked) -> Iterator[Finding]:
    keys = [(seals.KINDS[row.what], row.record_id) for row in feed.waiting(connection)]
    known = seals.hashes_of(connection, keys)
    for kind, identifier in keys:
        walked.waiting[kind] += 1
        if (kind, identifier) not in known:
            yield Finding(
                f"{kind.word} {identifier}", "is gone: the journal tells of it, and no seal yet"
            )


def outside_the_chain(connection: sa.Connection, walked: Walked) -> Iterator[Finding]:
    """Records that neither a seal nor the journal tells of; the lists are read once more only when counts differ."""
    for kind, table in seals.TABLES.items():
        there = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if there == walked.sealed[kind] + walked.waiting[kind]:
            continue
        known = {item.id for item in _all_members(connection) if item.kind is kind}
        known |= {
            row.record_id for row in feed.waiting(connection) if seals.KINDS[row.what] is kind
        }
        last = "00000000-0000-0000-0000-000000000000"
        while ids := list(
            connection.execute(
                sa.select(table.c.id).where(table.c.id > last).order_by(table.c.id).limit(PAGE)
            ).scalars()
        ):
            last = ids[-1]
            for identifier in ids:
                if identifier not in known:
                    yield Finding(
                        f"{kind.word} {identifier}",
                        "stands in no seal and not in the journal: it was put in from outside",
                    )


def positions(connection: sa.Connection, ids: set[str]) -> dict[str, int]:
    """The journal's numbers of some history rows."""
    found = {
        item.id: item.seq
        for item in _all_members(connection)
        if item.kind is Kind.STATUS and item.id in ids
    }
    waiting = {row.record_id: row.seq for row in feed.waiting(connection) if row.record_id in ids}
    return found | waiting


def _all_members(connection: sa.Connection) -> Iterator[Member]:
    for link in seals.chain(connection):
        try:
            yield from sealing.unpack(link.members)
        except ValueError:
            continue
