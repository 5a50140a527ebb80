"""The chain of seals over the record."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Instant, table, text

seal = table(
    "seal",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    # the journal up to here, in the order of the feed
    sa.Column("upto_xid", sa.BigInteger, nullable=False),
    sa.Column("upto_seq", sa.BigInteger, nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Column("members", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    text("previous"),
    sa.Column("hash", sa.Text, nullable=False),
)
