"""PostgreSQL's roles: the SQL that makes them, and the rights that each has, compared with what it should have.

The owner makes the schema and does nothing else; the application's role can add to the record and not change it.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from commtui.store.columns import metadata
from commtui.store.migrations import record_guards

OWNER, APP, READ, RETENTION = (
    "commtui_owner",
    "commtui_app",
    "commtui_read",
    "commtui_retention",
)
VERSION_TABLE = "schema_version"
_ADDING = frozenset({"SELECT", "INSERT"})
_CHANGING = _ADDING | {"UPDATE"}
_ALL = _CHANGING | {"DELETE"}
_BY_AGE = ("inbox", "provider_event")
"""What retention removes."""
_RIGHTS = {
    **dict.fromkeys(record_guards.WHOLE, _ADDING),
    "entry": _CHANGING,
    "entry_text": _CHANGING,
    "entry_status_text": _CHANGING,
    "audit_text": _CHANGING,
    "content": _CHANGING,
    "document": _CHANGING,
    "communication_document": _CHANGING,
    # only what is sealed is ever removed from it, which its trigger sees to
    "journal": _ADDING | {"DELETE"},
    **dict.fromkeys(_BY_AGE, _CHANGING),
}


def rights() -> dict[str, dict[str, frozenset[str]]]:
    """Role, table, rights: what each role may do itself, not by membership in another."""
    tables = [table.name for table in metadata.sorted_tables]
    return {
        APP: {
            **{name: frozenset(_RIGHTS.get(name, _ALL)) for name in tables},
            VERSION_TABLE: frozenset({"SELECT"}),
        },
        READ: {name: frozenset({"SELECT"}) for name in (*tables, VERSION_TABLE)},
        RETENTION: {name: frozenset({"SELECT", "DELETE"}) for name in _BY_AGE},
    }


def statements() -> list[str]:
    """The SQL that makes the roles and gives them their rights: run it as superuser, and again after upgrades."""
    made = [
        f"DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
        for role in (OWNER, APP, READ, RETENTION)
    ]
    everybody = ", ".join((APP, READ, RETENTION))
    made += [
        _owning(),
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everybody}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {everybody}",
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {everybody}",
        f"GRANT USAGE ON SCHEMA public TO {everybody}",
        f"GRANT ALL ON SCHEMA public TO {OWNER}",
    ]
    for role, tables in rights().items():
        groups: dict[frozenset[str], list[str]] = {}
        for name, allowed in tables.items():
            groups.setdefault(allowed, []).append(name)
        made += [
            f"GRANT {', '.join(sorted(allowed))} ON {', '.join(sorted(names))} TO {role}"
            for allowed, names in sorted(groups.items(), key=lambda item: sorted(item[0]))
        ]
    made += [
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}",
        f"GRANT EXECUTE ON FUNCTION {record_guards.MAKE_PARTITION}(text, text, text, text) TO {APP}",
        # workers keep house, retention included; a job of its own needs no other role
        f"GRANT {RETENTION} TO {APP}",
    ]
    return made


def _owning() -> str:
    return f"""DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p') LOOP
        EXECUTE 'ALTER TABLE ' || found.name::text || ' OWNER TO {OWNER}';
    END LOOP;
    FOR found IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE 'ALTER FUNCTION ' || found.name::text || ' OWNER TO {OWNER}';
    END LOOP;
END $$"""


_GRANTED = sa.text(
    """
    SELECT c.relname, r.rolname, acl.privilege_type AS allowed
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
    JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT c.relispartition AND r.oid <> c.relowner
    UNION ALL
    SELECT c.relname, 'PUBLIC', acl.privilege_type
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND acl.grantee = 0
    UNION ALL
    SELECT c.relname, r.rolname, acl.privilege_type
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
    JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relispartition AND c.relkind IN ('r', 'p')
        AND r.oid <> c.relowner
    """
)


def findings(connection: sa.Connection) -> Iterator[str]:
    """Rights that a role has and should not, or should have and has not; roles that have none here say nothing.

    A role of somebody else's making may have what the application has, and no more.
    """
    wanted = rights()
    found: dict[str, dict[str, set[str]]] = {}
    for row in connection.execute(_GRANTED):
        found.setdefault(row.rolname, {}).setdefault(row.relname, set()).add(row.allowed)
    for role, tables in sorted(found.items()):
        allowed = wanted.get(role, wanted[APP])
        needed = wanted.get(role, {})
        for name in sorted({*needed, *tables}):
            has = tables.get(name, set())
            if more := sorted(has - allowed.get(name, frozenset())):
                yield f"{role} may {', '.join(more)} on {name} and should not"
            if less := sorted(needed.get(name, frozenset()) - has):
                yield f"{role} may not {', '.join(less)} on {name} and should"
