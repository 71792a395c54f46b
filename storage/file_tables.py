"""Files that are read at links of our own, for a while."""

from __future__ import annotations

import sqlalchemy as sa

from storage.dialect import Moment
from storage.tables import Column, Text, metadata

linked_files = sa.Table(
    "linked_files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", sa.BigInteger, nullable=False),
    Column("user_id", sa.BigInteger),
    Column("name", Text, nullable=False),
    Column("body", sa.LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("noted_at", Moment),
    sa.Index("ix_linked_files_expires_at", "expires_at"),
)
"""`company_id` 0: over all companies, for the MSP. `user_id`: made for that person alone. `digest`: SHA-256 of `body`,
in hex. `noted_at`: when the audit log was last told that it was read."""
