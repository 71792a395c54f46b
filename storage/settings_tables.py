"""Where companies inherit settings from: the MSP itself, and groups of companies."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment, Number
from storage.tables import Column, Text, metadata

company_groups = sa.Table(
    "company_groups",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("name", Text, nullable=False, unique=True),
    Column("settings", Json, nullable=False, server_default="{}"),
    Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

msp_settings = sa.Table(
    "msp_settings",
    metadata,
    Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("settings", Json, nullable=False, server_default="{}"),
    Column("name", Text, nullable=False, server_default=sa.text("''")),
    Column("slack_channel", Text),
    Column("teams_conversation", Text),
)
"""One row, of company 0: the MSP itself, how it is called and where its own people talk."""
