"""What keeps runs apart: who holds a machine for a runbook, and the turn that starts are counted under."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment
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

run_outcomes = sa.Table(
    "run_outcomes",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("company_id", sa.BigInteger, nullable=False),
    sa.Column("runbook_id", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("finished_at", Moment, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("after_seconds", sa.BigInteger),
    sa.Index("ix_run_outcomes_signature", "signature", "company_id"),
)

glass_reviews = sa.Table(
    "glass_reviews",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("company_id", sa.BigInteger, nullable=False),
    sa.Column("incident_id", sa.BigInteger),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("broken_by", sa.BigInteger, nullable=False),
    sa.Column("broken_by_name", sa.Text, nullable=False),
    sa.Column("broken_at", Moment, nullable=False),
    sa.Column("remind_at", Moment, nullable=False),
    sa.Column("signed_by", sa.BigInteger),
    sa.Column("signed_by_name", sa.Text, nullable=False),
    sa.Column("signed_at", Moment),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_glass_reviews_company", "company_id", "broken_at"),
)
_open = sa.text("signed_at IS NULL")
sa.Index("ix_glass_reviews_open", glass_reviews.c.remind_at, sqlite_where=_open, postgresql_where=_open)
