"""Outbreaks: what began at several companies at once. Rows of company 0: they belong to the MSP alone."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment, Number
from storage.tables import Column, Text, metadata

outbreaks = sa.Table(
    "outbreaks",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("signature", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("expected", sa.Float, nullable=False),
    Column("over_at", Moment),
    Column("over_by", Text, nullable=False, server_default=sa.text("''")),
    sqlite_autoincrement=True,
)
_on = sa.text("over_at IS NULL")
sa.Index(
    "uq_outbreaks_signature",
    outbreaks.c.signature,
    unique=True,
    sqlite_where=_on,
    postgresql_where=_on,
)

outbreak_incidents = sa.Table(
    "outbreak_incidents",
    metadata,
    Column("incident_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("outbreak_id", sa.BigInteger, nullable=False),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    sa.Index("ix_outbreak_incidents_outbreak", "outbreak_id", "incident_id"),
)
