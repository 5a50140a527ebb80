"""The tables of delivery: steps at providers, what is asked again, fallback, errands, proofs."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Id, Instant, Json, flag, number, table, text

delivery_step = table(
    "delivery_step",
    sa.Column("entry_id", Id, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("reference", Json, nullable=False),
)
poll = table(
    "poll",
    sa.Column("entry_id", Id, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    number("times"),
    flag("hinted"),
    sa.Index("ix_poll_due", "due_at"),
)
evidence = table(
    "evidence",
    sa.Column("entry_id", Id, primary_key=True),
    sa.Column("sha256", sa.Text, sa.ForeignKey("document.sha256"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
registration = table(
    "registration",
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    text("words"),
    sa.Column("details", Json, nullable=False),
)
fallback = table(
    "fallback",
    sa.Column("entry_id", Id, primary_key=True),
    sa.Column("communication_id", Id, nullable=False),
    text("cause"),
    sa.Column("state", sa.Text, nullable=False),
    text("channel"),
    flag("paid"),
    text("reason"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    text("released_by"),
    sa.Index("ix_fallback_state", "state", "entry_id"),
    sa.Index("ix_fallback_cause", "cause", "decided_at"),
)
errand = table(
    "errand",
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("entry_id", Id),
    text("address"),
    text("reason"),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    number("tries"),
    sa.Column("done_at", Instant),
    text("words"),
    sa.Index("ix_errand_state", "state", "due_at"),
    sa.Index("ix_errand_address", "address"),
)
