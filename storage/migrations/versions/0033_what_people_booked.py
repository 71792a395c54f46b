"""Minutes that people confirmed, for the bill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "time_entries",
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("begun_at", dialect.Moment(), nullable=False),
        sa.Column("ended_at", dialect.Moment(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("minutes", "drafted", "idle")),
        *(sa.Column(name, sa.Text()) for name in ("rate", "currency")),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("booked_at", dialect.Moment(), nullable=False),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("exported_at", dialect.Moment()),
        sa.PrimaryKeyConstraint("incident_id", "begun_at", name="pk_time_entries"),
    )
    op.create_index("ix_time_entries_company", "time_entries", ["company_id", "ended_at"])
