"""A run holds its machines for its runbook, so that a second one cannot begin; and starts are counted by the hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import dialect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_holds",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("runbook_id", sa.Text(), nullable=False),
        sa.Column("cloud_ref", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "runbook_id", "cloud_ref", name="pk_run_holds"),
    )
    op.create_index("ix_run_holds_run", "run_holds", ["run_id"])
    op.create_table(
        "run_turns",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", name="pk_run_turns"),
    )
    op.add_column("runs", sa.Column("approved_at", dialect.Moment(), nullable=True))
    op.create_index("ix_runs_approved", "runs", ["company_id", "approved_at"])
    _hold_what_is_under_way()


def _hold_what_is_under_way() -> None:
    runs = sa.table(
        "runs",
        sa.column("id", sa.Text()),
        sa.column("company_id", sa.BigInteger()),
        sa.column("runbook_id", sa.Text()),
        sa.column("is_active", sa.SmallInteger()),
        sa.column("body", dialect.Json),
    )
    holds = sa.table(
        "run_holds",
        sa.column("company_id", sa.BigInteger()),
        sa.column("runbook_id", sa.Text()),
        sa.column("cloud_ref", sa.Text()),
        sa.column("run_id", sa.Text()),
    )
    connection = op.get_bind()
    chosen = sa.select(runs.c.id, runs.c.company_id, runs.c.runbook_id, runs.c.body)
    found: dict[tuple[int, str, str], str] = {}
    for run_id, company_id, runbook_id, body in connection.execute(chosen.where(runs.c.is_active == 1)).all():
        for target in body.get("targets", ()):
            found.setdefault((company_id, runbook_id, target["cloud_ref"]), run_id)
    for (company_id, runbook_id, ref), run_id in found.items():
        row = {"company_id": company_id, "runbook_id": runbook_id, "cloud_ref": ref, "run_id": run_id}
        connection.execute(sa.insert(holds).values(**row))
