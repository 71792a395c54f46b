"""How often each source speaks, by hour, and what was learned from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_hours",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "tool", "hour", name=op.f("pk_source_hours")),
    )
    op.create_table(
        "sources",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("workdays_only", sa.Boolean(), nullable=False),
        sa.Column("silent_since", dialect.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("company_id", "tool", name=op.f("pk_sources")),
    )
