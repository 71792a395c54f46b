"""What companies' histories taught, and under which names one asset goes."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment
from storage.tables import metadata

Column, Text = sa.Column, sa.Text

knowledge = sa.Table(
    "knowledge",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("floor", Text, nullable=False),
    Column("learned_at", Moment, nullable=False),
    Column("document", Json, nullable=False),
)

aliases = sa.Table(
    "aliases",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("times", sa.Integer, nullable=False),
    Column("tools", Json, nullable=False),
    Column("last_at", Moment),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Moment),
)
