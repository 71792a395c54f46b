"""Articles of the knowledge base, and their words to be searched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = ("title", "problem", "fix", "category", "signature", "author", "updated_by")
    op.create_table(
        "articles",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("incident_id", sa.BigInteger()),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("updated_at", dialect.Moment(), nullable=False),
        sa.Column("retired_at", dialect.Moment()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_articles_company", "articles", ["company_id", "signature"])
    where = sa.text("incident_id IS NOT NULL AND retired_at IS NULL")
    op.create_index(
        "uq_articles_incident",
        "articles",
        ["company_id", "incident_id"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    for statement in dialect.searchable(op.get_bind().dialect.name):
        op.execute(statement)
