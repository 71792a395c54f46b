"""A promise keeps its business hours and each stretch in which it stood still, instead of their sum."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sla_clocks", sa.Column("hours", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("sla_clocks", sa.Column("pauses", dialect.Json, nullable=False, server_default="[]"))
    clocks = sa.table(
        "sla_clocks",
        sa.column("incident_id", sa.BigInteger()),
        sa.column("kind", sa.Text()),
        sa.column("started_at", dialect.Moment()),
        sa.column("paused", dialect.Span()),
        sa.column("pauses", dialect.Json),
    )
    connection = op.get_bind()
    # around the clock, as all were, it makes no difference when the pause was
    for row in connection.execute(sa.select(clocks)).all():
        if row.paused:
            stretch = [row.started_at.isoformat(), (row.started_at + row.paused).isoformat()]
            mine = sa.and_(clocks.c.incident_id == row.incident_id, clocks.c.kind == row.kind)
            connection.execute(sa.update(clocks).where(mine).values(pauses=[stretch]))
    op.drop_column("sla_clocks", "paused")
