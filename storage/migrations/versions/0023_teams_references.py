"""Where Teams can be reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams_references",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("service_url", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("seen_at", dialect.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams_references")),
    )
    op.create_index("ix_teams_references_account", "teams_references", ["account"])
    op.create_index("ix_teams_references_tenant_id_seen_at", "teams_references", ["tenant_id", "seen_at"])
