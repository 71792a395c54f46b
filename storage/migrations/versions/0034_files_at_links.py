"""Files that a chat cannot hold are read at links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "linked_files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", dialect.Moment(), nullable=False),
        sa.Column("expires_at", dialect.Moment(), nullable=False),
        sa.Column("noted_at", dialect.Moment()),
        sa.PrimaryKeyConstraint("id", name="pk_linked_files"),
    )
    op.create_index("ix_linked_files_expires_at", "linked_files", ["expires_at"])
