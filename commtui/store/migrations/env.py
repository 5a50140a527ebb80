"""Alembic's entry: the connection is handed over by `commtui.store.schema`, which holds the lock."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=False,
    version_table="schema_version",
)
context.run_migrations()
