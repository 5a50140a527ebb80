"""`db verify`: is the record what was written? Everything is read in one snapshot, while the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from commtui.domain.sealing import Finding, Report
from commtui.store import guards, verify_chain, verify_references, verify_rows
from commtui.store.engine import Connection, Database


def verify(database: Database, outside: Mapping[int, str]) -> Report:
    """Walk the chain, check guards, references, the fold and every stored hash; `outside` are heads kept elsewhere."""
    walked = verify_chain.Walked()
    seen = verify_rows.Seen()
    with database.read() as connection:
        findings = tuple(dict.fromkeys(_findings(connection, walked, seen, outside)))
    return Report(
        findings=findings,
        seals=walked.seals,
        head=walked.head,
        sealed=walked.sealed.total(),
        waiting=walked.waiting.total(),
        erased=seen.erased,
        documents=seen.documents,
    )


def _findings(
    connection: Connection,
    walked: verify_chain.Walked,
    seen: verify_rows.Seen,
    outside: Mapping[int, str],
) -> Iterator[Finding]:
    for words in guards.findings(connection):
        yield Finding("guard", words)
    if missing := guards.missing_tables(connection):
        # there is no more to compare then
        yield from (Finding("schema", words) for words in missing)
        return
    yield from verify_chain.walk(connection, walked, outside)
    yield from verify_chain.outside_the_chain(connection, walked)
    yield from verify_rows.entries(connection, seen)
    if seen.doubtful:
        ids = {row.id for told in seen.doubtful.values() for row in told}
        yield from verify_rows.doubtful(connection, seen, verify_chain.positions(connection, ids))
    yield from verify_rows.audits(connection, seen)
    yield from verify_rows.documents(connection, seen)
    yield from verify_references.references(connection)
    yield from verify_references.settlements(connection)
    yield from verify_references.lanes(connection)
