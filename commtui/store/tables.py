"""The tables as they are today; migrations/ made them (a test compares the two)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            moment: datetime = value
            return moment.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


Id = sa.Uuid(as_uuid=False)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData()


def _table(name: str, *items: sa.schema.SchemaItem, partition_by: str | None = None) -> sa.Table:
    return sa.Table(name, metadata, *items, postgresql_partition_by=partition_by)


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))


customer = _table(
    "customer",
    sa.Column("id", Id, primary_key=True),
    sa.Column("external_id", sa.Text, nullable=False, unique=True),
    _text("name"),
    _text("name_folded"),
    _text("language"),
    _text("country"),
    _text("location_group"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index("ix_customer_name", "name_folded"),
    sa.Index("ix_customer_location_group", "location_group"),
)
contact = _table(
    "contact",
    sa.Column("customer_id", Id, sa.ForeignKey("customer.id"), primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    _text("source_value"),
    _text("correction"),
    _text("replaced_value"),
    _text("corrected_by"),
    sa.Column("corrected_at", Instant),
)
subject = _table(
    "subject",
    sa.Column("id", Id, primary_key=True),
    sa.Column("customer_id", Id, sa.ForeignKey("customer.id"), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    # the overview line: written in the same transaction as every change that moves it
    _flag("visible"),
    sa.Column("communication_id", Id),
    sa.Column("entry_id", Id),
    sa.Column("sort_id", Id),
    _text("channel"),
    _text("status"),
    _text("chip"),
    _text("error_key"),
    _number("attempts"),
    _number("others"),
    _flag("ignored"),
    _text("location_group"),
    sa.Column("updated_at", Instant),
    sa.UniqueConstraint("customer_id", "type", "reference", name="uq_subject"),
    sa.Index("ix_subject_sort", "ignored", "sort_id", postgresql_where=sa.text("visible")),
    sa.Index("ix_subject_chip", "chip", "ignored", "sort_id"),
    sa.Index("ix_subject_status", "status", "sort_id"),
    sa.Index("ix_subject_type", "type", "sort_id"),
    sa.Index("ix_subject_reference", "reference", "sort_id"),
    sa.Index("ix_subject_customer", "customer_id", "sort_id"),
)
subject_text = _table(
    "subject_text",
    sa.Column("subject_id", Id, sa.ForeignKey("subject.id"), primary_key=True),
    _text("title"),
)
communication = _table(
    "communication",
    sa.Column("id", Id, primary_key=True),
    sa.Column("external_id", sa.Text, nullable=False, unique=True),
    sa.Column("subject_id", Id, sa.ForeignKey("subject.id"), nullable=False),
    sa.Column("customer_id", Id, sa.ForeignKey("customer.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("wanted", Json, nullable=False),
    sa.Column("release", sa.Text, nullable=False),
    sa.Column("send_at", Instant),
    sa.Column("expires_at", Instant),
    _flag("collecting"),
    _flag("started"),
    _number("version", 1),
    _text("line_hash"),
    _text("content_hash"),
    sa.Column("ignored_at", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index("ix_communication_subject", "subject_id"),
    sa.Index("ix_communication_customer", "customer_id"),
    sa.Index(
        "ix_communication_release",
        "release",
        "id",
        sqlite_where=sa.text("started = 0 AND release = 'auto'"),
        postgresql_where=sa.text("NOT started AND release = 'auto'"),
    ),
    sa.Index(
        "ix_communication_collecting",
        "id",
        sqlite_where=sa.text("collecting = 1"),
        postgresql_where=sa.text("collecting"),
    ),
)
content = _table(
    "content",
    sa.Column("communication_id", Id, sa.ForeignKey("communication.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("rendering", sa.Integer, primary_key=True),
    _text("subject"),
    _text("text"),
    _text("html"),
    _text("sms"),
    sa.Column("context", Json),
    sa.Column("created_at", Instant, nullable=False),
)
document = _table(
    "document",
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
communication_document = _table(
    "communication_document",
    sa.Column("communication_id", Id, sa.ForeignKey("communication.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, sa.ForeignKey("document.sha256"), nullable=False),
)
lane = _table(
    "lane",
    sa.Column("communication_id", Id, sa.ForeignKey("communication.id"), primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("latest_entry_id", Id),
    _number("attempts"),
    _flag("ignored"),
    _text("error_class"),
    sa.Column("superseded_by", Id),
)
entry = _table(
    "entry",
    sa.Column("id", Id, primary_key=True),
    sa.Column("communication_id", Id, nullable=False),
    sa.Column("subject_id", Id, nullable=False),
    sa.Column("customer_id", Id, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    _flag("author_verified"),
    sa.Column("replaces_id", Id),
    sa.Column("bulk_run_id", Id),
    _number("version", 1),
    _number("rendering"),
    _text("template_version"),
    sa.Column("recipient_hash", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    _text("location_group"),
    sa.Column("created_at", Instant, nullable=False),
    # moved by the fold, and by nothing else
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("chip", sa.Text, nullable=False),
    sa.Column("status_at", Instant, nullable=False),
    _number("rank"),
    _text("error_class"),
    _text("error_code"),
    _text("error_key"),
    sa.Column("sent_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.Column("updated_at", Instant, nullable=False),
    _text("provider_message_id"),
    _flag("delivered_twice"),
    sa.Column("settled_by", Id),
    sa.Column("settled_at", Instant),
    sa.Column("ignored_at", Instant),
    sa.Index("ix_entry_communication", "communication_id"),
    sa.Index("ix_entry_subject", "subject_id", "id"),
    sa.Index("ix_entry_customer", "customer_id", "id"),
    sa.Index("ix_entry_chip", "chip", "id"),
    sa.Index("ix_entry_status", "status", "id"),
    sa.Index("ix_entry_category", "category", "id"),
    sa.Index("ix_entry_provider_message", "provider_message_id", "provider"),
    sa.Index("ix_entry_bulk_run", "bulk_run_id"),
    sa.Index(
        "ix_entry_ignored",
        "id",
        sqlite_where=sa.text("ignored_at IS NOT NULL"),
        postgresql_where=sa.text("ignored_at IS NOT NULL"),
    ),
    partition_by="RANGE (id)",
)
entry_text = _table(
    "entry_text",
    sa.Column("entry_id", Id, primary_key=True),
    _text("recipient"),
    _text("recipient_key"),
    _text("recipient_name"),
    _text("salt"),
    _text("error_words"),
    _text("note"),
    sa.Index("ix_entry_text_recipient", "recipient_key", "entry_id"),
)
entry_status = _table(
    "entry_status",
    sa.Column("id", Id, primary_key=True),
    sa.Column("entry_id", Id, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    _number("try_number"),
    _text("error_class"),
    _text("error_code"),
    _text("author"),
    _flag("author_verified"),
    sa.Index("ix_entry_status_entry", "entry_id", "id"),
    partition_by="RANGE (id)",
)
entry_status_text = _table(
    "entry_status_text",
    sa.Column("entry_status_id", Id, primary_key=True),
    _text("words"),
)
outbox = _table(
    "outbox",
    sa.Column("communication_id", Id, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("entry_id", Id, nullable=False, unique=True),
    sa.Column("subject_id", Id, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    _number("priority"),
    _number("tries"),
    _text("reason"),
    sa.Column("worker_id", Id),
    _number("fence"),
    sa.Column("state_at", Instant, nullable=False),
    sa.Column("asked_at", Instant),
    sa.Index("ix_outbox_due", "state", "priority", "due_at"),
)
poll = _table(
    "poll",
    sa.Column("entry_id", Id, primary_key=True),
    sa.Column("asked_at", Instant, nullable=False),
)
bulk_run = _table(
    "bulk_run",
    sa.Column("id", Id, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    _flag("operator_verified"),
    _text("query"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("confirmed_at", Instant),
    sa.Column("updated_at", Instant, nullable=False),
    _number("lines"),
    _number("total"),
    _number("others"),
    sa.Index("ix_bulk_run_state", "state"),
)
bulk_item = _table(
    "bulk_item",
    sa.Column("bulk_run_id", Id, sa.ForeignKey("bulk_run.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("communication_id", Id, nullable=False),
    sa.Column("subject_id", Id, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("seen_entry", Id),
    sa.Column("state", sa.Text, nullable=False),
    _text("reason"),
    sa.Column("entry_id", Id),
    sa.Index("ix_bulk_item_state", "bulk_run_id", "state", "position"),
)
inbox = _table(
    "inbox",
    sa.Column("id", Id, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Index("ix_inbox_state", "state", "id"),
)
provider_event = _table(
    "provider_event",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("id", Id, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("entry_id", Id),
    sa.Column("matched", sa.Text, nullable=False),
    _text("provider_message_id"),
    _text("event_id"),
    sa.Column("payload", Json, nullable=False),
    sa.Index("ix_provider_event_entry", "entry_id"),
    sa.Index("ix_provider_event_matched", "matched", "id"),
    partition_by="RANGE (day)",
)
journal = _table(
    "journal",
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    sa.Column("xid", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("subject_id", Id),
    sa.Column("entry_id", Id),
    sa.Column("what", sa.Text, nullable=False),
    sa.Index("ix_journal_xid", "xid", "seq"),
)
_CELL = ("scope", "channel", "category", "location_group", "status", "chip")
counter = _table(
    "counter",
    sa.Column("month", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.Text, primary_key=True) for name in _CELL),
    sa.Column("ignored", sa.Boolean, primary_key=True),
    sa.Column("settled", sa.Boolean, primary_key=True),
    sa.Column("lines", sa.BigInteger, nullable=False),
)
counter_delta = _table(
    "counter_delta",
    sa.Column("seq", Serial, primary_key=True, autoincrement=True),
    sa.Column("month", sa.Integer, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in _CELL),
    sa.Column("ignored", sa.Boolean, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
)
search_row = _table(
    "search_row",
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("subject_id", Id),
    sa.Column("customer_id", Id),
    sa.Column("entry_id", Id),
    sa.Column("folded", sa.Text, nullable=False),
    _flag("indexed"),
    sa.Index("ix_search_row_subject", "subject_id"),
    sa.Index("ix_search_row_customer", "customer_id"),
    sa.Index(
        "ix_search_row_pending",
        "id",
        sqlite_where=sa.text("indexed = 0"),
        postgresql_where=sa.text("NOT indexed"),
    ),
)
worker = _table(
    "worker",
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("heartbeat_at", Instant, nullable=False),
    sa.Column("alive_until", Instant, nullable=False),
    sa.Column("stopped_at", Instant),
    _flag("stop_requested"),
    _text("info"),
)
provider_state = _table(
    "provider_state",
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("paused_until", Instant),
    _text("reason"),
    _number("failures"),
    sa.Column("since", Instant),
    _number("bad_signatures"),
)
audit = _table(
    "audit",
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    _flag("operator_verified"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("targets", Json, nullable=False),
    sa.Column("result", Json, nullable=False),
)
audit_text = _table(
    "audit_text",
    sa.Column("audit_id", Id, primary_key=True),
    _text("words"),
)
import_run = _table(
    "import_run",
    sa.Column("id", Id, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    _number("position"),
)
import_line = _table(
    "import_line",
    sa.Column("import_run_id", Id, sa.ForeignKey("import_run.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("line", Json, nullable=False),
)


def index_names() -> list[str]:
    """The names of all our indexes."""
    return [
        str(index.name)
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
