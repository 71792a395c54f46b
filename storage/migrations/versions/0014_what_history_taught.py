"""What companies' histories taught outlives the process, and so do the names that one asset goes by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "knowledge",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("floor", sa.Text(), nullable=False),
        sa.Column("learned_at", dialect.Moment, nullable=False),
        sa.Column("document", dialect.Json, nullable=False),
        sa.PrimaryKeyConstraint("company_id", name="pk_knowledge"),
    )
    op.create_table(
        "aliases",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("tools", dialect.Json, nullable=False),
        sa.Column("last_at", dialect.Moment, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", dialect.Moment, nullable=True),
        sa.PrimaryKeyConstraint("company_id", "name", "asset", name="pk_aliases"),
    )
