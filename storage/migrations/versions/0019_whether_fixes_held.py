"""What became of a fix within a day, to rank what is offered next time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_outcomes",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("runbook_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("finished_at", dialect.Moment(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("after_seconds", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_outcomes"),
    )
    op.create_index("ix_run_outcomes_signature", "run_outcomes", ["signature", "company_id"])
