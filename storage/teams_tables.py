"""What Teams tells about itself: where its conversations and people are reached."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment
from storage.tables import Column, Text, metadata

teams_references = sa.Table(
    "teams_references",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False, server_default="0"),
    Column("tenant_id", Text, nullable=False),
    Column("service_url", Text, nullable=False),
    Column("account", Text, nullable=False, server_default=sa.text("''")),
    Column("seen_at", Moment, nullable=False),
    sa.Index("ix_teams_references_account", "account"),
    sa.Index("ix_teams_references_tenant_id_seen_at", "tenant_id", "seen_at"),
)
"""`id`: a conversation's id, or `person:` and what the directory calls somebody. `account`: the person's id for the
bot. Written by the first activity from there, and again when what it says has changed."""
