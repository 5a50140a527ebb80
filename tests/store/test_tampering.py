"""Whoever changes the record, and owns the database, is found out: every way is reported, naming what and where."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa

from commtui.domain.sealing import COLUMNS, FORMAT, Kind, pack, unpack
from commtui.store import feed, seals
from commtui.store.columns import metadata
from commtui.store.tables import (
    audit,
    audit_text,
    communication,
    content,
    document,
    entry,
    entry_status,
    entry_status_text,
    entry_text,
    journal,
    lane,
)
from commtui.store.tables_record import seal
from tests.office import Office, message
from tests.store.recording import Known, checked, heads, unguarded, written

Tampering = Callable[[sa.Connection, Known], object]


def _set(table: sa.Table, key: str, of: str, **values: object) -> Tampering:
    """Change columns of the row whose key is one of the known ids."""
    return lambda connection, known: connection.execute(
        table.update().where(table.c[key] == getattr(known, of)).values(**values)
    )


def _gone(table: sa.Table, key: str, of: str) -> Tampering:
    return lambda connection, known: connection.execute(
        table.delete().where(table.c[key] == getattr(known, of))
    )


def _entry_gone(connection: sa.Connection, known: Known) -> None:
    for table, key in (
        (entry, "id"),
        (entry_text, "entry_id"),
        (entry_status, "entry_id"),
    ):
        connection.execute(table.delete().where(table.c[key] == known.delivered))


def _moved_in_time(connection: sa.Connection, known: Known) -> None:
    row = connection.execute(sa.select(entry_status).where(entry_status.c.id == known.bounce)).one()
    early = row.at.replace(year=row.at.year - 1)
    connection.execute(
        entry_status.update().where(entry_status.c.id == known.bounce).values(at=early)
    )


def _copied(table: sa.Table, of: str, new_id: str, **values: object) -> Tampering:
    """A forged row; without its trigger nothing of it stands in the journal."""

    def insert(connection: sa.Connection, known: Known) -> None:
        row = connection.execute(sa.select(table).where(table.c.id == getattr(known, of))).one()
        connection.execute(table.insert().values({**row._mapping, "id": new_id, **values}))

    return insert


def _unjournaled(connection: sa.Connection, known: Known) -> None:
    connection.execute(journal.delete().where(journal.c.record_id == known.young))


def _other_document(connection: sa.Connection, known: Known) -> None:
    """One is put in under a hash that is not its own."""
    del known
    connection.execute(document.insert().values(sha256="0" * 64, size=3, content=b"abc"))


def _content_of(connection: sa.Connection, known: Known) -> sa.ColumnElement[bool]:
    owner = sa.select(entry.c.communication_id).where(entry.c.id == known.delivered)
    return content.c.communication_id == connection.execute(owner).scalar_one()


def _other_content(connection: sa.Connection, known: Known) -> None:
    where = _content_of(connection, known)
    connection.execute(content.update().where(where).values(text="You owe us nothing"))


def _content_gone(connection: sa.Connection, known: Known) -> None:
    connection.execute(content.delete().where(_content_of(connection, known)))


def _seal_with(number: int, **values: object) -> Tampering:
    return lambda connection, _: connection.execute(
        seal.update().where(seal.c.number == number).values(**values)
    )


def _relisted(connection: sa.Connection, known: Known) -> None:
    """Somebody takes a record off the list of a seal and makes the seal's own hash fit again."""
    del known
    made = seals.head(connection)
    assert made is not None
    members = unpack(made.members)[:-1]
    changed = replace(made, members=pack(members), records=len(members))
    connection.execute(
        seal.update()
        .where(seal.c.number == made.number)
        .values(members=changed.members, records=changed.records, hash=changed.computed)
    )


def _lane(connection: sa.Connection, known: Known) -> None:
    connection.execute(
        lane.update().where(lane.c.latest_entry_id == known.delivered).values(status="bounced")
    )


