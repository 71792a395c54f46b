"""Plans of who is on call, and who stands in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rotations",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("companies", dialect.Json, nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("layers", dialect.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rotations"),
        sa.UniqueConstraint("name", name="uq_rotations_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "oncall_overrides",
        sa.Column("id", dialect.Number, nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("rotation_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("begin_at", dialect.Moment(), nullable=False),
        sa.Column("end_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_oncall_overrides"),
        sqlite_autoincrement=True,
    )
