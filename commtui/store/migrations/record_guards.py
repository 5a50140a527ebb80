"""What keeps the record as it was written, on each engine: triggers, and PostgreSQL's functions for them.

Frozen with migration 0004, which makes them; `store.guards` compares a database with them. A change needs
a new migration, and goes into a module like this one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

REFUSED = "the log is append-only"

ENTRY_FIXED = (
    "id, communication_id, subject_id, customer_id, channel, provider, cause, author, author_verified, "
    "replaces_id, bulk_run_id, version, rendering, template_version, recipient_hash, content_hash, "
    "category, location_group, created_at, reason, task"
)
_SETTLED = (
    "OLD.settled_by IS NOT NULL AND (NEW.settled_by IS {differs} OLD.settled_by "
    "OR NEW.settled_at IS {differs} OLD.settled_at)"
)
_RECIPIENT = ("recipient", "recipient_key", "recipient_name", "salt")
_TEXTS = ("subject", "text", "html", "sms")
WHOLE = ("entry_status", "audit", "seal")
"""Tables of which nothing may ever change."""
KEYS = {
    "entry": ("id",),
    "entry_status": ("id",),
    "audit": ("id",),
    "journal": ("seq",),
    "seal": ("number",),
    "entry_text": ("entry_id",),
    "entry_status_text": ("entry_status_id",),
    "audit_text": ("audit_id",),
    "content": ("communication_id", "version", "rendering"),
    "document": ("sha256",),
    "communication_document": ("communication_id", "version", "position"),
}
"""Every guarded table with its primary key."""
PARTITIONED = ("entry", "entry_status")


def _emptied(differs: str) -> dict[str, str]:
    """When an update of a side table is anything but emptying it."""
    words = f"NEW.words IS {differs} OLD.words OR NEW.salt IS {differs} OLD.salt"
    return {
        "entry_text": f"NEW.entry_id IS {differs} OLD.entry_id OR (("
        + " OR ".join(f"NEW.{name} IS {differs} OLD.{name}" for name in _RECIPIENT)
        + ") AND NOT ("
        + " AND ".join(f"NEW.{name} = ''" for name in _RECIPIENT)
        + "))",
        **{
            table: f"NEW.{key} IS {differs} OLD.{key} OR (({words}) "
            "AND NOT (NEW.words = '' AND NEW.salt = ''))"
            for table, (key,) in (
                ("entry_status_text", KEYS["entry_status_text"]),
                ("audit_text", KEYS["audit_text"]),
            )
        },
        "content": _changed(differs, *KEYS["content"], "template_version", "content_hash")
        + f" OR (NEW.letter_for IS {differs} OLD.letter_for AND NEW.letter_for <> '')"
        + " OR (("
        + _changed(differs, *_TEXTS)
        + ") AND NOT ("
        + " AND ".join(f"NEW.{name} = ''" for name in _TEXTS)
        + f")) OR (NEW.context IS {differs} OLD.context AND NEW.context IS NOT NULL "
        "AND NEW.context NOT IN ('null', '{}'))",
        "communication_document": _changed(
            differs, *KEYS["communication_document"], "role", "media_type", "sha256"
        )
        + f" OR (NEW.name IS {differs} OLD.name AND NEW.name <> '')",
    }


def _changed(differs: str, *names: str) -> str:
    return " OR ".join(f"NEW.{name} IS {differs} OLD.{name}" for name in names)


# SQLite


def sqlite_triggers() -> dict[str, str]:
    """Every trigger on SQLite by name, as the statement that makes it."""
    return {statement.split()[2]: statement for statement in _sqlite_statements()}


def _sqlite_statements() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    differs = "NOT"
    yield f"CREATE TRIGGER entry_fixed BEFORE UPDATE OF {ENTRY_FIXED} ON entry {refuse}"
    # a row can be moved onto another one by its rowid, which then is gone
    yield f"CREATE TRIGGER entry_placed BEFORE UPDATE ON entry WHEN NEW.rowid <> OLD.rowid {refuse}"
    yield (
        "CREATE TRIGGER entry_settled BEFORE UPDATE ON entry "
        f"WHEN {_SETTLED.format(differs=differs)} {refuse}"
    )
    for table in WHOLE:
        yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} {refuse}"
    yield f"CREATE TRIGGER journal_fixed BEFORE UPDATE ON journal {refuse}"
    yield (
        "CREATE TRIGGER journal_kept BEFORE DELETE ON journal WHEN OLD.record_id IS NOT NULL "
        f"AND OLD.seq > coalesce((SELECT max(upto_seq) FROM seal), 0) {refuse}"
    )
    for table, condition in _emptied(differs).items():
        moved = " OR NEW.rowid <> OLD.rowid"
        yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} WHEN {condition}{moved} {refuse}"
    yield (
        "CREATE TRIGGER document_fixed BEFORE UPDATE ON document "
        f"WHEN {_changed(differs, 'sha256', 'size')} OR NEW.rowid <> OLD.rowid OR (NEW.content IS NOT OLD.content "
        f"AND length(NEW.content) > 0 AND length(OLD.content) > 0) {refuse}"
    )
    for table, keys in KEYS.items():
        if table != "journal":
            yield f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refuse}"
        same = " AND ".join(f"{name} = NEW.{name}" for name in keys)
        if table == "document":
            # the same bytes once more are welcome, and so are those of an emptied document
            same = (
                f"({same} AND length(content) > 0 AND (content <> NEW.content OR size <> NEW.size))"
            )
            same = f"{same} OR (rowid = NEW.rowid AND sha256 <> NEW.sha256)"
        elif table not in ("journal", "seal"):
            same = f"({same}) OR rowid = NEW.rowid"
        yield (
            f"CREATE TRIGGER {table}_once BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {refuse}"
        )
    for table, columns, values in _NOTED:
        chosen = ", ".join(f"NEW.{value}" for value in values)
        yield (
            f"CREATE TRIGGER {table}_noted AFTER INSERT ON {table} BEGIN "
            f"INSERT INTO journal ({columns}, what) VALUES ({chosen}, '{WHAT[table]}'); END"
        )


WHAT = {"entry": "new", "entry_status": "status", "audit": "audit"}
"""What the journal calls a new row of a table whose rows are sealed."""
_NOTED = (
    ("entry", "subject_id, entry_id, record_id", ("subject_id", "id", "id")),
    ("entry_status", "entry_id, record_id", ("entry_id", "id")),
    ("audit", "record_id", ("id",)),
)


# PostgreSQL


class Trigger(NamedTuple):
    """A trigger on PostgreSQL; those for each row stand on every partition, too."""

    name: str
    table: str
    moment: str
    """BEFORE UPDATE OR DELETE, for instance."""
    function: str
    each_row: bool = True

    @property
    def statement(self) -> str:
        """What makes it."""
        level = "ROW" if self.each_row else "STATEMENT"
        return (
            f"CREATE TRIGGER {self.name} {self.moment} ON {self.table} "
            f"FOR EACH {level} EXECUTE FUNCTION {self.function}()"
        )

    @property
    def type_bits(self) -> int:
        """`pg_trigger.tgtype` of it."""
        bits = {"BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
        return int(self.each_row) + sum(bits.get(word, 0) for word in self.moment.split())


APPEND_ONLY = "log_is_append_only"


def postgresql_functions(schema: str) -> dict[str, str]:
    """The bodies of the trigger functions; relations are named with their schema, which no temporary table can hide."""
    raising = f"RAISE EXCEPTION '{REFUSED}';"
    differs = "DISTINCT FROM"
    conditions = {
        "entry_is_fixed": f"{_changed(differs, *ENTRY_FIXED.split(', '))} "
        f"OR ({_SETTLED.format(differs=differs)})",
        **{f"{table}_is_fixed": condition for table, condition in _emptied(differs).items()},
        "document_is_fixed": f"{_changed(differs, 'sha256', 'size')} OR (NEW.content IS DISTINCT FROM "
        "OLD.content AND length(NEW.content) > 0 AND length(OLD.content) > 0)",
    }
    bodies = {
        APPEND_ONLY: f" BEGIN {raising} END ",
        "journal_is_kept": " BEGIN IF OLD.record_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
        f"{schema}.seal WHERE (upto_xid, upto_seq) >= (OLD.xid, OLD.seq)) THEN {raising} END IF; "
        "RETURN OLD; END ",
        "audit_is_signed": " BEGIN NEW.database_role := session_user; RETURN NEW; END ",
    }
    for name, condition in conditions.items():
        bodies[name] = f" BEGIN IF {condition} THEN {raising} END IF; RETURN NEW; END "
    for table, columns, values in _NOTED:
        chosen = ", ".join(f"NEW.{value}" for value in values)
        bodies[f"{table}_is_noted"] = (
            f" BEGIN INSERT INTO {schema}.journal (xid, {columns}, what) VALUES "
            f"(pg_current_xact_id()::text::bigint, {chosen}, '{WHAT[table]}'); RETURN NULL; END "
        )
    return bodies


def postgresql_triggers() -> tuple[Trigger, ...]:
    """Every trigger on PostgreSQL but those of single partitions."""
    made = [
        Trigger("entry_fixed", "entry", "BEFORE UPDATE", "entry_is_fixed"),
        Trigger("entry_kept", "entry", "BEFORE DELETE", APPEND_ONLY),
        Trigger("journal_fixed", "journal", "BEFORE UPDATE", APPEND_ONLY),
        Trigger("journal_kept", "journal", "BEFORE DELETE", "journal_is_kept"),
        Trigger("audit_signed", "audit", "BEFORE INSERT", "audit_is_signed"),
    ]
    for table in WHOLE:
        made.append(Trigger(f"{table}_fixed", table, "BEFORE UPDATE OR DELETE", APPEND_ONLY))
    for table in (*_emptied(""), "document"):
        made.append(Trigger(f"{table}_fixed", table, "BEFORE UPDATE", f"{table}_is_fixed"))
        made.append(Trigger(f"{table}_kept", table, "BEFORE DELETE", APPEND_ONLY))
    for table, _, _ in _NOTED:
        made.append(Trigger(f"{table}_noted", table, "AFTER INSERT", f"{table}_is_noted"))
    made += [whole(table) for table in KEYS]
    return tuple(made)


def whole(place: str) -> Trigger:
    """The trigger that refuses TRUNCATE of a table or of a single partition."""
    return Trigger(f"{place}_whole", place, "BEFORE TRUNCATE", APPEND_ONLY, each_row=False)


MAKE_PARTITION = "make_log_partition"
"""The owner's function by which the application makes partitions, and can make nothing else."""


def make_partition_body(schema: str) -> str:
    """Its body: a partition of the log or of the events, with all triggers of its table switched on always."""
    return f"""
DECLARE
    made text := quote_ident('{schema}') || '.' || quote_ident(part);
    known record;
BEGIN
    IF parent NOT IN ('entry', 'entry_status', 'provider_event') OR part !~ ('^' || parent || '_[0-9]{{6,8}}$') THEN
        RAISE EXCEPTION 'not a partition of the log: %', part;
    END IF;
    PERFORM pg_advisory_xact_lock(7062026);
    IF to_regclass(made) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %s PARTITION OF {schema}.%I FOR VALUES FROM (%L) TO (%L)', made, parent, low, high);
    IF parent <> 'provider_event' THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION {schema}.{APPEND_ONLY}()', part || '_whole', made);
        FOR known IN SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(made) AND NOT tgisinternal LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', made, known.tgname);
        END LOOP;
    END IF;
END
"""
