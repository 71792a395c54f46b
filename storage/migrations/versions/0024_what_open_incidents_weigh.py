"""What is open in somebody's name has a weight, by severity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_WEIGHED = """
UPDATE users SET load_weight = COALESCE((
  SELECT SUM(CASE severity WHEN 'critical' THEN 8 WHEN 'high' THEN 4 WHEN 'medium' THEN 2 ELSE 1 END)
  FROM incidents WHERE incidents.assignee_id = users.id AND incidents.is_open = 1), 0)
"""


def upgrade() -> None:
    op.add_column("users", sa.Column("load_weight", sa.Integer(), nullable=False, server_default="0"))
    op.execute(_WEIGHED)
