"""Silences and maintenance windows, what they hold, and snoozed incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quiet_rules",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", dialect.Json, nullable=False),
        sa.Column("schedule", dialect.Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("confirmed_at", dialect.Moment(), nullable=True),
        sa.Column("begun_at", dialect.Moment(), nullable=True),
        sa.Column("closed_until", dialect.Moment(), nullable=True),
        sa.Column("turn_at", dialect.Moment(), nullable=True),
        sa.Column("ended_at", dialect.Moment(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("finished_at", dialect.Moment(), nullable=True),
        sa.Column("held", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_quiet_rules"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_quiet_rules_company_id", "quiet_rules", ["company_id", "finished_at"])
    op.create_index("ix_quiet_rules_turn_at", "quiet_rules", ["turn_at"])
    op.add_column("alerts", sa.Column("held_by", sa.BigInteger(), nullable=True))
    held = sa.text("held_by IS NOT NULL")
    for column in ("fingerprint", "correlation_key"):
        op.create_index(
            f"ix_alerts_held_{column}",
            "alerts",
            ["held_by", column],
            sqlite_where=held,
            postgresql_where=held,
        )
    op.add_column("incidents", sa.Column("snoozed_until", dialect.Moment(), nullable=True))
    op.add_column("incidents", sa.Column("snoozed_by", sa.Text(), nullable=True))
