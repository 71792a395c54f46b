"""Outbreaks across companies, and the MSP's own name and channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbreaks",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("began_at", dialect.Moment(), nullable=False),
        sa.Column("last_at", dialect.Moment(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("over_at", dialect.Moment(), nullable=True),
        sa.Column("over_by", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("id", name="pk_outbreaks"),
        sqlite_autoincrement=True,
    )
    on = sa.text("over_at IS NULL")
    op.create_index(
        "uq_outbreaks_signature",
        "outbreaks",
        ["signature"],
        unique=True,
        sqlite_where=on,
        postgresql_where=on,
    )
    op.create_table(
        "outbreak_incidents",
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outbreak_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_outbreak_incidents"),
    )
    op.create_index("ix_outbreak_incidents_outbreak", "outbreak_incidents", ["outbreak_id", "incident_id"])
    op.add_column("msp_settings", sa.Column("name", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("msp_settings", sa.Column("slack_channel", sa.Text(), nullable=True))
    op.add_column("msp_settings", sa.Column("teams_conversation", sa.Text(), nullable=True))
