"""The table of what providers say about our own accounts."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Instant, Json, table

account_check = table(
    "account_check",
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("at", Instant),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("findings", Json, nullable=False),
)
