"""What a channel can take, and the storms it went through."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment
from storage.tables import metadata

Column, Text = sa.Column, sa.Text

channels = sa.Table(
    "channels",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("turn_at", Moment, nullable=False, server_default="0"),
    Column("swell_at", Moment, nullable=False, server_default="0"),
    Column("swell", Json, nullable=False),
    Column("critical_at", Moment),
    Column("storm_id", Text),
)

storms = sa.Table(
    "storms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("platform", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("over_at", Moment),
    Column("samples", Json, nullable=False),
    Column("tally", Json),
)
