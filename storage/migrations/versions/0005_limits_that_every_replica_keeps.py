"""What each company may still send, and what was refused: one row each. The burst becomes a setting."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("companies", sa.Column("burst", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE companies SET burst = rate_limit * 9")  # ten minutes' worth at once, as before
    op.create_table(
        "allowances",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("began_at", dialect.Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("reserve_count", sa.Integer(), nullable=False),
        sa.Column("reserve_previous", sa.Integer(), nullable=False),
        sa.Column("admitted", sa.Integer(), nullable=False),
        sa.Column("limited_at", dialect.Moment(), nullable=True),
        sa.Column("refused_at", dialect.Moment(), nullable=True),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("alerts", sa.BigInteger(), nullable=False),
        sa.Column("total_requests", sa.BigInteger(), nullable=False),
        sa.Column("total_alerts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_allowances")),
    )
