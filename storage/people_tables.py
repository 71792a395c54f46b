"""Beside the people themselves: their tokens, and what they are told outside of threads: waiting, told, or why not."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Json, Moment, Number
from storage.tables import Column, Text, metadata

tokens = sa.Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("user_id", sa.BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

notices = sa.Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("destination", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("user_id", sa.BigInteger),
    Column("address", Text, nullable=False),
    Column("incident_id", sa.BigInteger),
    Column("kind", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("urgent", sa.Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("batch", Text),
    Column("settled_at", Moment),
    Column("outcome", Text, nullable=False),
    sa.Index("ix_notices_settled", "destination", "transport", "settled_at"),
    sa.Index("ix_notices_incident", "incident_id"),
)
_waits = sa.text("settled_at IS NULL")
sa.Index(
    "ix_notices_waiting",
    notices.c.destination,
    notices.c.transport,
    sqlite_where=_waits,
    postgresql_where=_waits,
)

escalations = sa.Table(
    "escalations",
    metadata,
    Column("incident_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("number", sa.Integer, primary_key=True, autoincrement=False),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("step", sa.Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("called", Json, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sa.Index("ix_escalations_company", "company_id", "at"),
)

rotations = sa.Table(
    "rotations",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("name", Text, nullable=False, unique=True),
    Column("timezone", Text, nullable=False),
    Column("companies", Json, nullable=False),
    Column("hours", Text, nullable=False),
    Column("layers", Json, nullable=False),
    sqlite_autoincrement=True,
)

asks = sa.Table(
    "asks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("kind", Text, nullable=False),
    Column("asker_id", sa.BigInteger, nullable=False),
    Column("asked_id", sa.BigInteger, nullable=False),
    Column("incidents", Json, nullable=False),
    Column("text", Text, nullable=False),
    Column("facts", Json, nullable=False),
    Column("at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("settled_at", Moment),
    Column("told", sa.Integer, nullable=False),
    Column("outcome", Text, nullable=False),
)
_unsettled = sa.text("settled_at IS NULL")
for _column in (asks.c.asker_id, asks.c.asked_id):
    sa.Index(f"ix_asks_{_column.name}", _column, sqlite_where=_unsettled, postgresql_where=_unsettled)

calendar_feeds = sa.Table(
    "calendar_feeds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("user_id", sa.BigInteger, nullable=False),
    Column("rotation_id", sa.BigInteger),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    sa.Index("ix_calendar_feeds_user_id", "user_id"),
)

overrides = sa.Table(
    "oncall_overrides",
    metadata,
    Column("id", Number, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("rotation_id", sa.BigInteger, nullable=False),
    Column("user_id", sa.BigInteger, nullable=False),
    Column("begin_at", Moment, nullable=False),
    Column("end_at", Moment, nullable=False),
    Column("source", Text, nullable=False, server_default=sa.text("''")),
    sqlite_autoincrement=True,
)

time_entries = sa.Table(
    "time_entries",
    metadata,
    Column("incident_id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("begun_at", Moment, primary_key=True),
    Column("ended_at", Moment, nullable=False),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("user_id", sa.BigInteger, nullable=False),
    Column("minutes", sa.Integer, nullable=False),
    Column("drafted", sa.Integer, nullable=False),
    Column("idle", sa.Integer, nullable=False),
    Column("rate", Text),
    Column("currency", Text),
    Column("note", Text, nullable=False),
    Column("booked_at", Moment, nullable=False),
    Column("booked_by", Text, nullable=False),
    Column("exported_at", Moment),
    sa.Index("ix_time_entries_company", "company_id", "ended_at"),
)
"""Minutes that somebody confirmed; `rate` an hour in `currency`, as it was then."""

bounced_addresses = sa.Table(
    "bounced_addresses",
    metadata,
    Column("address", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False),
    Column("hard_at", Moment),
    Column("soft", sa.Integer, nullable=False),
    Column("soft_at", Moment),
)
"""In small letters; since `hard_at` nothing is sent there."""
