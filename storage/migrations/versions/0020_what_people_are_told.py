"""What people are told outside of threads, and how each of them wants to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    empty = sa.text("''")
    op.add_column("users", sa.Column("prefers", dialect.Json, nullable=False, server_default="[]"))
    op.add_column("users", sa.Column("quiet_hours", sa.Text(), nullable=False, server_default=empty))
    op.add_column("users", sa.Column("phone", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("reach", dialect.Json, nullable=False, server_default="{}"))
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("due_at", dialect.Moment(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("settled_at", dialect.Moment(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_settled", "notices", ["destination", "transport", "settled_at"])
    op.create_index("ix_notices_incident", "notices", ["incident_id"])
    waits = sa.text("settled_at IS NULL")
    op.create_index(
        "ix_notices_waiting",
        "notices",
        ["destination", "transport"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
