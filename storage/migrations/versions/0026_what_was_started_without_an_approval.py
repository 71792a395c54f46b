"""What was started by break-glass, and who has signed it since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.dialect import Moment

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "glass_reviews",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("broken_by", sa.BigInteger(), nullable=False),
        sa.Column("broken_by_name", sa.Text(), nullable=False),
        sa.Column("broken_at", Moment(), nullable=False),
        sa.Column("remind_at", Moment(), nullable=False),
        sa.Column("signed_by", sa.BigInteger(), nullable=True),
        sa.Column("signed_by_name", sa.Text(), nullable=False),
        sa.Column("signed_at", Moment(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_glass_reviews"),
    )
    op.create_index("ix_glass_reviews_company", "glass_reviews", ["company_id", "broken_at"])
    still_open = sa.text("signed_at IS NULL")
    op.create_index(
        "ix_glass_reviews_open",
        "glass_reviews",
        ["remind_at"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
