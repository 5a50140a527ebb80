"""The database: tables, queries, outbox, inbox, journal, audit, migrations. Rows leave as frozen dataclasses."""
