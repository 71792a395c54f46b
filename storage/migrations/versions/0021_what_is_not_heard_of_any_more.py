"""Tools that never say that something is over, what was asked about that, and how sure a cause is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.dialect import Moment

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source_hours", sa.Column("ends", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("incidents", sa.Column("confidence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("incidents", sa.Column("asked_at", Moment(), nullable=True))
    hours, alerts = (
        sa.table("source_hours", *_columns("company_id", "tool", "ends")),
        sa.table("alerts", *_columns("company_id", "tool", "status", "dedup_key")),
    )
    ended = sa.select(alerts.c.company_id, alerts.c.tool).where(alerts.c.status == "resolved").distinct()
    for company_id, tool in op.get_bind().execute(ended).all():
        these = sa.and_(hours.c.company_id == company_id, hours.c.tool == tool)
        op.execute(sa.update(hours).where(these).values(ends=sa.true()))


def _columns(*names: str) -> list[sa.ColumnClause[object]]:
    return [sa.column(name) for name in names]
