"""Heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every", dialect.Span(), nullable=False),
        sa.Column("grace", dialect.Span(), nullable=False),
        sa.Column("since", dialect.Moment(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last_at", dialect.Moment(), nullable=True),
        sa.Column("started_at", dialect.Moment(), nullable=True),
        sa.Column("due_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "name", name=op.f("pk_heartbeats")),
    )
    op.create_index("ix_heartbeats_due_at", "heartbeats", ["due_at"])
