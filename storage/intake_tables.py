"""The tables of how alerts arrive, beside those in storage.tables."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment, Span
from storage.tables import Column, Integer, Text, metadata

intake_lines = sa.Table(
    "intake_lines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    sa.Index("ix_intake_lines_last_at", "last_at"),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("every", Span, nullable=False),
    Column("grace", Span, nullable=False),
    Column("since", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("last_at", Moment),
    Column("started_at", Moment),
    Column("due_at", Moment, nullable=False),
    sa.Index("ix_heartbeats_due_at", "due_at"),
)

allowances = sa.Table(
    "allowances",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("began_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Column("previous", Integer, nullable=False),
    Column("reserve_count", Integer, nullable=False),
    Column("reserve_previous", Integer, nullable=False),
    Column("admitted", Integer, nullable=False),
    Column("limited_at", Moment),
    Column("refused_at", Moment),
    Column("requests", sa.BigInteger, nullable=False),
    Column("alerts", sa.BigInteger, nullable=False),
    Column("total_requests", sa.BigInteger, nullable=False),
    Column("total_alerts", sa.BigInteger, nullable=False),
)

source_hours = sa.Table(
    "source_hours",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("tool", Text, primary_key=True),
    Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("ends", sa.Boolean, nullable=False, server_default=sa.false()),
)

sources = sa.Table(
    "sources",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("tool", Text, primary_key=True),
    Column("words", Text, nullable=False),
    Column("workdays_only", sa.Boolean, nullable=False),
    Column("silent_since", Moment),
)
