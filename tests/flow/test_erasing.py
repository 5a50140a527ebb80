"""Erasing a customer: nothing of them is left in any table, index or dictionary, and the log stands; both databases."""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from commtui.domain.einvoice import Reachability, Registration
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.text import fold
from commtui.domain.views import CustomerField
from commtui.domain.vocabulary import Channel, Status, Tab
from commtui.errors import NotFound, NotSent, Refused, UnknownOutcome
from commtui.providers.base import RawWebhook
from commtui.services.attention import Attention
from commtui.services.customers import Customers
from commtui.services.erasing import Erasing
from commtui.services.resending import Resending
from commtui.services.wishing import Wishing
from commtui.store import (
    erasing_sides,
    errands,
    inbox,
    optouts,
    outbox,
    scrubbing,
    steps,
    wishes,
)
from commtui.store.columns import metadata
from commtui.store.engine import Database
from commtui.store.entries import MOVING
from commtui.store.import_documents import store_documents
from commtui.store.tables import (
    audit,
    audit_text,
    bulk_run,
    customer,
    document,
    entry,
    entry_status,
    lane,
    worker,
)
from commtui.store.tables_delivery import evidence
from commtui.store.tables_wishes import opt_out
from tests.office import OPERATOR, SETTINGS, Office, message

NAME, EMAIL, OLD_EMAIL, PHONE = (
    "Zéphyrine Quxworth",
    "zeph.qux@wyvern.example",
    "old.zeph@wyvern.example",
    "+33644667788",
)
STREET, TITLE, BODY, NOTE = (
    "77 Xylophone Court",
    "Wyverngate papers",
    "Dear Zephyrine, jabberwock",
    "she rang about the vorpal",
)
SECRETS = (
    NAME,
    EMAIL,
    OLD_EMAIL,
    PHONE,
    "33644667788",
    STREET,
    TITLE,
    BODY,
    NOTE,
    "vorpal",
    "jabberwock",
    "wyvern",
    "quxworth",
)
SOME = {"qux", "uxw", "yve", "wyv"}
"""Trigrams that only the erased texts have."""
OWN_PDF, SHARED_PDF = b"%PDF own snickersnack of quxworth", b"%PDF terms for everybody"
PERSON = {
    "id": "K-9",
    "name": NAME,
    "email": OLD_EMAIL,
    "phone": PHONE,
    "address": {"name": NAME, "street": STREET, "zip": "75002", "city": "Paris", "country": "FR"},
    "einvoice": {"network": "peppol", "id": "0208:0202239951"},
    "language": "fr",
    "country": "FR",
}


def papers(*contents: bytes, name: str = "quxworth") -> list[dict[str, str]]:
    """Attached documents."""
    return [
        {
            "role": "attachment",
            "name": f"{name}-{number}.pdf",
            "base64": base64.b64encode(content).decode(),
        }
        for number, content in enumerate(contents)
    ]


def about(reference: str, **changes: Any) -> dict[str, Any]:
    """A message to the one who is to be erased."""
    return message(
        reference,
        customer=PERSON,
        subject={"type": "invoice", "reference": reference, "title": TITLE},
        content={"subject": f"For {NAME}", "text": BODY, "html": f"<p>{BODY}</p>", "sms": BODY},
        **changes,
    )


