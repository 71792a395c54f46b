"""What keeps runs apart: who holds a machine for a runbook, and the turn that starts are counted under."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import metadata

run_holds = sa.Table(
    "run_holds",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("runbook_id", sa.Text, primary_key=True),
    sa.Column("cloud_ref", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Index("ix_run_holds_run", "run_id"),
)

run_turns = sa.Table(
    "run_turns",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
)
