"""The table that says which database this is, and whether it may send: a restored one may not."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Instant, table, text

database_state = table(
    "database_state",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("state", sa.Text, nullable=False),
    text("reason"),
    sa.Column("since", Instant, nullable=False),
)
