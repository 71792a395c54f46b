"""A key says what it is held under, and what fires on an asset is found by its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("joined_keys", sa.Column("under", sa.Text(), nullable=False, server_default=sa.text("''")))
    where = sa.text("status = 'firing' AND incident_id IS NOT NULL")
    op.create_index(
        "ix_alerts_firing_on",
        "alerts",
        ["company_id", "asset"],
        sqlite_where=where,
        postgresql_where=where,
    )
