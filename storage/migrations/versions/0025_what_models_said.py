"""What models said of incidents, and what asking them cost each company on each day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "opinions",
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at", dialect.Moment, nullable=False),
        sa.Column("body", dialect.Json, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "use", name="pk_opinions"),
    )
    numbers = ("asked", "failed", "tokens_in", "tokens_out", "micros")
    op.create_table(
        "model_usage",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.PrimaryKeyConstraint("company_id", "day", "model", name="pk_model_usage"),
    )
