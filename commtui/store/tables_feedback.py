"""The tables of feedback: what is found to be wrong with it, and how calls and unmatched events are looked for."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Instant, table
from commtui.store.tables import inbox, provider_event

finding = table(
    "finding",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("advice", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)
sa.Index("ix_inbox_provider", inbox.c.provider, inbox.c.received_at)
sa.Index(
    "ix_provider_event_waiting",
    provider_event.c.provider_message_id,
    provider_event.c.provider,
    sqlite_where=sa.text("matched = 'waiting'"),
    postgresql_where=sa.text("matched = 'waiting'"),
)
