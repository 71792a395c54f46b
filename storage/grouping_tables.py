"""Keys that incidents hold beside their own, and pairs of incidents that stay apart."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment
from storage.tables import alerts, incidents, metadata

Column, Text = sa.Column, sa.Text

joined_keys = sa.Table(
    "joined_keys",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("correlation_key", Text, primary_key=True),
    Column("incident_id", sa.BigInteger, nullable=False),
    Column("asset", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("came_from", sa.BigInteger),
    Column("under", Text, nullable=False, server_default=sa.text("''")),
    sa.Index("ix_joined_keys_incident", "incident_id"),
)

kept_apart = sa.Table(
    "kept_apart",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("one", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("other", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
)

_merged = sa.text("merged_into IS NOT NULL")
sa.Index("ix_incidents_merged_into", incidents.c.merged_into, sqlite_where=_merged, postgresql_where=_merged)

_on = sa.text("status = 'firing' AND incident_id IS NOT NULL")
sa.Index(
    "ix_alerts_firing_on",
    alerts.c.company_id,
    alerts.c.asset,
    sqlite_where=_on,
    postgresql_where=_on,
)