def everywhere(office: Office) -> None:
    """One customer with something in every table, and another one beside."""
    database = office.database
    office.put(
        about("A1", documents=papers(OWN_PDF, SHARED_PDF)),
        about("A2", channels=["sms"]),
        about("A3"),
        about("A4"),
        about("A5", release="auto"),
        about("A6"),
        message("B1", documents=papers(SHARED_PDF, name="terms")),
    )
    customers = Customers(database, SETTINGS, OPERATOR)
    customers.correct("K-9", CustomerField.EMAIL, EMAIL)
    office.send("A1", "B1")
    office.send("A2")
    office.report_on("A2", Status.UNDELIVERED, recipient=PHONE, words=f"{PHONE} is unreachable")
    office.send("A3", script=lambda request: UnknownOutcome("sendgrid", "reset", f"lost {EMAIL}"))
    office.send("A4", script=lambda request: NotSent("sendgrid", "refused", f"not now, {EMAIL}"))
    bounced = office.attempts("A1")[0].id
    office.report(
        office.event(
            bounced,
            Status.BOUNCED,
            recipient=EMAIL,
            words=f"550 <{EMAIL}> no such user",
            payload={"email": EMAIL, "reason": f"550 {EMAIL}"},
            opt=OptChange(
                Channel.EMAIL, out=True, scope=Scope.MARKETING, source=OptSource.UNSUBSCRIBE
            ),
        )
    )
    office.report(
        office.event(
            "",
            Status.DELIVERED,
            entry_id=None,
            provider_message_id="?",
            recipient=EMAIL,
            payload={"email": EMAIL},
        )
    )
    hook = RawWebhook(
        "/webhooks/sendgrid", {}, json.dumps([{"email": EMAIL}]).encode(), database.now()
    )
    inbox.mark(database, inbox.store(database, "sendgrid", hook, {}), "done")
    hook = RawWebhook(
        "/webhooks/twilio/status", {}, b"To=%2B33644667788&MessageStatus=sent", database.now()
    )
    inbox.mark(database, inbox.store(database, "twilio", hook, {}), "done")
    desk = Wishing(database, SETTINGS, OPERATOR, office.dispatch)
    desk.opt_out("K-9", Channel.POST, Scope.ALL, NOTE)
    desk.prefer("K-9", "invoice", [Channel.EMAIL], NOTE)
    attention = Attention(
        database, OPERATOR, Resending(database, SETTINGS, OPERATOR, office.dispatch)
    )
    attention.ignore(_marked(office, "A2"), NOTE)
    with database.write() as connection:
        run = database.new_id()
        connection.execute(
            bulk_run.insert().values(
                id=run,
                state="done",
                operator="rosa",
                query=f"all that match {NAME}",
                created_at=database.now(),
                updated_at=database.now(),
            )
        )
        wishes.keep_registration(
            connection,
            "peppol:0208:0202239951",
            Registration(
                Reachability.REACHABLE, database.now(), f"{NAME} is there", {"name": NAME}
            ),
        )
        errands.ask(connection, database, OPERATOR, errands.LIFT, "sendgrid", NOTE, address=EMAIL)
        errands.ask(
            connection, database, OPERATOR, errands.CANCEL, "sendgrid", NOTE, entry_id=bounced
        )
        connection.execute(
            document.insert().values(sha256="f" * 64, size=3, content=b"proof for quxworth")
        )
        connection.execute(
            evidence.insert().values(
                entry_id=bounced,
                sha256="f" * 64,
                name=f"{NAME}.xml",
                media_type="text/xml",
                at=database.now(),
            )
        )
        steps.put(connection, bounced, "draft", {"name": NAME}, database.now())
    office.housekeeping.catch_up()
    while office.housekeeping.catch_up():
        pass


def _marked(office: Office, reference: str) -> Any:
    from commtui.domain.lines import Selection

    return Selection(Tab.OVERVIEW, (office.line(reference).id,))


@pytest.fixture
def full(office: Office) -> Office:
    """An office with everything."""
    everywhere(office)
    return office


def erasing(office: Office) -> Erasing:
    """The operator's part."""
    return Erasing(office.database, SETTINGS, OPERATOR)


def rows_with(database: Database, text: str) -> dict[str, int]:
    """How many rows of each table hold a text, in any column, whatever the case and the accents."""
    wanted = fold(text)
    found: dict[str, int] = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                cells = [
                    cell.decode("utf-8", "replace")
                    if isinstance(cell, bytes)
                    else json.dumps(cell, ensure_ascii=False)
                    if isinstance(cell, (dict, list))
                    else str(cell)
                    for cell in row
                ]
                if wanted in fold(" ".join(cells)):
                    found[table.name] = found.get(table.name, 0) + 1
    return found


