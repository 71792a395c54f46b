"""Whether a company's key may stand in the query string, and whose SNS messages it takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("companies", sa.Column("query_key", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("companies", sa.Column("sns_topics", dialect.Json))
