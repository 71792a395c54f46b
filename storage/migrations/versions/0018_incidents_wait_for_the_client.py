"""An incident may wait for the client."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("waiting_since", dialect.Moment(), nullable=True))
    op.add_column(
        "incidents", sa.Column("waiting_for", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
