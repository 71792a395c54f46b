"""An incident whose promise is broken, or about to be, weighs more in its owner's load."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_AT_RISK = """
UPDATE incidents SET risk = CASE
  WHEN EXISTS (SELECT 1 FROM sla_clocks c WHERE c.incident_id = incidents.id AND c.met_at IS NULL
               AND c.breached_at IS NOT NULL) THEN 2
  WHEN EXISTS (SELECT 1 FROM sla_clocks c WHERE c.incident_id = incidents.id AND c.met_at IS NULL
               AND c.warned_at IS NOT NULL) THEN 1
  ELSE 0 END
WHERE is_open = 1
"""
_WEIGHED = """
UPDATE users SET
  load_weight = COALESCE((
    SELECT SUM((1 + risk) * CASE severity WHEN 'critical' THEN 8 WHEN 'high' THEN 4 WHEN 'medium' THEN 2 ELSE 1 END)
    FROM incidents WHERE incidents.assignee_id = users.id AND incidents.is_open = 1), 0),
  load_at_risk = COALESCE((
    SELECT SUM(CASE WHEN risk > 0 THEN 1 ELSE 0 END)
    FROM incidents WHERE incidents.assignee_id = users.id AND incidents.is_open = 1), 0)
"""


def upgrade() -> None:
    op.add_column("incidents", sa.Column("risk", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("users", sa.Column("load_at_risk", sa.Integer(), nullable=False, server_default="0"))
    op.execute(_AT_RISK)
    op.execute(_WEIGHED)
