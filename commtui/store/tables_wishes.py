"""The tables of customers' wishes, of what became of their addresses, and of what templates made."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Id, Instant, Json, table, text

opt_out = table(
    "opt_out",
    sa.Column("id", Id, primary_key=True),
    text("address"),
    sa.Column("customer_id", Id),
    text("channel"),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    text("note"),
    text("author"),
    sa.Column("lifted_at", Instant),
    text("lifted_by"),
    sa.Index("ix_opt_out_address", "address"),
    sa.Index("ix_opt_out_customer", "customer_id"),
)
address_mark = table(
    "address_mark",
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    text("code"),
    sa.Column("entry_id", Id),
)
preference = table(
    "preference",
    sa.Column("customer_id", Id, sa.ForeignKey("customer.id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("channels", Json, nullable=False),
    text("author"),
    sa.Column("at", Instant, nullable=False),
)
signing_key = table(
    "signing_key",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
rendered_document = table(
    "rendered_document",
    sa.Column("communication_id", Id, sa.ForeignKey("communication.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("rendering", sa.Integer, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, sa.ForeignKey("document.sha256"), nullable=False),
)
template = table(
    "template",
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("sources", Json, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
