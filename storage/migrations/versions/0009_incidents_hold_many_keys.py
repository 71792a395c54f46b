"""Incidents hold further keys beside their own, know what they were merged into, and what they are kept apart from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "joined_keys",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("correlation_key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("came_from", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("company_id", "correlation_key", name="pk_joined_keys"),
    )
    op.create_index("ix_joined_keys_incident", "joined_keys", ["incident_id"])
    op.create_table(
        "kept_apart",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("one", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "one", "other", name="pk_kept_apart"),
    )
    op.create_index("ix_alerts_company_id", "alerts", ["company_id", "id"])
    op.add_column("incidents", sa.Column("held", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("incidents", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.add_column("incidents", sa.Column("related", dialect.Json, nullable=False, server_default="[]"))
    op.add_column("incidents", sa.Column("cause", sa.Text(), nullable=False, server_default=sa.text("''")))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_incidents_merged_into", "incidents", ["merged_into"], sqlite_where=merged, postgresql_where=merged
    )
    op.add_column("companies", sa.Column("heard_by", sa.Text(), nullable=True))
