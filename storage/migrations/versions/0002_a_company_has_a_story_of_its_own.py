"""A card may belong to a company instead of an incident; the lines of a company's intake story; a dead letter says
what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cards") as cards:
        cards.alter_column("incident_id", existing_type=sa.BigInteger(), nullable=True)
    of_company = sa.text("incident_id IS NULL")
    op.create_index(
        "ix_cards_company",
        "cards",
        ["company_id", "kind"],
        sqlite_where=of_company,
        postgresql_where=of_company,
    )
    op.add_column("dead_letters", sa.Column("outcome", sa.Text()))
    op.create_table(
        "intake_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", dialect.Moment(), nullable=False),
        sa.Column("last_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_lines")),
    )
    op.create_index("ix_intake_lines_last_at", "intake_lines", ["last_at"])
