"""What is due next is found without reading all that is open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_RUNS = sa.text("met_at IS NULL AND paused_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_sla_clocks_due",
        "sla_clocks",
        ["due_at", "company_id"],
        sqlite_where=_RUNS,
        postgresql_where=_RUNS,
    )