def log_of(database: Database) -> list[Any]:
    """What is sealed: the fixed columns of entries, the history and the audit trail so far."""
    fixed = [
        column for column in entry.c if column.name not in {*MOVING, "settled_by", "settled_at"}
    ]
    with database.read() as connection:
        return [
            connection.execute(sa.select(*fixed).order_by(entry.c.id)).all(),
            connection.execute(sa.select(entry_status).order_by(entry_status.c.id)).all(),
            connection.execute(sa.select(audit).order_by(audit.c.id)).all(),
        ]


def test_the_fixture_puts_something_into_every_personal_table(full: Office) -> None:
    found = {name for text in SECRETS for name in rows_with(full.database, text)}
    unseen = {
        "rendered_document",
        "import_line",
        "bulk_item",
        "poll",
        "fallback",
        "preference",
        "entry",
    }
    assert erasing_sides.PERSONAL - found <= unseen | {"communication", "communication_document"}
    assert not found & set(erasing_sides.IMPERSONAL), (
        "nothing personal stands in a table that is kept"
    )


def test_every_table_is_said_to_be_personal_or_not() -> None:
    named = erasing_sides.PERSONAL | set(erasing_sides.IMPERSONAL)
    assert named == {table.name for table in metadata.sorted_tables}
    assert not erasing_sides.PERSONAL & set(erasing_sides.IMPERSONAL)


def test_nothing_personal_is_left_in_any_table(full: Office) -> None:
    erasing(full).erase("K-9")
    left = {text: rows for text in SECRETS if (rows := rows_with(full.database, text))}
    assert left == {}
    assert rows_with(full.database, "Léa Martin"), "the other customer is still there"
    assert full.attempts("B1")[0].recipient == "lea@example.com"


def test_nothing_personal_is_left_in_the_files(full: Office, database_url: str) -> None:
    found = erasing(full).erase("K-9")
    assert (found.compacted, found.remnants) == (True, 0)
    spellings = {text.encode() for text in SECRETS} | {fold(text).encode() for text in SECRETS}
    assert {
        needle for needle in spellings if needle in files_of(full.database, database_url)
    } == set()


def test_without_compacting_no_live_row_index_or_dictionary_holds_anything(
    full: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "SMALL_BYTES", 0)
    before = dictionary(full.database, database_url)
    assert {"qux", "yve"} <= before
    found = erasing(full).erase("K-9")
    assert (found.compacted, found.remnants) == (False, 0)
    assert not SOME & dictionary(full.database, database_url)
    if full.database.sqlite:
        # deleted content is overwritten at once, so nothing has to be rewritten
        raw = files_of(full.database, database_url)
        assert [secret for secret in SECRETS if secret.encode() in raw] == []
        return
    with psycopg.connect(database_url) as connection:
        samples = connection.execute(
            "SELECT coalesce(histogram_bounds::text, '') || coalesce(most_common_vals::text, '') FROM pg_stats"
        ).fetchall()
    text = fold(" ".join(sample for (sample,) in samples))
    assert [secret for secret in SECRETS if fold(secret) in text] == []


