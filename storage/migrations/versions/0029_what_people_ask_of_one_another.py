"""What one person asks of another; and where a stand-in comes from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_OPEN = sa.text("settled_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "asks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_id", sa.BigInteger(), nullable=False),
        sa.Column("incidents", dialect.Json, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("facts", dialect.Json, nullable=False),
        sa.Column("at", dialect.Moment(), nullable=False),
        sa.Column("expires_at", dialect.Moment(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_at", dialect.Moment()),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asks"),
    )
    for name in ("asker_id", "asked_id"):
        op.create_index(f"ix_asks_{name}", "asks", [name], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.add_column(
        "oncall_overrides", sa.Column("source", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
