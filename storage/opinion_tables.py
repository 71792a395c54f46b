"""What models said of incidents, and what asking them cost."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment
from storage.tables import metadata

Column, Text = sa.Column, sa.Text

opinions = sa.Table(
    "opinions",
    metadata,
    Column("incident_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("use", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", Json, nullable=False),
)

model_usage = sa.Table(
    "model_usage",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("day", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("asked", sa.BigInteger, nullable=False),
    Column("failed", sa.BigInteger, nullable=False),
    Column("tokens_in", sa.BigInteger, nullable=False),
    Column("tokens_out", sa.BigInteger, nullable=False),
    Column("micros", sa.BigInteger, nullable=False),
)
