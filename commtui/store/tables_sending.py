"""The tables of sending: how much each provider still takes, as all workers share it."""

from __future__ import annotations

import sqlalchemy as sa

from commtui.store.columns import Instant, number, table

provider_quota = table(
    "provider_quota",
    sa.Column("provider", sa.Text, primary_key=True),
    # what its headers said last, less what was taken since
    sa.Column("remaining", sa.Integer),
    sa.Column("resets_at", Instant),
    # it asked everybody to wait
    sa.Column("wait_until", Instant),
    number("waits"),
)
