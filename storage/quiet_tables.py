"""The table of silences and maintenance windows; what they hold stands with the other alerts."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment, Number
from storage.tables import metadata

Column, Text = sa.Column, sa.Text

quiet_rules = sa.Table(
    "quiet_rules",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Json, nullable=False),
    Column("schedule", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("by_id", sa.BigInteger),
    Column("created_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    Column("begun_at", Moment),
    Column("closed_until", Moment),
    Column("turn_at", Moment),
    Column("ended_at", Moment),
    Column("ended_by", Text, nullable=False),
    Column("finished_at", Moment),
    Column("held", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("ix_quiet_rules_company_id", "company_id", "finished_at"),
    sa.Index("ix_quiet_rules_turn_at", "turn_at"),
    sqlite_autoincrement=True,
)
