"""Addresses that mail came back from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bounced_addresses",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hard_at", dialect.Moment()),
        sa.Column("soft", sa.Integer(), nullable=False),
        sa.Column("soft_at", dialect.Moment()),
        sa.PrimaryKeyConstraint("address", name="pk_bounced_addresses"),
    )
