"""What a key has been doing (flapping, rounds) is kept with its incident and handed on to the next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("track", sa.Text(), nullable=False, server_default=sa.text("''")))