def _other_subject(connection: sa.Connection, known: Known) -> None:
    owner = sa.select(entry.c.communication_id).where(entry.c.id == known.delivered)
    connection.execute(
        communication.update()
        .where(communication.c.id == connection.execute(owner).scalar_one())
        .values(
            subject_id=sa.select(entry.c.subject_id)
            .where(entry.c.id == known.bounced)
            .scalar_subquery()
        )
    )


def _settled_by_another(connection: sa.Connection, known: Known) -> None:
    connection.execute(
        entry.update().where(entry.c.id == known.bounced).values(settled_by=known.delivered)
    )


FORGED = "01a21f34-0000-7000-8000-00000000abcd"
WAYS: dict[str, tuple[Tampering, str, str]] = {
    "another recipient's hash": (
        _set(entry, "id", "delivered", recipient_hash="0" * 64),
        "entry {delivered}",
        "was changed since seal",
    ),
    "another author": (
        _set(entry, "id", "delivered", author="nobody"),
        "entry {delivered}",
        "was changed since seal",
    ),
    "another provider": (
        _set(entry, "id", "delivered", provider="twilio"),
        "entry {delivered}",
        "was changed since seal",
    ),
    "an entry gone": (_entry_gone, "entry {delivered}", "is gone since seal"),
    "history changed": (
        _set(entry_status, "id", "bounce", status="delivered"),
        "status {bounce}",
        "was changed since seal",
    ),
    "history at another time": (_moved_in_time, "status {bounce}", "was changed since seal"),
    "a history row gone": (
        _gone(entry_status, "id", "bounce"),
        "status {bounce}",
        "is gone since seal",
    ),
    "a fact forged": (
        _copied(entry_status, "bounce", FORGED, fact="delivered", status="delivered"),
        f"status {FORGED}",
        "stands in no seal",
    ),
    "another operator": (
        _set(audit, "id", "ignoring", operator="nobody"),
        "audit {ignoring}",
        "was changed since seal",
    ),
    "another result": (
        _set(audit, "id", "ignoring", result={"lines": 0}),
        "audit {ignoring}",
        "was changed since seal",
    ),
    "an action gone": (_gone(audit, "id", "ignoring"), "audit {ignoring}", "is gone since seal"),
    "an action forged": (
        _copied(audit, "ignoring", FORGED, operator="anna"),
        f"audit {FORGED}",
        "stands in no seal",
    ),
    "a bounce shown as delivered": (
        _set(entry, "id", "bounced", status="delivered", chip="completed"),
        "entry {bounced}",
        "status is delivered and should be bounced",
    ),
    "a failure with another reason": (
        _set(entry, "id", "bounced", error_code="4.2.2"),
        "entry {bounced}",
        "error_code is 4.2.2 and should be 5.1.1",
    ),
    "never sent": (
        _set(entry, "id", "delivered", sent_at=None),
        "entry {delivered}",
        "sent_at is None and should be",
    ),
    "never delivered": (
        _set(entry, "id", "delivered", delivered_at=None),
        "entry {delivered}",
        "delivered_at is None and should be",
    ),
    "another message at the provider": (
        _set(entry, "id", "delivered", provider_message_id="m-other"),
        "entry {delivered}",
        "provider_message_id is m-other and should be",
    ),
    "settled by another": (_settled_by_another, "entry {bounced}", "did not replace it"),
    "delivered twice": (
        _set(entry, "id", "bounced", delivered_twice=True),
        "entry {bounced}",
        "delivered twice, without cause",
    ),
    "another recipient": (
        _set(entry_text, "entry_id", "delivered", recipient="eve@example.com"),
        "entry {delivered}",
        "has another recipient",
    ),
    "a recipient gone": (
        _gone(entry_text, "entry_id", "delivered"),
        "entry {delivered}",
        "has lost its recipient",
    ),
    "other words of the provider": (
        _set(entry_status_text, "entry_status_id", "bounce", words="250 delivered"),
        "status {bounce}",
        "has other words",
    ),
    "words of the provider gone": (
        _gone(entry_status_text, "entry_status_id", "bounce"),
        "status {bounce}",
        "has lost its words",
    ),
    "words put into a provider's mouth": (
        lambda connection, known: connection.execute(
            entry_status_text.insert().values(
                entry_status_id=known.silent, words="It was never sent.", salt="00"
            )
        ),
        "status {silent}",
        "has words now, and had none",
    ),
    "another reason of an operator": (
        _set(audit_text, "audit_id", "ignoring", words="was told to"),
        "audit {ignoring}",
        "has other words",
    ),
    "other content": (_other_content, "entry {delivered}", "has other content"),
    "other words of the provider on the entry": (
        _set(entry_text, "entry_id", "bounced", error_words="250 delivered"),
        "entry {bounced}",
        "shows an error in words that its history does not have",
    ),
    "an operator's note forged": (
        _set(entry_text, "entry_id", "delivered", note="was told by telephone"),
        "entry {delivered}",
        "shows a note in words that its history does not have",
    ),
    "content gone": (_content_gone, "entry {delivered}", "has lost its content"),
    "another document": (_other_document, "document 000000", "does not have the bytes"),
    "another subject": (_other_subject, "entry {delivered}", "belongs to another subject"),
    "a lane that says otherwise": (_lane, "lane ", "its latest entry says delivered"),
    "the journal forgets": (_unjournaled, "entry {young}", "stands in no seal"),
    "a young entry gone": (
        _gone(entry, "id", "young"),
        "entry {young}",
        "is gone: the journal tells of it",
    ),
    "a seal with another hash": (
        _seal_with(1, hash="0" * 64),
        "seal 1",
        "its hash is not that of its content",
    ),
    "a seal on another": (_seal_with(1, previous="0" * 64), "seal 1", "does not name the hash"),
    "a seal over less": (_relisted, "seal 1", "was made over other records"),
    "a seal at another time": (
        _seal_with(1, upto_seq=1),
        "seal 1",
        "its hash is not that of its content",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_owns_the_database_and_changes_the_record_is_found_out(
    office: Office, way: str
) -> None:
    known = written(office)
    assert checked(office.database).findings == ()
    tamper, place, words = WAYS[way]
    with unguarded(office.database) as connection:
        tamper(connection, known)
    found = checked(office.database).findings
    wanted = place.format(**asdict(known))
    assert any(item.place.startswith(wanted) and words in item.words for item in found), found


def test_there_are_at_least_twenty_ways() -> None:
    assert len(WAYS) >= 20


# the chain as a whole


def more_seals(office: Office) -> None:
    """A chain of three."""
    for reference in ("7", "8"):
        office.put(message(reference))
        office.send(reference)
        assert seals.seal_next(office.database)


def test_a_seal_out_of_the_middle_is_missed(office: Office) -> None:
    written(office)
    more_seals(office)
    with unguarded(office.database) as connection:
        connection.execute(seal.delete().where(seal.c.number == 2))
    found = {(item.place, item.words) for item in checked(office.database).findings}
    assert ("seal 3", "follows on seal 1: seals between are gone") in found


def test_the_last_seal_and_its_records_are_missed_by_the_hash_that_was_kept_elsewhere(
    office: Office,
) -> None:
    written(office)
    more_seals(office)
    kept = heads(office.database)
    last = max(kept)
    with unguarded(office.database) as connection:
        made = seals.head(connection)
        assert made is not None
        for item in unpack(made.members):
            connection.execute(journal.delete().where(journal.c.record_id == item.id))
            for table in (entry, entry_status, audit):
                connection.execute(table.delete().where(table.c.id == item.id))
            for texts, key in (
                (entry_text, "entry_id"),
                (entry_status_text, "entry_status_id"),
                (audit_text, "audit_id"),
            ):
                connection.execute(texts.delete().where(texts.c[key] == item.id))
        connection.execute(lane.update().values(latest_entry_id=None))
        connection.execute(seal.delete().where(seal.c.number == last))
    # the rest is in order: only what was kept elsewhere tells
    assert checked(office.database).findings == ()
    (found,) = checked(office.database, kept).findings
    assert (found.place, "is gone" in found.words) == (f"seal {last}", True)


def test_a_chain_that_was_made_anew_is_missed_by_the_hash_that_was_kept_elsewhere(
    office: Office,
) -> None:
    known = written(office)
    more_seals(office)
    kept = heads(office.database)
    with unguarded(office.database) as connection:
        connection.execute(
            entry.update().where(entry.c.id == known.delivered).values(author="nobody")
        )
        connection.execute(seal.delete())
    while seals.seal_next(office.database):
        pass
    assert checked(office.database).findings == ()
    places = [item.place for item in checked(office.database, kept).findings]
    assert places[0] == "seal 1"


def test_a_part_of_the_log_that_was_taken_away_is_missed(office: Office) -> None:
    known = written(office)
    if office.database.sqlite:
        with office.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE entry_status RENAME TO other")
        found = {(item.place, item.words) for item in checked(office.database).findings}
        assert ("schema", "table entry_status is missing") in found
        return
    with office.database.write() as connection:
        part = connection.exec_driver_sql(
            "SELECT tableoid::regclass::text FROM entry LIMIT 1"
        ).scalar_one()
        connection.exec_driver_sql(f"ALTER TABLE entry DETACH PARTITION {part}")
    found = {(item.place, item.words) for item in checked(office.database).findings}
    assert (f"entry {known.delivered}", "is gone since seal 1") in found


# what is no tampering


def test_emptied_texts_are_counted_and_nothing_is_off(office: Office) -> None:
    known = written(office)
    with office.database.write() as connection:
        connection.execute(
            entry_text.update()
            .where(entry_text.c.entry_id == known.delivered)
            .values(recipient="", recipient_key="", recipient_name="", salt="")
        )
        connection.execute(
            entry_text.update().where(entry_text.c.entry_id == known.bounced).values(error_words="")
        )
        connection.execute(
            entry_status_text.update()
            .where(entry_status_text.c.entry_status_id == known.bounce)
            .values(words="", salt="")
        )
        connection.execute(
            audit_text.update()
            .where(audit_text.c.audit_id == known.ignoring)
            .values(words="", salt="")
        )
        connection.execute(
            content.update()
            .where(_content_of(connection, known))
            .values(subject="", text="", html="", sms="")
        )
    report = checked(office.database)
    assert (report.findings, report.erased) == ((), 3)


def test_old_journal_rows_can_go_once_they_are_sealed_and_are_not_needed(office: Office) -> None:
    written(office)
    with office.database.write() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(journal)).scalar_one()
        gone = feed.prune(connection, 0, 10_000)
        waiting = len(feed.waiting(connection))
    assert 0 < gone < before
    assert waiting
    assert checked(office.database).findings == ()


def test_documents_keep_their_bytes(office: Office) -> None:
    kept = b"%PDF-1.7 a document"
    values = {"sha256": hashlib.sha256(kept).hexdigest(), "size": len(kept), "content": kept}
    with office.database.write() as connection:
        connection.execute(document.insert().values(**values))
    assert checked(office.database).findings == ()
    with unguarded(office.database) as connection:
        connection.execute(document.update().values(content=kept + b"!"))
    (found,) = checked(office.database).findings
    assert found.place == f"document {values['sha256']}"


def test_a_seal_covers_every_column_that_never_moves() -> None:
    moved = {"status", "chip", "status_at", "rank", "error_class", "error_code", "error_key"}
    moved |= {"sent_at", "delivered_at", "updated_at", "provider_message_id", "delivered_twice"}
    moved |= {"settled_by", "settled_at", "ignored_at"}
    for kind, name in ((Kind.ENTRY, "entry"), (Kind.STATUS, "entry_status"), (Kind.AUDIT, "audit")):
        sealed = set(COLUMNS[FORMAT][kind.word])
        columns = set(metadata.tables[name].columns.keys())
        assert columns - sealed == (moved if name == "entry" else set()), name