def files_of(database: Database, url: str) -> bytes:
    """Everything the engine wrote for this database."""
    if database.sqlite:
        path = url.removeprefix("sqlite:///")
        return b"".join(
            Path(path + suffix).read_bytes()
            for suffix in ("", "-wal", "-journal")
            if Path(path + suffix).exists()
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        paths = connection.execute(
            "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE relkind IN ('r', 'i', 't', 'm') AND relfilenode <> 0 AND n.nspname IN ('public', 'pg_toast')"
        ).fetchall()
        return b"".join(
            connection.execute("SELECT pg_read_binary_file(%s)", (path,)).fetchone()[0]  # type: ignore[index]
            for (path,) in paths
        )


def dictionary(database: Database, url: str) -> set[str]:
    """The trigrams that the search index knows."""
    if database.sqlite:
        with database.maintain() as connection:
            connection.exec_driver_sql(
                "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab('main', 'search_fts', 'row')"
            )
            return set(connection.exec_driver_sql("SELECT term FROM temp.words").scalars())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        pages = connection.execute(
            "SELECT get_raw_page('ix_search_row_folded', page::int) FROM generate_series(0, "
            "pg_relation_size('ix_search_row_folded') / 8192 - 1) page"
        ).fetchall()
    raw = b"".join(bytes(page) for (page,) in pages)
    # a trigram is a key of four bytes there, the first letter last
    return {word for word in SOME if word[::-1].encode() in raw}


def test_the_log_stands_as_it_was(full: Office) -> None:
    before = log_of(full.database)
    erasing(full).erase("K-9")
    after = log_of(full.database)
    for old, new in zip(before, after, strict=True):
        assert new[: len(old)] == old
    with full.database.read() as connection:
        rows = connection.execute(sa.select(entry).order_by(entry.c.id)).all()
    assert all(row.recipient_hash for row in rows)


def test_nothing_of_theirs_is_sent_afterwards(full: Office) -> None:
    full.queue("A6")
    erasing(full).erase("K-9")
    full.put(message("B2"))
    full.queue("B2")
    before = len(full.provider.requests)
    asked = full.work().requests
    assert [request.recipient for request in asked[before:]] == ["lea@example.com"]
    while full.release.step():
        pass
    full.expand()
    assert len(full.work().requests) == before + 1
    with full.database.read() as connection:
        theirs = (
            sa.select(sa.func.count())
            .select_from(lane)
            .join(entry, entry.c.id == lane.c.latest_entry_id)
            .join(customer, customer.c.id == entry.c.customer_id)
            .where(customer.c.external_id == "K-9")
        )
        waiting = theirs.where(lane.c.status.in_(["queued", "sending", "unknown", "not_sent"]))
        assert connection.execute(waiting).scalar_one() == 0
        assert connection.execute(theirs).scalar_one() > 0


def test_a_message_claimed_before_and_begun_after_is_not_sent(full: Office) -> None:
    full.queue("A6")
    presence = full.delivery()[1]
    claims = outbox.claim(full.database, presence.id, 10, [])
    assert claims
    erasing(full).erase("K-9")
    assert outbox.begin(full.database, claims) == set()


def test_a_bulk_send_and_a_resend_say_why_they_leave_them_out(full: Office) -> None:
    entry_id = full.attempts("A1")[0].id
    erasing(full).erase("K-9")
    plan = full.plan("A1", "A2")
    assert plan.total == 0
    assert "erased" in plan.staying[0][0]
    resending = Resending(full.database, SETTINGS, OPERATOR, full.dispatch)
    with pytest.raises(Refused, match="erased"):
        resending.resend(entry_id, entry_id)


def test_an_attempt_of_unknown_outcome_stays_open_for_the_providers_word(full: Office) -> None:
    lost = full.attempts("A3")[0]
    assert lost.status is Status.UNKNOWN
    erasing(full).erase("K-9")
    assert status_of(full, lost.id) is Status.FAILED
    full.report(
        full.event(
            lost.id, Status.DELIVERED, recipient=EMAIL, payload={"email": EMAIL}, words=EMAIL
        )
    )
    assert status_of(full, lost.id) is Status.DELIVERED
    assert rows_with(full.database, EMAIL) == {}, "what is learnt later is kept without their words"


def status_of(office: Office, entry_id: str) -> Status:
    """The status of an entry, ignored or not."""
    (line,) = office.lists.lines(Tab.LOG, [entry_id])
    return line.status


def test_the_address_is_still_refused(full: Office) -> None:
    erasing(full).erase("K-9")
    full.put(message("C1", customer={"id": "K-10", "name": "Somebody", "email": EMAIL.upper()}))
    with full.database.read() as connection:
        refused = optouts.of_addresses(connection, [EMAIL, "lea@example.com"])
    assert [item.source for item in refused[EMAIL]] == [OptSource.UNSUBSCRIBE]
    assert refused[EMAIL][0].address == EMAIL
    assert "lea@example.com" not in refused
    back = OptChange(Channel.EMAIL, out=False, scope=Scope.MARKETING, source=OptSource.UNSUBSCRIBE)
    with full.database.write() as connection:
        assert optouts.learn(
            connection, full.database, back, EMAIL, full.database.now() + timedelta(hours=1)
        )
        assert optouts.of_addresses(connection, [EMAIL]) == {}
        stored = connection.execute(sa.select(opt_out.c.address)).scalars().all()
    assert EMAIL not in stored


def test_an_address_that_somebody_else_has_stays_theirs(full: Office) -> None:
    full.put(message("C1", customer={"id": "K-10", "name": "Somebody", "email": EMAIL}))
    erasing(full).erase("K-9")
    with full.database.read() as connection:
        assert wishes.marks(connection, [(Channel.EMAIL, EMAIL)])
    assert set(rows_with(full.database, EMAIL)) <= {"contact", "address_mark", "errand", "opt_out"}


def test_documents_that_others_need_stay(full: Office) -> None:
    erasing(full).erase("K-9")
    with full.database.read() as connection:
        contents = connection.execute(sa.select(document.c.content)).scalars().all()
    assert [content for content in contents if content] == [SHARED_PDF]


def test_a_document_that_was_emptied_is_there_again_when_somebody_else_brings_it(
    full: Office,
) -> None:
    before = _contents(full)
    erasing(full).erase("K-9")
    gone = before.keys() - {sha for sha, content in _contents(full).items() if content}
    assert gone
    store_documents(full.database, {sha: before[sha] for sha in gone})
    assert _contents(full) == before


def _contents(office: Office) -> dict[str, bytes]:
    with office.database.read() as connection:
        rows = connection.execute(sa.select(document.c.sha256, document.c.content)).all()
    return {row.sha256: bytes(row.content) for row in rows}


def test_the_same_lines_again_do_not_bring_the_customer_back(full: Office) -> None:
    erasing(full).erase("K-9")
    again = full.put(about("A1"), about("A7"), message("B3"))
    assert (again.created, [item.field for item in again.refused]) == (1, ["customer.id"] * 2)
    assert "erased on" in again.refused[0].message
    assert rows_with(full.database, NAME) == {}
    with pytest.raises(Refused, match="erased"):
        Customers(full.database, SETTINGS, OPERATOR).correct("K-9", CustomerField.EMAIL, EMAIL)
    with pytest.raises(Refused, match="erased"):
        Wishing(full.database, SETTINGS, OPERATOR, full.dispatch).opt_out(
            "K-9", Channel.SMS, Scope.ALL, NOTE
        )


def test_the_plan_changes_nothing_and_says_what_erasing_then_does(full: Office) -> None:
    before = [rows_with(full.database, text) for text in SECRETS]
    plan = erasing(full).plan("K-9")
    assert [rows_with(full.database, text) for text in SECRETS] == before
    done = erasing(full).erase("K-9")
    assert (done.rows, done.withdrawn, done.put_aside) == (
        plan.rows,
        plan.withdrawn,
        plan.put_aside,
    )
    rows = dict(plan.rows)
    assert rows["documents that only they have"] == 2
    assert rows["raw webhook calls"] == 2
    assert rows["refusals of addresses, kept as hashes"] == 1
    assert plan.kept == 4
    again = erasing(full).plan("K-9")
    assert (again.rows, again.withdrawn, again.put_aside) == ((), 0, 0)


def test_it_is_audited_without_telling_whom_it_was(full: Office) -> None:
    erasing(full).erase("K-9")
    with full.database.read() as connection:
        rows = connection.execute(
            sa.select(audit, audit_text.c.words)
            .outerjoin(audit_text, audit_text.c.audit_id == audit.c.id)
            .where(audit.c.action.like("customer eras%"))
            .order_by(audit.c.id)
        ).all()
    assert [(row.action, row.operator, row.targets) for row in rows] == [
        ("customer erasure begun", "rosa", ["K-9"]),
        ("customer erased", "rosa", ["K-9"]),
    ]
    assert rows[1].result["contact points"] == 4
    assert not rows[1].words


def test_lines_are_still_found_by_reference_and_shown(full: Office) -> None:
    erasing(full).erase("K-9")
    # ids hold such short words by chance, so other lines may be found as well
    assert "A1" in [line.reference for line in full.lines(text="a1")]
    assert full.lines(text="quxworth") == []
    assert full.line("A1").customer_name == "Erased customer"
    counts = [(full.counts(tab), len(full.lines(tab, ignored="no"))) for tab in Tab]
    assert all(number.of("all") == lines for number, lines in counts)


def test_a_message_on_its_way_is_waited_for_and_the_rest_is_refused_until_then(
    full: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commtui.services.erasing.WAIT_SECONDS", 0.0)
    full.queue("A6")
    presence = full.delivery()[1]
    claims = outbox.claim(full.database, presence.id, 10, [])
    outbox.begin(full.database, claims)
    with pytest.raises(Refused, match="being sent"):
        erasing(full).erase("K-9")
    assert rows_with(full.database, NAME), "nothing is emptied under a worker's hands"
    with full.database.write() as connection:
        connection.execute(
            worker.update().values(alive_until=full.database.now() - timedelta(seconds=1))
        )
    erasing(full).erase("K-9")
    assert rows_with(full.database, NAME) == {}


def test_it_waits_for_an_import_that_is_under_way(full: Office) -> None:
    from commtui.store import import_staging

    run = import_staging.open_run(full.database, OPERATOR)
    with pytest.raises(Refused, match="import"):
        erasing(full).erase("K-9")
    with full.database.write() as connection:
        from commtui.store.tables import import_run

        connection.execute(import_run.delete().where(import_run.c.id == run))
    erasing(full).erase("K-9")


class Dying:
    """Erases the sides of a customer, and dies at the n-th call."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, connection: Any, side: Any, ids: Any) -> int:
        """One more."""
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt
        return erasing_sides.erase(connection, side, ids)


def test_what_a_crash_left_is_erased_the_next_time(
    full: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in (1, 4, 9, 14, 20, 29):
        monkeypatch.setattr("commtui.services.erasing.erase", Dying(at))
        with pytest.raises(KeyboardInterrupt):
            erasing(full).erase("K-9")
    monkeypatch.undo()
    erasing(full).erase("K-9")
    assert {text: rows for text in SECRETS if (rows := rows_with(full.database, text))} == {}


def test_it_takes_the_owner_of_the_tables(full: Office, database_url: str) -> None:
    if full.database.sqlite:
        assert scrubbing.owns(full.database)
        return
    role = f"reader{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}")
    url = make_url(database_url).set(username=role).render_as_string(hide_password=False)
    other = Database(url)
    try:
        with pytest.raises(Refused, match="owner"):
            Erasing(other, SETTINGS, OPERATOR).erase("K-9")
    finally:
        other.close()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_nobody_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        erasing(office).erase("K-404")


def test_a_naive_erasure_of_the_side_tables_alone_would_be_noticed(
    full: Office, database_url: str
) -> None:
    """The tests above are not blind: deleting the customer's name, contacts and recipients is not enough."""
    with full.database.write() as connection:
        for side in erasing_sides.SIDES:
            connection.execute(
                side.table.delete()
                if side.empty is None
                else side.table.update().values(**side.empty)
            )
        connection.execute(
            customer.update().where(customer.c.external_id == "K-9").values(name="", name_folded="")
        )
    assert set(rows_with(full.database, "quxworth")) >= {
        "search_row",
        "audit_text",
        "bulk_run",
        "document",
    } - {"audit_text"}
    assert b"quxworth" in files_of(full.database, database_url)
